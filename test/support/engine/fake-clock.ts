import { setImmediate, setTimeout } from "node:timers/promises";
import type { Clock } from "../../../src/lib/clock.ts";

type Pending = { readonly at: number; readonly callback: () => void };

/** The default start of fake clocks: a Thursday, noon in UTC. */
export const NOON = Date.UTC(2026, 0, 15, 12);

/** A clock that a test advances. Timers follow the monotonic clock, as those of the system do, so setting the wall clock does not affect them. */
export class FakeClock implements Clock {
  #wall: number;
  #monotonic = 1_000;
  #suspended = 0;
  readonly #timers = new Set<Pending>();

  constructor(now = NOON) {
    this.#wall = now;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  elapsed(): number {
    return this.#monotonic + this.#suspended;
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    if (!(delayMs >= 0 && delayMs < 2 ** 31)) throw new Error(`a timer can't wait ${delayMs} ms`);
    // Rounded up, so that the clock only has whole milliseconds.
    const timer = { at: this.#monotonic + Math.ceil(delayMs), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** The delays of the pending timers, in ms, shortest first. */
  get timers(): readonly number[] {
    return [...this.#timers].map(({ at }) => at - this.#monotonic).sort((a, b) => a - b);
  }

  /** Changes the wall clock by `byMs`. Timers are not affected. */
  step(byMs: number): void {
    this.#wall += byMs;
  }

  /** Suspends the machine for `forMs`. Timers are not affected. */
  suspend(forMs: number): void {
    this.#wall += forMs;
    this.#suspended += forMs;
  }

  /** Advances the clock by `ms`. Fires the timers in order, each followed by the work that it starts. */
  async pass(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (let next = this.#first(end); next !== null; next = this.#first(end)) {
      this.#advanceTo(next.at);
      this.#timers.delete(next);
      next.callback();
      await settle();
    }
    this.#advanceTo(end);
  }

  /** Advances the clock to a time of the wall clock. */
  passTo(wall: number): Promise<void> {
    return this.pass(wall - this.#wall);
  }

  /**
   * Advances the clock until a promise settles that may also wait for real events. It advances at most 100 ms in a real
   * millisecond, so that a process that is slow for a moment does not miss hours.
   */
  async passUntil<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    for (let turn = 1; !isSettled; turn++) {
      await this.pass(20);
      if (turn % 5 === 0) await setTimeout(1);
    }
    return promise;
  }

  #first(end: number): Pending | null {
    let first: Pending | null = null;
    for (const timer of this.#timers) if (timer.at <= end && (first === null || timer.at < first.at)) first = timer;
    return first;
  }

  #advanceTo(monotonic: number): void {
    const passed = Math.max(0, monotonic - this.#monotonic);
    this.#monotonic += passed;
    this.#wall += passed;
  }
}

/** Runs the ready callbacks and those that follow: a promise, a transaction, and the work after its commit. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await setImmediate();
};
