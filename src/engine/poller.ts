import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { pauseThread } from "../lib/pause.ts";

/** Between two looks at a spool file or an adopted process: short while something moves, longer while all is quiet. */
const MIN_PERIOD_MS = 25;
const MAX_PERIOD_MS = 200;

/** Between two looks while something is held, and how long it may move on after each. */
const HELD_PERIOD_MS = 5;
const SLICE_MS = 3;

/** Between two looks it is asked so often whether something must be held. */
const HOLD_CHECK_MS = 50;

/** What was just added may have to be held before its first look: so often it is asked until then. */
const FIRST_HOLD_MS = 5;

/** Looks at one thing; true where it has moved since the last time. */
export type Beat = () => boolean;

/**
 * Holds processes that write more than can be read. They move on for a slice of time after the looks, in which petit does
 * nothing else: whatever blocks petit, they can't get ahead of it.
 */
export type Hold = {
  /**
   * Stops them where they must be held, and returns whether they must; called before the looks. `isBusy`: others are held,
   * so that the looks can take long, and these are stopped where they have written anything.
   */
  hold(isBusy: boolean): boolean;
  /** Continues them; true where they are to be held again after a slice of time. Called after the looks. */
  yield(): boolean;
};

/** One timer for everything that has to be looked at again and again; none while there is nothing. */
export class Pulse implements Disposable {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #beats = new Map<Beat, Hold | null>();
  /** Those that threw the last time. */
  readonly #failing = new Set<Beat>();
  #periodMs = MIN_PERIOD_MS;
  #cancel: (() => void) | null = null;
  #cancelFirst: (() => void) | null = null;
  #armedMs = 0;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** The answer ends it. */
  add(beat: Beat, hold: Hold | null = null): () => void {
    this.#beats.set(beat, hold);
    this.#periodMs = MIN_PERIOD_MS;
    if (this.#cancel === null || this.#armedMs > MIN_PERIOD_MS) this.#arm();
    if (hold !== null) this.#holdFirst(MIN_PERIOD_MS / FIRST_HOLD_MS);
    return () => {
      this.#beats.delete(beat);
      this.#failing.delete(beat);
    };
  }

  [Symbol.dispose](): void {
    this.#beats.clear();
    this.#failing.clear();
    this.#cancel?.();
    this.#cancelFirst?.();
    this.#cancel = this.#cancelFirst = null;
  }

  #holdFirst(times: number): void {
    this.#cancelFirst?.();
    this.#cancelFirst = null;
    if (times === 0 || this.#beats.size === 0) return;
    this.#cancelFirst = this.#clock.setTimeout(() => {
      if (!this.#holdAny()) return this.#holdFirst(times - 1);
      this.#cancelFirst = null;
      this.#cancel?.();
      this.#beat();
    }, FIRST_HOLD_MS);
  }

  /** True where something must be held. */
  #holdAny(): boolean {
    return this.#holds().filter((each) => each.hold(false)).length > 0;
  }

  #holds(): readonly Hold[] {
    return [...this.#beats.values()].filter((hold) => hold !== null);
  }

  #arm(): void {
    this.#cancel?.();
    this.#armedMs = this.#periodMs;
    this.#wait(this.#periodMs);
  }

  #wait(leftMs: number): void {
    const stepMs = this.#holds().length === 0 ? leftMs : Math.min(leftMs, HOLD_CHECK_MS);
    this.#cancel = this.#clock.setTimeout(() => {
      if (stepMs === leftMs || this.#holdAny()) this.#beat();
      else this.#wait(leftMs - stepMs);
    }, stepMs);
  }

  #beat(): void {
    this.#cancel = null;
    const beats = [...this.#beats.keys()];
    const holds = this.#holds();
    if (this.#holdAny()) for (const each of holds) each.hold(true);
    let moved = false;
    for (const beat of beats) moved = this.#look(beat) || moved;
    const isHeld = this.#slice(holds.filter((each) => each.yield()));
    this.#periodMs = moved ? MIN_PERIOD_MS : Math.min(MAX_PERIOD_MS, this.#periodMs * 2);
    if (isHeld) this.#periodMs = HELD_PERIOD_MS;
    if (this.#beats.size > 0 && this.#cancel === null) this.#arm();
  }

  /** True where there is something to hold. */
  #slice(holds: readonly Hold[]): boolean {
    if (holds.length === 0) return false;
    pauseThread(SLICE_MS);
    for (const each of holds) each.hold(false);
    return true;
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
