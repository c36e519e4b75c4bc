import type { JobId } from "../ids.ts";
import type { Job } from "../job.ts";

type StoredIds = {
  /** Returns whether the store has the job, and a job file has defined it until now. */
  readonly isCurrent: (jobId: JobId) => boolean;
  /** Returns the id that a job has now, if it was renamed before. */
  readonly currentId: (jobId: JobId) => JobId;
};

/** Returns the ids of which a job takes over the history: its former ids, without those of other `jobs`. */
export const formerIds = (
  { id, formerly = [] }: Job,
  jobs: { readonly has: (jobId: JobId) => boolean },
  currentId: StoredIds["currentId"],
): readonly JobId[] => [...new Set(formerly.map(currentId))].filter((former) => former !== id && !jobs.has(former));

/**
 * Returns which of the new `jobs` continues the schedule of which stored one, by the id of the stored one. A job that has a schedule of
 * its own already, or more than one former id, continues at most one.
 */
export const continuedJobs = (jobs: readonly Job[], { isCurrent, currentId }: StoredIds): ReadonlyMap<JobId, Job> => {
  const ids = new Set(jobs.map(({ id }) => id));
  const continued = new Map<JobId, Job>();
  for (const job of jobs) {
    if (job.formerly === undefined || isCurrent(job.id)) continue;
    const former = formerIds(job, ids, currentId).find((id) => isCurrent(id) && !continued.has(id));
    if (former !== undefined) continued.set(former, job);
  }
  return continued;
};
