import { PetitError } from "../domain/errors.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { isLocked } from "../store/database/transaction.ts";

/** Interval between log messages about the same outage. */
const REMINDER_MS = 60_000;

/** Interval between probes of a database that another process has locked. */
const PROBE_MS = 50;

export type OutageOptions = {
  readonly clock: Clock;
  readonly log: Log;
  /** Writes to the database to check that it accepts writes. Throws `storage_failed` if it does not. */
  readonly probe: () => void;
  /** Aborted when the engine detaches from its runs. */
  readonly signal: AbortSignal;
};

type OutageState = {
  readonly began: number;
  loggedAt: number;
  error: PetitError;
  /** Aborted when the lock is released, or when the database fails for another reason than a lock. */
  unlocked: AbortController;
};

/**
 * A period in which the database can't be written. It is logged when it begins, once a minute while it lasts, and when it
 * ends. Retries are not logged one by one: that could fill the disk that is already full.
 *
 * While another process has locked the database, one probe every 50 ms detects when the lock is released. Everything else
 * waits for that probe and does not retry on its own.
 */
export class Outage {
  readonly #options: OutageOptions;
  #state: OutageState | null = null;
  #isProbing = false;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** True if the database can't be written because another process has locked it. */
  get isLocked(): boolean {
    return this.#state !== null && isLocked(this.#state.error);
  }

  /** Why the database can't be written, or null if there is no outage. */
  get error(): PetitError | null {
    return this.#state?.error ?? null;
  }

  /** How long the outage has lasted, in ms; 0 if there is none. */
  get durationMs(): number {
    return this.#state === null ? 0 : this.#options.clock.monotonic() - this.#state.began;
  }

  /** Records a failure. Returns false if `error` does not mean that the database can't be written. */
  noteFailure(error: unknown): error is PetitError {
    if (!(error instanceof PetitError) || error.code !== "storage_failed") return false;
    const now = this.#options.clock.monotonic();
    this.#state ??= { began: now, loggedAt: Number.NEGATIVE_INFINITY, error, unlocked: new AbortController() };
    const state = this.#state;
    state.error = error;
    if (isLocked(error)) {
      if (state.unlocked.signal.aborted) state.unlocked = new AbortController();
      this.#scheduleProbe();
    } else state.unlocked.abort();
    if (now - state.loggedAt < REMINDER_MS) return true;
    state.loggedAt = now;
    this.#options.log.error(
      { err: error, lasts_ms: Math.round(now - state.began) },
      "cannot write to the database; retrying",
    );
    return true;
  }

  noteSuccess(): void {
    const state = this.#state;
    if (state === null) return;
    this.#state = null;
    this.#options.log.info(
      { lasted_ms: Math.round(this.#options.clock.monotonic() - state.began) },
      "the database is writable again",
    );
    state.unlocked.abort();
  }

  /** Resolves after `delayMs`, when the lock is released, or when the engine detaches. */
  async wait(delayMs: number): Promise<void> {
    const { clock, signal } = this.#options;
    const unlocked = this.isLocked ? this.#state?.unlocked.signal : undefined;
    await sleep(clock, delayMs, unlocked === undefined ? signal : AbortSignal.any([signal, unlocked]));
  }

  #scheduleProbe(): void {
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
      // The waiters meet any other error themselves.
      if (!this.noteFailure(error)) this.noteSuccess();
    }
  }
}
