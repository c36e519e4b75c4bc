import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

/**
 * Bounds of the period between rounds of polling: short after a poll that found something, then doubled up to the
 * maximum.
 */
const MIN_PERIOD_MS = 25;
const MAX_PERIOD_MS = 200;

/** Period while a writer is suspended, and how long writers run after each round. */
const SUSPENDED_PERIOD_MS = 5;
const RUN_SLICE_MS = 3;

/** Interval between checks of flow control within a period. */
const FLOW_CHECK_MS = 50;

/** Interval between checks of flow control before the first poll of something that was just added. */
const FIRST_FLOW_CHECK_MS = 5;

/** Checks one thing, such as a spool file or an adopted process. Returns true if it has changed since the last time. */
export type Poll = () => boolean;

/**
 * Suspends processes that write more than petit can read. After a round of polling they run for a slice of time in which
 * petit does nothing else. So they can't get ahead of petit, whatever blocks its thread.
 */
export type FlowControl = {
  /**
   * Suspends the writers if they must be suspended, and returns whether they must. Called before the polls. `isBusy`: other
   * writers are suspended, so the polls can take long. Then it also suspends writers that have any unread output.
   */
  suspend(isBusy: boolean): boolean;
  /**
   * Resumes the writers. Returns true if they must be suspended again after a slice of time. Called after the polls.
   */
  resume(): boolean;
};

/** Polls everything that was added, with one timer. While nothing is added there is no timer. */
export class Poller implements Disposable {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #polls = new Map<Poll, FlowControl | null>();
  /** The polls that threw in the last round. */
  readonly #failing = new Set<Poll>();
  #periodMs = MIN_PERIOD_MS;
  #cancel: (() => void) | null = null;
  #cancelFirst: (() => void) | null = null;
  #armedMs = 0;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Adds a poll. Returns a function that removes it. */
  add(poll: Poll, flowControl: FlowControl | null = null): () => void {
    this.#polls.set(poll, flowControl);
    this.#periodMs = MIN_PERIOD_MS;
    if (this.#cancel === null || this.#armedMs > MIN_PERIOD_MS) this.#arm();
    if (flowControl !== null) this.#checkFlowFirst(MIN_PERIOD_MS / FIRST_FLOW_CHECK_MS);
    return () => {
      this.#polls.delete(poll);
      this.#failing.delete(poll);
    };
  }

  [Symbol.dispose](): void {
    this.#polls.clear();
    this.#failing.clear();
    this.#cancel?.();
    this.#cancelFirst?.();
    this.#cancel = this.#cancelFirst = null;
  }

  #checkFlowFirst(times: number): void {
    this.#cancelFirst?.();
    this.#cancelFirst = null;
    if (times === 0 || this.#polls.size === 0) return;
    this.#cancelFirst = this.#clock.setTimeout(() => {
      if (!this.#suspendAny()) return this.#checkFlowFirst(times - 1);
      this.#cancelFirst = null;
      this.#cancel?.();
      this.#runRound();
    }, FIRST_FLOW_CHECK_MS);
  }

  /** Returns true if any writer must be suspended. */
  #suspendAny(): boolean {
    return this.#flowControls().filter((each) => this.#attempt(() => each.suspend(false))).length > 0;
  }

  #flowControls(): readonly FlowControl[] {
    return [...this.#polls.values()].filter((flowControl) => flowControl !== null);
  }

  #arm(): void {
    this.#cancel?.();
    this.#armedMs = this.#periodMs;
    this.#wait(this.#periodMs);
  }

  #wait(remainingMs: number): void {
    const stepMs = this.#flowControls().length === 0 ? remainingMs : Math.min(remainingMs, FLOW_CHECK_MS);
    this.#cancel = this.#clock.setTimeout(() => {
      if (stepMs === remainingMs || this.#suspendAny()) this.#runRound();
      else this.#wait(remainingMs - stepMs);
    }, stepMs);
  }

  #runRound(): void {
    this.#cancel = null;
    const polls = [...this.#polls.keys()];
    const flowControls = this.#flowControls();
    if (this.#suspendAny()) for (const each of flowControls) this.#attempt(() => each.suspend(true));
    let changed = false;
    for (const poll of polls) changed = this.#run(poll) || changed;
    const mustSuspend = this.#runSlice(flowControls.filter((each) => this.#attempt(() => each.resume())));
    this.#periodMs = changed ? MIN_PERIOD_MS : Math.min(MAX_PERIOD_MS, this.#periodMs * 2);
    if (mustSuspend) this.#periodMs = SUSPENDED_PERIOD_MS;
    if (this.#polls.size > 0 && this.#cancel === null) this.#arm();
  }

  /** Lets the writers run for a slice, then suspends them again. Returns false if there are none. */
  #runSlice(flowControls: readonly FlowControl[]): boolean {
    if (flowControls.length === 0) return false;
    pauseThread(RUN_SLICE_MS);
    for (const each of flowControls) this.#attempt(() => each.suspend(false));
    return true;
  }

  /** An error of one writer does not stop the timer. Its poll, which reads the same files, logs it. */
  #attempt(work: () => boolean): boolean {
    try {
      return work();
    } catch {
      return false;
    }
  }

  /** Runs one poll. An error does not stop the other polls. It is logged once until the poll succeeds again. */
  #run(poll: Poll): boolean {
    try {
      const changed = poll();
      this.#failing.delete(poll);
      return changed;
    } catch (error) {
      if (!this.#failing.has(poll)) this.#log.error({ err: error }, "cannot check a process or its output");
      if (this.#polls.has(poll)) this.#failing.add(poll);
      return false;
    }
  }
}

const NEVER = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Blocks the thread for `ms`, so that nothing else of petit runs meanwhile. */
const pauseThread = (ms: number): void => {
  Atomics.wait(NEVER, 0, 0, ms);
};
