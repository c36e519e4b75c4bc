import type { LinkState } from "../../../domain/workers/link.ts";

/** A message of a stream. */
export type StreamMessage = {
  /** Its number in the stream. */
  readonly sequence: number;
  /** When the stream stored it, in ms since the Unix epoch. */
  readonly storedAt: number;
  readonly subject: string;
  /** What its publisher says that identifies it, in the header `Nats-Msg-Id`; null if it says nothing, or something that is not UTF-8. */
  readonly publisherId: string | null;
  /** By name in lower case; several values of a header are separated by commas. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
};

export type StreamState = {
  /** When the stream was created, in ms since the Unix epoch: another stream of the same name has other messages. */
  readonly createdAt: number;
  /** The number of its newest message; 0 if it never had one. */
  readonly lastSequence: number;
  /** When it stored that, in ms since the Unix epoch. */
  readonly lastStoredAt: number;
};

/** The first message that a new consumer receives: by its number, or by when it was stored, in ms since the Unix epoch. */
export type FirstMessage = { readonly sequence: number } | { readonly storedAt: number };

/**
 * What becomes of a message:
 * - `stored`: its outcome is on disk, or it is not for the trigger. petit acknowledges it.
 * - `again`: petit could not process it. NATS sends it again later, and newer messages do not wait for it.
 * - `unwanted`: the trigger is gone, or petit stops. NATS sends it to the next consumer.
 */
export type MessageAnswer = "stored" | "again" | "unwanted";

export type ConsumeOptions = {
  readonly stream: string;
  /** May contain wildcards. */
  readonly subject: string;
  /** The name of the durable consumer. */
  readonly consumer: string;
  /** Called with what the stream is, first. Returns the first message to receive if there is no such consumer yet. */
  readonly onStream: (state: StreamState) => Promise<FirstMessage>;
  /** Called when messages can arrive; perhaps again and again. */
  readonly onReady: () => void;
  /** Called with the next messages, in order. They are not acknowledged before it resolves. */
  readonly onMessages: (messages: readonly StreamMessage[], state: StreamState) => Promise<readonly MessageAnswer[]>;
  readonly signal: AbortSignal;
};

/** Where the messages of `nats` triggers come from. Methods throw `TransportError`. */
export interface MessageSource {
  readonly state: LinkState;
  /**
   * Waits for a connection, creates the consumer if there is none, and receives messages. Resolves when the signal is aborted, and rejects
   * when no more messages can arrive.
   */
  consume(options: ConsumeOptions): Promise<void>;
  /** Deletes a consumer, or does nothing if there is none. */
  deleteConsumer(consumer: Pick<ConsumeOptions, "stream" | "consumer">): Promise<void>;
}
