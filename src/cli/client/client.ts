import { type Origins, SETTINGS, urlOf, withOrigin } from "../../app/settings/settings.ts";
import { readToken } from "../../app/settings/token.ts";
import type { Context } from "../command.ts";
import { EXIT } from "../exit.ts";
import { Failure } from "../failure.ts";
import { checked, strange } from "./refusal.ts";
import type { Answer, Known, Method, QueryValue, Request as RequestOf } from "./routes-type.ts";

/**
 * A running petit, asked over HTTP; paths, queries and answers have the server's own types. Each call throws a `Failure`
 * where it can't be reached or refuses. (A plain `fetch` under a mapped type: Eden would bring a proxy object, its own
 * error values and another way to read streams, and could neither resume nor tell a petit from something else.)
 */
export type Client = {
  /** Where it is, for messages. */
  readonly base: string;
  readonly get: Call<"get">;
  readonly post: Call<"post">;
  /** The answer's bytes as they come, until its end. */
  readonly stream: <Path extends string>(
    path: Known<"get", Path>,
    options: RequestOf<"get", Path> & { readonly signal?: AbortSignal },
  ) => AsyncIterable<Uint8Array>;
};

type Call<M extends Method> = <Path extends string>(
  path: Known<M, Path>,
  ...options: object extends RequestOf<M, Path> ? [RequestOf<M, Path>?] : [RequestOf<M, Path>]
) => Promise<Answer<M, Path>>;

/** Ms that an answer, but for a stream, may take. */
const PATIENCE_MS = 60_000;

type Asked = {
  readonly method: "GET" | "POST";
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
};

export const openClient = (context: Pick<Context, "settings" | "origins" | "environment">): Client => {
  const base = urlOf(context.settings).replace(/\/$/, "");
  const shown = shownUrl(base, context.origins);
  avoidProxy(base);
  const token = readToken(context);
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const ask = async (path: string, asked: Asked): Promise<Response> =>
    checked(
      await reach(base, { shown, path, asked: { ...asked, headers: { ...authorization, ...asked.headers } } }),
      token !== null,
    );
  const answer = async (path: string, asked: Asked) =>
    bodyOf(await ask(path, { ...asked, signal: AbortSignal.timeout(PATIENCE_MS) }), markOf(path, asked));
  return {
    base,
    get: (path, ...[options]) => answer(path, { method: "GET", ...options }),
    post: (path, ...[options]) => answer(path, { method: "POST", ...options }),
    stream: async function* (path, options) {
      const response = await ask(path, { method: "GET", ...options });
      yield* uncut(response.body ?? [], base);
    },
  };
};

/** Returns the address with the setting that names it, for messages. */
const shownUrl = (base: string, origins: Origins): string => {
  const key = (["url", "apiPort", "apiHost"] as const).find((each) => origins[each].kind !== "default");
  return key === undefined ? base : withOrigin(base, SETTINGS[key], origins[key]);
};

/** This machine is not behind its own proxy. `fetch` looks at the variables each time; no other process sees these. */
export const avoidProxy = (base: string): void => {
  const { hostname } = new URL(base);
  if (!/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)) return;
  for (const name of ["NO_PROXY", "no_proxy"]) {
    process.env[name] = [process.env[name], hostname].filter(Boolean).join(",");
  }
};

const bodyOf = async (response: Response, mark: string) => {
  const body = await response.json().catch((cause: unknown) => {
    throw strange(response, cause);
  });
  if (typeof body === "object" && body !== null && mark in body) return body;
  throw strange(response);
};

/** What petit's answer always has there, and hardly that of something else that speaks JSON. */
const markOf = (path: string, { method }: Asked): string => {
  const last = path.slice(path.lastIndexOf("/") + 1);
  if (method === "POST") return "message";
  if (last.startsWith(":")) return "id";
  return last === "system" ? "database" : last;
};

/** A stream that ends before its end is one whose petit went away. */
async function* uncut(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, base: string): AsyncIterable<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new Failure(EXIT.UNREACHABLE, `the petit at ${base} went away`, { cause });
  }
}

const reach = async (
  base: string,
  { shown, path, asked }: { readonly shown: string; readonly path: string; readonly asked: Asked },
): Promise<Response> => {
  const url = new URL(`${base}${filled(path, asked.params ?? {})}`);
  for (const [name, value] of Object.entries(asked.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  try {
    return await fetch(url, initOf(asked));
  } catch (cause) {
    throw unreachable(shown, cause);
  }
};

/** `/api/runs/:run_id` with the id in its place. */
const filled = (path: string, params: Readonly<Record<string, string>>): string =>
  path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));

const initOf = ({ method, headers = {}, body, signal }: Asked): RequestInit => ({
  method,
  headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  ...(signal === undefined ? {} : { signal }),
  // What answers somewhere else than it was asked is no petit.
  redirect: "manual",
});

const unreachable = (shown: string, cause: unknown): Failure => {
  const late = cause instanceof Error && cause.name === "TimeoutError";
  const what = late ? `nothing answered at ${shown} in ${PATIENCE_MS / 1000} s` : `no petit answers at ${shown}`;
  return new Failure(EXIT.UNREACHABLE, `${what}; start one with 'petit run', or name it with --url`, { cause });
};
