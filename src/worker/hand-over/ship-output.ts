import { anyAborted } from "../../lib/abort.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { ReceivedKey } from "../../store/workers/received.ts";
import { NoAnswer, type Requests } from "../contact/requests.ts";
import type { OutputBatch, OutputCursor } from "./output-cursor.ts";

/** Thrown when the scheduler refuses output or an outcome, because the attempt is no longer this worker's. */
export class NotYours extends Error {
  override readonly name = "NotYours";
}

export type OutputShipperOptions = {
  readonly key: ReceivedKey;
  readonly cursor: OutputCursor;
  readonly requests: Pick<Requests, "output" | "persist">;
  readonly clock: Clock;
  /** Aborted when nothing more is to be sent. */
  readonly signal: AbortSignal;
  /** True if the scheduler cannot have any output yet. */
  readonly isNew: boolean;
};

/** Maximum number of messages without an acknowledgement. */
const WINDOW = 4;

/** The delay after a message was not accepted, in ms. */
const PAUSE_MS = 100;

/**
 * Sends the output of an attempt as it is stored. Up to `WINDOW` messages are sent before the first is acknowledged. If one is not
 * accepted, the shipper asks the scheduler where to continue.
 */
export class OutputShipper {
  readonly #options: OutputShipperOptions;
  #isInSync: boolean;
  #isComplete = false;
  #wake = Promise.withResolvers<void>();

  constructor(options: OutputShipperOptions) {
    this.#options = options;
    this.#isInSync = options.isNew;
  }

  /** Call it when there may be new output. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Call it when no more output follows. */
  complete(): void {
    this.#isComplete = true;
    this.wake();
  }

  /** Makes `run` ask the scheduler where to continue, because it lacks output. */
  resync(): void {
    this.#isInSync = false;
  }

  /**
   * Sends all output. Returns its size when the scheduler has all of it, or when the signal is aborted. Throws `NotYours`. May be
   * called again.
   */
  async run(): Promise<number> {
    const { requests, cursor, signal, clock } = this.#options;
    while (!signal.aborted) {
      if (!this.#isInSync) await requests.persist(() => this.#askPosition());
      try {
        await this.#ship();
        break;
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        this.#isInSync = false;
        await sleep(clock, PAUSE_MS, signal);
      }
    }
    return cursor.position;
  }

  async #ship(): Promise<void> {
    const { cursor, signal } = this.#options;
    const sent: Promise<void>[] = [];
    while (!signal.aborted) {
      const woken = this.#wake.promise;
      const isComplete = this.#isComplete;
      const batch = cursor.next();
      if (batch !== null) sent.push(quiet(this.#send(batch)));
      if (sent.length >= WINDOW || (batch === null && sent.length > 0)) await sent.shift();
      else if (batch === null && isComplete) return;
      else if (batch === null) await this.#nextWake(woken);
    }
  }

  async #nextWake(woken: Promise<void>): Promise<void> {
    const over = new AbortController();
    await Promise.race([woken, anyAborted([this.#options.signal, over.signal])]);
    over.abort("over");
    this.#wake = Promise.withResolvers();
  }

  async #send({ offset, end, chunks, bytes }: OutputBatch): Promise<void> {
    const { requests, key } = this.#options;
    const answer = await requests.output({ ...key, offset, chunks }, bytes);
    if ("refused" in answer) throw new NotYours("the output is refused");
    if (answer.acknowledged < end) throw new NoAnswer(`the output is stored up to ${answer.acknowledged}, not ${end}`);
  }

  async #askPosition(): Promise<void> {
    const { requests, key, cursor } = this.#options;
    const answer = await requests.output({ ...key, offset: 0, chunks: [] }, new Uint8Array());
    if ("refused" in answer) throw new NotYours("the output is refused");
    cursor.seek(answer.acknowledged);
    this.#isInSync = true;
  }
}

/** Prevents the rejection of a promise that is awaited later, or never, from ending the process. */
export const quiet = <T>(promise: Promise<T>): Promise<T> => {
  promise.catch(() => {});
  return promise;
};
