import type { JobId, RunId } from "../domain/ids.ts";
import { RUN_STATUSES, type Run, TRIGGERS } from "../domain/run.ts";
import { id, integerOrNull, word } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";

/** As much of a run as a row of many shows. */
export type RecentRun = Pick<Run, "id" | "status" | "trigger" | "startedAt" | "endedAt">;

/** The newest so many runs of each job, the newest last; a seek a job, however many runs there are. */
export const recentRuns = (sql: Statements, limit: number): ReadonlyMap<JobId, readonly RecentRun[]> => {
  const rows = sql.all(
    `SELECT runs.job_id, runs.id, status, "trigger", started_at, ended_at FROM jobs CROSS JOIN runs ON runs.seq IN
       (SELECT seq FROM runs AS newest WHERE newest.job_id = jobs.id ORDER BY seq DESC LIMIT $limit)
     ORDER BY jobs.id, runs.seq`,
    { limit },
  );
  const byJob = new Map<JobId, RecentRun[]>();
  for (const row of rows) {
    const jobId = id<JobId>(row, "job_id");
    const list = byJob.get(jobId);
    const run = {
      id: id<RunId>(row, "id"),
      status: word(row, "status", RUN_STATUSES),
      trigger: word(row, "trigger", TRIGGERS),
      startedAt: integerOrNull(row, "started_at"),
      endedAt: integerOrNull(row, "ended_at"),
    };
    if (list === undefined) byJob.set(jobId, [run]);
    else list.push(run);
  }
  return byJob;
};

/** The runs that retried a run, oldest first. */
export const retriesOf = (sql: Statements, runId: RunId): readonly RunId[] =>
  sql.all("SELECT id FROM runs WHERE retry_of = $runId ORDER BY seq", { runId }).map((row) => id<RunId>(row, "id"));
