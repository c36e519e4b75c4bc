import { PetitError } from "../domain/errors.ts";
import { refuse } from "../domain/refusal.ts";
import { type Clock, soon } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { isLocked } from "../store/database/transaction.ts";
import { currentAction, outsideAction, withinAction } from "../store/people/audit-scope.ts";
import type { Store } from "../store/store.ts";
import { Outage } from "./outage.ts";

/** What belongs to a transaction in memory. */
export type TransactionHooks = {
  /** Changes the state in memory after the commit. */
  readonly onCommit?: () => void;
  /** Restores the state in memory after a rollback. */
  readonly onRollback?: () => void;
  /**
   * Does the work that the commit allows, such as starting processes. Runs after the `onCommit` of all work of the transaction,
   * and after requests that wait for `enqueue` have been answered.
   */
  readonly onSettled?: () => void;
  /** Removes what nobody needs any more. Runs after the `onSettled` of all work of the transaction, which it must not delay. */
  readonly cleanUp?: () => void;
};

/** Adds hooks to the current transaction. */
export type AddHooks = (hooks: TransactionHooks) => void;

/** Work inside a transaction. It may run again after the transaction was rolled back. */
export type TransactionWork<T> = (addHooks: AddHooks) => T;

type QueuedWork = {
  /** True if somebody waits for an answer. */
  readonly isRequest: boolean;
  readonly run: (addHooks: AddHooks, isAlone: boolean) => void;
  readonly settle: () => void;
  readonly fail: (error: unknown) => void;
};

/** Delays between attempts while the database can't be written, in ms. */
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 5_000;

/** How long a request waits for a database that another process has locked, in ms. */
export const LOCK_WAIT_MS = 5_000;

export type CommitsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the engine detaches from its runs: it stores nothing more, and no waiter continues. */
  readonly signal: AbortSignal;
};

/**
 * Commits transactions and runs their hooks. Work that is enqueued in the same turn shares one transaction (group
 * commit).
 */
export class Commits {
  /** The current outage of the database, shared by everything that retries. */
  readonly outage: Outage;
  readonly #options: CommitsOptions;
  #queue: QueuedWork[] = [];

  constructor(options: CommitsOptions) {
    this.#options = options;
    const { store, clock, log, signal } = options;
    this.outage = new Outage({ clock, log, signal, probe: () => outsideAction(() => store.probe(clock.now())) });
  }

  /** Runs `work` immediately, in its own transaction. */
  commit<T>(work: TransactionWork<T>): T {
    const { result, settle } = this.#commit(work);
    settle();
    return result;
  }

  /** Returns a function that runs the hooks `onSettled` and `cleanUp`. */
  #commit<T>(work: TransactionWork<T>): { readonly result: T; readonly settle: () => void } {
    const added: TransactionHooks[] = [];
    let result: T;
    try {
      result = this.#options.store.transaction(() => work((hooks) => added.push(hooks)));
    } catch (error) {
      rollBack(added);
      throw error;
    }
    for (const { onCommit } of added) this.#call(onCommit);
    const settle = (): void => {
      for (const { onSettled } of added) this.#call(onSettled);
      for (const { cleanUp } of added) this.#call(cleanUp);
    };
    return { result, settle };
  }

  /** Calls a hook. What is stored stays stored, so an error must not keep the other hooks from being called. */
  #call(hook: (() => void) | undefined): void {
    try {
      hook?.();
    } catch (error) {
      this.#options.log.error({ err: error }, "cannot do what follows from a stored change");
    }
  }

  /**
   * Runs `work` of a request in the next shared transaction, and resolves after its commit. If `work` throws, only `work` is
   * rolled back. What the request does according to the audit log is stored with `work`.
   */
  enqueue<T>(work: TransactionWork<T>): Promise<T> {
    return this.#enqueue(work, true);
  }

  #enqueue<T>(given: TransactionWork<T>, isRequest: boolean): Promise<T> {
    const work = isRequest ? this.#audited(given) : given;
    return new Promise((resolve, reject) => {
      let result: { readonly value: T } | { readonly error: unknown };
      this.#queue.push({
        isRequest,
        run: (addHooks, isAlone) => {
          result = isAlone ? { value: work(addHooks) } : this.#runInSavepoint(work, addHooks);
        },
        settle: () => ("error" in result ? reject(result.error) : resolve(result.value)),
        fail: reject,
      });
      // The transaction is that of all queued work, so it is outside of the scope of the first.
      if (this.#queue.length === 1) outsideAction(() => soon(() => this.#flush()));
    });
  }

  /** Returns work that also stores the action in whose scope this is called. */
  #audited<T>(work: TransactionWork<T>): TransactionWork<T> {
    const action = currentAction();
    if (action === null) return work;
    return (addHooks) =>
      withinAction(action, () => {
        const result = work(addHooks);
        this.#options.store.audit.storeAction();
        return result;
      });
  }

  /** Stores the action in whose scope this is called, although it changes nothing in the database. Rejects as `retryWhileLocked`. */
  async storeAction(): Promise<void> {
    await this.retryWhileLocked(() => this.enqueue(() => {}));
  }

  /**
   * Stores the action in whose scope this is called, which changes nothing, immediately: it is true only until the next change. Throws
   * `storage_failed`.
   */
  noteUnchanged(): void {
    if (currentAction()?.isOpen) this.#options.store.transaction(() => {});
  }

  /** Runs `work` of no request in the next shared transaction, again and again until the database accepts the write. */
  enqueueUntilStored<T>(work: TransactionWork<T>): Promise<T> {
    return this.retryUntilStored(() => this.#enqueue(work, false));
  }

  /**
   * Repeats `work` without limit while the database can't be written (a full disk, an I/O error). It is for events that
   * have already happened. Rejects with any other error, and when the signal aborts.
   */
  async retryUntilStored<T>(work: () => T | Promise<T>): Promise<T> {
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
   * Repeats `work` for up to 5 s while another process has locked the database. It is for requests that somebody waits for.
   * Unless a lock is already known, the first call is synchronous. Rejects with `storage_failed` after 5 s or when the
   * database can't be written for another reason, with `not_running` when petit stops, and with the errors of `work`.
   */
  async retryWhileLocked<T>(work: () => T | Promise<T>): Promise<T> {
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
      const remainingMs = deadline - clock.monotonic();
      if (remainingMs <= 0 && this.outage.error !== null) throw this.outage.error;
      await this.outage.wait(remainingMs);
      if (signal.aborted) throw stopping();
    }
  }

  /**
   * Stores `work` immediately, or in the background as soon as the database can be written. It is for changes that the
   * caller makes in any case. Returns whether `work` is already stored.
   */
  commitOrDefer(work: () => void): boolean {
    try {
      this.#options.store.transaction(work);
      return true;
    } catch (error) {
      if (!this.outage.noteFailure(error)) throw error;
      currentAction()?.defer();
      this.retryUntilStored(() => this.#options.store.transaction(work)).catch((fatal: unknown) => {
        const { log, signal } = this.#options;
        if (!signal.aborted) log.error({ err: fatal }, "cannot store a change");
      });
      return false;
    }
  }

  #flush(): void {
    const batch = this.#queue;
    this.#queue = [];
    if (this.#options.signal.aborted) {
      for (const queued of batch) queued.fail(stopping());
      return;
    }
    let settle: () => void;
    try {
      ({ settle } = this.#commit((addHooks) => {
        for (const queued of batch) queued.run(addHooks, batch.length === 1);
      }));
    } catch (error) {
      for (const queued of batch) queued.fail(error);
      return;
    }
    for (const queued of batch) queued.settle();
    // Other requests may come first in the next turn, so only a request is worth that delay.
    if (batch.some(({ isRequest }) => isRequest)) soon(settle);
    else settle();
  }

  /** Keeps an error of one work from rolling back the others. If the database can't be written, all are rolled back. */
  #runInSavepoint<T>(
    work: TransactionWork<T>,
    addHooks: AddHooks,
  ): { readonly value: T } | { readonly error: unknown } {
    const added: TransactionHooks[] = [];
    try {
      const value = this.#options.store.transaction(() => work((hooks) => added.push(hooks)));
      for (const hooks of added) addHooks(hooks);
      return { value };
    } catch (error) {
      rollBack(added);
      if (error instanceof PetitError && error.code === "storage_failed") throw error;
      return { error };
    }
  }
}

const stopping = (): PetitError => refuse({ reason: "not_running", state: "stopping" });

const rollBack = (added: readonly TransactionHooks[]): void => {
  for (const { onRollback } of added.toReversed()) onRollback?.();
};
