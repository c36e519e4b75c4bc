import type { Clock } from "../../lib/clock.ts";
import { MinHeap } from "../../lib/heap.ts";

/** Timers stand still while a machine sleeps, and a clock can be set: look again at least this often. */
const MAX_HOP_MS = 5_000;

/** A wall clock that loses more than this against the monotonic one has been set back. */
const STEP_MS = 1_000;

export type TimerOptions<T> = {
  readonly clock: Clock;
  /** Called with everything that has come due, by the time it was due. */
  readonly onDue: (items: readonly T[], now: number) => void;
  /** Called when the wall clock was set back: what was planned must be planned again. */
  readonly onSetBack: (now: number) => void;
};

/** Wakes when the wall clock reaches the time of an item. */
export class Timer<T> implements Disposable {
  readonly #options: TimerOptions<T>;
  readonly #heap = new MinHeap<T>();
  #cancel: (() => void) | null = null;
  #started = false;
  #seen: { readonly wall: number; readonly monotonic: number };

  constructor(options: TimerOptions<T>) {
    this.#options = options;
    this.#seen = { wall: options.clock.now(), monotonic: options.clock.monotonic() };
  }

  start(): void {
    this.#started = true;
    this.#seen = this.#read();
    this.#arm();
  }

  [Symbol.dispose](): void {
    this.#started = false;
    this.#cancel?.();
    this.clear();
  }

  /** Looks at the clock now. */
  look(): void {
    if (this.#started) this.#wake();
  }

  /** `dueAt` in ms since the epoch. */
  add(item: T, dueAt: number): void {
    this.#heap.push(item, dueAt);
    if (this.#started && this.#heap.smallest === dueAt) this.#arm();
  }

  clear(): void {
    this.#heap.clear();
  }

  #arm(): void {
    this.#cancel?.();
    const { clock } = this.#options;
    const delayMs = Math.min(MAX_HOP_MS, Math.max(0, (this.#heap.smallest ?? Number.POSITIVE_INFINITY) - clock.now()));
    this.#cancel = clock.setTimeout(() => this.#wake(), Math.ceil(delayMs));
  }

  #wake(): void {
    const now = this.#options.clock.now();
    if (this.#wasSetBack()) this.#options.onSetBack(now);
    const due = this.#takeDue(now);
    if (due.length > 0) this.#options.onDue(due, now);
    if (this.#started) this.#arm();
  }

  #takeDue(now: number): T[] {
    const due: T[] = [];
    while (this.#heap.smallest !== null && this.#heap.smallest <= now) {
      const item = this.#heap.pop();
      if (item !== null) due.push(item);
    }
    return due;
  }

  #wasSetBack(): boolean {
    const before = this.#seen;
    this.#seen = this.#read();
    const passed = this.#seen.monotonic - before.monotonic;
    return this.#seen.wall - before.wall < passed - STEP_MS;
  }

  #read(): { readonly wall: number; readonly monotonic: number } {
    return { wall: this.#options.clock.now(), monotonic: this.#options.clock.monotonic() };
  }
}
