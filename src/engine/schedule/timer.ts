import type { Clock } from "../../lib/clock.ts";
import { MinHeap } from "../../lib/heap.ts";

/**
 * Maximum delay between checks of the wall clock: timers stop while the machine is suspended, and the clock can be
 * set.
 */
const MAX_DELAY_MS = 5_000;

/** The wall clock was set back if it falls behind the monotonic clock by more than this. */
const STEP_MS = 1_000;

export type TimerOptions<T> = {
  readonly clock: Clock;
  /** Called with all items that have come due, in the order of their times. */
  readonly onDue: (items: readonly T[], now: number) => void;
  /**
   * Called when the wall clock was set back by `byMs`, at `since` by the new clock or later: the items must be planned again, from there. If
   * it is missing, that is not noticed, and the timer does not wake up while it has no items.
   */
  readonly onSetBack?: (since: number, byMs: number) => void;
};

/** Reports items when the wall clock reaches their time. */
export class Timer<T> implements Disposable {
  readonly #options: TimerOptions<T>;
  readonly #heap = new MinHeap<T>();
  #cancel: (() => void) | null = null;
  #started = false;
  #lastReading: { readonly wall: number; readonly monotonic: number };

  constructor(options: TimerOptions<T>) {
    this.#options = options;
    this.#lastReading = { wall: options.clock.now(), monotonic: options.clock.monotonic() };
  }

  start(): void {
    this.#started = true;
    this.#lastReading = this.#read();
    this.#arm();
  }

  [Symbol.dispose](): void {
    this.#started = false;
    this.#cancel?.();
    this.clear();
  }

  /** Checks the clock immediately, without waiting for the timer. */
  checkNow(): void {
    if (this.#started) this.#wake();
  }

  /** Adds an item that is due at `dueAt`, in ms since the epoch. */
  add(item: T, dueAt: number): void {
    this.#heap.push(item, dueAt);
    if (this.#started && this.#heap.smallest === dueAt) this.#arm();
  }

  clear(): void {
    this.#heap.clear();
  }

  /** The number of items. */
  get size(): number {
    return this.#heap.size;
  }

  #arm(): void {
    this.#cancel?.();
    const { clock, onSetBack } = this.#options;
    if (onSetBack === undefined && this.#heap.smallest === null) return;
    const delayMs = Math.min(
      MAX_DELAY_MS,
      Math.max(0, (this.#heap.smallest ?? Number.POSITIVE_INFINITY) - clock.now()),
    );
    this.#cancel = clock.setTimeout(() => this.#wake(), Math.ceil(delayMs));
  }

  #wake(): void {
    const now = this.#options.clock.now();
    const step = this.#findStepBack();
    try {
      // The monotonic clock has fractions of a ms, and times are stored in whole ms.
      if (step !== null) this.#options.onSetBack?.(Math.floor(now - step.passedMs), Math.floor(step.byMs));
      const due = this.#takeDue(now);
      if (due.length > 0) this.#options.onDue(due, now);
    } finally {
      if (this.#started) this.#arm();
    }
  }

  #takeDue(now: number): T[] {
    const due: T[] = [];
    while (this.#heap.smallest !== null && this.#heap.smallest <= now) {
      const item = this.#heap.pop();
      if (item !== null) due.push(item);
    }
    return due;
  }

  /** Returns the time since the last check, and by how much the wall clock was set back in it; null if it was not. */
  #findStepBack(): { readonly passedMs: number; readonly byMs: number } | null {
    const before = this.#lastReading;
    this.#lastReading = this.#read();
    const passedMs = this.#lastReading.monotonic - before.monotonic;
    const byMs = before.wall + passedMs - this.#lastReading.wall;
    return byMs > STEP_MS ? { passedMs, byMs } : null;
  }

  #read(): { readonly wall: number; readonly monotonic: number } {
    return { wall: this.#options.clock.now(), monotonic: this.#options.clock.monotonic() };
  }
}
