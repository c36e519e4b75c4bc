import { openRuntime } from "#runtime";

/** What a receiver was sent. */
export type Received = {
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
};

/** Answers the n-th request, from 0; without one, 200. */
export type Answer = (received: Received, index: number) => Response | Promise<Response>;

/** A server that takes notifications, and what it was sent. */
export type Receiver = AsyncDisposable & {
  readonly url: string;
  readonly received: readonly Received[];
  /** Resolves with the first `count`, when they are there. */
  first(count: number): Promise<readonly Received[]>;
};

export const receiver = (answer: Answer = () => new Response("ok"), port = 0): Receiver => {
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
      for (const look of [...waiting]) look();
      return await answer(one, received.length - 1);
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    received,
    first: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (received.length < count) return;
          waiting.delete(look);
          resolve(received.slice(0, count));
        };
        waiting.add(look);
        look();
      }),
    [Symbol.asyncDispose]: () => server.stop(0),
  };
};
