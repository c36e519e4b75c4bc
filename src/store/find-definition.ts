import type { Job } from "../domain/job.ts";
import type { SqlDatabase } from "../runtime/runtime.ts";
import { json } from "./database/rows.ts";

/** Returns the last good definition of a job from a database of any schema, or null if it has no such job. */
export const findDefinition = (db: SqlDatabase, jobId: string): Job | null => {
  const row = db
    .prepare(
      `SELECT definition FROM jobs JOIN job_versions ON job_versions.id = jobs.version
       WHERE jobs.id = $jobId AND removed_at IS NULL`,
    )
    .get({ jobId });
  return row === null ? null : json<Job>(row, "definition");
};
