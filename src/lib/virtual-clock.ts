import { setImmediate, setTimeout } from "node:timers/promises";
import type { Clock } from "./clock.ts";

type Pending = { readonly at: number; readonly callback: () => void };

/**
 * A clock that stands still until somebody advances it. Timers follow its monotonic time, as those of the system do, so setting its wall
 * time does not affect them.
 */
export class VirtualClock implements Clock {
  protected wall: number;
  protected monotonicMs = 1_000;
  protected suspendedMs = 0;
  protected readonly pending = new Set<Pending>();
  #changes = 0;

  constructor(now: number) {
    this.wall = now;
  }

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.monotonicMs;
  }

  elapsed(): number {
    return this.monotonicMs + this.suspendedMs;
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    if (!(delayMs >= 0 && delayMs < 2 ** 31)) throw new Error(`a timer can't wait ${delayMs} ms`);
    // Rounded up, so that the clock only has whole milliseconds.
    const timer = { at: this.monotonicMs + Math.ceil(delayMs), callback };
    this.pending.add(timer);
    this.#changes++;
    return () => {
      if (this.pending.delete(timer)) this.#changes++;
    };
  }

  /** Advances the clock by `ms`. Fires the timers in order, each followed by the work that it starts. */
  async pass(ms: number): Promise<void> {
    const end = this.monotonicMs + ms;
    await settle();
    for (let next = this.#first(end); next !== null; next = this.#first(end)) {
      this.#fire(next);
      await settle();
    }
    this.#advanceTo(end);
  }

  /** Advances the clock to a time of the wall clock. */
  passTo(wall: number): Promise<void> {
    return this.pass(wall - this.wall);
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

  /** Fires the next timer if it is due by `end` (wall time). Returns false, and the clock shows `end`, if none is. */
  fireNext(end: number): boolean {
    const limit = this.monotonicMs + (end - this.wall);
    const next = this.#first(limit);
    if (next === null) this.#advanceTo(limit);
    else this.#fire(next);
    return next !== null;
  }

  /** Resolves when nothing happens any more without time: no timer was set or cancelled, and `activity` has not changed. */
  async idle(activity: () => number): Promise<void> {
    let before: number;
    do {
      before = this.#changes + activity();
      await settle();
    } while (this.#changes + activity() !== before);
  }

  #fire(timer: Pending): void {
    this.#advanceTo(timer.at);
    this.pending.delete(timer);
    timer.callback();
  }

  #first(end: number): Pending | null {
    let first: Pending | null = null;
    for (const timer of this.pending) if (timer.at <= end && (first === null || timer.at < first.at)) first = timer;
    return first;
  }

  #advanceTo(monotonic: number): void {
    const passed = Math.max(0, monotonic - this.monotonicMs);
    this.monotonicMs += passed;
    this.wall += passed;
  }
}

/** Runs the ready callbacks and those that follow: a promise, a transaction, and the work after its commit. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await setImmediate();
};
