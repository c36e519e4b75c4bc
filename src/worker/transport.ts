import type { LinkState } from "../domain/workers/link.ts";
import type { RequestKind } from "../engine/workers/transport.ts";
import type { Frame } from "../lib/wire/frame.ts";

/** Handles what the worker receives. */
export type WorkerReceiver = {
  readonly onState: (state: LinkState) => void;
  /** Returns the header of the answer. Must not throw. */
  readonly onControl: (frame: Frame) => Promise<object>;
};

/** A message with an offer. One of the methods must be called; after 10 s without any, another worker gets it. */
export type ReceivedOffer = {
  /** Null if it is not a message of petit. Not checked otherwise. */
  readonly frame: Frame | null;
  /** The number of the message in the stream. */
  readonly sequence: number;
  /** Removes it. */
  remove(): void;
  /** Lets another worker have it, after a delay. */
  giveBack(delayMs: number): void;
};

/** The worker's connection to the scheduler. Methods throw `TransportError`. */
export interface WorkerTransport extends AsyncDisposable {
  readonly state: LinkState;
  /** Size of the largest message that the server accepts; missing if that is unknown. */
  readonly maxMessageBytes?: number;
  /** Connects, and connects again whenever the connection is lost. Returns at once. */
  start(receiver: WorkerReceiver): void;
  /** Sends a request, in the order of the calls, and returns the answer of the scheduler. */
  request(kind: RequestKind, message: RequestMessage): Promise<Frame>;
  /**
   * Returns the next offer of a label set, or null when the signal is aborted. Waits over lost connections. An offer that arrives
   * while nobody waits is given back at once.
   */
  nextOffer(set: string, signal: AbortSignal): Promise<ReceivedOffer | null>;
  /** Returns a file by its SHA-256 in hexadecimal, which the caller checks. Throws `not_found` if there is none. */
  getScript(sha256: string): Promise<Uint8Array>;
  /** Stores an artifact until the scheduler has it. */
  putArtifact(object: string, content: ReadableStream<Uint8Array>): Promise<void>;
}

export type RequestMessage = { readonly header: object; readonly body?: Uint8Array; readonly timeoutMs: number };
