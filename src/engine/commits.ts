import { PetitError } from "../domain/errors.ts";
import { type Clock, soon } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { isLocked } from "../store/database/transaction.ts";
import type { Store } from "../store/store.ts";
import { Outage } from "./outage.ts";

/** What is to be done when a transaction is over: after its commit, or when it was undone. */
export type Followup = { readonly launch: () => void; readonly undo: () => void };

/** Within a transaction: says what has to follow it. */
export type Later = (followup: Followup) => void;

/** Stores something; may be called again where the transaction around it was undone. */
export type Work<T> = (later: Later) => T;

type Waiting = {
  readonly attempt: (later: Later, isAlone: boolean) => void;
  readonly settle: () => void;
  readonly fail: (error: unknown) => void;
};

/** Between two tries while the database can't be written, in ms: the first, and the longest. */
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 5_000;

/** How long whoever asks for something waits for a database that another process has locked, in ms. */
export const LOCK_WAIT_MS = 5_000;

export type CommitsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when petit leaves: nothing is stored any more, and nobody waits for a database that can't be written. */
  readonly signal: AbortSignal;
};

/** Transactions with what follows them. Those that are asked for at the same moment share one, and so its sync to disk. */
export class Commits {
  /** Of the database, as those see it who try again until it is over. */
  readonly outage: Outage;
  readonly #options: CommitsOptions;
  #queue: Waiting[] = [];

  constructor(options: CommitsOptions) {
    this.#options = options;
    this.outage = new Outage({ ...options, probe: () => options.store.probe(options.clock.now()) });
  }

  /** At once, in a transaction of its own. */
  now<T>(work: Work<T>): T {
    const followups: Followup[] = [];
    let result: T;
    try {
      result = this.#options.store.transaction(() => work((followup) => followups.push(followup)));
    } catch (error) {
      undo(followups);
      throw error;
    }
    for (const { launch } of followups) launch();
    return result;
  }

  /** In the next shared transaction; settles when that is on disk. An error of `work` undoes `work` alone. */
  soon<T>(work: Work<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let result: { readonly value: T } | { readonly error: unknown };
      this.#queue.push({
        attempt: (later, isAlone) => {
          result = isAlone ? { value: work(later) } : this.#isolated(work, later);
        },
        settle: () => ("error" in result ? reject(result.error) : resolve(result.value)),
        fail: reject,
      });
      if (this.#queue.length === 1) soon(() => this.#flush());
    });
  }

  /** As `soon`, again and again while the database can't be written. */
  surely<T>(work: Work<T>): Promise<T> {
    return this.untilStored(() => this.soon(work));
  }

  /**
   * Does `work` again and again while the database can't be written (a full disk, an I/O error): what has happened has
   * happened, and is told when it is stored. Other errors pass. Rejects where the signal aborts the wait.
   */
  async untilStored<T>(work: () => T | Promise<T>): Promise<T> {
    const { signal } = this.#options;
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)) {
      while (this.outage.isLocked && !signal.aborted) await this.outage.wait(LONGEST_DELAY_MS);
      signal.throwIfAborted();
      try {
        const result = await work();
        this.outage.noteSuccess();
        return result;
      } catch (error) {
        if (!this.outage.noteFailure(error)) throw error;
        await this.outage.wait(delayMs);
      }
    }
  }

  /**
   * Does `work`, which somebody asks for and waits for, again for up to 5 s while another process has locked the database;
   * it is called at once, before this returns, where no lock is known. Rejects with `storage_failed` after that time or
   * where the database can't be written for another reason, with `not_running` where petit leaves, and as `work` does.
   */
  async whileLocked<T>(work: () => T | Promise<T>): Promise<T> {
    const { clock, signal } = this.#options;
    const deadline = clock.monotonic() + LOCK_WAIT_MS;
    for (;;) {
      if (!this.outage.isLocked) {
        try {
          return await work();
        } catch (error) {
          if (!this.outage.noteFailure(error) || !isLocked(error)) throw error;
        }
      }
      const leftMs = deadline - clock.monotonic();
      if (leftMs <= 0 && this.outage.error !== null) throw this.outage.error;
      await this.outage.wait(leftMs);
      if (signal.aborted) throw leaving();
    }
  }

  /**
   * Stores `work` at once where that is possible, otherwise as soon as it is: what has to happen anyhow must not wait. Returns
   * whether it is stored.
   */
  nowOrLater(work: () => void): boolean {
    try {
      this.#options.store.transaction(work);
      return true;
    } catch (error) {
      if (!this.outage.noteFailure(error)) throw error;
      this.untilStored(work).catch((later: unknown) => {
        const { log, signal } = this.#options;
        if (!signal.aborted) log.error({ err: later }, "a change can't be stored");
      });
      return false;
    }
  }

  #flush(): void {
    const batch = this.#queue;
    this.#queue = [];
    if (this.#options.signal.aborted) {
      for (const waiting of batch) waiting.fail(leaving());
      return;
    }
    try {
      this.now((later) => {
        for (const waiting of batch) waiting.attempt(later, batch.length === 1);
      });
    } catch (error) {
      for (const waiting of batch) waiting.fail(error);
      return;
    }
    for (const waiting of batch) waiting.settle();
  }

  /** An error of one must not undo the others; a database that can't be written undoes them all. */
  #isolated<T>(work: Work<T>, later: Later): { readonly value: T } | { readonly error: unknown } {
    const followups: Followup[] = [];
    try {
      const value = this.#options.store.transaction(() => work((followup) => followups.push(followup)));
      for (const followup of followups) later(followup);
      return { value };
    } catch (error) {
      undo(followups);
      if (error instanceof PetitError && error.code === "storage_failed") throw error;
      return { error };
    }
  }
}

const leaving = (): PetitError => new PetitError("not_running", "petit is stopping; try again in a moment");

const undo = (followups: readonly Followup[]): void => {
  for (const followup of [...followups].reverse()) followup.undo();
};
