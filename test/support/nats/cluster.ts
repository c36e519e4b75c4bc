import { freePort } from "../free-port.ts";
import { type NatsServer, startNats } from "./server.ts";

/** Three nats-servers of the current version that form a cluster. They do not tell clients of each other, who may have to use proxies. */
export type NatsCluster = AsyncDisposable & {
  readonly nodes: readonly [NatsServer, NatsServer, NatsServer];
  readonly urls: readonly string[];
};

export const startCluster = async (): Promise<NatsCluster> => {
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(", ");
  const startNode = (port: number, index: number): Promise<NatsServer> =>
    startNats({
      config: `server_name: n${index}\ncluster { name: petit, listen: "127.0.0.1:${port}", routes: [${routes}], no_advertise: true }\n`,
    });
  const [first, second, third] = await Promise.all(ports.map(startNode));
  if (first === undefined || second === undefined || third === undefined) throw new Error("there are no three nodes");
  const nodes = [first, second, third] as const;
  return {
    nodes,
    urls: nodes.map(({ url }) => url),
    [Symbol.asyncDispose]: async () => {
      for (const node of nodes) await node[Symbol.asyncDispose]();
    },
  };
};
