import type { Job } from "../domain/job.ts";
import type { Problem } from "./problem.ts";

/** What a JOBS_DIR holds. */
export type JobFiles = {
  /** The valid jobs, by id. */
  readonly jobs: readonly Job[];
  /** Everything that is wrong, by file and place. */
  readonly problems: readonly Problem[];
  /** The files that have a problem, relative to JOBS_DIR: their jobs keep their last good version. */
  readonly broken: readonly string[];
};
