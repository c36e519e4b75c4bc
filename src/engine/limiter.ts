import type { JobId, RunId } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import type { Run } from "../domain/run.ts";

export type WaitingRun = { readonly run: Run; readonly job: Job };

/** Counts what runs, and keeps what waits in the order in which it came. */
export class Limiter {
  readonly #maxJobs: number | null;
  readonly #running = new Map<JobId, Set<RunId>>();
  readonly #waiting = new Map<RunId, WaitingRun>();
  readonly #waitingByJob = new Map<JobId, number>();
  #runningInAll = 0;

  constructor(maxJobs: number | null) {
    this.#maxJobs = maxJobs;
  }

  running(jobId: JobId): number {
    return this.#running.get(jobId)?.size ?? 0;
  }

  /** The runs of a job that are going on. */
  runningIds(jobId: JobId): readonly RunId[] {
    return [...(this.#running.get(jobId) ?? [])];
  }

  pending(jobId: JobId): number {
    return this.#waitingByJob.get(jobId) ?? 0;
  }

  get counts(): { readonly pending: number; readonly running: number } {
    return { pending: this.#waiting.size, running: this.#runningInAll };
  }

  /** Whether all places are taken, or promised: a run that waits and could start comes first. */
  get isFull(): boolean {
    return this.#maxJobs !== null && (this.#runningInAll >= this.#maxJobs || this.nextStartable() !== null);
  }

  /** Takes a place; the caller has looked whether there is one. */
  enter(jobId: JobId, runId: RunId): void {
    const runs = this.#running.get(jobId) ?? new Set();
    if (runs.has(runId)) return;
    this.#running.set(jobId, runs.add(runId));
    this.#runningInAll++;
  }

  /** Gives a place back. */
  leave(jobId: JobId, runId: RunId): void {
    const runs = this.#running.get(jobId);
    if (!runs?.delete(runId)) return;
    if (runs.size === 0) this.#running.delete(jobId);
    this.#runningInAll--;
  }

  wait(waiting: WaitingRun): void {
    this.#waiting.set(waiting.run.id, waiting);
    this.#waitingByJob.set(waiting.job.id, this.pending(waiting.job.id) + 1);
  }

  /** Takes a run out of the queue; null where it doesn't wait. */
  drop(runId: RunId): WaitingRun | null {
    const waiting = this.#waiting.get(runId) ?? null;
    if (waiting === null || !this.#waiting.delete(runId)) return null;
    const left = this.pending(waiting.job.id) - 1;
    if (left === 0) this.#waitingByJob.delete(waiting.job.id);
    else this.#waitingByJob.set(waiting.job.id, left);
    return waiting;
  }

  waitingOf(jobId: JobId): readonly WaitingRun[] {
    return [...this.#waiting.values()].filter(({ job }) => job.id === jobId);
  }

  /** The first run in the queue that a place is free for; null where there is none. */
  nextStartable(): WaitingRun | null {
    if (this.#maxJobs !== null && this.#runningInAll >= this.#maxJobs) return null;
    for (const waiting of this.#waiting.values()) {
      const limit = waiting.job.maxConcurrency;
      if (limit === null || this.running(waiting.job.id) < limit) return waiting;
    }
    return null;
  }
}
