import { PetitError } from "../domain/errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

/** How often an outage that lasts is told of again. */
const REMINDER_MS = 60_000;

type Since = { readonly began: number; told: number };

/**
 * The time for which the database can't be written, for the log: told of when it begins, once a minute while it lasts, and
 * when it is over. All that can't be stored meanwhile is tried every few moments: a line for each would fill the very disk.
 */
export class Outage {
  readonly #clock: Clock;
  readonly #log: Log;
  #since: Since | null = null;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Whether `error` says that the database can't be written. */
  noteFailure(error: unknown): error is PetitError {
    if (!(error instanceof PetitError) || error.code !== "storage_failed") return false;
    const now = this.#clock.monotonic();
    this.#since ??= { began: now, told: Number.NEGATIVE_INFINITY };
    if (now - this.#since.told < REMINDER_MS) return true;
    this.#since.told = now;
    this.#log.error(
      { err: error, lasts_ms: Math.round(now - this.#since.began) },
      "the database can't be written; trying again",
    );
    return true;
  }

  noteSuccess(): void {
    if (this.#since === null) return;
    this.#log.info(
      { lasted_ms: Math.round(this.#clock.monotonic() - this.#since.began) },
      "the database can be written again",
    );
    this.#since = null;
  }
}
