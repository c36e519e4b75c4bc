import type { Clock } from "../../lib/clock.ts";

/**
 * The clock of the scheduler, as its last answer shows it. The clocks of two machines can differ by any time, and the one of this
 * machine may be set meanwhile.
 */
export class SchedulerClock {
  readonly #clock: Pick<Clock, "elapsed">;
  #offsetMs: number | null = null;

  constructor(clock: Pick<Clock, "elapsed">) {
    this.#clock = clock;
  }

  /** Notes the time of an answer to a request that was sent at `sentAt`, by `elapsed` of the clock of this machine. */
  note(now: number, sentAt: number): void {
    this.#offsetMs = now - (sentAt + this.#clock.elapsed()) / 2;
  }

  /** Returns the time of the scheduler in ms since the Unix epoch, or null before its first answer. */
  now(): number | null {
    return this.#offsetMs === null ? null : this.#offsetMs + this.#clock.elapsed();
  }
}
