import type { Clock } from "../lib/clock.ts";

/** Between two looks at a spool file or an adopted process: short while something moves, longer while all is quiet. */
const MIN_PERIOD_MS = 25;
const MAX_PERIOD_MS = 200;

/** Looks at one thing; true where it has moved since the last time. */
export type Beat = () => boolean;

/** One timer for everything that has to be looked at again and again; none while there is nothing. */
export class Pulse implements Disposable {
  readonly #clock: Clock;
  readonly #beats = new Set<Beat>();
  #periodMs = MIN_PERIOD_MS;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The answer ends it. */
  add(beat: Beat): () => void {
    this.#beats.add(beat);
    this.#periodMs = MIN_PERIOD_MS;
    if (this.#cancel === null) this.#arm();
    return () => {
      this.#beats.delete(beat);
    };
  }

  [Symbol.dispose](): void {
    this.#beats.clear();
    this.#cancel?.();
    this.#cancel = null;
  }

  #arm(): void {
    this.#cancel = this.#clock.setTimeout(() => this.#beat(), this.#periodMs);
  }

  #beat(): void {
    this.#cancel = null;
    let moved = false;
    for (const beat of [...this.#beats]) moved = beat() || moved;
    this.#periodMs = moved ? MIN_PERIOD_MS : Math.min(MAX_PERIOD_MS, this.#periodMs * 2);
    if (this.#beats.size > 0) this.#arm();
  }
}
