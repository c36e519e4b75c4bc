import type { JobId, RunId } from "../../../domain/ids.ts";
import type { Job } from "../../../domain/job.ts";
import {
  isBackfilled,
  LISTED_QUEUE_RUNS,
  type QueueRuns,
  type QueueState,
  type Queues,
  queueLimit,
} from "../../../domain/limits/queue.ts";
import type { WaitingCounts } from "../../../domain/limits/waiting-for.ts";
import type { WaitsFor } from "../../../domain/limits/waits-for.ts";
import { type Line, type RunRename, type TakenOut, WaitingLines, type WaitingRun } from "./waiting-lines.ts";

export type { WaitingRun } from "./waiting-lines.ts";

export type Limits = {
  /** Maximum of concurrent runs; null is unlimited. */
  readonly maxJobs: number | null;
  readonly queues: Queues;
};

type RunningRun = {
  jobId: JobId;
  readonly queue: string | null;
  /** True while it has no slots, because it only waits for a person or for other runs. */
  isParked: boolean;
};

/**
 * Counts running runs and keeps pending runs in their order, under the limits on concurrent runs. A running run has a slot of petit
 * (`maxJobs`), and one of the queue of its job if that has one.
 */
export class Limiter {
  readonly #limits: Limits;
  readonly #isGated: (waiting: WaitingRun) => boolean;
  readonly #running = new Map<RunId, RunningRun>();
  readonly #runningByJob = new Map<JobId, Set<RunId>>();
  /** Number of runs that have a slot, by queue; null for jobs without one. */
  readonly #taken = new Map<string | null, number>();
  readonly #lines = new WaitingLines();
  /** Parked runs that want their slots again, in their order. They come before all pending runs. */
  readonly #returning = new Set<RunId>();
  /** Ended child runs, with their queue. Their slots stay taken until their parent, which may need them, has seen the end. */
  readonly #reserved = new Map<RunId, string | null>();
  /**
   * Ended child runs whose parents have not seen the end yet, with their job. The parent may still end other child runs of that
   * job, so none of those starts before it has.
   */
  readonly #unseen = new Map<RunId, JobId>();
  #takenTotal = 0;

  /**
   * `isGated` returns whether the gates of a pending run (`depends_on`) are shut. The answer must be the same for all child runs of
   * a job, for all runs of it that backfills have made, and for all others.
   */
  constructor(limits: Limits, isGated: (waiting: WaitingRun) => boolean = () => false) {
    this.#limits = limits;
    this.#isGated = isGated;
  }

  countRunning(jobId: JobId): number {
    return this.#runningByJob.get(jobId)?.size ?? 0;
  }

  /** Returns the running runs of a job. */
  runningIds(jobId: JobId): readonly RunId[] {
    return [...(this.#runningByJob.get(jobId) ?? [])];
  }

  countPending(jobId: JobId): number {
    return this.#lines.countOf(jobId);
  }

  /** The same, without those that backfills have made. */
  countOtherPending(jobId: JobId): number {
    return this.#lines.countOtherOf(jobId);
  }

  get counts(): { readonly pending: number; readonly running: number } {
    return { pending: this.#lines.count, running: this.#running.size };
  }

  /** The configured queues, and those that are no longer configured as long as runs use them, by name. */
  get queues(): readonly QueueState[] {
    const used = [...this.#taken.keys(), ...this.#lines.queues].filter((name) => name !== null);
    return [...new Set([...this.#limits.queues.keys(), ...used])].sort().map((name) => ({
      name,
      limit: queueLimit(this.#limits.queues, name),
      running: this.#taken.get(name) ?? 0,
      pending: this.#lines.of(name).reduce((sum, { runs }) => sum + runs.length, this.#countReturning(name)),
    }));
  }

  /** Returns the queues with some names, and others that runs of some jobs use, with the runs of these jobs only. */
  queuesOf(jobIds: ReadonlySet<JobId>, names: Iterable<string>): readonly QueueState[] {
    const found = new Map([...names].map((name) => [name, { running: 0, pending: 0 }]));
    const countsOf = (name: string): { running: number; pending: number } => {
      const counts = found.get(name) ?? { running: 0, pending: 0 };
      found.set(name, counts);
      return counts;
    };
    for (const [runId, { jobId, queue, isParked }] of this.#running) {
      if (queue === null || !jobIds.has(jobId)) continue;
      if (this.#returning.has(runId)) countsOf(queue).pending++;
      else if (!isParked) countsOf(queue).running++;
    }
    for (const name of this.#lines.queues)
      for (const { job, runs } of name === null ? [] : this.#lines.of(name))
        if (name !== null && jobIds.has(job.id)) countsOf(name).pending += runs.length;
    return [...found]
      .map(([name, counts]) => ({ name, limit: queueLimit(this.#limits.queues, name), ...counts }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Returns the first runs that have a slot of a queue, and the first that wait for one, of all jobs or of some. */
  queueRuns(name: string, jobIds: ReadonlySet<JobId> | null): QueueRuns {
    const isChosen = (jobId: JobId): boolean => jobIds?.has(jobId) ?? true;
    const holding = [...this.#running].flatMap(([runId, { jobId, queue, isParked }]) =>
      queue === name && !isParked && isChosen(jobId) ? [{ runId, jobId }] : [],
    );
    const returning = [...this.#returning].flatMap((runId) => {
      const run = this.#running.get(runId);
      return run?.queue === name && isChosen(run.jobId) ? [{ runId, jobId: run.jobId }] : [];
    });
    const pending = this.#lines
      .of(name)
      .filter(({ job }) => isChosen(job.id))
      .flatMap((line) => line.runs.slice(0, LISTED_QUEUE_RUNS).map((run) => ({ ...run, priority: line.priority })))
      .sort((a, b) => b.priority - a.priority || a.order - b.order)
      .map(({ run }) => ({ runId: run.id, jobId: run.jobId }));
    return {
      holding: holding.slice(0, LISTED_QUEUE_RUNS),
      waiting: [...returning, ...pending].slice(0, LISTED_QUEUE_RUNS),
    };
  }

  /**
   * Returns true if there is no slot for a new run of the job: all are taken, or a waiting run comes first. Those of backfills come after
   * it.
   */
  isFull(job: Job): boolean {
    const queue = job.queue ?? null;
    if (this.#limits.maxJobs === null && queue === null) return false;
    if (!this.#hasSlot(queue)) return true;
    const returning = this.nextReturning();
    if (this.#limits.maxJobs !== null) return returning !== null || comesFirst(this.#nextLine());
    return (returning !== null && this.#queueOf(returning) === queue) || comesFirst(this.#firstOf(queue));
  }

  #hasSlot(queue: string | null): boolean {
    return (
      !this.#isAtLimit && (queue === null || (this.#taken.get(queue) ?? 0) < queueLimit(this.#limits.queues, queue))
    );
  }

  get #isAtLimit(): boolean {
    return this.#limits.maxJobs !== null && this.#takenTotal >= this.#limits.maxJobs;
  }

  #queueOf(runId: RunId): string | null {
    return this.#running.get(runId)?.queue ?? null;
  }

  /** Frees the slots of a running run. The run still counts for the limit of its job. */
  park(runId: RunId): void {
    const run = this.#running.get(runId);
    if (run === undefined || run.isParked) return;
    run.isParked = true;
    this.#count(run.queue, -1);
  }

  /** Takes the slots of a parked run again. If none is free for it, returns false, and the run waits for its turn. */
  unpark(runId: RunId): boolean {
    const run = this.#running.get(runId);
    if (run?.isParked !== true) return true;
    this.#returning.add(runId);
    if (this.nextReturning() !== runId) return false;
    this.#returning.delete(runId);
    run.isParked = false;
    this.#count(run.queue, 1);
    return true;
  }

  /** Returns the first parked run that wants its slots again and for which they are free, or null. */
  nextReturning(): RunId | null {
    if (this.#isAtLimit) return null;
    for (const runId of this.#returning) if (this.#hasSlot(this.#queueOf(runId))) return runId;
    return null;
  }

  /** Takes the slots of a run. The caller has checked that they are free. */
  enter(job: Pick<Job, "id" | "queue">, runId: RunId): void {
    if (this.#running.has(runId)) return;
    const { id: jobId, queue = null } = job;
    this.#running.set(runId, { jobId, queue, isParked: false });
    this.#runningByJob.set(jobId, (this.#runningByJob.get(jobId) ?? new Set()).add(runId));
    this.#count(queue, 1);
  }

  /**
   * Frees the slots of a run that has ended. If `isAwaited`, its parent has to see the end first: until `release` is called, the
   * slots stay taken and no child run of the same job starts.
   */
  leave(runId: RunId, { isAwaited = false }: { readonly isAwaited?: boolean } = {}): void {
    const run = this.#running.get(runId);
    if (run === undefined) return;
    if (isAwaited) this.#unseen.set(runId, run.jobId);
    this.#running.delete(runId);
    const ofJob = this.#runningByJob.get(run.jobId);
    ofJob?.delete(runId);
    if (ofJob?.size === 0) this.#runningByJob.delete(run.jobId);
    this.#returning.delete(runId);
    if (run.isParked) return;
    if (isAwaited) this.#reserved.set(runId, run.queue);
    else this.#count(run.queue, -1);
  }

  /** Frees the slots of an ended run whose parent has seen the end. */
  release(runId: RunId): void {
    this.#unseen.delete(runId);
    const queue = this.#reserved.get(runId);
    if (queue === undefined) return;
    this.#reserved.delete(runId);
    this.#count(queue, -1);
  }

  #count(queue: string | null, by: 1 | -1): void {
    const count = (this.#taken.get(queue) ?? 0) + by;
    if (count === 0) this.#taken.delete(queue);
    else this.#taken.set(queue, count);
    this.#takenTotal += by;
  }

  /** Counts the runs of a job as those of another one. */
  rename(rename: RunRename): void {
    const { from, to } = rename;
    const moved = this.#runningByJob.get(from) ?? new Set();
    this.#runningByJob.delete(from);
    if (moved.size > 0) this.#runningByJob.set(to, moved.union(this.#runningByJob.get(to) ?? new Set()));
    for (const run of this.#running.values()) if (run.jobId === from) run.jobId = to;
    for (const [runId, jobId] of this.#unseen) if (jobId === from) this.#unseen.set(runId, to);
    this.#lines.rename(rename);
  }

  /** Adds a pending run, behind those of the same priority. */
  enqueue(waiting: WaitingRun): void {
    this.#lines.add(waiting);
  }

  /** Removes a run from the pending ones, if it is one. `putBack` undoes that: the run gets its old position. */
  takeOut(runId: RunId): TakenOut {
    return this.#lines.takeOut(runId);
  }

  /** The pending runs: the highest priority first, then the oldest. */
  get waiting(): readonly WaitingRun[] {
    return this.#lines.all;
  }

  /** Returns the pending runs of a job, in the same order. */
  waitingOf(jobId: JobId): readonly WaitingRun[] {
    return this.#lines.all.filter(({ job }) => job.id === jobId);
  }

  findWaiting(runId: RunId): WaitingRun | null {
    return this.#lines.find(runId);
  }

  /**
   * Returns the pending run that starts next, or null if there is no slot for one. Null also while the first in order has a slot but
   * must wait for its parent: later runs don't take that slot.
   */
  nextStartable(): WaitingRun | null {
    const next = this.#nextLine();
    return next === null || this.#isUnseen(next) ? null : (next.runs[0] ?? null);
  }

  #nextLine(): Line | null {
    if (this.#isAtLimit || this.nextReturning() !== null) return null;
    let next: Line | null = null;
    for (const queue of this.#lines.queues) {
      const first = this.#hasSlot(queue) ? this.#firstOf(queue) : null;
      if (first !== null && (next === null || isBefore(first, next))) next = first;
    }
    return next;
  }

  /** Returns the line of a queue whose first run is the next to start, or null. Skips jobs at their limit and runs with shut gates. */
  #firstOf(queue: string | null): Line | null {
    let next: Line | null = null;
    for (const line of this.#lines.of(queue))
      if ((next === null || isBefore(line, next)) && !this.#isAtJobLimit(line.job) && !this.#isLineGated(line))
        next = line;
    return next;
  }

  #isLineGated({ runs: [first] }: Line): boolean {
    return first !== undefined && this.#isGated(first);
  }

  /** Returns whether a parent may still end the first run of a line, because it has not seen the end of another child run yet. */
  #isUnseen({ job, runs: [first] }: Line): boolean {
    return first?.run.trigger === "job" && this.#unseen.values().some((jobId) => jobId === job.id);
  }

  #isAtJobLimit({ id, maxConcurrency }: Job): boolean {
    return maxConcurrency !== null && this.countRunning(id) >= maxConcurrency;
  }

  /** Returns what a run waits for that has no slots; null if nothing keeps it, or if it has them. Cheaper than `waitsFor`. */
  waitingFor(runId: RunId): "queue" | "gates" | null {
    const waiting = this.#lines.find(runId);
    if (waiting !== null) return this.#pendingWaitingFor(waiting);
    return this.#returning.has(runId) && this.#slotFor(this.#queueOf(runId), NONE_AHEAD) !== null ? "queue" : null;
  }

  get pendingIds(): readonly RunId[] {
    return this.#lines.all.map(({ run }) => run.id);
  }

  /** Returns what the pending runs wait for, of all jobs or of some. All runs of a line wait for the same. */
  countWaiting(jobIds: ReadonlySet<JobId> | null): WaitingCounts {
    const counts = { queue: 0, gates: 0 };
    for (const queue of this.#lines.queues)
      for (const { job, runs } of this.#lines.of(queue)) {
        const [first] = runs;
        const code = first === undefined || jobIds?.has(job.id) === false ? null : this.#pendingWaitingFor(first);
        if (code !== null) counts[code] += runs.length;
      }
    return { ...(counts.queue > 0 && { queue: counts.queue }), ...(counts.gates > 0 && { gates: counts.gates }) };
  }

  #pendingWaitingFor(waiting: WaitingRun): "queue" | "gates" | null {
    const code = this.#pendingWaitCode(waiting);
    return code === null || code === "gates" ? code : "queue";
  }

  /** Returns the limit that a pending run waits for; null if nothing keeps it, or if it is not pending. Cheaper than `waitsFor`. */
  waitCode(runId: RunId): WaitsFor["code"] | null {
    const waiting = this.#lines.find(runId);
    return waiting === null ? null : this.#pendingWaitCode(waiting);
  }

  #pendingWaitCode(waiting: WaitingRun): WaitsFor["code"] | null {
    if (this.#isAtJobLimit(waiting.job)) return "max_concurrency";
    if (this.#isGated(waiting)) return "gates";
    return this.#slotFor(waiting.job.queue ?? null, NONE_AHEAD)?.code ?? null;
  }

  /** Returns the limit that a pending run, or a parked one that wants its slots again, waits for; null if there is none. */
  waitsFor(runId: RunId): WaitsFor | null {
    const waiting = this.#lines.find(runId);
    if (waiting !== null) return this.#pendingWaitsFor(waiting);
    return this.#returning.has(runId) ? this.#returningWaitsFor(runId) : null;
  }

  #pendingWaitsFor(waiting: WaitingRun): WaitsFor | null {
    const { run, job } = waiting;
    const { id, maxConcurrency, queue = null } = job;
    const ahead = (isAlike: (line: Line) => boolean): number => this.#lines.countBefore(run.id, isAlike);
    if (maxConcurrency !== null && this.#isAtJobLimit(job)) {
      const running = this.countRunning(id);
      const isOfJob = (line: Line): boolean => line.job.id === id;
      return { code: "max_concurrency", queue: null, limit: maxConcurrency, running, ahead: ahead(isOfJob) };
    }
    if (this.#isGated(waiting)) return { code: "gates", queue: null, limit: null, running: null, ahead: 0 };
    return this.#slotFor(queue, {
      inQueue: () => this.#countReturning(queue) + ahead((line) => (line.job.queue ?? null) === queue),
      inAll: () => this.#returning.size + ahead(() => true),
    });
  }

  #returningWaitsFor(runId: RunId): WaitsFor | null {
    const queue = this.#queueOf(runId);
    const ids = [...this.#returning];
    const before = ids.slice(0, ids.indexOf(runId));
    return this.#slotFor(queue, {
      inQueue: () => before.filter((id) => this.#queueOf(id) === queue).length,
      inAll: () => before.length,
    });
  }

  #slotFor(
    queue: string | null,
    ahead: { readonly inQueue: () => number; readonly inAll: () => number },
  ): WaitsFor | null {
    const { maxJobs, queues } = this.#limits;
    const running = this.#taken.get(queue) ?? 0;
    if (queue !== null && running >= queueLimit(queues, queue))
      return { code: "queue", queue, limit: queueLimit(queues, queue), running, ahead: ahead.inQueue() };
    if (maxJobs === null || !this.#isAtLimit) return null;
    return { code: "max_jobs", queue: null, limit: maxJobs, running: this.#takenTotal, ahead: ahead.inAll() };
  }

  #countReturning(queue: string | null): number {
    return [...this.#returning].filter((id) => this.#queueOf(id) === queue).length;
  }
}

const NONE_AHEAD = { inQueue: () => 0, inAll: () => 0 };

/** Returns whether the next run of a line starts before a new one. */
const comesFirst = (line: Line | null): boolean => {
  const first = line?.runs[0];
  return first !== undefined && !isBackfilled(first.run);
};

const isBefore = (one: Line, other: Line): boolean =>
  one.priority === other.priority
    ? (one.runs[0]?.order ?? Number.POSITIVE_INFINITY) < (other.runs[0]?.order ?? Number.POSITIVE_INFINITY)
    : one.priority > other.priority;
