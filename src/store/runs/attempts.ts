import type { RunId, TaskId } from "../../domain/ids.ts";
import { REASONS } from "../../domain/run.ts";
import { ATTEMPT_STATUSES, type Attempt, type AttemptOutcome, type ProcessIdentity } from "../../domain/task-run.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { id, integer, integerOrNull, text, textOrNull, word, wordOrNull } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";
import { countAttempt, type RunKey, scheduleRetry } from "./task-runs.ts";

export interface AttemptStore {
  /** Stores a new attempt, without a process yet. The task becomes `running` with its first attempt. */
  startAttempt(run: RunKey, taskId: TaskId, now: number): Attempt;
  /** Not durable: a power cut may undo it, but ends the process as well. */
  recordProcess(attemptId: number, identity: ProcessIdentity): void;
  /** Moves a `running` attempt to a final status. With `retryAt`, the task waits for its next attempt. */
  finishAttempt(
    attemptId: number,
    outcome: AttemptOutcome,
    options: { readonly now: number; readonly retryAt: number | null },
  ): void;
  /** Returns attempts by task, in the order of the definition, then by number. */
  listAttempts(runId: RunId): readonly Attempt[];
}

export const createAttemptStore = ({ sql, write, recordEvent }: StoreContext): AttemptStore => ({
  startAttempt: write("durable", (run, taskId, now) => {
    const attempt = countAttempt(sql, run.id, taskId, now);
    if (attempt === 1)
      recordEvent({ type: "task.started", now, jobId: run.jobId, runId: run.id, taskId, status: "running" });
    const row = sql.get(
      `INSERT INTO attempts (run, task_id, attempt, status, started_at)
       VALUES ((SELECT seq FROM runs WHERE id = $runId), $taskId, $attempt, 'running', $now) RETURNING *`,
      { runId: run.id, taskId, attempt, now },
    );
    if (row === null) throw new Error(`an attempt of ${taskId} in ${run.id} was not stored`);
    return toAttempt(row, run.id);
  }),

  recordProcess: write("relaxed", (attemptId, identity) =>
    sql.updateOne(
      `UPDATE attempts SET pid = $pid, pid_started = $startTime, boot_id = $bootId WHERE id = $attemptId AND status = 'running'`,
      { attemptId, pid: identity.pid, startTime: identity.startTime, bootId: identity.bootId },
      "record the process of an attempt",
    ),
  ),

  finishAttempt: write("durable", (attemptId, outcome, { now, retryAt }) => {
    sql.updateOne(
      `UPDATE attempts SET status = $status, reason = $reason, error = $error, exit_code = $exitCode, signal = $signal, ended_at = $now
       WHERE id = $attemptId AND status = 'running'`,
      {
        attemptId,
        now,
        status: outcome.status,
        reason: outcome.reason,
        error: outcome.error,
        exitCode: outcome.exitCode,
        signal: outcome.signal,
      },
      "finish an attempt",
    );
    if (retryAt !== null) scheduleRetry(sql, { ...readTaskKey(sql, attemptId), retryAt });
  }),

  listAttempts: (runId) =>
    sql
      .all(
        `SELECT attempts.* FROM attempts JOIN task_runs USING (run, task_id)
         WHERE run = (SELECT seq FROM runs WHERE id = $runId) ORDER BY position, attempt`,
        { runId },
      )
      .map((row) => toAttempt(row, runId)),
});

/** Returns the task and the run that an attempt belongs to. */
const readTaskKey = (sql: Statements, attemptId: number): { readonly runId: RunId; readonly taskId: TaskId } => {
  const row = sql.get(
    "SELECT runs.id, task_id FROM attempts JOIN runs ON runs.seq = attempts.run WHERE attempts.id = $attemptId",
    { attemptId },
  );
  if (row === null) throw new Error(`there is no attempt ${attemptId}`);
  return { runId: id<RunId>(row, "id"), taskId: id<TaskId>(row, "task_id") };
};

const toAttempt = (row: SqlRow, runId: RunId): Attempt => ({
  id: integer(row, "id"),
  runId,
  taskId: id<TaskId>(row, "task_id"),
  attempt: integer(row, "attempt"),
  status: word(row, "status", ATTEMPT_STATUSES),
  reason: wordOrNull(row, "reason", REASONS),
  error: textOrNull(row, "error"),
  exitCode: integerOrNull(row, "exit_code"),
  signal: textOrNull(row, "signal"),
  startedAt: integer(row, "started_at"),
  endedAt: integerOrNull(row, "ended_at"),
  process: toProcess(row),
});

const toProcess = (row: SqlRow): ProcessIdentity | null =>
  row.pid === null
    ? null
    : { pid: integer(row, "pid"), startTime: text(row, "pid_started"), bootId: text(row, "boot_id") };
