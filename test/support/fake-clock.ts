import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../src/lib/clock.ts";

type Pending = { readonly at: number; readonly callback: () => void };

/** Where fake time begins: a Thursday, noon in UTC. */
export const NOON = Date.UTC(2026, 0, 15, 12);

/** Time that passes when a test says so. The wall clock can be set; timers follow the monotonic one, as the system's do. */
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
    // Whole, so that the clock stays so.
    const timer = { at: this.#monotonic + Math.ceil(delayMs), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** When the timers go off, in ms from now, soonest first. */
  get timers(): readonly number[] {
    return [...this.#timers].map(({ at }) => at - this.#monotonic).sort((a, b) => a - b);
  }

  /** Sets the wall clock; timers don't notice. */
  step(byMs: number): void {
    this.#wall += byMs;
  }

  /** Suspends the machine for so long; timers don't notice. */
  suspend(forMs: number): void {
    this.#wall += forMs;
    this.#suspended += forMs;
  }

  /** Lets time pass: every timer on the way goes off in its turn, and what it sets in motion gets its turn as well. */
  async pass(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (let next = this.#first(end); next !== null; next = this.#first(end)) {
      this.#go(next.at);
      this.#timers.delete(next);
      next.callback();
      await settle();
    }
    this.#go(end);
  }

  /** To that time of the wall clock. */
  passTo(wall: number): Promise<void> {
    return this.pass(wall - this.#wall);
  }

  /** Lets time pass until something is over that waits for it, and for what is real besides. */
  async passUntil<T>(over: Promise<T>): Promise<T> {
    let isOver = false;
    const end = (): void => {
      isOver = true;
    };
    over.then(end, end);
    while (!isOver) await this.pass(20);
    return over;
  }

  #first(end: number): Pending | null {
    let first: Pending | null = null;
    for (const timer of this.#timers) if (timer.at <= end && (first === null || timer.at < first.at)) first = timer;
    return first;
  }

  #go(monotonic: number): void {
    const passed = Math.max(0, monotonic - this.#monotonic);
    this.#monotonic += passed;
    this.#wall += passed;
  }
}

/** What is ready gets its turn, and what follows from it: a promise, a transaction, what is done after that. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) await setImmediate();
};
