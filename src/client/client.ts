import type { DetailsBody } from "../api/shapes/error-details.ts";
import type { FailureCode } from "../api/shapes/failure.ts";
import { ClientError, failureMessage, type RequestFailure, type ResponseSummary } from "./error.ts";
import type { KnownPath, Method, QueryValue, ResponseBody, RouteOptions } from "./routes.ts";

/**
 * A client of petit's HTTP API. Paths, queries and bodies have the types of the server's routes. Each call throws a
 * `ClientError` if petit can't be reached, refuses, or is not what answers.
 *
 * It is `fetch` behind mapped types. Elysia's own client, Eden, has no streams of bytes that can be resumed, does not
 * check that the response is petit's, and is larger than this folder.
 */
export type Client = {
  /** URL of petit without a slash at the end. */
  readonly base: string;
  readonly get: Call<"get">;
  readonly post: Call<"post">;
  readonly put: Call<"put">;
  readonly delete: Call<"delete">;
  /** Returns the bytes of the body as they arrive. They end with a `ClientError` if the connection breaks. */
  readonly stream: <Path extends string>(
    path: KnownPath<"get", Path>,
    options: RouteOptions<"get", Path> & {
      readonly signal?: AbortSignal;
      /** Called with the headers of the response before its bytes. */
      readonly onHeaders?: (headers: Headers) => void;
    },
  ) => Promise<AsyncIterable<Uint8Array<ArrayBuffer>>>;
};

type Call<M extends Method> = <Path extends string>(
  path: KnownPath<M, Path>,
  ...options: object extends RouteOptions<M, Path> ? [CallOptions<M, Path>?] : [CallOptions<M, Path>]
) => Promise<ResponseBody<M, Path>>;

type CallOptions<M extends Method, Path extends string> = RouteOptions<M, Path> & {
  /** Cancels the request, which then throws a `ClientError`. */
  readonly signal?: AbortSignal;
};

export type ClientOptions = {
  /** URL of petit without a slash at the end. */
  readonly base: string;
  /** Sends a request, without following redirects. Default: over the network. */
  readonly transport?: (url: URL, init: RequestInit) => Promise<Response>;
  /** Returns headers for each request, such as the one with the token. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** Returns the message of an error. Default: `failureMessage`. */
  readonly messageOf?: (failure: RequestFailure) => string;
  /** Called with the headers of each response. */
  readonly onHeaders?: (headers: Headers) => void;
  /** Called with the code and the data of each refusal before it is thrown. */
  readonly onRefused?: (code: FailureCode, details: DetailsBody | null) => void;
  /** Parses the body of a response. Throws a SyntaxError if it is not JSON. Default: as JavaScript does, which rounds long numbers. */
  readonly parse?: (text: string) => unknown;
  /** Time for a complete response, except of streams, in ms. Default: `TIMEOUT_MS`. */
  readonly timeoutMs?: number;
};

export const TIMEOUT_MS = 60_000;

type RequestParts = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
};

/** Returns a client of the petit at `options.base`. */
export const createClient = (options: ClientOptions): Client => {
  const {
    base,
    transport = (url, init) => fetch(url, init),
    headers = () => ({}),
    messageOf = failureMessage,
    onHeaders,
    onRefused,
    parse,
    timeoutMs = TIMEOUT_MS,
  } = options;
  const fail = (failure: RequestFailure, cause?: unknown): ClientError => {
    if (failure.kind === "refused") onRefused?.(failure.code, failure.details);
    return new ClientError(failure, messageOf(failure), { cause });
  };
  const send = async (path: string, request: RequestParts): Promise<Response> => {
    const url = urlOf(base, path, request);
    const init = initOf({ ...request, headers: { ...headers(), ...request.headers } });
    const response = await transport(url, init).catch((cause: unknown) => {
      throw fail(unreachable(isTimeout(cause) ? "timeout" : "no_connection"), cause);
    });
    onHeaders?.(response.headers);
    return response;
  };
  /** Returns undefined if the body is not JSON. */
  const read = (response: Response) =>
    (parse === undefined ? response.json() : response.text().then(parse)).catch((cause: unknown) => {
      if (!(cause instanceof SyntaxError)) throw fail(unreachable(isTimeout(cause) ? "timeout" : "broken"), cause);
    });
  const request = async (path: string, given: RequestParts) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = given.signal === undefined ? timeout : AbortSignal.any([timeout, given.signal]);
    const response = await send(path, { ...given, signal });
    const body = await read(response);
    if (isSuccess(response, path) && hasField(body, fieldOfEveryResponse(path, given))) return body;
    throw fail(failureOf(response, body));
  };
  return {
    base,
    get: (path, ...[given]) => request(path, { method: "GET", ...given }),
    post: (path, ...[given]) => request(path, { method: "POST", ...given }),
    put: (path, ...[given]) => request(path, { method: "PUT", ...given }),
    delete: (path, ...[given]) => request(path, { method: "DELETE", ...given }),
    stream: async (path, given) => {
      const response = await send(path, { method: "GET", ...given });
      if (!response.ok) throw fail(failureOf(response, await read(response)));
      given.onHeaders?.(response.headers);
      return bytesOf(response.body, (cause) => fail(unreachable("broken"), cause));
    },
  };
};

const unreachable = (why: "no_connection" | "timeout" | "broken"): RequestFailure => ({
  kind: "unreachable",
  why,
  response: null,
});

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === "TimeoutError";

/** Health has the same body whatever its status: 503 if petit is unavailable. */
const isSuccess = ({ ok, status }: Response, path: string): boolean => ok || (path === "/api/health" && status === 503);

const urlOf = (base: string, path: string, { params = {}, query = {} }: RequestParts): URL => {
  const filled = path
    .replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ""))
    .replace(/\*$/, () => (params["*"] ?? "").split("/").map(encodeURIComponent).join("/"));
  const url = new URL(`${base}${filled}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
};

const initOf = ({ method, headers = {}, body, signal }: RequestParts): RequestInit => ({
  method,
  headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  ...(signal === undefined ? {} : { signal }),
  cache: "no-store",
  // petit never redirects, and the token must not be sent anywhere else.
  redirect: "manual",
});

/** A response with petit's shape of an error is a refusal. A gateway answers 502, 503 or 504 if petit is away. */
const failureOf = (response: Response, body: unknown): RequestFailure => {
  const { status } = response;
  if (!response.ok && isErrorBody(body)) {
    return { kind: "refused", status, code: body.code, message: body.error, details: body.details ?? null };
  }
  const summary = summaryOf(response);
  return [502, 503, 504].includes(status)
    ? { kind: "unreachable", why: "gateway", response: summary }
    : { kind: "foreign", response: summary };
};

const summaryOf = ({ status, url, headers }: Response): ResponseSummary => ({
  status,
  url: url.replace(/[?#].*$/s, ""),
  contentType: headers.get("content-type")?.split(";")[0] ?? null,
});

type ErrorBody = { readonly error: string; readonly code: FailureCode; readonly details?: DetailsBody };

const isErrorBody = (body: unknown): body is ErrorBody => hasField(body, "error") && hasField(body, "code");

const hasField = (body: unknown, name: string): boolean => typeof body === "object" && body !== null && name in body;

/** Returns the name of a field that every response of a path has, and that a response of another server hardly has. */
const fieldOfEveryResponse = (path: string, { method }: RequestParts): string => {
  const last = path.slice(path.lastIndexOf("/") + 1);
  if (path === "/api/job-files/check") return "problems";
  if (path === "/api/search") return "lines";
  if (path === "/api/job-files/*") return "digest";
  if (method !== "GET") return path.startsWith("/api/backfills") ? "job_id" : "message";
  if (last.startsWith(":")) return FIELD_OF[last] ?? "id";
  return FIELD_OF[last] ?? last;
};

/** Paths whose responses have no field with the name of the path's last segment. */
const FIELD_OF: Readonly<Record<string, string>> = {
  attention: "items",
  audit: "entries",
  compact: "jobs",
  comparison: "run_id",
  definition: "text",
  diff: "commit",
  durations: "days",
  errors: "matches",
  health: "version",
  "job-files": "files",
  "job-repository": "url",
  "job-schema": "properties",
  live: "status",
  review: "broken",
  search: "matches",
  session: "needs_token",
  stats: "runs",
  system: "database",
  ":name": "name",
  ":version": "version",
  "task-history": "tasks",
  timeline: "jobs",
};

/** Not every browser can iterate over a stream. */
async function* bytesOf(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  broken: (cause: unknown) => ClientError,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw broken(cause);
      });
      if (done) return;
      yield value;
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}
