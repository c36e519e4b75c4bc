import { VirtualClock } from "../../../src/lib/virtual-clock.ts";

/** The default start of fake clocks: a Thursday, noon in UTC. */
export const NOON = Date.UTC(2026, 0, 15, 12);

/** A clock that a test advances, and whose wall time it can set. */
export class FakeClock extends VirtualClock {
  constructor(now = NOON) {
    super(now);
  }

  /** The delays of the pending timers, in ms, shortest first. */
  get timers(): readonly number[] {
    return [...this.pending].map(({ at }) => at - this.monotonic()).sort((a, b) => a - b);
  }

  /** Changes the wall clock by `byMs`. Timers are not affected. */
  step(byMs: number): void {
    this.wall += byMs;
  }

  /** Suspends the machine for `forMs`. Timers are not affected. */
  suspend(forMs: number): void {
    this.wall += forMs;
    this.suspendedMs += forMs;
  }
}
