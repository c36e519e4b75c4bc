import { connect as connectSocket } from "node:net";
import { jetstream, jetstreamManager, RetentionPolicy } from "@nats-io/jetstream";
import { connect, headers, nanos } from "@nats-io/transport-node";

export type Published = {
  /** Text, or bytes. */
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
};

export type StreamOptions = { readonly subjects?: readonly string[]; readonly retention?: RetentionPolicy };

/** A client of a NATS server that makes streams and publishes messages. */
export const connectPublisher = async (url: string, user: { readonly user?: string; readonly pass?: string } = {}) => {
  const connection = await connect({ ...user, servers: url, noAsyncTraces: true });
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const client = jetstream(connection);
  return {
    streams: manager.streams,
    consumers: manager.consumers,
    /** Creates a stream, by default of `orders.>`. It accepts the id of a message again after 100 ms. */
    createStream: async (
      name: string,
      { subjects = ["orders.>"], retention = RetentionPolicy.Limits }: StreamOptions = {},
    ): Promise<void> => {
      await manager.streams.add({ name, subjects: [...subjects], retention, duplicate_window: nanos(100) });
    },
    /** Returns the number of the message. */
    publish: async (subject: string, { body = "{}", headers: given = {} }: Published = {}): Promise<number> => {
      const added = headers();
      for (const [name, value] of Object.entries(given)) added.set(name, value);
      const { seq, duplicate } = await client.publish(subject, body, { headers: added });
      if (duplicate) throw new Error("the stream has a message with this id");
      return seq;
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
};

/** Publishes a message without a body whose header lines are exactly these bytes, which a client would change. */
export const publishBytes = async (port: number, subject: string, headerLines: Uint8Array): Promise<void> => {
  const head = Buffer.concat([Buffer.from("NATS/1.0\r\n"), headerLines, Buffer.from("\r\n\r\n")]);
  const socket = connectSocket(port, "127.0.0.1");
  const answered = new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      if (chunk.includes("PONG")) resolve();
      if (chunk.includes("-ERR")) reject(new Error(chunk.toString()));
    });
  });
  socket.write(`CONNECT {"verbose":false,"headers":true}\r\nHPUB ${subject} ${head.length} ${head.length}\r\n`);
  socket.write(Buffer.concat([head, Buffer.from("\r\nPING\r\n")]));
  await answered;
  socket.destroy();
};
