import { connect, createServer, type Server, type Socket } from "node:net";

/** A TCP proxy that tests put between petit and a server. */
export type Proxy = AsyncDisposable & {
  readonly port: number;
  /** Cuts all connections, with a reset, and refuses new ones, until `heal`. */
  cut(): void;
  /** Keeps all connections but forwards nothing, until `heal`, like an unplugged cable. */
  stall(): void;
  /** Drops what is sent from now on, but keeps the connections, until `heal`, which then cuts those that lost something. */
  drop(): void;
  /** Forwards again, at once. */
  heal(): void;
  /** Delays what is forwarded in each direction. */
  delay(ms: number): void;
};

/** Combines proxies to the servers of a cluster, which are disturbed together. */
export const combineProxies = (proxies: readonly Proxy[]): Omit<Proxy, "port"> => ({
  cut: () => proxies.forEach((each) => void each.cut()),
  stall: () => proxies.forEach((each) => void each.stall()),
  drop: () => proxies.forEach((each) => void each.drop()),
  heal: () => proxies.forEach((each) => void each.heal()),
  delay: (ms) => proxies.forEach((each) => void each.delay(ms)),
  [Symbol.asyncDispose]: async () => {
    for (const each of proxies) await each[Symbol.asyncDispose]();
  },
});

type Mode = "open" | "cut" | "stalled" | "dropping";

type Pair = { readonly client: Socket; readonly server: Socket; isDamaged: boolean };

/** Starts a proxy to a port of this machine. `port` 0 chooses a free one. */
export const startProxy = async (target: number, port = 0): Promise<Proxy> => {
  let mode: Mode = "open";
  let delayMs = 0;
  const pairs = new Set<Pair>();
  const end = (pair: Pair): void => {
    pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.server.resetAndDestroy();
  };
  const forward = (pair: Pair, from: Socket, to: Socket): void => {
    // One chain per direction keeps the order.
    let queue = Promise.resolve();
    let queued = 0;
    const later = async (before: Promise<void>, chunk: Buffer | string): Promise<void> => {
      const dueAt = performance.now() + delayMs;
      await before;
      await pause(Math.max(0, dueAt - performance.now()));
      to.write(chunk);
      queued--;
    };
    from.on("data", (chunk) => {
      if (mode === "dropping") {
        pair.isDamaged = true;
        return;
      }
      if (delayMs === 0 && queued === 0) {
        to.write(chunk);
        return;
      }
      queued++;
      queue = later(queue, chunk);
    });
    from.on("error", () => end(pair));
    from.on("close", () => end(pair));
  };
  const server = createServer((client) => {
    if (mode === "cut") {
      client.resetAndDestroy();
      return;
    }
    const pair: Pair = { client, server: connect(target, "127.0.0.1"), isDamaged: false };
    pairs.add(pair);
    forward(pair, pair.client, pair.server);
    forward(pair, pair.server, pair.client);
    if (mode === "stalled") pauseBoth(pair);
  });
  await listen(server, port);
  return {
    port: portOf(server),
    cut: () => {
      mode = "cut";
      for (const pair of pairs) end(pair);
    },
    stall: () => {
      mode = "stalled";
      for (const pair of pairs) pauseBoth(pair);
    },
    drop: () => {
      mode = "dropping";
    },
    heal: () => {
      mode = "open";
      for (const pair of pairs) {
        if (pair.isDamaged) end(pair);
        pair.client.resume();
        pair.server.resume();
      }
    },
    delay: (ms) => {
      delayMs = ms;
    },
    [Symbol.asyncDispose]: async () => {
      for (const pair of pairs) end(pair);
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
};

const pauseBoth = ({ client, server }: Pair): void => {
  client.pause();
  server.pause();
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });

const portOf = (server: Server): number => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return address.port;
};
