import { HTTP_METHODS } from "../../../domain/job.ts";
import { whyNotHeader } from "../../../jobfile/schema/header.ts";
import type { Json } from "../../../lib/json.ts";
import type { EventFields } from "./event-fields.ts";

/** What a task runs, and how long its plugin gives it, in seconds. */
export type PluginTask = {
  readonly fields: Readonly<Record<string, Json>>;
  readonly timeoutSeconds: number | null;
};

/** Returns the task of an HTTP Request. */
export const requestTask = (params: EventFields): PluginTask => {
  const [given, method = "GET"] = [params.text("url"), params.text("method") ?? undefined];
  const timeout = params.number("timeout");
  const follows = params.boolean("follow");
  for (const name of ["success_match", "error_match"])
    if (params.text(name) !== null) params.leaveOut(name, "petit judges a request by its status");
  if (params.boolean("ssl_cert_bypass"))
    params.leaveOut("ssl_cert_bypass", "petit checks certificates; `ca_file` names others to trust");
  // Cronicle sends it with POST alone.
  const text = params.text("data");
  const data = method === "POST" ? text : null;
  for (const [name, part] of [
    ["url", given],
    ["headers", params.text("headers")],
    ["data", data],
  ] as const)
    if (PLACEHOLDER.test(part ?? "")) params.leaveOut(name, "petit replaces no [NAME] in it");
  const url = urlOf(given);
  const isKnown = HTTP_METHODS.some((each) => each === method);
  if (url === null) params.leaveOut("url", "expected an http or https URL; the task fails until you write it");
  if (!isKnown) params.leaveOut("method", `expected ${HTTP_METHODS.join(", ")}; the task fails until you write it`);
  if (url === null || !isKnown)
    return {
      fields: { type: "shell", script: "echo 'the request was not imported' >&2\nexit 1\n" },
      timeoutSeconds: null,
    };
  if (!follows) params.note("follow", "petit follows redirects; Cronicle takes one as a success");
  const headers = new Map<string, readonly [name: string, value: string]>();
  if (url.authorization !== null) {
    headers.set("authorization", ["Authorization", url.authorization]);
    params.note("url", "its user and password are in the header Authorization");
  }
  for (const [name, value] of headersOf(params)) headers.set(name.toLowerCase(), [name, value]);
  return {
    fields: {
      type: "http",
      url: url.text,
      ...(method === "GET" ? {} : { method }),
      ...(headers.size === 0 ? {} : { headers: Object.fromEntries(headers.values()) }),
      ...(data === null ? {} : { body: data.toWellFormed() }),
    } satisfies Record<string, Json>,
    timeoutSeconds: timeout,
  };
};

/** What Cronicle would replace by a value of the job: `[now]`, `[/params/name]`. */
const PLACEHOLDER = /\[(?:\/[\w/.-]+|[a-z][a-z_]*)\]/;

/** Returns a URL without the user and the password that it can contain. */
const urlOf = (text: string | null): { readonly text: string; readonly authorization: string | null } | null => {
  if (text === null || text.length > 8192 || !/^https?:\/\/\S+$/i.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (`${url.username}${url.password}` === "")
    return { text: text.replace(/^\w+/, (scheme) => scheme.toLowerCase()), authorization: null };
  const pair = `${decoded(url.username)}:${decoded(url.password)}`;
  url.username = "";
  url.password = "";
  return { text: url.href, authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
};

/** Returns what percent signs stand for, or the text itself if they stand for nothing. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Headers that petit sets itself. */
const OWN_HEADERS = ["connection", "content-length", "transfer-encoding"];

const headersOf = (params: EventFields): readonly (readonly [name: string, value: string])[] =>
  (params.text("headers") ?? "").split(/\r?\n/).flatMap((line) => {
    const [, name = "", value = ""] = /^\s*([^:]+):\s*(.*\S)\s*$/.exec(line) ?? [];
    if (name === "") return [];
    if (OWN_HEADERS.includes(name.toLowerCase())) {
      params.leaveOut("headers", `${name}: petit sets it itself`);
      return [];
    }
    if (!/^[\w!#$%&'*+.^`|~-]{1,128}$/.test(name) || value.length > 4096 || whyNotHeader(value) !== null) {
      params.leaveOut("headers", `${name}: a request can't carry it`);
      return [];
    }
    return [[name, value] as const];
  });
