import type { JobId, RunId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import type { Run } from "../../domain/run.ts";

export type WaitingRun = { readonly run: Run; readonly job: Job };

type OrderedRun = WaitingRun & { readonly order: number };

/** Counts running runs and keeps pending runs in their order, under the limits on concurrent runs. */
export class Limiter {
  readonly #maxJobs: number | null;
  readonly #isHeld: (waiting: WaitingRun) => boolean;
  readonly #running = new Map<JobId, Set<RunId>>();
  #waiting = new Map<RunId, OrderedRun>();
  readonly #waitingByJob = new Map<JobId, number>();
  /** Running runs that have given their place back, because they only wait for persons and other runs. */
  readonly #parked = new Set<RunId>();
  /** Those of them that want a place again, in their order. They come before all pending runs. */
  readonly #returning = new Set<RunId>();
  #runningTotal = 0;
  #nextOrder = 0;

  /** `isHeld` returns whether a pending run can't start for a reason other than the limits. */
  constructor(maxJobs: number | null, isHeld: (waiting: WaitingRun) => boolean = () => false) {
    this.#maxJobs = maxJobs;
    this.#isHeld = isHeld;
  }

  countRunning(jobId: JobId): number {
    return this.#running.get(jobId)?.size ?? 0;
  }

  /** Returns the running runs of a job. */
  runningIds(jobId: JobId): readonly RunId[] {
    return [...(this.#running.get(jobId) ?? [])];
  }

  countPending(jobId: JobId): number {
    return this.#waitingByJob.get(jobId) ?? 0;
  }

  get counts(): { readonly pending: number; readonly running: number } {
    return { pending: this.#waiting.size, running: this.#runningTotal + this.#parked.size };
  }

  /** True if all places are taken, or if a pending run could take one: it comes first. */
  get isFull(): boolean {
    return this.#isAtLimit || this.#returning.size > 0 || (this.#maxJobs !== null && this.nextStartable() !== null);
  }

  get #isAtLimit(): boolean {
    return this.#maxJobs !== null && this.#runningTotal >= this.#maxJobs;
  }

  /** Gives the place of a running run back. The run still counts for the limit of its job. */
  park(runId: RunId): void {
    if (this.#parked.has(runId)) return;
    this.#parked.add(runId);
    this.#runningTotal--;
  }

  /** Takes a place for a parked run again. If none is free, returns false, and the run is one of `returning`. */
  unpark(runId: RunId): boolean {
    if (!this.#parked.has(runId)) return true;
    if (this.#isAtLimit) {
      this.#returning.add(runId);
      return false;
    }
    this.#parked.delete(runId);
    this.#returning.delete(runId);
    this.#runningTotal++;
    return true;
  }

  /** The parked runs that wait for a place, in their order. */
  get returning(): readonly RunId[] {
    return [...this.#returning];
  }

  /** Takes a place. The caller has checked that one is free. */
  enter(jobId: JobId, runId: RunId): void {
    const runs = this.#running.get(jobId) ?? new Set();
    if (runs.has(runId)) return;
    this.#running.set(jobId, runs.add(runId));
    this.#runningTotal++;
  }

  /** Frees a place. */
  leave(jobId: JobId, runId: RunId): void {
    const runs = this.#running.get(jobId);
    if (!runs?.delete(runId)) return;
    if (runs.size === 0) this.#running.delete(jobId);
    this.#returning.delete(runId);
    if (!this.#parked.delete(runId)) this.#runningTotal--;
  }

  /** Adds a pending run to the end of the queue. */
  enqueue(waiting: WaitingRun): void {
    this.#insert({ ...waiting, order: this.#nextOrder++ });
  }

  /** Removes a run from the queue, if it is in it. Returns a function that puts it back in its place. */
  drop(runId: RunId): () => void {
    const queued = this.#waiting.get(runId);
    if (queued === undefined) return () => {};
    this.#waiting.delete(runId);
    this.#countWaiting(queued.job.id, -1);
    return () => {
      this.#insert(queued);
      const inOrder = [...this.#waiting.values()].sort((a, b) => a.order - b.order);
      this.#waiting = new Map(inOrder.map((each) => [each.run.id, each]));
    };
  }

  #insert(queued: OrderedRun): void {
    this.#waiting.set(queued.run.id, queued);
    this.#countWaiting(queued.job.id, 1);
  }

  #countWaiting(jobId: JobId, by: 1 | -1): void {
    const count = this.countPending(jobId) + by;
    if (count === 0) this.#waitingByJob.delete(jobId);
    else this.#waitingByJob.set(jobId, count);
  }

  /** The pending runs, oldest first. */
  get waiting(): readonly WaitingRun[] {
    return [...this.#waiting.values()];
  }

  /** Returns the pending runs of a job, oldest first. */
  waitingOf(jobId: JobId): readonly WaitingRun[] {
    return [...this.#waiting.values()].filter(({ job }) => job.id === jobId);
  }

  /** Returns the first pending run that a place is free for, or null. */
  nextStartable(): WaitingRun | null {
    if (this.#isAtLimit || this.#returning.size > 0) return null;
    for (const waiting of this.#waiting.values()) {
      const limit = waiting.job.maxConcurrency;
      const isBelowLimit = limit === null || this.countRunning(waiting.job.id) < limit;
      if (isBelowLimit && !this.#isHeld(waiting)) return waiting;
    }
    return null;
  }
}
