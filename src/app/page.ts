import { gunzipSync, gzipSync } from "node:zlib";
import PAGE from "../../dist/web/page.txt" with { type: "text" };
import { acceptsGzip } from "../api/guard/compression.ts";
import { FIRST_ROWS, firstWindow, WIDTHS } from "../web/now/timeline/queried-window.ts";

/**
 * Serves the dashboard's static files by path; null if there is none. They contain no data and need no token. The query of the URL, which
 * the page reads, says whether it shows what most visits show first.
 */
export type PageFiles = (path: string, request: Headers, query: string) => Response | null;

/** Content security policy: the page may only load its own files and call its own API. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "content-security-policy": POLICY,
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  vary: "accept-encoding",
} as const;

/** Paths that the page routes itself; a request for any of them gets the page. */
const VIEWS =
  /^\/(?:|jobs\/?|jobs\/[^/]+\/?|runs\/?|runs\/[^/]+\/?|backfills\/?|backfills\/[^/]+\/?|review\/?|search\/?|workers\/?|system(?:\/(?:tokens|audit))?\/?|edit(?:\/.*)?)$/;

/** Views that are separate files, by the name of their file. */
const SEPARATE_VIEWS = [
  ["jobs-view", /^\/jobs$/],
  ["job-view", /^\/jobs\/./],
  ["runs-view", /^\/runs$/],
  ["run-view", /^\/runs\/./],
  ["backfills-view", /^\/backfills$/],
  ["backfill-view", /^\/backfills\/./],
  ["review-view", /^\/review$/],
  ["search-view", /^\/search$/],
  ["workers-view", /^\/workers$/],
  ["system-view", /^\/system$/],
  ["tokens-view", /^\/system\/tokens$/],
  ["audit-view", /^\/system\/audit$/],
  ["edit-view", /^\/edit(?:\/|$)/],
] as const;

/** Returns the values of the `Link` header: what the browser fetches while it still loads the page. */
const preloadsOf = (path: string, query: string, files: ReadonlyMap<string, unknown>): readonly string[] => {
  const view = SEPARATE_VIEWS.find(([, pattern]) => pattern.test(path))?.[0];
  const modules = view === undefined ? [] : [...files.keys()].filter((name) => name.startsWith(`/assets/${view}-`));
  return [
    ...firstRequests(path).map(preloadOf),
    ...(path === "/" && query === "" ? firstTimelines(Date.now()) : []),
    ...modules.map((module) => `<${module}>; rel=modulepreload`),
  ];
};

const preloadOf = (request: string): string => `<${request}>; rel=preload; as=fetch; crossorigin=anonymous`;

/** Returns the query of the first timeline for each range of widths: the browser sends that of its own. */
const firstTimelines = (now: number): readonly string[] => {
  const { from, to } = firstWindow(now);
  return WIDTHS.map(({ bins, maxWidth }, index) => {
    const narrower = WIDTHS[index - 1];
    const isNotLast = index < WIDTHS.length - 1;
    const media = [
      ...(narrower === undefined ? [] : [`(min-width: ${narrower.maxWidth + 1}px)`]),
      ...(isNotLast ? [`(max-width: ${maxWidth}px)`] : []),
    ].join(" and ");
    return `${preloadOf(`/api/timeline/compact?from=${from}&to=${to}&bins=${bins}&limit=${FIRST_ROWS}`)}; media="${media}"`;
  });
};

/** Returns the requests that `loadFirst` in src/web/shell/views.ts sends. */
const firstRequests = (path: string): readonly string[] => {
  if (path === "/") return ["/api/jobs", "/api/attention", "/api/stats?hours=24", "/api/runs?status=running&limit=50"];
  if (path === "/jobs") return ["/api/jobs"];
  const [, runId] = /^\/runs\/([\w-]+)$/.exec(path) ?? [];
  return runId === undefined ? [] : [`/api/runs/${runId}`, `/api/runs/${runId}/tasks`];
};

type File = {
  readonly type: string;
  readonly etag: string;
  /** Compressed with gzip. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** True for assets, whose names change with their content; false for the page itself. */
  readonly isImmutable: boolean;
};

/** Returns the file server. It decodes the bundle at the first request, so an unused dashboard costs nothing. */
export const pageFiles = (): PageFiles => {
  let files: ReadonlyMap<string, File> | null = null;
  let entries: readonly string[] = [];
  return (path, request, query) => {
    if (path.startsWith("/api/")) return null;
    if (files === null) {
      files = readFiles(PAGE);
      entries = entriesOf(files);
    }
    const isView = VIEWS.test(path);
    const file = files.get(isView ? "/index.html" : path);
    if (file === undefined || path === "/index.html") return null;
    const response = answer(file, request);
    const links = isView ? [...entries, ...preloadsOf(path, query, files)] : [];
    if (links.length > 0) response.headers.set("link", links.join(", "));
    return response;
  };
};

/**
 * Returns the preloads of the page's script and stylesheet. They are sent before those of data, because a browser opens only six
 * connections, and runs the script while the data arrives.
 */
const entriesOf = (files: ReadonlyMap<string, File>): readonly string[] => {
  const html = gunzipSync(files.get("/index.html")?.bytes ?? gzipSync("")).toString();
  const script = /<script [^>]*src="([^"]+)"/.exec(html)?.[1];
  const stylesheet = /<link rel="stylesheet" [^>]*href="([^"]+)"/.exec(html)?.[1];
  return [
    ...(script === undefined ? [] : [`<${script}>; rel=modulepreload`]),
    ...(stylesheet === undefined ? [] : [`<${stylesheet}>; rel=preload; as=style; crossorigin=anonymous`]),
  ];
};

const readFiles = (text: string): ReadonlyMap<string, File> =>
  new Map(
    text
      .trim()
      .split("\n")
      .map((line) => {
        const [path = "", type = "", digest = "", base64 = ""] = line.split("\t");
        const isImmutable = path.startsWith("/assets/");
        return [path, { type, etag: `"${digest}"`, bytes: Buffer.from(base64, "base64"), isImmutable }];
      }),
  );

const answer = ({ type, etag, bytes, isImmutable }: File, request: Headers): Response => {
  const headers = {
    ...HEADERS,
    "content-type": type,
    etag,
    "cache-control": isImmutable ? "public, max-age=31536000, immutable" : "no-cache",
  };
  if (isKnown(request, etag)) return new Response(null, { status: 304, headers });
  return acceptsGzip(request)
    ? new Response(bytes, { headers: { ...headers, "content-encoding": "gzip" } })
    : new Response(gunzipSync(bytes), { headers });
};

const isKnown = (request: Headers, etag: string): boolean =>
  (request.get("if-none-match") ?? "")
    .split(",")
    .some((each) => each.trim().replace(/^W\//, "") === etag || each.trim() === "*");
