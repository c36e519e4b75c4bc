import { join } from "node:path";

/** What to request, and how often. */
export type Load = {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** The pause between a response and the next request of its connection, in ms. The default is 0. */
  readonly pauseMs?: number;
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Lines of further headers, each with its line end. The default is none. */
  readonly headers?: string;
  /** The body of a POST. The default is empty. */
  readonly body?: string;
};

export type LoadResult = { readonly perSecond: number; readonly latenciesMs: readonly number[] };

/** Sends requests from a separate process. Throws if a response is not 2xx. */
export const load = async (options: Load): Promise<LoadResult> => {
  const { port, connections, seconds, pauseMs = 0, method, path, headers = "", body = "" } = options;
  const args = [port, connections, seconds, pauseMs, method, path, headers, body].map(String);
  const client = Bun.spawn([process.execPath, join(import.meta.dir, "load-client.ts"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { failures, ...result } = JSON.parse(await new Response(client.stdout).text());
  if (failures > 0 || result.latenciesMs.length === 0)
    throw new Error(`${failures} requests of ${method} ${path} failed`);
  return result;
};
