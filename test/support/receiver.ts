import { openRuntime } from "#runtime";

/** A request that a receiver got. */
export type Received = {
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
};

/** Returns the response to request `index`, which counts from 0. */
export type Responder = (received: Received, index: number) => Response | Promise<Response>;

/** A server that receives notifications. */
export type Receiver = AsyncDisposable & {
  readonly url: string;
  readonly received: readonly Received[];
  /** Resolves with the first `count` requests. */
  first(count: number): Promise<readonly Received[]>;
};

/** Starts a receiver. By default it responds with 200. */
export const receiver = (respond: Responder = () => new Response("ok"), port = 0): Receiver => {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  const server = openRuntime().serve({
    hostname: "127.0.0.1",
    port,
    maxBodyBytes: 2 ** 20,
    maxConnections: 1_000,
    onClosed: () => {},
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const { method, headers } = request;
      const one = { path: pathname + search, method, headers, body: await request.text() };
      received.push(one);
      for (const check of [...waiting]) check();
      return await respond(one, received.length - 1);
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    received,
    first: (count) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (received.length < count) return;
          waiting.delete(check);
          resolve(received.slice(0, count));
        };
        waiting.add(check);
        check();
      }),
    [Symbol.asyncDispose]: () => server.stop(0),
  };
};
