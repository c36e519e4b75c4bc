import type { Msg, NatsConnection } from "@nats-io/transport-node";

/** Subscribes to a subject. Rejects if the server does not allow it. */
export const subscribe = async (
  connection: NatsConnection,
  subject: string,
  onMessage: (message: Msg) => void,
): Promise<void> => {
  let refusal: Error | null = null;
  connection.subscribe(subject, {
    callback: (error, message) => {
      if (error === null) onMessage(message);
      else refusal = error;
    },
  });
  // The server answers in order, so a refusal arrives first.
  await connection.flush();
  if (refusal !== null) throw refusal;
};
