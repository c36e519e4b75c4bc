import type { JobId } from "../domain/ids.ts";
import type { Problem } from "../jobfile/problem.ts";
import { brokenFiles, type JobFiles } from "../jobfile/read-dir.ts";
import type { StoredJob } from "../store/store.ts";
import type { EngineOptions } from "./options.ts";

/** The jobs as they are now. */
export class Jobs {
  readonly #options: EngineOptions;
  #jobs: ReadonlyMap<JobId, StoredJob> = new Map();
  #problems: readonly Problem[] = [];

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  get all(): ReadonlyMap<JobId, StoredJob> {
    return this.#jobs;
  }

  /** By an id as it came from outside. */
  find(jobId: string): StoredJob | null {
    const byText: ReadonlyMap<string, StoredJob> = this.#jobs;
    return byText.get(jobId) ?? null;
  }

  /** Reads JOBS_DIR and stores what it says; jobs of broken files keep their last good version. */
  async load(): Promise<void> {
    const { store, clock, readJobs } = this.#options;
    const files = await readJobs();
    const jobs = [...files.jobs, ...this.#keptOf(files)].sort((a, b) => (a.id < b.id ? -1 : 1));
    this.#jobs = store.saveJobs(jobs, clock.now());
    this.#problems = files.problems;
  }

  #keptOf(files: JobFiles): readonly StoredJob["job"][] {
    if (files.broken.length === 0) return [];
    const isBroken = brokenFiles(files.broken);
    const valid = new Set(files.jobs.map(({ id }) => id));
    return [...this.#options.store.listJobs().values()]
      .map(({ job }) => job)
      .filter((job) => isBroken(job.source.file) && !valid.has(job.id));
  }
}
