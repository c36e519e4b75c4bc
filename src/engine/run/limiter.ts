import type { JobId, RunId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import type { Run } from "../../domain/run.ts";

export type WaitingRun = { readonly run: Run; readonly job: Job };

type Queued = WaitingRun & { readonly order: number };

/** Counts what runs, and keeps what waits in the order in which it came. */
export class Limiter {
  readonly #maxJobs: number | null;
  readonly #running = new Map<JobId, Set<RunId>>();
  #waiting = new Map<RunId, Queued>();
  readonly #waitingByJob = new Map<JobId, number>();
  #runningInAll = 0;
  #nextOrder = 0;

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
    this.#queue({ ...waiting, order: this.#nextOrder++ });
  }

  /** Takes a run out of the queue, where it waits; the answer puts it back in its place. */
  drop(runId: RunId): () => void {
    const queued = this.#waiting.get(runId);
    if (queued === undefined) return () => {};
    this.#waiting.delete(runId);
    this.#countWaiting(queued.job.id, -1);
    return () => {
      this.#queue(queued);
      const inOrder = [...this.#waiting.values()].sort((a, b) => a.order - b.order);
      this.#waiting = new Map(inOrder.map((each) => [each.run.id, each]));
    };
  }

  #queue(queued: Queued): void {
    this.#waiting.set(queued.run.id, queued);
    this.#countWaiting(queued.job.id, 1);
  }

  #countWaiting(jobId: JobId, by: 1 | -1): void {
    const count = this.pending(jobId) + by;
    if (count === 0) this.#waitingByJob.delete(jobId);
    else this.#waitingByJob.set(jobId, count);
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
