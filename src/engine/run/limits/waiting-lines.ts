import type { JobId, RunId } from "../../../domain/ids.ts";
import type { Job } from "../../../domain/job.ts";
import { isBackfilled, priorityOfRun } from "../../../domain/limits/queue.ts";
import type { Run } from "../../../domain/run.ts";

export type WaitingRun = { readonly run: Run; readonly job: Job };

/** Runs that go on as runs of another job. */
export type RunRename = {
  readonly from: JobId;
  readonly to: JobId;
  /** Returns a run as it is stored now. */
  readonly current: (run: Run) => Run;
};

/** A run that was removed from the pending ones. */
export type TakenOut = {
  /** Adds it again, at its old position. */
  readonly putBack: () => void;
};

/** A pending run, and its number by age. */
type OrderedRun = WaitingRun & { readonly order: number };

/**
 * Pending runs to which the same limits apply: runs of one job with the same queue, limit and priority. Child runs, and those of
 * backfills, have lines of their own.
 */
export type Line = {
  readonly job: Job;
  readonly priority: number;
  /** The oldest first. It has at least one. */
  readonly runs: readonly OrderedRun[];
};

type MutableLine = Line & { readonly runs: OrderedRun[] };

type Lines = Map<string, MutableLine>;

/**
 * Pending runs by queue and job, so that finding the next one does not visit each run. Jobs are compared as they were when
 * the run was created, because that is the definition that it runs.
 */
export class WaitingLines {
  readonly #queues = new Map<string | null, Lines>();
  readonly #runs = new Map<RunId, OrderedRun>();
  readonly #countByJob = new Map<JobId, number>();
  /** Those of them that backfills have made. */
  readonly #backfilledByJob = new Map<JobId, number>();
  #nextOrder = 0;

  get count(): number {
    return this.#runs.size;
  }

  countOf(jobId: JobId): number {
    return this.#countByJob.get(jobId) ?? 0;
  }

  /** Returns how many of the pending runs of a job were not made by backfills. Those come after all others. */
  countOtherOf(jobId: JobId): number {
    return this.countOf(jobId) - (this.#backfilledByJob.get(jobId) ?? 0);
  }

  /** The queues of the pending runs; null stands for jobs without one. */
  get queues(): readonly (string | null)[] {
    return [...this.#queues.keys()];
  }

  /** Returns the lines of a queue, in no order. */
  of(queue: string | null): readonly Line[] {
    return [...(this.#queues.get(queue)?.values() ?? [])];
  }

  find(runId: RunId): WaitingRun | null {
    return this.#runs.get(runId) ?? null;
  }

  /** All pending runs: the highest priority first, then the oldest. */
  get all(): readonly WaitingRun[] {
    return [...this.#runs.values()].sort((a, b) => priorityOfRun(b) - priorityOfRun(a) || a.order - b.order);
  }

  /** Adds the youngest run. */
  add(waiting: WaitingRun): void {
    this.#insert({ ...waiting, order: this.#nextOrder++ });
  }

  /** Removes a run, if it is here. */
  takeOut(runId: RunId): TakenOut {
    const run = this.#runs.get(runId);
    if (run === undefined) return { putBack: () => {} };
    this.#remove(run);
    return { putBack: () => this.#insert(run) };
  }

  rename({ from, to, current }: RunRename): void {
    for (const waiting of [...this.#runs.values()]) {
      if (waiting.job.id !== from) continue;
      this.#remove(waiting);
      this.#insert({ run: current(waiting.run), job: { ...waiting.job, id: to }, order: waiting.order });
    }
  }

  /** Returns how many runs in some lines come before a run. */
  countBefore(runId: RunId, isCounted: (line: Line) => boolean): number {
    const run = this.#runs.get(runId);
    if (run === undefined) return 0;
    const priority = priorityOfRun(run);
    let count = 0;
    for (const lines of this.#queues.values())
      for (const line of lines.values()) {
        if (line.priority < priority || !isCounted(line)) continue;
        count += line.priority > priority ? line.runs.length : indexIn(line, run.order);
      }
    return count;
  }

  #insert(run: OrderedRun): void {
    const { job } = run;
    const queue = job.queue ?? null;
    const lines: Lines = this.#queues.get(queue) ?? new Map();
    this.#queues.set(queue, lines);
    const key = keyOf(run);
    const line = lines.get(key) ?? { job, priority: priorityOfRun(run), runs: [] };
    lines.set(key, line);
    line.runs.splice(indexIn(line, run.order), 0, run);
    this.#runs.set(run.run.id, run);
    addTo(this.#countByJob, job.id, 1);
    if (isBackfilled(run.run)) addTo(this.#backfilledByJob, job.id, 1);
  }

  #remove(run: OrderedRun): void {
    const { job } = run;
    const queue = job.queue ?? null;
    const lines = this.#queues.get(queue);
    const line = lines?.get(keyOf(run));
    line?.runs.splice(indexIn(line, run.order), 1);
    if (line?.runs.length === 0) lines?.delete(keyOf(run));
    if (lines?.size === 0) this.#queues.delete(queue);
    this.#runs.delete(run.run.id);
    addTo(this.#countByJob, job.id, -1);
    if (isBackfilled(run.run)) addTo(this.#backfilledByJob, job.id, -1);
  }
}

const addTo = (counts: Map<JobId, number>, jobId: JobId, by: 1 | -1): void => {
  const count = (counts.get(jobId) ?? 0) + by;
  if (count === 0) counts.delete(jobId);
  else counts.set(jobId, count);
};

const keyOf = (waiting: WaitingRun): string => {
  const { run, job } = waiting;
  return `${job.id} ${job.maxConcurrency} ${priorityOfRun(waiting)} ${run.trigger === "job"}`;
};

/** Returns where a run with this number is in a line, or belongs. */
const indexIn = ({ runs }: Line, order: number): number => {
  let [from, to] = [0, runs.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((runs[middle]?.order ?? 0) < order) from = middle + 1;
    else to = middle;
  }
  return from;
};
