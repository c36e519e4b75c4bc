import type { RunId, TaskId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { REASONS, type Run } from "../../domain/run.ts";
import { type Outputs, TASK_STATUSES, type TaskOutcome, type TaskRun } from "../../domain/task-run.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { flag, id, idOrNull, integer, integerOrNull, json, textOrNull, word, wordOrNull } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";

export interface TaskRunStore {
  /** Moves a `pending` or `running` task, or item of a task, to a final status. */
  finishTask(run: RunKey, node: TaskNode, end: { readonly outcome: TaskOutcome; readonly now: number }): void;
  /** Moves a pending approval to `running`: it waits for a person. */
  askApproval(run: RunKey, taskId: TaskId, now: number): void;
  /** Returns the tasks of a run in the order of the definition. */
  listTaskRuns(runId: RunId): readonly TaskRun[];
}

export type RunKey = Pick<Run, "id" | "jobId">;

/** A task of a run, or one of its items. `item` is the position of the item, from 0. */
export type TaskNode = { readonly taskId: TaskId; readonly item: number | null };

/** A task whose result a retry takes from the previous run. */
export type ReusedTask = {
  readonly taskId: TaskId;
  /** Null: only its completed items are reused, when it is expanded. */
  readonly outcome: TaskOutcome | null;
  /** How many items it has; null if it has none. */
  readonly items: number | null;
  /** The run that its last attempt started; null if it started none. */
  readonly childRunId: RunId | null;
};

const RUN = "(SELECT seq FROM runs WHERE id = $runId)";

export const createTaskRunStore = ({ sql, write, recordEvent }: StoreContext): TaskRunStore => ({
  finishTask: write("durable", (run, node, { outcome, now }) => {
    const { status, reason, error, exitCode, outputs } = outcome;
    const { table, where, params } = rowOf(node);
    sql.updateOne(
      `UPDATE ${table} SET status = $status, reason = $reason, error = $error, exit_code = $exitCode, outputs = $outputs,
         retry_at = NULL, ended_at = $now
       WHERE run = ${RUN} AND ${where} AND status IN ('pending', 'running')`,
      { runId: run.id, ...params, now, status, reason, error, exitCode, outputs: JSON.stringify(outputs) },
      "finish a task",
    );
    const type = node.item === null ? "task.finished" : "item.finished";
    recordEvent({ type, now, jobId: run.jobId, runId: run.id, ...node, status, reason });
  }),

  askApproval: write("durable", (run, taskId, now) => {
    sql.updateOne(
      `UPDATE task_runs SET status = 'running', started_at = $now WHERE run = ${RUN} AND task_id = $taskId AND status = 'pending'`,
      { runId: run.id, taskId, now },
      "ask for an approval",
    );
    recordEvent({ type: "task.started", now, jobId: run.jobId, runId: run.id, taskId, status: "running" });
    recordEvent({ type: "approval", now, jobId: run.jobId, runId: run.id, taskId, status: "waiting" });
  }),

  listTaskRuns: (runId) =>
    sql
      .all(`SELECT * FROM task_runs WHERE run = ${RUN} ORDER BY position`, { runId })
      .map((row) => toTaskRun(row, runId)),
});

type NewTaskRuns = {
  readonly run: number;
  readonly job: Job;
  /** The run that is retried, or null. */
  readonly retryOf: RunId | null;
  readonly reused: readonly ReusedTask[];
  readonly now: number;
};

/** Stores a row per task: pending, or with the result that a retry takes over. */
export const insertTaskRuns = (sql: Statements, { run, job, retryOf, reused, now }: NewTaskRuns): void => {
  const reusedById = new Map(reused.map((task) => [task.taskId, task]));
  for (const [position, { id: taskId }] of job.tasks.entries()) {
    const { outcome = null, items = null, childRunId = null } = reusedById.get(taskId) ?? {};
    const key = { run, taskId, position };
    if (outcome === null)
      sql.run(
        "INSERT INTO task_runs (run, task_id, position, status, reused) VALUES ($run, $taskId, $position, 'pending', $reused)",
        { ...key, reused: reusedById.has(taskId) ? 1 : 0 },
      );
    else insertReused(sql, { ...key, outcome, items, childRunId, now });
    if (outcome !== null && items !== null) copyItems(sql, { run, retryOf, taskId, now });
  }
};

type ReusedRow = {
  readonly run: number;
  readonly taskId: TaskId;
  readonly position: number;
  readonly outcome: TaskOutcome;
  readonly items: number | null;
  readonly childRunId: RunId | null;
  readonly now: number;
};

const insertReused = (sql: Statements, { run, taskId, position, outcome, items, childRunId, now }: ReusedRow): void => {
  const { status, reason, error, exitCode, outputs } = outcome;
  sql.run(
    `INSERT INTO task_runs (run, task_id, position, status, reason, error, exit_code, outputs, items, child_run_id,
       reused, started_at, ended_at)
     VALUES ($run, $taskId, $position, $status, $reason, $error, $exitCode, $outputs, $items, $childRunId, 1, $startedAt, $now)`,
    {
      run,
      taskId,
      position,
      status,
      reason,
      error,
      exitCode,
      outputs: JSON.stringify(outputs),
      items,
      childRunId,
      startedAt: status === "skipped" ? null : now,
      now,
    },
  );
};

type CopiedItems = {
  readonly run: number;
  readonly retryOf: RunId | null;
  readonly taskId: TaskId;
  readonly now: number;
};

const copyItems = (sql: Statements, copied: CopiedItems): void => {
  sql.run(
    `INSERT INTO items (run, task_id, item, key, value, status, reason, error, started_at, ended_at, exit_code, outputs,
       child_run_id, reused)
     SELECT $run, task_id, item, key, value, status, reason, error, iif(started_at IS NULL, NULL, $now), $now, exit_code, outputs,
       child_run_id, 1
     FROM items WHERE run = (SELECT seq FROM runs WHERE id = $retryOf) AND task_id = $taskId`,
    copied,
  );
};

/**
 * Counts an attempt of a pending task or item, or of a running one that waits for its retry. With `beginsAt`, the task is running
 * from then on. Returns the number of the attempt.
 */
export const countAttempt = (sql: Statements, runId: RunId, node: TaskNode, beginsAt: number | null): number => {
  const { table, where, params } = rowOf(node);
  const row = sql.get(
    `UPDATE ${table} SET status = iif($beginsAt IS NULL, status, 'running'), started_at = coalesce(started_at, $beginsAt),
       attempts = attempts + 1, retry_at = NULL
     WHERE run = ${RUN} AND ${where} AND status IN ('pending', 'running') RETURNING attempts`,
    { runId, ...params, beginsAt },
  );
  if (row === null) throw new Error(`cannot start an attempt of '${node.taskId}' in run ${runId}: it has ended`);
  return integer(row, "attempts");
};

/** Moves a pending task or item to `running`. Returns false if it was running before. */
export const beginTask = (sql: Statements, runId: RunId, node: TaskNode, now: number): boolean => {
  const { table, where, params } = rowOf(node);
  const changed = sql.run(
    `UPDATE ${table} SET status = 'running', started_at = $now WHERE run = ${RUN} AND ${where} AND status = 'pending'`,
    { runId, ...params, now },
  );
  return changed === 1;
};

type ScheduledRetry = { readonly runId: RunId; readonly node: TaskNode; readonly retryAt: number };

export const scheduleRetry = (sql: Statements, { runId, node, retryAt }: ScheduledRetry): void => {
  const { table, where, params } = rowOf(node);
  sql.updateOne(
    `UPDATE ${table} SET retry_at = $retryAt WHERE run = ${RUN} AND ${where} AND status = 'running'`,
    { runId, ...params, retryAt },
    "schedule the retry of a task",
  );
};

type StartedChild = { readonly runId: RunId; readonly node: TaskNode; readonly childRunId: RunId };

/** Stores which run the last attempt of a task or an item started. */
export const recordChild = (sql: Statements, { runId, node, childRunId }: StartedChild): void => {
  const { table, where, params } = rowOf(node);
  sql.updateOne(
    `UPDATE ${table} SET child_run_id = $childRunId WHERE run = ${RUN} AND ${where} AND status = 'running'`,
    { runId, ...params, childRunId },
    "store the run that a task started",
  );
};

/** Returns where the row of a task or of an item is. */
const rowOf = ({ taskId, item }: TaskNode) =>
  item === null
    ? ({ table: "task_runs", where: "task_id = $taskId", params: { taskId } } as const)
    : ({ table: "items", where: "task_id = $taskId AND item = $item", params: { taskId, item } } as const);

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
  items: integerOrNull(row, "items"),
  childRunId: idOrNull<RunId>(row, "child_run_id"),
});
