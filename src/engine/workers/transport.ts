import type { LinkState } from "../../domain/workers/link.ts";
import type { Frame } from "../../lib/wire/frame.ts";

/** The kinds of requests that workers send. */
export const REQUEST_KINDS = ["hello", "claim", "output", "outcome"] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** How long an offer is valid, in ms. It is published again after half of that. */
export const OFFER_VALID_MS = 10 * 60_000;

/** The maximum age of an offer in a queue, in ms. It ends before its validity, so that workers do not get expired offers. */
export const OFFER_AGE_MS = OFFER_VALID_MS - 60_000;

/** How a scheduler introduces itself to other schedulers of the same account. */
export type SchedulerIdentity = {
  /** The name of the database, which changes after a restore. */
  readonly token: () => string;
  /** Random, of this process. */
  readonly session: string;
  /** That of the process before; null if there was none. */
  readonly previousSession: string | null;
  /** Identifies the lock of the database on this machine. Empty for a database in memory. */
  readonly file: string;
  readonly boot: string;
  /** Grows with each restore of the database. */
  readonly epoch: () => number;
  /** For people. */
  readonly name: string;
  /** The number of the newest event that is on disk. */
  readonly position: () => number;
  /** Calls `listener` after each change of the position. Returns a function that ends that. */
  readonly onAdvance: (listener: () => void) => () => void;
  /** Called if NATS has seen a newer state of the database: it was restored. The token is another one afterwards. */
  readonly onOutdated: () => void;
  /** Called if `by` has a later epoch of the database: it was restored elsewhere, and this scheduler must stop. */
  readonly onSuperseded: (by: string) => void;
};

/** A request of a worker. */
export type WorkerRequest = {
  /** The name under which the server lets it speak. A name in the header proves nothing. */
  readonly worker: string;
  readonly kind: RequestKind;
  /** Not checked yet. */
  readonly frame: Frame;
};

/** Handles what the scheduler receives. */
export type SchedulerReceiver = {
  /**
   * Called at each change. `connected` means that the streams exist too; they may be new and empty, so open offers have to be
   * published again.
   */
  readonly onState: (state: LinkState) => void;
  /** Called when JetStream begins to refuse what petit sends, with why, and with null when it accepts that again. */
  readonly onProblem?: (problem: string | null) => void;
  /** Called in the order in which the requests of a worker were sent. Null sends no answer. Must not throw. */
  readonly onRequest: (request: WorkerRequest) => Promise<object | null>;
};

/** A message that offers an attempt to the workers of a label set. */
export type OfferMessage = {
  /** The name of the label set in subjects. */
  readonly set: string;
  /** The server ignores a second message with the same id that the same keys have signed, within two minutes. */
  readonly id: string;
  /** Identifies the keys that have signed it. */
  readonly keys?: string;
  readonly header: object;
  readonly body: Uint8Array;
  /** From here on, the body is the same each time that its attempt is offered. 0 by default. */
  readonly stableFrom?: number;
};

export type PublishedOffer = {
  /** The number of the message in the stream. */
  readonly sequence: number;
  /** The name of the file in which the end of the message is, because that is too large for the server; otherwise null. */
  readonly stored: string | null;
};

/**
 * The scheduler's connection to its workers. It never has the only copy of anything. Methods throw `TransportError`.
 */
export interface SchedulerTransport extends AsyncDisposable {
  readonly state: LinkState;
  /** Why JetStream does not store what petit sends although there is a connection; null or missing if it does. */
  readonly problem?: string | null;
  /**
   * Connects, and connects again whenever the connection is lost. Returns at once. While another scheduler uses the account, the state is
   * disconnected, with the fault `taken`.
   */
  start(receiver: SchedulerReceiver, identity: SchedulerIdentity): void;
  /** Resolves when the server has stored the message. Creates the queue of the label set if there is none. */
  publishOffer(offer: OfferMessage): Promise<PublishedOffer>;
  /** Creates the queues of label sets, so that workers can wait there before the first offer. */
  openSets(sets: readonly string[]): Promise<void>;
  /** Sends a control message to a worker, and returns its answer. */
  control(worker: string, header: object, timeoutMs: number): Promise<Frame>;
  /** Stores a file under its SHA-256 in hexadecimal, unless it is there. */
  putScript(sha256: string, content: Uint8Array): Promise<void>;
  /** Deletes a file, or does nothing if there is none. */
  deleteScript(sha256: string): Promise<void>;
  /** Opens a place for the artifacts of a worker. Called before it is given work. */
  openArtifacts(worker: string): Promise<void>;
  /** Returns the content of an artifact. Throws `not_found` if there is none. The stream fails if it is cut short or damaged. */
  getArtifact(worker: string, object: string): Promise<ReadableStream<Uint8Array>>;
  deleteArtifact(worker: string, object: string): Promise<void>;
}
