import type { RunId, TaskId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { REASONS, type Run } from "../../domain/run.ts";
import { type Outputs, TASK_STATUSES, type TaskOutcome, type TaskRun } from "../../domain/task-run.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { flag, id, integer, integerOrNull, json, textOrNull, word, wordOrNull } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";

export interface TaskRunStore {
  /** Moves a `pending` or `running` task to a final status. */
  finishTask(run: RunKey, taskId: TaskId, end: { readonly outcome: TaskOutcome; readonly now: number }): void;
  /** Returns the tasks of a run in the order of the definition. */
  listTaskRuns(runId: RunId): readonly TaskRun[];
}

export type RunKey = Pick<Run, "id" | "jobId">;

/** A task whose result a retry takes from the previous run. */
export type ReusedTask = { readonly taskId: TaskId; readonly outcome: TaskOutcome };

const RUN = "(SELECT seq FROM runs WHERE id = $runId)";

export const createTaskRunStore = ({ sql, write, recordEvent }: StoreContext): TaskRunStore => ({
  finishTask: write("durable", (run, taskId, { outcome, now }) => {
    const { status, reason, error, exitCode, outputs } = outcome;
    sql.updateOne(
      `UPDATE task_runs SET status = $status, reason = $reason, error = $error, exit_code = $exitCode, outputs = $outputs,
         retry_at = NULL, ended_at = $now
       WHERE run = ${RUN} AND task_id = $taskId AND status IN ('pending', 'running')`,
      { runId: run.id, taskId, now, status, reason, error, exitCode, outputs: JSON.stringify(outputs) },
      "finish a task",
    );
    recordEvent({ type: "task.finished", now, jobId: run.jobId, runId: run.id, taskId, status, reason });
  }),

  listTaskRuns: (runId) =>
    sql
      .all(`SELECT * FROM task_runs WHERE run = ${RUN} ORDER BY position`, { runId })
      .map((row) => toTaskRun(row, runId)),
});

type NewTaskRuns = {
  readonly run: number;
  readonly job: Job;
  readonly reused: readonly ReusedTask[];
  readonly now: number;
};

/** Stores a row per task: pending, or with the result that a retry takes over. */
export const insertTaskRuns = (sql: Statements, { run, job, reused, now }: NewTaskRuns): void => {
  const results = new Map(reused.map(({ taskId, outcome }) => [taskId, outcome]));
  for (const [position, { id: taskId }] of job.tasks.entries()) {
    const outcome = results.get(taskId);
    const key = { run, taskId, position };
    if (outcome === undefined)
      sql.run(
        "INSERT INTO task_runs (run, task_id, position, status) VALUES ($run, $taskId, $position, 'pending')",
        key,
      );
    else insertReused(sql, { ...key, outcome, now });
  }
};

type ReusedRow = {
  readonly run: number;
  readonly taskId: TaskId;
  readonly position: number;
  readonly outcome: TaskOutcome;
  readonly now: number;
};

const insertReused = (sql: Statements, { run, taskId, position, outcome, now }: ReusedRow): void => {
  const { status, reason, error, exitCode, outputs } = outcome;
  sql.run(
    `INSERT INTO task_runs (run, task_id, position, status, reason, error, exit_code, outputs, reused, started_at, ended_at)
     VALUES ($run, $taskId, $position, $status, $reason, $error, $exitCode, $outputs, 1, $startedAt, $now)`,
    {
      run,
      taskId,
      position,
      status,
      reason,
      error,
      exitCode,
      outputs: JSON.stringify(outputs),
      startedAt: status === "skipped" ? null : now,
      now,
    },
  );
};

/** Counts an attempt of a pending task, or of a running one that waits for its retry. Returns the number of the attempt. */
export const countAttempt = (sql: Statements, runId: RunId, taskId: TaskId, now: number): number => {
  const row = sql.get(
    `UPDATE task_runs SET status = 'running', started_at = coalesce(started_at, $now), attempts = attempts + 1, retry_at = NULL
     WHERE run = ${RUN} AND task_id = $taskId AND status IN ('pending', 'running') RETURNING attempts`,
    { runId, taskId, now },
  );
  if (row === null) throw new Error(`cannot start an attempt of '${taskId}' in run ${runId}: it has ended`);
  return integer(row, "attempts");
};

type ScheduledRetry = { readonly runId: RunId; readonly taskId: TaskId; readonly retryAt: number };

export const scheduleRetry = (sql: Statements, retry: ScheduledRetry): void =>
  sql.updateOne(
    `UPDATE task_runs SET retry_at = $retryAt WHERE run = ${RUN} AND task_id = $taskId AND status = 'running'`,
    retry,
    "schedule the retry of a task",
  );

const toTaskRun = (row: SqlRow, runId: RunId): TaskRun => ({
  runId,
  taskId: id<TaskId>(row, "task_id"),
  status: word(row, "status", TASK_STATUSES),
  reason: wordOrNull(row, "reason", REASONS),
  error: textOrNull(row, "error"),
  attempts: integer(row, "attempts"),
  startedAt: integerOrNull(row, "started_at"),
  endedAt: integerOrNull(row, "ended_at"),
  exitCode: integerOrNull(row, "exit_code"),
  outputs: json<Outputs>(row, "outputs"),
  retryAt: integerOrNull(row, "retry_at"),
  reused: flag(row, "reused"),
});
