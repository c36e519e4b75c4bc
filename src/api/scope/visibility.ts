import type { JobId } from "../../domain/ids.ts";
import { isInScope, type JobScope } from "../../domain/people/scope.ts";
import type { KnownJob } from "../../engine/engine.ts";

/**
 * The jobs that somebody with a limit may know of. A job counts by its present id and its present tags, also for its earlier runs; one that
 * no job file defines any more by those that it had last.
 */
export class Visibility {
  readonly #engine: { readonly knownJobs: readonly KnownJob[] };
  readonly #scope: JobScope;
  #of: readonly KnownJob[] | null = null;
  #jobIds: ReadonlySet<JobId> = new Set();

  constructor(engine: { readonly knownJobs: readonly KnownJob[] }, scope: JobScope) {
    this.#engine = engine;
    this.#scope = scope;
  }

  /** The ids of these jobs. It is the same object until they change. */
  get jobIds(): ReadonlySet<JobId> {
    const { knownJobs } = this.#engine;
    if (knownJobs === this.#of) return this.#jobIds;
    const jobIds = new Set(knownJobs.flatMap((job) => (isInScope(this.#scope, job) ? [job.id] : [])));
    const hasChanged = jobIds.size !== this.#jobIds.size || jobIds.symmetricDifference(this.#jobIds).size > 0;
    if (hasChanged) this.#jobIds = jobIds;
    this.#of = knownJobs;
    return this.#jobIds;
  }

  has(jobId: JobId | null): boolean {
    return jobId !== null && this.jobIds.has(jobId);
  }

  /** Returns those of some jobs that may be known; all of them for null. */
  within<Id extends string>(jobIds: ReadonlySet<Id> | readonly Id[] | null): ReadonlySet<JobId> {
    if (jobIds === null) return this.jobIds;
    const asked: ReadonlySet<string> = new Set(jobIds);
    return new Set([...this.jobIds].filter((jobId) => asked.has(jobId)));
  }
}
