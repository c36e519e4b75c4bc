import type { JobId } from "../../domain/ids.ts";
import type { Pause } from "../../domain/job.ts";
import type { Store } from "../../store/store.ts";

/** The pauses of the scheduler and of single jobs. They survive a restart. */
export class Pauses {
  readonly #store: Store;
  #scheduler: Pause | null = null;
  #jobs = new Map<JobId, Pause>();

  constructor(store: Store) {
    this.#store = store;
  }

  load(): void {
    this.#scheduler = this.#store.scheduler.findPause();
    this.#jobs = new Map(this.#store.jobs.listPaused());
  }

  /** The pause of the scheduler, or null. */
  get scheduler(): Pause | null {
    return this.#scheduler;
  }

  /** Returns the pause of a job, or null. It does not include that of the scheduler. */
  findJob(jobId: JobId): Pause | null {
    return this.#jobs.get(jobId) ?? null;
  }

  /** Returns whether occurrences of a job are skipped. */
  isPaused(jobId: JobId): boolean {
    return this.#scheduler !== null || this.#jobs.has(jobId);
  }

  /** Pauses or resumes the scheduler for `by`. */
  setScheduler(isPaused: boolean, now: number, by: string | null): void {
    const pause = isPaused ? { at: now, by } : null;
    this.#store.scheduler.setPaused(pause, now, by);
    this.#scheduler = pause;
  }

  /** Pauses or resumes a job for `by`. */
  setJob(jobId: JobId, isPaused: boolean, { now, by }: { readonly now: number; readonly by: string | null }): void {
    const pause = isPaused ? { at: now, by } : null;
    this.#store.jobs.setPaused(jobId, pause, { now, by });
    if (pause === null) this.#jobs.delete(jobId);
    else this.#jobs.set(jobId, pause);
  }
}
