import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

/** Between two looks at a spool file or an adopted process: short while something moves, longer while all is quiet. */
const MIN_PERIOD_MS = 25;
const MAX_PERIOD_MS = 200;

/** Looks at one thing; true where it has moved since the last time. */
export type Beat = () => boolean;

/** One timer for everything that has to be looked at again and again; none while there is nothing. */
export class Pulse implements Disposable {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #beats = new Set<Beat>();
  /** Those that threw the last time. */
  readonly #failing = new Set<Beat>();
  #periodMs = MIN_PERIOD_MS;
  #cancel: (() => void) | null = null;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** The answer ends it. */
  add(beat: Beat): () => void {
    this.#beats.add(beat);
    this.#periodMs = MIN_PERIOD_MS;
    if (this.#cancel === null) this.#arm();
    return () => {
      this.#beats.delete(beat);
      this.#failing.delete(beat);
    };
  }

  [Symbol.dispose](): void {
    this.#beats.clear();
    this.#failing.clear();
    this.#cancel?.();
    this.#cancel = null;
  }

  #arm(): void {
    this.#cancel = this.#clock.setTimeout(() => this.#beat(), this.#periodMs);
  }

  #beat(): void {
    this.#cancel = null;
    let moved = false;
    for (const beat of [...this.#beats]) moved = this.#look(beat) || moved;
    this.#periodMs = moved ? MIN_PERIOD_MS : Math.min(MAX_PERIOD_MS, this.#periodMs * 2);
    if (this.#beats.size > 0 && this.#cancel === null) this.#arm();
  }

  /** A look that fails must not keep the others from theirs; it is repeated, and logged once until it succeeds. */
  #look(beat: Beat): boolean {
    try {
      const moved = beat();
      this.#failing.delete(beat);
      return moved;
    } catch (error) {
      if (!this.#failing.has(beat)) this.#log.error({ err: error }, "a look at a process or its output failed");
      if (this.#beats.has(beat)) this.#failing.add(beat);
      return false;
    }
  }
}
