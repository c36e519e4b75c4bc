import type { JobId } from "../../domain/ids.ts";
import { NEAR_LIMIT_RUNS, type NearLimit } from "../../domain/limits/near-limit.ts";
import type { Store } from "../../store/store.ts";

/** Finds the tasks whose newest runs nearly used up their limit of memory. Reads only jobs of which a run has ended since it was last asked. */
export class NearLimits {
  readonly #store: Store;
  readonly #byJob = new Map<JobId, readonly NearLimit[]>();
  /** The jobs that are to be read; null until the first list. */
  #changed: Set<JobId> | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Call it when the end of a run is stored, or runs of a job were deleted. */
  noteChange(jobId: JobId): void {
    this.#changed?.add(jobId);
  }

  /** Call it when the history of a job was moved to another one. */
  noteRenamed(from: JobId, to: JobId): void {
    this.noteChange(from);
    this.noteChange(to);
  }

  list(): readonly NearLimit[] {
    const { runs } = this.#store;
    this.#changed ??= new Set(runs.listJobsNearLimit());
    for (const jobId of this.#changed) {
      const found = runs.listNearLimit(jobId).filter(({ count }) => count >= NEAR_LIMIT_RUNS);
      if (found.length === 0) this.#byJob.delete(jobId);
      else this.#byJob.set(jobId, found);
      this.#changed.delete(jobId);
    }
    return [...this.#byJob.values()].flat();
  }
}
