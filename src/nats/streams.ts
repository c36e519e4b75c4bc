import {
  AckPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/transport-node";
import { OFFER_AGE_MS } from "../engine/workers/transport.ts";
import { OFFER_STREAM, offerSubject, setConsumer } from "./subjects.ts";

/** How long a worker has to decide about an offer. */
const DECISION_MS = 10_000;
/** How long the server detects duplicates of a message. */
const DUPLICATES_MS = 2 * 60_000;

const REQUEST_TIMEOUT_MS = 5_000;

/** JetStream of a connection. Does not ask the server whether it has JetStream. */
export type JetStream = { readonly client: JetStreamClient; readonly manager: JetStreamManager };

export const jetStreamOf = async (connection: NatsConnection): Promise<JetStream> => {
  const options = { timeout: REQUEST_TIMEOUT_MS, checkAPI: false };
  return { client: jetstream(connection, options), manager: await jetstreamManager(connection, options) };
};

/**
 * Creates the stream of offers, or changes it if it has another configuration. A worker's acknowledgement removes an offer from it.
 * `replicas` is on how many servers of a cluster it is kept.
 */
export const openOfferStream = async ({ streams }: JetStreamManager, replicas: number): Promise<void> => {
  const config = {
    subjects: [offerSubject("*")],
    max_age: nanos(OFFER_AGE_MS),
    duplicate_window: nanos(DUPLICATES_MS),
    num_replicas: replicas,
  };
  try {
    await streams.add({
      ...config,
      name: OFFER_STREAM,
      retention: RetentionPolicy.Workqueue,
      storage: StorageType.File,
    });
  } catch (error) {
    if (!isOtherConfiguration(error)) throw error;
    await streams.update(OFFER_STREAM, config);
  }
};

/** Asks for the stream of offers. Rejects if it is missing, or if the servers that keep it are away. */
export const checkOfferStream = async ({ streams }: JetStreamManager): Promise<void> => {
  await streams.info(OFFER_STREAM);
};

/** "stream name already in use with a different configuration" */
const isOtherConfiguration = (error: unknown): boolean => error instanceof JetStreamApiError && error.code === 10058;

/**
 * Returns whether there are too few servers for the wanted replicas: "no suitable peers for placement", or "replicas > 1 not supported in
 * non-clustered mode".
 */
export const lacksServers = (error: unknown): boolean =>
  error instanceof JetStreamApiError && (error.code === 10005 || error.code === 10074);

/** Creates the consumer of a label set, which its workers share. */
export const openSet = async ({ consumers }: JetStreamManager, set: string): Promise<void> => {
  await consumers.add(OFFER_STREAM, {
    durable_name: setConsumer(set),
    filter_subject: offerSubject(set),
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(DECISION_MS),
    max_ack_pending: -1,
    max_waiting: 4096,
  });
};
