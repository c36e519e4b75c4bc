import { setImmediate } from "node:timers/promises";
import { type Attention, isFlapping, RECENT_RESULTS, type RunFailure } from "../../domain/attention.ts";
import type { JobId, RunId } from "../../domain/ids.ts";
import type { Run, RunParent } from "../../domain/run.ts";
import type { Store } from "../../store/store.ts";
import type { NewestRuns } from "../run/newest-runs.ts";

export type JobResultsOptions = { readonly store: Store; readonly newestRuns: NewestRuns };

export type FailingOrFlapping = Extract<Attention, { readonly kind: "job_failing" | "job_flapping" }>;

/** Everything but why the run failed, which is read when somebody asks. */
type Standing = FailingOrFlapping extends infer Each ? (Each extends unknown ? Omit<Each, "failure"> : never) : never;

/** Jobs that one slice examines, which takes about 2 ms. Other work runs between two slices. */
const SLICE = 20;

/** How many of the newest failed runs say which jobs may be flapping when petit starts. */
const RECENT_FAILURES = 1_000;

/**
 * Caches which jobs are failing or flapping. The end of a run only marks its job; the next `list` reads the store for marked
 * jobs, and for no others.
 */
export class JobResults {
  readonly #options: JobResultsOptions;
  readonly #standings = new Map<JobId, Standing>();
  readonly #changed = new Set<JobId>();
  readonly #failures = new Map<JobId, { readonly runId: RunId; readonly failure: RunFailure }>();
  /** The run and the task that started the newest failed run of a job, if one did. */
  readonly #parents = new Map<JobId, RunParent>();
  #isLoaded = false;

  constructor(options: JobResultsOptions) {
    this.#options = options;
  }

  /** Call it when the end of a run is stored. A completed run changes nothing about a job that is in order. */
  noteEnd({ jobId, status }: Run): void {
    if (status === "cancelled" || (status === "completed" && !this.#standings.has(jobId))) return;
    this.#changed.add(jobId);
  }

  /** Call it when runs of a job were deleted. */
  noteDeleted(jobId: JobId): void {
    if (this.#standings.has(jobId)) this.#changed.add(jobId);
  }

  /** Call it when the history of a job was moved to another one. */
  noteRenamed(from: JobId, to: JobId): void {
    this.#changed.add(from);
    this.#changed.add(to);
  }

  /** Returns the failing and flapping jobs among `isKnown`, in no order. */
  async list(isKnown: (jobId: JobId) => boolean): Promise<readonly Standing[]> {
    if (!this.#isLoaded) this.#load();
    for (let first = true; this.#changed.size > 0; first = false) {
      if (!first) await setImmediate();
      for (const jobId of [...this.#changed].slice(0, SLICE)) this.#update(jobId);
    }
    return [...this.#standings.values()].filter(({ jobId }) => isKnown(jobId));
  }

  /**
   * Returns the jobs among `standings` whose newest failed run is the child run because of which the newest failed run of another one of
   * them failed, with that other job: it has the line that explains both.
   */
  findExplained(standings: readonly Standing[]): ReadonlyMap<JobId, JobId> {
    const byRun = new Map(standings.map((standing) => [standing.runId, standing]));
    const explained = new Map<JobId, JobId>();
    for (const { jobId } of standings) {
      const started = this.#parents.get(jobId);
      const parent = started === undefined ? undefined : byRun.get(started.runId);
      if (parent !== undefined && this.describe(parent).failure.taskId === started?.taskId)
        explained.set(jobId, parent.jobId);
    }
    return explained;
  }

  /** Adds why the newest failed run failed. */
  describe(standing: Standing): FailingOrFlapping {
    const { jobId, runId } = standing;
    const known = this.#failures.get(jobId);
    if (known?.runId === runId) return { ...standing, failure: known.failure };
    const failure = this.#options.store.runs.describeFailure(runId);
    this.#failures.set(jobId, { runId, failure });
    return { ...standing, failure };
  }

  /** Marks the jobs that may be failing or flapping after a start: all whose newest run did not complete, among others. */
  #load(): void {
    const { store, newestRuns } = this.#options;
    this.#isLoaded = true;
    for (const jobId of newestRuns.jobIds) {
      if (newestRuns.find(jobId)?.status !== "completed") this.#changed.add(jobId);
    }
    for (const jobId of store.runs.listRecentlyFailedJobs(RECENT_FAILURES)) this.#changed.add(jobId);
  }

  #update(jobId: JobId): void {
    const standing = this.#read(jobId);
    this.#changed.delete(jobId);
    this.#parents.delete(jobId);
    if (standing !== null) {
      const parent = this.#options.store.runs.find(standing.runId)?.parent ?? null;
      if (parent !== null) this.#parents.set(jobId, parent);
      this.#standings.set(jobId, standing);
      return;
    }
    this.#standings.delete(jobId);
    this.#failures.delete(jobId);
  }

  #read(jobId: JobId): Standing | null {
    const { runs } = this.#options.store;
    const results = runs.listResults(jobId, RECENT_RESULTS);
    const failed = results.filter(({ hasFailed }) => hasFailed);
    const [newest, oldest] = [failed[0], failed.at(-1)];
    if (newest === undefined || oldest === undefined) return null;
    const recent = { runs: results.length, failed: failed.length };
    const flapping = isFlapping(results.map(({ hasFailed }) => hasFailed));
    if (newest === results[0]) {
      const streak = runs.findStreak(jobId) ?? { since: newest.endedAt, count: 1 };
      return { kind: "job_failing", jobId, runId: newest.id, ...streak, flapping, recent };
    }
    return flapping ? { kind: "job_flapping", jobId, runId: newest.id, since: oldest.endedAt, recent } : null;
  }
}
