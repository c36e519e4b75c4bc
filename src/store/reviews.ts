import type { JobId, RunId, TaskId } from "../domain/ids.ts";
import { RUN_STATUSES, type Run, type RunStatus, TRIGGERS, type Trigger } from "../domain/run.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import type { StoreContext } from "./context.ts";
import { id, idOrNull, integer, integerOrNull, textOrNull, word } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import { DELETED } from "./runs/deletion.ts";
import { toRun } from "./runs/row.ts";

/** What a review of a period reads. Each call reads a bounded part of the database. */
export interface ReviewStore {
  /** Counts the runs that ended within (`after`, `until`]. */
  countEnded(after: number, until: number): readonly EndedRuns[];
  /** Returns the run with a number, or null if it was deleted. */
  findRun(seq: number): Run | null;
  /** Returns when the first of the runs of a job that are left ended, of the 20 that were created first, or null. */
  findFirstEnd(jobId: JobId): number | null;
  /** Returns tasks and items that needed a retry to complete, in runs that ended in [`from`, `to`), the newest runs first. */
  listRetried(query: RetriedQuery): readonly RetriedTask[];
  /** Returns the runs that started in [`from`, `to`) after they had waited for more than a minute, the longest waits first. */
  listWaits(from: number, to: number, limit: number): readonly StoredWait[];
  /** Returns what people did in [`from`, `to`), by person, action and job, the newest first. */
  countActions(from: number, to: number): readonly StoredAction[];
  /** Stores what a person did, within the transaction that does it. */
  record(action: NewAction): void;
  /** Deletes up to `limit` actions from before a time. Returns how many. Not durable. */
  deleteActionsBefore(at: number, limit: number): number;
}

export type EndedRuns = {
  readonly jobId: JobId;
  readonly status: RunStatus;
  readonly trigger: Trigger;
  readonly triggeredBy: string | null;
  readonly cancelledBy: string | null;
  readonly count: number;
  readonly lastAt: number;
  /** The lowest and the highest number of a run. */
  readonly firstSeq: number;
  readonly lastSeq: number;
};

type RetriedQuery = {
  readonly from: number;
  readonly to: number;
  /** Only runs from this number on. */
  readonly firstSeq: number;
  readonly limit: number;
};

type RetriedTask = {
  readonly jobId: JobId;
  readonly taskId: TaskId;
  readonly runId: RunId;
  readonly endedAt: number;
};

type StoredWait = {
  readonly jobId: JobId;
  readonly runId: RunId;
  readonly since: number;
  readonly waitedMs: number;
};

const ACTIONS = ["pause", "resume", "approve", "reject"] as const;

type StoredAction = {
  readonly action: (typeof ACTIONS)[number];
  readonly actor: string | null;
  readonly jobId: JobId | null;
  readonly count: number;
  readonly lastAt: number;
};

export const createReviewStore = ({ sql, write }: StoreContext): ReviewStore => ({
  countEnded: (after, until) =>
    sql
      .all(
        `SELECT job_id, status, "trigger", triggered_by, cancelled_by, count(*) AS count, max(ended_at) AS last_at, min(seq) AS first_seq,
           max(seq) AS last_seq
         FROM runs WHERE ended_at > $after AND ended_at <= $until AND job_id <> '${DELETED}'
         GROUP BY job_id, status, "trigger", triggered_by, cancelled_by`,
        { after, until },
      )
      .map(toEndedRuns),

  findRun: (seq) => {
    const row = sql.get(`SELECT * FROM runs WHERE seq = $seq AND job_id <> '${DELETED}'`, { seq });
    return row === null ? null : toRun(row);
  },

  findFirstEnd: (jobId) => {
    const row = sql.get(
      `SELECT min(ended_at) AS ended_at FROM
         (SELECT ended_at FROM runs WHERE job_id = $jobId AND ended_at IS NOT NULL ORDER BY seq LIMIT 20)`,
      { jobId },
    );
    return row === null ? null : integerOrNull(row, "ended_at");
  },

  listRetried: (query) => {
    const { from, to, firstSeq, limit } = query;
    return sql.all(RETRIED, { from, to, firstSeq, limit }).map(toRetriedTask);
  },

  listWaits: (from, to, limit) =>
    sql
      .all(
        `SELECT job_id, id, created_at, started_at - created_at AS waited FROM runs
         WHERE started_at - created_at > 60000 AND started_at >= $from AND started_at < $to AND job_id <> '${DELETED}'
         ORDER BY waited DESC LIMIT $limit`,
        { from, to, limit },
      )
      .map((row) => ({
        jobId: id<JobId>(row, "job_id"),
        runId: id<RunId>(row, "id"),
        since: integer(row, "created_at"),
        waitedMs: integer(row, "waited"),
      })),

  countActions: (from, to) =>
    sql
      .all(
        `SELECT action, actor, job_id, count(*) AS count, max(at) AS last_at FROM actions WHERE at >= $from AND at < $to
         GROUP BY action, actor, job_id ORDER BY last_at DESC`,
        { from, to },
      )
      .map((row) => ({
        action: word(row, "action", ACTIONS),
        actor: textOrNull(row, "actor"),
        jobId: idOrNull<JobId>(row, "job_id"),
        count: integer(row, "count"),
        lastAt: integer(row, "last_at"),
      })),

  record: write("durable", (action) => insertAction(sql, action)),

  deleteActionsBefore: write("relaxed", (at, limit) =>
    sql.run("DELETE FROM actions WHERE seq IN (SELECT seq FROM actions WHERE at < $at ORDER BY at LIMIT $limit)", {
      at,
      limit,
    }),
  ),
});

type NewAction = {
  readonly action: (typeof ACTIONS)[number];
  readonly now: number;
  readonly by: string | null;
  readonly jobId?: JobId;
  readonly runId?: RunId;
  readonly taskId?: TaskId;
};

/** Stores what a person did, within the current transaction. */
export const insertAction = (sql: Statements, { action, now, by, jobId, runId, taskId }: NewAction): void => {
  sql.run(
    `INSERT INTO actions (at, action, actor, job_id, run_id, task_id) VALUES ($now, $action, $by, $jobId, $runId, $taskId)`,
    { now, action, by, jobId: jobId ?? null, runId: runId ?? null, taskId: taskId ?? null },
  );
};

const retriedIn = (table: "task_runs" | "items"): string =>
  `SELECT * FROM (SELECT DISTINCT run, task_id FROM ${table} INDEXED BY ${table}_retried
     WHERE attempts > 1 AND status = 'completed' AND reused = 0 AND run >= $firstSeq ORDER BY run DESC LIMIT $limit)`;

/** CROSS JOIN reads the few retried tasks first. */
const RETRIED = `SELECT runs.job_id, runs.id, runs.ended_at, retried.task_id
  FROM (${retriedIn("task_runs")} UNION ${retriedIn("items")}) AS retried CROSS JOIN runs ON runs.seq = retried.run
  WHERE runs.ended_at >= $from AND runs.ended_at < $to AND runs.job_id <> '${DELETED}' ORDER BY retried.run DESC LIMIT $limit`;

const toEndedRuns = (row: SqlRow): EndedRuns => ({
  jobId: id<JobId>(row, "job_id"),
  status: word(row, "status", RUN_STATUSES),
  trigger: word(row, "trigger", TRIGGERS),
  triggeredBy: textOrNull(row, "triggered_by"),
  cancelledBy: textOrNull(row, "cancelled_by"),
  count: integer(row, "count"),
  lastAt: integer(row, "last_at"),
  firstSeq: integer(row, "first_seq"),
  lastSeq: integer(row, "last_seq"),
});

const toRetriedTask = (row: SqlRow): RetriedTask => ({
  jobId: id<JobId>(row, "job_id"),
  taskId: id<TaskId>(row, "task_id"),
  runId: id<RunId>(row, "id"),
  endedAt: integerOrNull(row, "ended_at") ?? 0,
});
