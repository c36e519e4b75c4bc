import { type FailureLine, lastLineOf, type RunFailure } from "../../domain/attention.ts";
import { orderFailures } from "../../domain/first-failure.ts";
import type { JobId, RunId, TaskId } from "../../domain/ids.ts";
import { isAllowedFailure, type Job } from "../../domain/job.ts";
import { explainingGroups, type FailureGroup } from "../../domain/output/failure-groups.ts";
import { REASONS } from "../../domain/run.ts";
import { type Attempt, type FailureCause, STREAMS } from "../../domain/task-run.ts";
import { forgetOldest } from "../../lib/forget-oldest.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { bytes, flag, id, integer, integerOrNull, json, textOrNull, word, wordOrNull } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";
import { listFailedItems } from "./items.ts";
import { itemOrNull, NO_ITEM } from "./row.ts";

/** Reads about failed runs. Each is bounded, however many runs and lines there are. */
export interface RunFailures {
  /**
   * Returns the newest `limit` runs of a job that ended and were not cancelled, newest first. Finds them among the newest
   * 200 runs of the job.
   */
  listResults(jobId: JobId, limit: number): readonly RunResult[];
  /** Returns the runs in a row that failed or were interrupted, up to now. Counts at most 10,000. */
  findStreak(jobId: JobId): FailureStreak | null;
  /** Returns the same as it was at a time, with its newest run. */
  findStreakBefore(jobId: JobId, until: number): (FailureStreak & { readonly lastRunId: RunId }) | null;
  /** Returns the jobs of the newest `limit` runs that failed, and of the newest `limit` that were interrupted. */
  listRecentlyFailedJobs(limit: number): readonly JobId[];
  /** Returns the durations of the newest `limit` completed runs of a job, in ms. */
  listCompletedDurations(jobId: JobId, limit: number): readonly number[];
  /** Returns why a run failed. Finds the last line of the task only if few other lines were written at the same time. */
  describeFailure(runId: RunId): RunFailure;
  /** Returns the same of each failed task of a run, of the first 100. */
  describeFailures(runId: RunId): readonly RunFailure[];
  /** Returns the attempt with which a task, or an item with this key, last completed in a run of the job that completed; null if none did. */
  findLastSuccess(jobId: JobId, taskId: TaskId, itemKey: string | null): Pick<Attempt, "id" | "runId"> | null;
}

/** How a run ended that was not cancelled. */
type RunResult = { readonly id: RunId; readonly hasFailed: boolean; readonly endedAt: number };

type FailureStreak = {
  /** End of the first of the runs. */
  readonly since: number;
  readonly count: number;
};

/** Maximum number of failed tasks of a run that are described. */
const MAX_DESCRIBED = 100;

const UNSUCCESSFUL = "status IN ('failed', 'cancelled', 'interrupted')";

export const createRunFailures = ({ sql }: StoreContext, groups = new ItemFailures(sql)): RunFailures => ({
  listResults: (jobId, limit) =>
    sql
      .all(
        `SELECT id, status <> 'completed' AS has_failed, ended_at FROM
           (SELECT seq, id, status, ended_at FROM runs WHERE job_id = $jobId ORDER BY seq DESC LIMIT 200)
         WHERE status IN ('completed', 'failed', 'interrupted') ORDER BY seq DESC LIMIT $limit`,
        { jobId, limit },
      )
      .map((row) => ({
        id: id<RunId>(row, "id"),
        hasFailed: flag(row, "has_failed"),
        endedAt: integer(row, "ended_at"),
      })),

  // No index orders completed runs by their number, but one of the last to end has the highest.
  findStreak: (jobId) => {
    const row = sql.get(
      `WITH completed AS (
         SELECT coalesce(max(seq), 0) AS seq FROM
           (SELECT seq FROM runs WHERE job_id = $jobId AND status = 'completed' ORDER BY ended_at DESC LIMIT 20)
       ), streak AS MATERIALIZED (${["failed", "interrupted"].map(selectStreak).join(" UNION ALL ")})
       SELECT count(*) AS count, (SELECT ended_at FROM runs WHERE seq = (SELECT min(seq) FROM streak)) AS since FROM streak`,
      { jobId },
    );
    const since = row === null ? null : integerOrNull(row, "since");
    return row === null || since === null ? null : { count: integer(row, "count"), since };
  },

  findStreakBefore: (jobId, until) => {
    const row = sql.get(STREAK_BEFORE, { jobId, until });
    const since = row === null ? null : integerOrNull(row, "since");
    return row === null || since === null
      ? null
      : { count: integer(row, "count"), since, lastRunId: id<RunId>(row, "last_id") };
  },

  listRecentlyFailedJobs: (limit) =>
    sql
      .all(`SELECT DISTINCT job_id FROM (${["failed", "interrupted"].map(selectNewest).join(" UNION ALL ")})`, {
        limit,
      })
      .map((row) => id<JobId>(row, "job_id")),

  listCompletedDurations: (jobId, limit) =>
    sql
      .all(
        `SELECT max(0, ended_at - started_at) AS duration FROM runs WHERE job_id = $jobId AND status = 'completed'
         ORDER BY ended_at DESC LIMIT $limit`,
        { jobId, limit },
      )
      .map((row) => integer(row, "duration")),

  findLastSuccess: (jobId, taskId, itemKey) => {
    const row = sql.get(LAST_SUCCESS, { jobId, taskId, itemKey });
    return row === null ? null : { id: integer(row, "attempt_id"), runId: id<RunId>(row, "id") };
  },

  describeFailure: (runId) => {
    const failed = listFailedTasks(sql, runId);
    return describe({ sql, groups }, runId, { failedId: failed[0] ?? null, moreTasks: Math.max(0, failed.length - 1) });
  },

  describeFailures: (runId) => {
    const failed = listFailedTasks(sql, runId).slice(0, MAX_DESCRIBED);
    const moreTasks = Math.max(0, failed.length - 1);
    return failed.length === 0
      ? [describe({ sql, groups }, runId, { failedId: null, moreTasks })]
      : failed.map((failedId) => describe({ sql, groups }, runId, { failedId, moreTasks }));
  },
});

type FailedTasks = { readonly failedId: TaskId | null; readonly moreTasks: number };

type Sources = { readonly sql: Statements; readonly groups: ItemFailures };

/** Maximum number of tasks whose groups are remembered. */
const MAX_REMEMBERED = 200;

/** Groups the failed items of tasks that have ended. Of 1,000 items that takes 10 ms, and lists show the same runs again and again. */
class ItemFailures {
  readonly #sql: Statements;
  readonly #known = new Map<string, readonly FailureGroup[]>();

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  find(runId: RunId, taskId: TaskId): readonly FailureGroup[] {
    const key = `${runId} ${taskId}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const groups = explainingGroups(listFailedItems(this.#sql, runId, taskId));
    this.#known.set(key, groups);
    forgetOldest(this.#known, MAX_REMEMBERED);
    return groups;
  }
}

/** Returns why a run failed, as one of its failed tasks says. */
const describe = ({ sql, groups }: Sources, runId: RunId, { failedId, moreTasks }: FailedTasks): RunFailure => {
  const row = failedId === null ? null : sql.get(FAILED_TASK, { runId, taskId: failedId });
  if (row === null) return { ...NO_TASK, reason: readReason(sql, runId) };
  const taskId = id<TaskId>(row, "task_id");
  const attempt = integer(row, "attempts");
  const item = itemOrNull(row, "item");
  const failedItems = integer(row, "failed_items");
  return {
    taskId,
    moreTasks,
    item,
    failedItems,
    groups: failedItems > 1 ? groups.find(runId, taskId) : [],
    itemReason: wordOrNull(row, "item_reason", REASONS),
    attempt: attempt === 0 ? null : attempt,
    reason: wordOrNull(row, "reason", REASONS),
    exitCode: integerOrNull(row, "exit_code"),
    signal: textOrNull(row, "signal"),
    error: textOrNull(row, "error"),
    cause: row.cause === null ? null : json<FailureCause>(row, "cause"),
    lastLine: findLastLine(sql, row),
  };
};

/** The last run that completed may have skipped the task, or taken its result over. */
const LAST_SUCCESS = `
  SELECT runs.id, attempts.id AS attempt_id
  FROM (SELECT seq, id, ended_at FROM runs WHERE job_id = $jobId AND status = 'completed' ORDER BY ended_at DESC LIMIT 20) AS runs
  JOIN task_runs ON task_runs.run = runs.seq AND task_runs.task_id = $taskId AND task_runs.status = 'completed'
  LEFT JOIN items ON items.run = runs.seq AND items.task_id = $taskId AND items.key = $itemKey AND items.status = 'completed'
  JOIN attempts ON attempts.run = runs.seq AND attempts.task_id = $taskId AND attempts.item = coalesce(items.item, ${NO_ITEM})
    AND attempts.attempt = coalesce(items.attempts, task_runs.attempts)
  ORDER BY runs.ended_at DESC LIMIT 1`;

const selectStreak = (status: string): string =>
  `SELECT * FROM (SELECT runs.seq FROM runs WHERE job_id = $jobId AND status = '${status}' AND ${UNSUCCESSFUL}
   AND runs.seq > (SELECT seq FROM completed) ORDER BY runs.seq LIMIT 10000)`;

/** The first of each status are read, up to the 10,000th. */
const STREAK_BEFORE = `
  WITH completed AS (
    SELECT coalesce(max(seq), 0) AS seq FROM
      (SELECT seq FROM runs WHERE job_id = $jobId AND status = 'completed' AND ended_at < $until ORDER BY ended_at DESC LIMIT 20)
  ), later AS (${["failed", "interrupted"].map(selectStreak).join(" UNION ALL ")}),
  streak AS MATERIALIZED (SELECT runs.seq, runs.id, runs.ended_at FROM later CROSS JOIN runs USING (seq) WHERE runs.ended_at < $until)
  SELECT count(*) AS count, (SELECT ended_at FROM streak ORDER BY seq LIMIT 1) AS since,
    (SELECT id FROM streak ORDER BY seq DESC LIMIT 1) AS last_id FROM streak`;

const selectNewest = (status: string): string =>
  `SELECT * FROM (SELECT job_id FROM runs WHERE status = '${status}' AND ${UNSUCCESSFUL} ORDER BY seq DESC LIMIT $limit)`;

/**
 * Returns the failed tasks of a run, those first that explain its failure best, as in the error of the run. Those whose failure is allowed
 * only if there is no other. Looks at the first 1,000 that ended.
 */
const listFailedTasks = (sql: Statements, runId: RunId): readonly TaskId[] => {
  const failed = sql
    .all(
      `SELECT task_id, reason, exit_code, ended_at, reused FROM task_runs
       WHERE run = (SELECT seq FROM runs WHERE id = $runId) AND status = 'failed' ORDER BY reused, ended_at, position LIMIT 1000`,
      { runId },
    )
    .map((row) => ({
      taskId: id<TaskId>(row, "task_id"),
      status: "failed" as const,
      reason: wordOrNull(row, "reason", REASONS),
      exitCode: integerOrNull(row, "exit_code"),
      endedAt: integerOrNull(row, "ended_at"),
      reused: flag(row, "reused"),
    }));
  if (failed.length < 2) return failed.map(({ taskId }) => taskId);
  const definition = readDefinition(sql, runId);
  const counted = failed.filter(
    (each) => !definition.tasks.some((task) => task.id === each.taskId && isAllowedFailure(task, each)),
  );
  return orderFailures(counted.length > 0 ? counted : failed, definition).map(({ taskId }) => taskId);
};

const readDefinition = (sql: Statements, runId: RunId): Pick<Job, "tasks"> => {
  const row = sql.get("SELECT definition FROM job_versions WHERE id = (SELECT version FROM runs WHERE id = $runId)", {
    runId,
  });
  return row === null ? { tasks: [] } : json<Job>(row, "definition");
};

/**
 * A failed task of a run. If it has items, with the last attempt of the one that failed first: as among tasks, those that petit ended because
 * of others come last.
 */
const FAILED_TASK = `
  WITH failed AS (
    SELECT * FROM task_runs WHERE run = (SELECT seq FROM runs WHERE id = $runId) AND task_id = $taskId
  ), node AS (
    SELECT failed.run, failed.task_id, failed.reason, failed.error, coalesce(first.item, ${NO_ITEM}) AS item,
      coalesce(first.attempts, failed.attempts) AS attempts, coalesce(first.exit_code, failed.exit_code) AS exit_code,
      coalesce(first.ended_at, failed.ended_at) AS ended_at,
      first.reason AS item_reason,
      (SELECT count(*) FROM items WHERE run = failed.run AND task_id = failed.task_id AND status = 'failed') AS failed_items
    FROM failed LEFT JOIN items AS first ON first.run = failed.run AND first.task_id = failed.task_id AND first.item =
      (SELECT item FROM items WHERE run = failed.run AND task_id = failed.task_id AND status = 'failed'
         ORDER BY reason = 'cancelled', ended_at, item LIMIT 1)
  )
  SELECT node.*, attempts.id AS attempt_id, attempts.signal, attempts.cause,
    stdout_offset + stderr_offset > 0 OR worker IS NOT NULL AS may_have_output FROM node LEFT JOIN attempts
    ON attempts.run = node.run AND attempts.task_id = node.task_id AND attempts.item = node.item AND attempt = node.attempts`;

const NO_TASK = {
  taskId: null,
  moreTasks: 0,
  item: null,
  failedItems: 0,
  groups: [],
  itemReason: null,
  attempt: null,
  exitCode: null,
  signal: null,
  error: null,
  cause: null,
  lastLine: null,
} as const;

const readReason = (sql: Statements, runId: RunId): RunFailure["reason"] => {
  const row = sql.get("SELECT reason FROM runs WHERE id = $runId", { runId });
  return row === null ? null : wordOrNull(row, "reason", REASONS);
};

/** Returns the last line of the attempt of a row of FAILED_TASK that is not empty, of stderr if it has one. */
const findLastLine = (sql: Statements, row: SqlRow): FailureLine | null => {
  const chunks = listLastChunks(sql, row);
  for (const stream of ["stderr", "stdout"] as const) {
    for (const chunk of chunks.filter((each) => word(each, "stream", STREAMS) === stream)) {
      const line = lastLineOfChunk(chunk);
      if (line !== null) return { ...line, stream };
    }
  }
  return null;
};

const listLastChunks = (sql: Statements, row: SqlRow): readonly SqlRow[] => {
  const run = integer(row, "run");
  const attemptId = integerOrNull(row, "attempt_id");
  if (attemptId === null) return [];
  const chunks = sql.all(LAST_CHUNKS, { run, attemptId });
  if (chunks.length > 0 || !flag(row, "may_have_output")) return chunks;
  return sql.all(LAST_CHUNKS_OF_OLD, {
    run,
    taskId: id<TaskId>(row, "task_id"),
    item: integer(row, "item"),
    attempt: integer(row, "attempts"),
    upTo: findLastSeq(sql, { run, endedAt: integer(row, "ended_at") }),
  });
};

/** Selects the newest chunks of each stream from `recent`. Reads only the end of each. */
const selectLast = (key: string): string => {
  const select = (stream: string): string =>
    `SELECT * FROM (SELECT ${key} FROM recent WHERE stream = '${stream}' ORDER BY seq DESC LIMIT 4)`;
  return `SELECT seq, lines, stream, substr(bytes, -4096) AS tail FROM output
    WHERE run = $run AND ${key} IN (${select("stderr")} UNION ALL ${select("stdout")}) ORDER BY seq DESC`;
};

/** The newest chunks of each stream of an attempt, among its newest 2,000 and without markers of dropped output. */
const LAST_CHUNKS = `
  WITH recent AS MATERIALIZED (
    SELECT seq, stream FROM (SELECT * FROM output_extents WHERE attempt_id = $attemptId ORDER BY seq DESC LIMIT 2000) WHERE dropped = 0
  ) ${selectLast("seq")}`;

/**
 * The same of an attempt that an older petit has stored, among the 2,000 chunks of the run up to number `upTo` and the 2,000 after it.
 * What is written while petit is not running, or a worker is out of reach, is stored long after the end of the attempt.
 */
const LAST_CHUNKS_OF_OLD = (() => {
  const columns = "id, seq, stream, task_id, item, attempt, dropped";
  const near = (bound: string, order: string): string =>
    `SELECT * FROM (SELECT ${columns} FROM output WHERE run = $run AND seq ${bound} $upTo ORDER BY seq ${order} LIMIT 2000)`;
  return `
    WITH recent AS MATERIALIZED (
      SELECT id, seq, stream FROM (${near("<=", "DESC")} UNION ALL ${near(">", "ASC")})
      WHERE task_id = $taskId AND item = $item AND attempt = $attempt AND dropped = 0
    ) ${selectLast("id")}`;
})();

const lastLineOfChunk = (row: SqlRow): Pick<FailureLine, "seq" | "text"> | null => {
  const tail = decoder.decode(bytes(row, "tail"));
  const found = lastLineOf(tail);
  if (found === null) return null;
  const linesInTail = tail.split("\n").length - (tail.endsWith("\n") ? 1 : 0);
  const linesAfter = linesInTail - 1 - found.index;
  return { seq: integer(row, "seq") + integer(row, "lines") - 1 - linesAfter, text: found.text };
};

const decoder = new TextDecoder();

/** The end of an attempt is read from the clock of its run, which may be behind the wall clock. */
const CLOCK_SLACK_MS = 1_000;

/**
 * Returns the number of the newest chunk that was stored by the end of an attempt. No index has the times of chunks, but they
 * increase with the numbers, unless the clock was set back.
 */
const findLastSeq = (sql: Statements, { run, endedAt }: { readonly run: number; readonly endedAt: number }): number => {
  const chunkAt = (seq: number): { readonly seq: number; readonly at: number } | null => {
    const row = sql.get("SELECT seq, at FROM output WHERE run = $run AND seq <= $seq ORDER BY seq DESC LIMIT 1", {
      run,
      seq,
    });
    return row === null ? null : { seq: integer(row, "seq"), at: integer(row, "at") };
  };
  const newest = chunkAt(Number.MAX_SAFE_INTEGER);
  const latest = endedAt + CLOCK_SLACK_MS;
  if (newest === null || newest.at <= latest) return newest?.seq ?? 0;
  let [low, high] = [0, newest.seq - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const chunk = chunkAt(middle);
    if (chunk === null || chunk.at <= latest) low = middle;
    else high = chunk.seq - 1;
  }
  return low;
};
