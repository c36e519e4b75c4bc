import type { JobId, RunId, TaskId } from "../../domain/ids.ts";
import { MAX_NEAR_LIMIT_RUNS, type NearLimit } from "../../domain/limits/near-limit.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { flag, id, integer } from "../database/rows.ts";

/** Attempts that nearly used up their limit of memory. */
export interface NearLimitStore {
  /** Returns the jobs that have such an attempt. */
  listJobsNearLimit(): readonly JobId[];
  /** Returns the tasks of a job whose newest run that measured them came near their limit. */
  listNearLimit(jobId: JobId): readonly NearLimit[];
}

/** As the condition of the index `attempts_near_limit`, so that SQLite uses it. It is `NEAR_LIMIT`. */
const IS_NEAR = "memory_peak >= memory_limit * 0.9";

const NEWEST = `SELECT seq FROM runs WHERE job_id = $jobId AND ended_at IS NOT NULL ORDER BY seq DESC LIMIT ${MAX_NEAR_LIMIT_RUNS}`;

export const createNearLimitStore = ({ sql }: StoreContext): NearLimitStore => ({
  listJobsNearLimit: () =>
    sql
      .all(
        `SELECT DISTINCT job_id FROM (SELECT DISTINCT run FROM attempts INDEXED BY attempts_near_limit WHERE ${IS_NEAR}) AS near
         JOIN runs ON runs.seq = near.run`,
        {},
      )
      .map((row) => id<JobId>(row, "job_id")),

  listNearLimit: (jobId) =>
    sql
      .all(
        `SELECT DISTINCT task_id FROM (${NEWEST}) AS newest
         CROSS JOIN attempts INDEXED BY attempts_near_limit ON attempts.run = newest.seq AND ${IS_NEAR}`,
        { jobId },
      )
      .flatMap((row) => {
        const taskId = id<TaskId>(row, "task_id");
        const runs = sql.all(
          // With max(), the other columns are those of the row that has it (https://sqlite.org/lang_select.html#bareagg).
          `SELECT runs.id, runs.ended_at, memory_peak, memory_limit, coalesce(${IS_NEAR}, 0) AS is_near,
             max(coalesce(memory_peak * 1.0 / memory_limit, 0)) AS share
           FROM (${NEWEST}) AS newest CROSS JOIN runs ON runs.seq = newest.seq
             CROSS JOIN attempts ON attempts.run = newest.seq AND task_id = $taskId AND memory_peak IS NOT NULL
           GROUP BY runs.seq ORDER BY runs.seq DESC`,
          { jobId, taskId },
        );
        return streakOf(runs, { jobId, taskId });
      }),
});

const streakOf = (runs: readonly SqlRow[], task: { readonly jobId: JobId; readonly taskId: TaskId }) => {
  const firstOther = runs.findIndex((row) => !flag(row, "is_near"));
  const near = firstOther === -1 ? runs : runs.slice(0, firstOther);
  const [newest, oldest] = [near[0], near.at(-1)];
  if (newest === undefined || oldest === undefined) return [];
  return [
    {
      ...task,
      runId: id<RunId>(newest, "id"),
      peakBytes: integer(newest, "memory_peak"),
      limitBytes: integer(newest, "memory_limit"),
      count: near.length,
      since: integer(oldest, "ended_at"),
    },
  ];
};
