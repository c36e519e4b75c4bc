import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { TransportError, type TransportFault } from "../domain/workers/link.ts";
import { anyAborted } from "../lib/abort.ts";
import { errorMessage } from "../lib/error-message.ts";
import type { LinkSession } from "./link.ts";

/** Runs something on a session's connection. Throws `TransportError`, and does not wait longer than the connection lasts. */
export const onSession = async <T>(
  { lost }: Pick<LinkSession<unknown>, "lost">,
  action: () => Promise<T>,
): Promise<T> => {
  const over = new AbortController();
  try {
    return await Promise.race([
      action(),
      anyAborted([lost, over.signal]).then((): never => {
        throw new TransportError("disconnected", "the connection to NATS was lost");
      }),
    ]);
  } catch (error) {
    throw toTransportError(error);
  } finally {
    over.abort("over");
  }
};

/** Returns what an error of the client means. */
export const toTransportError = (error: unknown): TransportError => {
  if (error instanceof TransportError) return error;
  const message = errorMessage(error);
  return new TransportError(faultOf(error), message, { cause: error });
};

const faultOf = (error: unknown): TransportFault => {
  if (error instanceof errors.TimeoutError) return "timeout";
  if (error instanceof errors.RequestError) return requestFault(error);
  if (error instanceof errors.NoRespondersError) return "no_receiver";
  if (isMissing(error)) return "not_found";
  if (error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError)
    return "disconnected";
  return "refused";
};

/** The client rejects what waits for an answer when it closes the connection. */
const requestFault = (error: InstanceType<typeof errors.RequestError>): TransportFault => {
  if (error.isNoResponders()) return "no_receiver";
  return error.cause instanceof errors.PermissionViolationError ? "refused" : "disconnected";
};

/** The client reports "not enabled" when nobody subscribes to a subject. That also happens if there is no stream or consumer. */
const isMissing = (error: unknown): boolean =>
  (error instanceof Error && error.name === "JetStreamNotEnabled") ||
  (error instanceof JetStreamApiError && error.status === 404) ||
  (error instanceof Error && "code" in error && (error.code === 503 || error.code === 404));
