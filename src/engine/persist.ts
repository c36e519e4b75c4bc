import { PetitError } from "../domain/errors.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

/** Between two tries, in ms: the first, and the longest. */
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 5_000;

/**
 * Does what has to be stored, again and again while the database can't be written (a full disk, an I/O error): what has
 * happened has happened, and is told when it is stored. Other errors pass. Rejects where `signal` aborts the wait.
 */
export type Persist = <T>(work: () => T) => Promise<T>;

export const persistence =
  (options: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal }): Persist =>
  async (work) => {
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)) {
      options.signal.throwIfAborted();
      try {
        return work();
      } catch (error) {
        if (!(error instanceof PetitError) || error.code !== "storage_failed") throw error;
        options.log.error({ err: error, retry_in_ms: delayMs }, "the database can't be written; trying again");
        await sleep(options.clock, delayMs, options.signal);
      }
    }
  };
