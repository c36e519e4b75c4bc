import { connect } from "node:net";
import type { Petit } from "./petit.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests check the bodies of responses.
export type ApiResponse = { readonly status: number; readonly headers: Headers; readonly body: any };

/** Sends a request whose response has a JSON body. */
export const ask = async (petit: Pick<Petit, "fetch">, path: string, init?: RequestInit): Promise<ApiResponse> => {
  const response = await petit.fetch(path, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
};

export const post = (petit: Pick<Petit, "fetch">, path: string, body?: unknown, headers: HeadersInit = {}) =>
  ask(petit, path, { method: "POST", headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

/** Triggers a job and waits for the end of its run. Returns the run. */
export const runToEnd = async (petit: Pick<Petit, "fetch">, jobId: string, params: Record<string, unknown> = {}) => {
  const { status, body } = await post(petit, `/api/jobs/${jobId}/trigger?wait=60`, { params });
  if (status !== 200) throw new Error(`${jobId} did not end: ${status} ${JSON.stringify(body)}`);
  return body.run;
};

/** Triggers a job. Returns the id of its run without waiting for its end. */
export const start = async (petit: Pick<Petit, "fetch">, jobId: string): Promise<string> => {
  const { body } = await post(petit, `/api/jobs/${jobId}/trigger`);
  if (body.run_id === undefined) throw new Error(`${jobId} was not triggered: ${JSON.stringify(body)}`);
  return body.run_id;
};

/**
 * Sends text over a new connection. Returns everything that is received until the connection ends, which `Connection: close`
 * requests, or until `isWhole` returns true.
 */
export const raw = (url: string, text: string, isWhole: (answer: string) => boolean = () => false): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    let answer = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => {
      answer += chunk;
      if (isWhole(answer)) socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
    socket.write(text);
  });

export type ServerSentEvent = { readonly id: string; readonly event: string; readonly data: string };

/** Yields the server-sent events of a response. */
export async function* readEvents(response: Response): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const event = parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
      if (event !== null) yield event;
    }
  }
}

/** Returns null for a comment. */
const parseEvent = (block: string): ServerSentEvent | null => {
  const fields = new Map(block.split("\n").map((line) => [line.split(": ", 1)[0] ?? "", line.replace(/^\w*: ?/, "")]));
  const data = fields.get("data");
  return data === undefined ? null : { id: fields.get("id") ?? "", event: fields.get("event") ?? "message", data };
};

/** Returns the first `count` values of a generator and closes it. */
export const take = async <T>(source: AsyncGenerator<T>, count: number): Promise<T[]> => {
  const taken: T[] = [];
  for await (const value of source) {
    taken.push(value);
    if (taken.length === count) break;
  }
  return taken;
};

/** Returns the values up to and including the first that fits. */
export const takeUntil = async <T>(source: AsyncGenerator<T>, fits: (value: T) => boolean): Promise<T[]> => {
  const taken: T[] = [];
  for await (const value of source) {
    taken.push(value);
    if (fits(value)) break;
  }
  return taken;
};
