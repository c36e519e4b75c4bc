import type { JobId, RunId, TaskId } from "../../domain/ids.ts";
import { REASONS, RUN_STATUSES, type Run } from "../../domain/run.ts";
import { TASK_STATUSES, type TaskRun } from "../../domain/task-run.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { flag, id, integer, integerOrNull, word, wordOrNull } from "../database/rows.ts";

export interface TaskHistoryStore {
  /** Returns what became of each task of a job in its newest runs. */
  getTaskHistory(jobId: JobId, limits: TaskHistoryLimits): TaskHistory;
}

type TaskHistoryLimits = {
  readonly runs: number;
  readonly tasks: number;
};

export type TaskHistory = {
  /** Newest last. */
  readonly runs: readonly HistoryRun[];
  /** In the order of the newest run; then those that only earlier runs have. */
  readonly tasks: readonly { readonly taskId: TaskId; readonly results: readonly HistoryResult[] }[];
  /** Number of tasks of the runs, with those beyond the limit. */
  readonly taskCount: number;
};

type HistoryRun = Pick<Run, "id" | "status" | "startedAt">;

/** What became of a task in a run. */
export type HistoryResult = Pick<
  TaskRun,
  "runId" | "status" | "reason" | "startedAt" | "endedAt" | "exitCode" | "reused"
> & {
  /** The definition that the run uses. */
  readonly versionId: number;
};

export const createTaskHistoryStore = ({ sql }: StoreContext): TaskHistoryStore => ({
  getTaskHistory: (jobId, { runs, tasks }) => {
    const rows = sql.all(HISTORY, { jobId, runs, tasks });
    const byTask = [...Map.groupBy(rows, (row) => id<TaskId>(row, "task_id"))];
    return {
      runs: (byTask[0]?.[1] ?? []).map(toRun),
      tasks: byTask.map(([taskId, cells]) => ({
        taskId,
        results: cells.filter(({ status }) => status !== null).map(toResult),
      })),
      taskCount: rows[0] === undefined ? 0 : integer(rows[0], "task_count"),
    };
  },
});

/** A row for each pair of a task and a run; without a status if the run does not have the task. */
const HISTORY = `
  WITH newest AS MATERIALIZED (
    SELECT seq, id, version, status, started_at FROM runs WHERE job_id = $jobId ORDER BY seq DESC LIMIT $runs),
  chosen AS MATERIALIZED (
    SELECT task_id, max(run) AS latest, position, count(*) OVER () AS task_count
    FROM newest CROSS JOIN task_runs ON task_runs.run = newest.seq
    GROUP BY task_id ORDER BY latest DESC, position LIMIT $tasks)
  SELECT chosen.task_id, task_count, newest.id AS run_id, newest.version, newest.status AS run_status,
    newest.started_at AS run_started_at, task.status, task.reason, task.started_at, task.ended_at, task.exit_code, task.reused
  FROM chosen CROSS JOIN newest LEFT JOIN task_runs AS task ON task.run = newest.seq AND task.task_id = chosen.task_id
  ORDER BY chosen.latest DESC, chosen.position, newest.seq`;

const toRun = (row: SqlRow): HistoryRun => ({
  id: id<RunId>(row, "run_id"),
  status: word(row, "run_status", RUN_STATUSES),
  startedAt: integerOrNull(row, "run_started_at"),
});

const toResult = (row: SqlRow): HistoryResult => ({
  runId: id<RunId>(row, "run_id"),
  versionId: integer(row, "version"),
  status: word(row, "status", TASK_STATUSES),
  reason: wordOrNull(row, "reason", REASONS),
  startedAt: integerOrNull(row, "started_at"),
  endedAt: integerOrNull(row, "ended_at"),
  exitCode: integerOrNull(row, "exit_code"),
  reused: flag(row, "reused"),
});
