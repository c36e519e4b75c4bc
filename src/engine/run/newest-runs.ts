import type { JobId } from "../../domain/ids.ts";
import type { Run } from "../../domain/run.ts";

/** The newest run of each job, at hand: every look at a job shows it. */
export class NewestRuns {
  readonly #byJob = new Map<JobId, Run>();

  find(jobId: JobId): Run | null {
    return this.#byJob.get(jobId) ?? null;
  }

  /** The jobs that have runs; those that are gone have some as well. */
  get jobIds(): Iterable<JobId> {
    return this.#byJob.keys();
  }

  /** As they are stored. */
  load(runs: ReadonlyMap<JobId, Run>): void {
    for (const [jobId, run] of runs) this.#byJob.set(jobId, run);
  }

  /** What is left after some of a job's were deleted; null is none. */
  put(jobId: JobId, run: Run | null): void {
    if (run === null) this.#byJob.delete(jobId);
    else this.#byJob.set(jobId, run);
  }

  /** A run that has just been made, whatever the clock said when those before it were. */
  add(run: Run): void {
    this.#byJob.set(run.jobId, run);
  }

  /** A newer state of a run, which may not be the newest one any more. */
  update(run: Run): void {
    const known = this.#byJob.get(run.jobId);
    if (known === undefined || known.id === run.id) this.#byJob.set(run.jobId, run);
  }
}
