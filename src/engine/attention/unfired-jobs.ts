import { setImmediate } from "node:timers/promises";
import type { JobId } from "../../domain/ids.ts";
import { isDeliberate, PAUSED_TOO_LONG_MS, UNFIRED_IN_A_ROW, type UnfiredStreak } from "../../domain/inbox/unfired.ts";
import type { Job, Pause } from "../../domain/job.ts";
import type { Clock } from "../../lib/clock.ts";
import type { CountedStreak } from "../../store/occurrences.ts";
import type { Store } from "../../store/store.ts";

export type UnfiredJobsOptions = {
  readonly store: Pick<Store, "occurrences">;
  readonly clock: Clock;
  readonly pauses: {
    readonly scheduler: Pause | null;
    findJob(jobId: JobId): Pause | null;
  };
  /** The jobs that job files define. */
  readonly jobs: () => Iterable<{ readonly job: Job }>;
};

/** A job whose schedule starts no runs. `pause` is that of the job. */
export type UnfiredJob = {
  readonly job: Job;
  readonly streak: UnfiredStreak;
  readonly pause: Pause | null;
};

/** How many jobs one slice examines, and for about how long. Other work runs between two slices. */
const SLICE = 50;
const SLICE_MS = 5;

/**
 * Caches how many occurrences in a row started no run. An occurrence only marks its job, and only if it may change something: the next
 * reader reads the ledger for marked jobs, and for no others.
 */
export class UnfiredJobs {
  readonly #options: UnfiredJobsOptions;
  readonly #streaks = new Map<JobId, CountedStreak>();
  readonly #changed = new Set<JobId>();
  /** Changed jobs of which more than the newest occurrences may have changed. */
  readonly #recounted = new Set<JobId>();
  #isLoaded = false;

  constructor(options: UnfiredJobsOptions) {
    this.#options = options;
  }

  /** Call it when the newest occurrences of a job are stored. An occurrence that started a run changes nothing about most jobs. */
  noteDecided(jobId: JobId, { hasFired }: { readonly hasFired: boolean }): void {
    if (!hasFired || this.#streaks.has(jobId)) this.#changed.add(jobId);
    // After the clock was set back, an older occurrence can have started the run.
    if (hasFired) this.#recounted.add(jobId);
  }

  /** Call it when the history of a job was moved to another one. */
  noteRenamed(from: JobId, to: JobId): void {
    for (const jobId of [from, to]) {
      this.#changed.add(jobId);
      this.#recounted.add(jobId);
    }
  }

  /** Returns the jobs that have not run as expected. */
  async list(): Promise<readonly UnfiredJob[]> {
    this.#load();
    for (let first = true; this.#changed.size > 0; first = false) {
      if (!first) await setImmediate();
      const until = this.#options.clock.monotonic() + SLICE_MS;
      for (const jobId of [...this.#changed].slice(0, SLICE)) {
        this.#update(jobId);
        if (this.#options.clock.monotonic() > until) break;
      }
    }
    const found: UnfiredJob[] = [];
    for (const { job } of this.#options.jobs()) {
      const unfired = this.#judge(job);
      if (unfired !== null) found.push(unfired);
    }
    return found;
  }

  /** Returns the other jobs whose newest occurrence started no run, as `list` found them last. */
  listShort(): readonly UnfiredJob[] {
    if (this.#streaks.size === 0) return [];
    const found: UnfiredJob[] = [];
    for (const { job } of this.#options.jobs()) {
      const streak = this.#streaks.get(job.id);
      if (streak !== undefined && job.schedule !== null && this.#judge(job) === null)
        found.push({ job, streak, pause: this.#options.pauses.findJob(job.id) });
    }
    return found;
  }

  /** Returns a job if it has not run as expected. */
  find(job: Job): UnfiredJob | null {
    this.#load();
    if (this.#changed.has(job.id)) this.#update(job.id);
    return this.#judge(job);
  }

  /** Marks the jobs whose newest occurrence started no run, once. */
  #load(): void {
    if (this.#isLoaded) return;
    const { store, jobs } = this.#options;
    const ids = [...jobs()].flatMap(({ job }) => (job.schedule === null ? [] : [job.id]));
    for (const jobId of store.occurrences.listUnfiredJobs(ids)) this.#changed.add(jobId);
    this.#isLoaded = true;
  }

  #update(jobId: JobId): void {
    const known = this.#recounted.has(jobId) ? null : (this.#streaks.get(jobId) ?? null);
    const streak = this.#options.store.occurrences.findUnfiredStreak(jobId, known);
    this.#changed.delete(jobId);
    this.#recounted.delete(jobId);
    if (streak === null) this.#streaks.delete(jobId);
    else this.#streaks.set(jobId, streak);
  }

  #judge(job: Job): UnfiredJob | null {
    if (job.schedule === null) return null;
    const { clock, pauses } = this.#options;
    const pause = pauses.findJob(job.id);
    const streak = this.#streaks.get(job.id) ?? null;
    const longSince = clock.now() - PAUSED_TOO_LONG_MS;
    if (pause !== null && pause.at <= longSince)
      return { job, pause, streak: streak ?? { since: pause.at, count: 0, newest: "paused", reasons: [] } };
    if (streak === null) return null;
    // Somebody has resumed or enabled it; the next occurrence shows whether that was enough.
    if (streak.newest === "paused" && pause === null && pauses.scheduler === null) return null;
    if (streak.newest === "disabled" && job.enabled) return null;
    const isLong = streak.count >= UNFIRED_IN_A_ROW || (isDeliberate(streak.newest) && streak.since <= longSince);
    return isLong ? { job, streak, pause } : null;
  }
}
