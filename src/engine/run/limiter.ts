import type { JobId, RunId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import type { Run } from "../../domain/run.ts";

export type WaitingRun = { readonly run: Run; readonly job: Job };

type OrderedRun = WaitingRun & { readonly order: number };

/** Counts running runs and keeps pending runs in their order, under the limits on concurrent runs. */
export class Limiter {
  readonly #maxJobs: number | null;
  readonly #running = new Map<JobId, Set<RunId>>();
  #waiting = new Map<RunId, OrderedRun>();
  readonly #waitingByJob = new Map<JobId, number>();
  #runningTotal = 0;
  #nextOrder = 0;

  constructor(maxJobs: number | null) {
    this.#maxJobs = maxJobs;
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
    return { pending: this.#waiting.size, running: this.#runningTotal };
  }

  /** True if all places are taken, or if a pending run could take one: it comes first. */
  get isFull(): boolean {
    return this.#maxJobs !== null && (this.#runningTotal >= this.#maxJobs || this.nextStartable() !== null);
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
    this.#runningTotal--;
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
    if (this.#maxJobs !== null && this.#runningTotal >= this.#maxJobs) return null;
    for (const waiting of this.#waiting.values()) {
      const limit = waiting.job.maxConcurrency;
      if (limit === null || this.countRunning(waiting.job.id) < limit) return waiting;
    }
    return null;
  }
}
