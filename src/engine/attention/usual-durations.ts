import { type UsualDuration, usualDuration } from "../../domain/attention.ts";
import type { JobId } from "../../domain/ids.ts";
import type { Run } from "../../domain/run.ts";
import type { Store } from "../../store/store.ts";

/** Number of completed runs that say how long a job usually takes. */
const NEWEST = 20;

/** Caches how long jobs usually take, for the jobs that somebody asked about. */
export class UsualDurations {
  readonly #store: Store;
  readonly #byJob = new Map<JobId, UsualDuration | null>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Call it when the end of a run is stored. */
  noteEnd({ jobId, status }: Run): void {
    if (status === "completed") this.#byJob.delete(jobId);
  }

  /** Call it when the history of a job was moved to another one. */
  noteRenamed(from: JobId, to: JobId): void {
    this.#byJob.delete(from);
    this.#byJob.delete(to);
  }

  /** Returns null if too few runs of the job have completed. */
  find(jobId: JobId): UsualDuration | null {
    const known = this.#byJob.get(jobId);
    if (known !== undefined) return known;
    const usual = usualDuration(this.#store.runs.listCompletedDurations(jobId, NEWEST));
    this.#byJob.set(jobId, usual);
    return usual;
  }
}
