import { PetitError } from "../domain/errors.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { isLocked } from "../store/database/transaction.ts";

/** How often an outage that lasts is logged again. */
const REMINDER_MS = 60_000;

/** How often petit tries whether a database that another process has locked can be written again. */
const PROBE_MS = 50;

export type OutageOptions = {
  readonly clock: Clock;
  readonly log: Log;
  /** Writes something without meaning to the database; throws `storage_failed` where that is not possible. */
  readonly probe: () => void;
  /** Aborted when petit leaves. */
  readonly signal: AbortSignal;
};

type State = {
  readonly began: number;
  loggedAt: number;
  error: PetitError;
  /** Aborted when the lock is gone, or something else than a lock is in the way. */
  unlocked: AbortController;
};

/**
 * The time for which the database can't be written. It is logged when it begins, once a minute while it lasts, and when it
 * is over: everything that can't be stored meanwhile is tried again and again, and a line for each would fill the very disk.
 *
 * While another process has locked the database, one probe every 50 ms finds out when the lock is gone; all that wait for
 * it wait here, instead of trying for themselves.
 */
export class Outage {
  readonly #options: OutageOptions;
  #state: State | null = null;
  #isProbing = false;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** Whether the database can't be written because another process has locked it. */
  get isLocked(): boolean {
    return this.#state !== null && isLocked(this.#state.error);
  }

  /** Why the database can't be written; null where nothing is known against it. */
  get error(): PetitError | null {
    return this.#state?.error ?? null;
  }

  /** How long the outage has lasted, in ms; 0 where there is none. */
  get lastsMs(): number {
    return this.#state === null ? 0 : this.#options.clock.monotonic() - this.#state.began;
  }

  /** Returns whether `error` means that the database can't be written. */
  noteFailure(error: unknown): error is PetitError {
    if (!(error instanceof PetitError) || error.code !== "storage_failed") return false;
    const now = this.#options.clock.monotonic();
    this.#state ??= { began: now, loggedAt: Number.NEGATIVE_INFINITY, error, unlocked: new AbortController() };
    const state = this.#state;
    state.error = error;
    if (isLocked(error)) {
      if (state.unlocked.signal.aborted) state.unlocked = new AbortController();
      this.#probeSoon();
    } else state.unlocked.abort();
    if (now - state.loggedAt < REMINDER_MS) return true;
    state.loggedAt = now;
    this.#options.log.error(
      { err: error, lasts_ms: Math.round(now - state.began) },
      "the database can't be written; trying again",
    );
    return true;
  }

  noteSuccess(): void {
    const state = this.#state;
    if (state === null) return;
    this.#state = null;
    this.#options.log.info(
      { lasted_ms: Math.round(this.#options.clock.monotonic() - state.began) },
      "the database can be written again",
    );
    state.unlocked.abort();
  }

  /** Resolves after `delayMs`, or when a lock is gone, or when petit leaves. */
  async wait(delayMs: number): Promise<void> {
    const { clock, signal } = this.#options;
    const unlocked = this.isLocked ? this.#state?.unlocked.signal : undefined;
    await sleep(clock, delayMs, unlocked === undefined ? signal : AbortSignal.any([signal, unlocked]));
  }

  #probeSoon(): void {
    if (this.#isProbing) return;
    this.#isProbing = true;
    this.#options.clock.setTimeout(() => {
      this.#isProbing = false;
      if (this.isLocked && !this.#options.signal.aborted) this.#probe();
    }, PROBE_MS);
  }

  #probe(): void {
    try {
      this.#options.probe();
      this.noteSuccess();
    } catch (error) {
      // An error of another kind is met by those who waited.
      if (!this.noteFailure(error)) this.noteSuccess();
    }
  }
}
