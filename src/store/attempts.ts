import type { RunId, TaskId } from "../domain/ids.ts";
import { REASONS } from "../domain/run.ts";
import { ATTEMPT_STATUSES, type Attempt, type AttemptOutcome, type ProcessIdentity } from "../domain/task-run.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import { id, integer, integerOrNull, text, textOrNull, word, wordOrNull } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import type { SpoolOffsets } from "./store.ts";

type NewAttempt = { readonly runId: RunId; readonly taskId: TaskId; readonly attempt: number; readonly now: number };

/** An attempt, running. */
export const insertAttempt = (sql: Statements, { runId, taskId, attempt, now }: NewAttempt): Attempt => {
  const row = sql.get(
    `INSERT INTO attempts (run, task_id, attempt, status, started_at)
     VALUES ((SELECT seq FROM runs WHERE id = $runId), $taskId, $attempt, 'running', $now) RETURNING *`,
    { runId, taskId, attempt, now },
  );
  if (row === null) throw new Error(`an attempt of ${taskId} in ${runId} was not stored`);
  return toAttempt(row, runId);
};

export const recordProcess = (sql: Statements, attemptId: number, identity: ProcessIdentity): void =>
  sql.one(
    `UPDATE attempts SET pid = $pid, pid_started = $startTime, boot_id = $bootId WHERE id = $attemptId AND status = 'running'`,
    { attemptId, pid: identity.pid, startTime: identity.startTime, bootId: identity.bootId },
    "record the process of an attempt",
  );

export const finishAttempt = (sql: Statements, attemptId: number, outcome: AttemptOutcome, now: number): void =>
  sql.one(
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

/** Which task of which run an attempt belongs to. */
export const ownerOf = (sql: Statements, attemptId: number): { readonly runId: RunId; readonly taskId: TaskId } => {
  const row = sql.get(
    "SELECT runs.id, task_id FROM attempts JOIN runs ON runs.seq = attempts.run WHERE attempts.id = $attemptId",
    { attemptId },
  );
  if (row === null) throw new Error(`there is no attempt ${attemptId}`);
  return { runId: id<RunId>(row, "id"), taskId: id<TaskId>(row, "task_id") };
};

export const listAttempts = (sql: Statements, runId: RunId): readonly Attempt[] =>
  sql
    .all(
      `SELECT attempts.* FROM attempts JOIN task_runs USING (run, task_id)
       WHERE run = (SELECT seq FROM runs WHERE id = $runId) ORDER BY position, attempt`,
      { runId },
    )
    .map((row) => toAttempt(row, runId));

export const spoolOffsets = (sql: Statements, attemptId: number): SpoolOffsets => {
  const row = sql.get("SELECT stdout_offset, stderr_offset FROM attempts WHERE id = $attemptId", { attemptId });
  if (row === null) throw new Error(`there is no attempt ${attemptId}`);
  return { stdout: integer(row, "stdout_offset"), stderr: integer(row, "stderr_offset") };
};

export const setSpoolOffsets = (sql: Statements, attemptId: number, offsets: SpoolOffsets): void =>
  sql.one(
    "UPDATE attempts SET stdout_offset = $stdout, stderr_offset = $stderr WHERE id = $attemptId",
    { attemptId, stdout: offsets.stdout, stderr: offsets.stderr },
    "record how far an attempt's output is stored",
  );

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
