import type { JobId } from "../../domain/ids.ts";
import type { Run } from "../../domain/run.ts";

/** Caches the newest run of each job, which every view of a job shows. */
export class NewestRuns {
  readonly #byJob = new Map<JobId, Run>();

  find(jobId: JobId): Run | null {
    return this.#byJob.get(jobId) ?? null;
  }

  /** All jobs that have runs, including removed jobs. */
  get jobIds(): Iterable<JobId> {
    return this.#byJob.keys();
  }

  load(runs: ReadonlyMap<JobId, Run>): void {
    for (const [jobId, run] of runs) this.#byJob.set(jobId, run);
  }

  /** Replaces the newest run of a job after runs were deleted; null if none is left. */
  set(jobId: JobId, run: Run | null): void {
    if (run === null) this.#byJob.delete(jobId);
    else this.#byJob.set(jobId, run);
  }

  /** Adds a new run. It is the newest by definition, whatever the clock says. */
  add(run: Run): void {
    this.#byJob.set(run.jobId, run);
  }

  /** Updates the state of a run, unless a newer run of the job exists. */
  update(run: Run): void {
    const known = this.#byJob.get(run.jobId);
    if (known === undefined || known.id === run.id) this.#byJob.set(run.jobId, run);
  }
}
