import type { RunId, TaskId } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import { REASONS } from "../domain/run.ts";
import { type Outputs, TASK_STATUSES, type TaskOutcome, type TaskRun } from "../domain/task-run.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import { flag, id, integer, integerOrNull, json, textOrNull, word, wordOrNull } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import type { ReusedTask } from "./store.ts";

const RUN = "(SELECT seq FROM runs WHERE id = $runId)";

type NewTaskRuns = {
  readonly run: number;
  readonly job: Job;
  readonly reused: readonly ReusedTask[];
  readonly now: number;
};

/** A row a task: pending, or taken over from an earlier run. */
export const insertTaskRuns = (sql: Statements, { run, job, reused, now }: NewTaskRuns): void => {
  const outputs = new Map(reused.map((task) => [task.taskId, task.outputs]));
  for (const [position, task] of job.tasks.entries()) {
    const taken = outputs.get(task.id);
    sql.run(
      `INSERT INTO task_runs (run, task_id, position, status, outputs, reused, started_at, ended_at)
       VALUES ($run, $taskId, $position, $status, $outputs, $reused, $at, $at)`,
      {
        run,
        taskId: task.id,
        position,
        status: taken === undefined ? "pending" : "completed",
        outputs: JSON.stringify(taken ?? {}),
        reused: taken === undefined ? 0 : 1,
        at: taken === undefined ? null : now,
      },
    );
  }
};

/** Counts one more attempt of a task that waits for it, or has not begun; answers its number. */
export const beginAttempt = (sql: Statements, runId: RunId, taskId: TaskId, now: number): number => {
  const row = sql.get(
    `UPDATE task_runs SET status = 'running', started_at = coalesce(started_at, $now), attempts = attempts + 1, retry_at = NULL
     WHERE run = ${RUN} AND task_id = $taskId AND status IN ('pending', 'running') RETURNING attempts`,
    { runId, taskId, now },
  );
  if (row === null) throw new Error(`can't begin an attempt of '${taskId}' in run ${runId}: it is over`);
  return integer(row, "attempts");
};

export const scheduleRetry = (sql: Statements, runId: RunId, taskId: TaskId, retryAt: number): void =>
  sql.one(
    `UPDATE task_runs SET retry_at = $retryAt WHERE run = ${RUN} AND task_id = $taskId AND status = 'running'`,
    { runId, taskId, retryAt },
    "let a task wait for its retry",
  );

type FinishTask = {
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly outcome: TaskOutcome;
  readonly now: number;
};

export const finishTask = (sql: Statements, { runId, taskId, outcome, now }: FinishTask): void =>
  sql.one(
    `UPDATE task_runs SET status = $status, reason = $reason, error = $error, exit_code = $exitCode, outputs = $outputs,
       retry_at = NULL, ended_at = $now
     WHERE run = ${RUN} AND task_id = $taskId AND status IN ('pending', 'running')`,
    {
      runId,
      taskId,
      now,
      status: outcome.status,
      reason: outcome.reason,
      error: outcome.error,
      exitCode: outcome.exitCode,
      outputs: JSON.stringify(outcome.outputs),
    },
    "finish a task",
  );

export const listTaskRuns = (sql: Statements, runId: RunId): readonly TaskRun[] =>
  sql
    .all(`SELECT * FROM task_runs WHERE run = ${RUN} ORDER BY position`, { runId })
    .map((row) => toTaskRun(row, runId));

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
