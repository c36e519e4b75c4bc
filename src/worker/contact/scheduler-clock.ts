import type { Clock } from "../../lib/clock.ts";

/**
 * The clock of the scheduler, derived from its last answer. The clocks of two machines can differ by any amount, and the clock of this
 * machine may be changed meanwhile.
 */
export class SchedulerClock {
  readonly #clock: Pick<Clock, "elapsed">;
  #offsetMs: number | null = null;

  constructor(clock: Pick<Clock, "elapsed">) {
    this.#clock = clock;
  }

  /** Stores the scheduler's time `now` from the answer to a request that was sent at `sentAt`, a value of this machine's `elapsed()`. */
  note(now: number, sentAt: number): void {
    this.#offsetMs = now - (sentAt + this.#clock.elapsed()) / 2;
  }

  /** Returns the time of the scheduler in ms since the Unix epoch, or null before its first answer. */
  now(): number | null {
    return this.#offsetMs === null ? null : this.#offsetMs + this.#clock.elapsed();
  }
}
