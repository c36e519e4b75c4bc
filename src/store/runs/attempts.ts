import type { JobId, RunId, TaskId } from "../../domain/ids.ts";
import { REASONS } from "../../domain/run.ts";
import {
  ATTEMPT_STATUSES,
  type Attempt,
  type AttemptOutcome,
  type AttemptUsage,
  type FailureCause,
  type ProcessIdentity,
} from "../../domain/task-run.ts";
import { type TotalUsage, USAGE_SOURCES, type Usage } from "../../domain/usage.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import {
  flag,
  id,
  idOrNull,
  integer,
  integerOrNull,
  json,
  text,
  textOrNull,
  word,
  wordOrNull,
} from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";
import type { NewEvent } from "../events.ts";
import { endOffer, insertOffer } from "../workers/offers.ts";
import { itemOrNull, NO_ITEM } from "./row.ts";
import { beginTask, countAttempt, type RunKey, recordChild, scheduleRetry, type TaskNode } from "./task-runs.ts";

export interface AttemptStore {
  /** Stores a new attempt, without a process yet. The task or item becomes `running` with its first attempt. */
  startAttempt(run: RunKey, node: TaskNode, now: number): Attempt;
  /** Stores a new attempt and its offer to workers with these labels. A pending task or item stays `pending` until it is claimed. */
  offerAttempt(
    run: RunKey,
    node: TaskNode,
    offer: { readonly labels: readonly string[]; readonly now: number },
  ): Attempt;
  /** Stores that a worker has claimed an offered attempt. A pending task or item becomes `running`. */
  claimAttempt(run: RunKey, attempt: Attempt, claim: { readonly worker: string; readonly now: number }): Attempt;
  /** Stores which run a new attempt started, in the transaction that stores both. Returns the changed attempt. */
  linkChild(attempt: Attempt, childRunId: RunId): Attempt;
  /** Not durable: a power cut may undo it, but ends the process as well. */
  recordProcess(attemptId: number, identity: ProcessIdentity): void;
  /** Moves a `running` attempt to a final status. With `retryAt`, the task waits for its next attempt. */
  finishAttempt(
    attemptId: number,
    outcome: AttemptOutcome,
    options: {
      readonly now: number;
      readonly retryAt: number | null;
      readonly cause?: FailureCause | null;
    } & Partial<AttemptUsage>,
  ): void;
  /** Returns attempts by task, in the order of the definition, then by item and number. */
  listAttempts(runId: RunId): readonly Attempt[];
  /** Returns what the attempts of runs used. Runs of which nothing was measured are missing. */
  listUsage(runIds: readonly RunId[]): ReadonlyMap<RunId, TotalUsage>;
  /** Returns what each measured attempt of a run used. */
  listUsageOf(runId: RunId): readonly Usage[];
  /** Returns the attempts of the items of a task, from position `from` up to and including `to`. */
  listItemAttempts(
    runId: RunId,
    taskId: TaskId,
    items: { readonly from: number; readonly to: number },
  ): readonly Attempt[];
}

export const createAttemptStore = ({ sql, write, recordEvent }: StoreContext): AttemptStore => ({
  startAttempt: write("durable", (run, node, now) => {
    const attempt = countAttempt(sql, run.id, node, now);
    if (attempt === 1) recordEvent(startedEvent(run, node, now));
    return insertAttempt(sql, { run, node, attempt, now });
  }),

  offerAttempt: write("durable", (run, node, { labels, now }) => {
    const attempt = insertAttempt(sql, { run, node, attempt: countAttempt(sql, run.id, node, null), now });
    insertOffer(sql, { attemptId: attempt.id, labels, now });
    return attempt;
  }),

  claimAttempt: write("durable", (run, attempt, { worker, now }) => {
    sql.updateOne(
      "UPDATE attempts SET worker = $worker, started_at = $now WHERE id = $id AND status = 'running'",
      { id: attempt.id, worker, now },
      "store the worker of an attempt",
    );
    const node = { taskId: attempt.taskId, item: attempt.item };
    if (beginTask(sql, run.id, node, now)) recordEvent(startedEvent(run, node, now));
    return { ...attempt, worker, startedAt: now };
  }),

  linkChild: write("durable", (attempt, childRunId) => {
    sql.updateOne(
      "UPDATE attempts SET child_run_id = $childRunId WHERE id = $id AND status = 'running' AND child_run_id IS NULL",
      { id: attempt.id, childRunId },
      "link an attempt to its run",
    );
    recordChild(sql, { runId: attempt.runId, node: attempt, childRunId });
    return { ...attempt, childRunId };
  }),

  recordProcess: write("relaxed", (attemptId, identity) =>
    sql.updateOne(
      `UPDATE attempts SET pid = $pid, pid_started = $startTime, boot_id = $bootId WHERE id = $attemptId AND status = 'running'`,
      { attemptId, pid: identity.pid, startTime: identity.startTime, bootId: identity.bootId },
      "record the process of an attempt",
    ),
  ),

  finishAttempt: write("durable", (attemptId, outcome, options) => {
    const { now, retryAt, cause = null, usage = null, memoryLimitBytes = null, limitsEnforced = null } = options;
    sql.updateOne(
      `UPDATE attempts SET status = $status, reason = $reason, error = $error, exit_code = $exitCode, signal = $signal, ended_at = $now,
         cause = $cause, cpu_user_ms = $cpuUserMs, cpu_system_ms = $cpuSystemMs, memory_peak = $memoryPeak, usage_source = $usageSource,
         memory_limit = $memoryLimit, limits_enforced = $limitsEnforced
       WHERE id = $attemptId AND status = 'running'`,
      {
        attemptId,
        now,
        status: outcome.status,
        reason: outcome.reason,
        error: outcome.error,
        exitCode: outcome.exitCode,
        signal: outcome.signal,
        cause: cause === null ? null : JSON.stringify(cause),
        cpuUserMs: usage === null ? null : usage.cpuUserMs,
        cpuSystemMs: usage === null ? null : usage.cpuSystemMs,
        memoryPeak: usage === null ? null : usage.memoryPeakBytes,
        usageSource: usage === null ? null : usage.source,
        memoryLimit: memoryLimitBytes,
        limitsEnforced: limitsEnforced === null ? null : Number(limitsEnforced),
      },
      "finish an attempt",
    );
    endOffer(sql, { attemptId, reason: outcome.reason, now });
    if (retryAt === null) return;
    const { jobId, runId, node } = readNode(sql, attemptId);
    // A task whose only attempt was never claimed is still pending.
    if (beginTask(sql, runId, node, now)) recordEvent(startedEvent({ id: runId, jobId }, node, now));
    scheduleRetry(sql, { runId, node, retryAt });
  }),

  listAttempts: (runId) =>
    sql
      .all(
        `SELECT attempts.* FROM attempts JOIN task_runs USING (run, task_id)
         WHERE run = (SELECT seq FROM runs WHERE id = $runId) ORDER BY position, item, attempt`,
        { runId },
      )
      .map((row) => toAttempt(row, runId)),

  listUsage: (runIds) =>
    new Map(
      sql
        .all(
          // With max(), the other columns are those of the row that has it (https://sqlite.org/lang_select.html#bareagg).
          `SELECT runs.id, sum(cpu_user_ms) AS cpu_user_ms, sum(cpu_system_ms) AS cpu_system_ms, max(memory_peak) AS memory_peak, memory_limit
           FROM json_each($runIds) AS given CROSS JOIN runs ON runs.id = given.value CROSS JOIN attempts ON attempts.run = runs.seq
           WHERE usage_source IS NOT NULL GROUP BY runs.id`,
          { runIds: JSON.stringify(runIds) },
        )
        .map((row) => [id<RunId>(row, "id"), toTotal(row)]),
    ),

  listUsageOf: (runId) =>
    sql
      .all(
        `SELECT cpu_user_ms, cpu_system_ms, memory_peak, usage_source FROM attempts
         WHERE run = (SELECT seq FROM runs WHERE id = $runId) AND usage_source IS NOT NULL`,
        { runId },
      )
      .map(toUsage),

  listItemAttempts: (runId, taskId, { from, to }) =>
    sql
      .all(
        `SELECT * FROM attempts WHERE run = (SELECT seq FROM runs WHERE id = $runId) AND task_id = $taskId
           AND item BETWEEN $from AND $to ORDER BY item, attempt`,
        { runId, taskId, from, to },
      )
      .map((row) => toAttempt(row, runId)),
});

type NewAttempt = {
  readonly run: RunKey;
  readonly node: TaskNode;
  readonly attempt: number;
  readonly now: number;
};

const insertAttempt = (sql: Statements, { run, node, attempt, now }: NewAttempt): Attempt => {
  const row = sql.get(
    `INSERT INTO attempts (run, task_id, item, attempt, status, started_at)
     VALUES ((SELECT seq FROM runs WHERE id = $runId), $taskId, $item, $attempt, 'running', $now) RETURNING *`,
    { runId: run.id, taskId: node.taskId, item: node.item ?? NO_ITEM, attempt, now },
  );
  if (row === null) throw new Error(`an attempt of ${node.taskId} in ${run.id} was not stored`);
  return toAttempt(row, run.id);
};

const startedEvent = (run: RunKey, node: TaskNode, now: number): NewEvent => ({
  type: node.item === null ? "task.started" : "item.started",
  now,
  jobId: run.jobId,
  runId: run.id,
  taskId: node.taskId,
  item: node.item,
  status: "running",
});

type AttemptPlace = { readonly jobId: JobId; readonly runId: RunId; readonly node: TaskNode };

/** Returns the run, and the task or item, that an attempt belongs to. */
const readNode = (sql: Statements, attemptId: number): AttemptPlace => {
  const row = sql.get(
    "SELECT runs.id, runs.job_id, task_id, item FROM attempts JOIN runs ON runs.seq = attempts.run WHERE attempts.id = $attemptId",
    { attemptId },
  );
  if (row === null) throw new Error(`there is no attempt ${attemptId}`);
  const jobId = id<JobId>(row, "job_id");
  return {
    jobId,
    runId: id<RunId>(row, "id"),
    node: { taskId: id<TaskId>(row, "task_id"), item: itemOrNull(row, "item") },
  };
};

const toAttempt = (row: SqlRow, runId: RunId): Attempt => ({
  id: integer(row, "id"),
  runId,
  taskId: id<TaskId>(row, "task_id"),
  item: itemOrNull(row, "item"),
  attempt: integer(row, "attempt"),
  status: word(row, "status", ATTEMPT_STATUSES),
  reason: wordOrNull(row, "reason", REASONS),
  error: textOrNull(row, "error"),
  exitCode: integerOrNull(row, "exit_code"),
  signal: textOrNull(row, "signal"),
  startedAt: integer(row, "started_at"),
  endedAt: integerOrNull(row, "ended_at"),
  process: toProcess(row),
  childRunId: idOrNull<RunId>(row, "child_run_id"),
  worker: textOrNull(row, "worker"),
  cause: row.cause === null ? null : json<FailureCause>(row, "cause"),
  usage: row.usage_source === null ? null : toUsage(row),
  memoryLimitBytes: integerOrNull(row, "memory_limit"),
  limitsEnforced: row.limits_enforced === null ? null : flag(row, "limits_enforced"),
});

const toTotal = (row: SqlRow): TotalUsage => {
  const memoryPeakBytes = integerOrNull(row, "memory_peak");
  return {
    cpuUserMs: integer(row, "cpu_user_ms"),
    cpuSystemMs: integer(row, "cpu_system_ms"),
    memoryPeakBytes,
    memoryLimitBytes: memoryPeakBytes === null ? null : integerOrNull(row, "memory_limit"),
  };
};

const toUsage = (row: SqlRow): Usage => ({
  cpuUserMs: integer(row, "cpu_user_ms"),
  cpuSystemMs: integer(row, "cpu_system_ms"),
  memoryPeakBytes: integerOrNull(row, "memory_peak"),
  source: word(row, "usage_source", USAGE_SOURCES),
});

const toProcess = (row: SqlRow): ProcessIdentity | null =>
  row.pid === null
    ? null
    : { pid: integer(row, "pid"), startTime: text(row, "pid_started"), bootId: text(row, "boot_id") };
