import { urlOf } from "../app/settings.ts";
import { readToken } from "../app/token.ts";
import type { Context } from "./command.ts";
import { EXIT, type ExitStatus } from "./exit.ts";
import { Failure } from "./failure.ts";

/** A running petit, asked over HTTP. Each call throws a `Failure` where it can't be reached or refuses. */
export type Client = {
  readonly get: <T>(path: string, query?: Query) => Promise<T>;
  readonly post: <T>(path: string, options?: PostOptions) => Promise<T>;
  /** The answer's bytes as they come, until its end. */
  readonly stream: (path: string, options: StreamOptions) => AsyncIterable<Uint8Array>;
};

/** What is undefined is left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export type PostOptions = {
  readonly query?: Query;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
};

export type StreamOptions = { readonly query?: Query; readonly accept: string };

export const openClient = (context: Pick<Context, "settings" | "origins" | "environment">): Client => {
  const base = urlOf(context.settings);
  avoidProxy(base);
  const token = readToken(context);
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const ask = async (path: string, init: RequestInit, query: Query = {}): Promise<Response> =>
    checked(await reach(base, { path, query, init: { ...init, headers: { ...headers, ...init.headers } } }));
  return {
    get: async (path, query) => bodyOf(await ask(path, {}, query)),
    post: async (path, options = {}) => bodyOf(await ask(path, postInit(options), options.query)),
    stream: async function* (path, { query, accept }) {
      const response = await ask(path, { headers: { accept } }, query);
      yield* uncut(response.body ?? [], base);
    },
  };
};

/** This machine is not behind its own proxy. `fetch` looks at the variables each time; no other process sees these. */
export const avoidProxy = (base: string): void => {
  const { hostname } = new URL(base);
  if (!/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)) return;
  for (const name of ["NO_PROXY", "no_proxy"]) {
    process.env[name] = [process.env[name], hostname].filter(Boolean).join(",");
  }
};

const bodyOf = async <T>(response: Response): Promise<T> => {
  try {
    return await response.json();
  } catch (cause) {
    throw new Failure(EXIT.FAILED, `${response.url} didn't answer as petit does; --url names another`, { cause });
  }
};

/** A stream that ends before its end is one whose petit went away. */
async function* uncut(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, base: string): AsyncIterable<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new Failure(EXIT.UNREACHABLE, `the petit at ${base} went away`, { cause });
  }
}

const postInit = ({ body, headers = {} }: PostOptions): RequestInit =>
  body === undefined
    ? { method: "POST", headers }
    : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } };

type Call = { readonly path: string; readonly query: Query; readonly init: RequestInit };

const reach = async (base: string, { path, query, init }: Call): Promise<Response> => {
  const url = new URL(`${base.replace(/\/$/, "")}${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  try {
    return await fetch(url, init);
  } catch (cause) {
    const message = `no petit answers at ${base}; start one with 'petit run', or name it with --url`;
    throw new Failure(EXIT.UNREACHABLE, message, { cause });
  }
};

const checked = async (response: Response): Promise<Response> => {
  if (response.ok) return response;
  const text = await response.text();
  const { error, code } = parseFailure(text);
  throw new Failure(STATUS_OF[code] ?? EXIT.FAILED, error ?? `${response.url} answered ${response.status}`);
};

/** What isn't petit's own shape comes from something in between, or from something else altogether. */
const parseFailure = (text: string): { readonly error: string | null; readonly code: string } => {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null && "error" in body && "code" in body) {
      return { error: String(body.error), code: String(body.code) };
    }
  } catch {
    // Not JSON.
  }
  return { error: null, code: "" };
};

const STATUS_OF: Readonly<Record<string, ExitStatus>> = {
  NOT_FOUND: EXIT.USAGE,
  INVALID_REQUEST: EXIT.USAGE,
  UNAUTHORIZED: EXIT.USAGE,
  FORBIDDEN: EXIT.USAGE,
};

/** A segment of a path. */
export const segment = (text: string): string => encodeURIComponent(text);
