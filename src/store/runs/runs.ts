import type { Upstream } from "../../domain/dependency.ts";
import type { JobId, RunId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import {
  type EndingReason,
  haveSameParams,
  type ParamValues,
  type Recovery,
  RUN_STATUSES,
  type Run,
  type RunOutcome,
  type RunParent,
  type RunStatus,
  type Trigger,
} from "../../domain/run.ts";
import type { TraceParent } from "../../lib/wire/trace-parent.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { id, integer, integerOrNull, json, word } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";
import { noteStarted } from "../deliveries.ts";
import type { NewEvent } from "../events.ts";
import { insertFired, noteBackfilled } from "../occurrences.ts";
import { type AttemptStore, createAttemptStore } from "./attempts.ts";
import { noteBackfillEnd } from "./backfills.ts";
import { createRunDeletion, type RunDeletion } from "./deletion.ts";
import { createRunFailures, type RunFailures } from "./failures.ts";
import { findIdempotencyKey, insertIdempotencyKey, type KeyedRun } from "./idempotency-keys.ts";
import { createItemStore, type ItemStore } from "./items.ts";
import { createNearLimitStore, type NearLimitStore } from "./near-limits.ts";
import { NO_ITEM, toRun } from "./row.ts";
import { listRuns, type RunListFilter, type RunPage } from "./run-list.ts";
import { createTaskHistoryStore, type TaskHistoryStore } from "./task-history.ts";
import { createTaskRunStore, insertTaskRuns, type ReusedTask, type TaskRunStore } from "./task-runs.ts";
import { createRunTimeline, type RunTimeline } from "./timeline.ts";
import { createRunTraceStore, insertTraceParent, type RunTraceStore } from "./traces.ts";

/** Runs, with their tasks, attempts and idempotency keys. */
export interface RunStore
  extends TaskRunStore,
    TaskHistoryStore,
    ItemStore,
    AttemptStore,
    RunTimeline,
    NearLimitStore,
    RunDeletion,
    RunFailures,
    RunTraceStore {
  /**
   * Stores a run with its tasks, its idempotency key if it has one and, for an occurrence, the row of the ledger. Throws
   * `conflict` if the occurrence was fired or skipped before.
   */
  start(input: NewRun): Run;
  /** Moves a run from `pending` to `running`. */
  begin(runId: RunId, now: number): Run;
  /**
   * Stores why a `pending` or `running` run is to end, and who asked for it. Does not replace an earlier reason. With `all`, the run
   * ends with its clean-up tasks from then on. The defaults are null and false.
   */
  requestEnd(
    runId: RunId,
    ending: EndingReason,
    request?: { readonly by?: string | null; readonly all?: boolean },
  ): Run;
  /** Stores that an attempt of a `running` run was lost. */
  markLost(runId: RunId): void;
  /** Stores that an unfinished run is late, and records the event. Returns null if it has ended, or was late before. */
  markLate(runId: RunId, now: number): Run | null;
  /** Moves a `pending` or `running` run to a final status. */
  finish(runId: RunId, outcome: RunOutcome, now: number): Run;
  find(runId: RunId): Run | null;
  /** Returns the newest first. `before` is exclusive. Throws `not_found` if there is no such run. */
  list(filter: RunListFilter): readonly Run[];
  /** Does what `list` does, and returns where the next page begins. */
  listPage(filter: RunListFilter): RunPage;
  /** Returns every run that is not final, oldest first. */
  listUnfinished(): readonly Run[];
  /** Returns the state of a job that the dependencies of other jobs depend on. */
  getUpstream(jobId: JobId): Upstream;
  /** Returns the newest run of each job that has one. */
  listNewestByJob(): ReadonlyMap<JobId, Run>;
  findNewest(jobId: JobId): Run | null;
  /**
   * Returns the last run of a job to complete among those that were created before a run, and ended before it did. Prefers one with the
   * same params, which it finds among the last 1,000.
   */
  findSuccessBefore(run: Pick<Run, "id" | "jobId" | "endedAt" | "params">): Run | null;
  /** Returns the newest run for an occurrence of a job, or null. */
  findNewestFor(jobId: JobId, scheduledFor: number): Run | null;
  /** Returns the status of the newest run for each occurrence of a job in a range, both ends included. */
  listNewestStatuses(
    jobId: JobId,
    range: { readonly from: number; readonly to: number },
  ): ReadonlyMap<number, RunStatus>;
  /** Returns the runs that retried a run, oldest first. */
  listRetries(runId: RunId): readonly RunId[];
  /**
   * Returns the run with which a job recovered from a failed one: the first to complete of those that were created later, whatever their
   * params. If its params are others, and a retry of the failed run, or a retry of that, completed too, it is that retry.
   */
  findRecovery(run: Pick<Run, "id" | "jobId" | "createdAt" | "params">): Recovery | null;
  /** Returns the run that was started with a key, or null if there is none or the key has expired. */
  findIdempotencyKey(key: string, now: number): KeyedRun | null;
}

export type NewRun = {
  readonly id: RunId;
  readonly job: Job;
  readonly versionId: number;
  readonly status: "pending" | "running";
  readonly trigger: Trigger;
  readonly params: ParamValues;
  readonly now: number;
  /** The occurrence that the run is for. A retry has that of the previous run. */
  readonly scheduledFor: number | null;
  /** The occurrence of the schedule before that. Missing if there is none. */
  readonly intervalStart?: number | null;
  /** If set, the occurrence is stored in the ledger as `fired`. */
  readonly ledger: { readonly jitterMs: number } | null;
  readonly retry: { readonly of: RunId; readonly reused: readonly ReusedTask[] } | null;
  readonly idempotency: { readonly key: string; readonly request: string } | null;
  /** The person who requested it. Missing if petit started it by itself. */
  readonly triggeredBy?: string | null;
  /** The attempt that starts it, and how many runs are above it and have started one another before it. Missing if no run starts it. */
  readonly child?: { readonly parent: RunParent; readonly nesting: number; readonly chain: number };
  /** The delivery that starts it, and how many runs have started one another by `run` triggers before it. Missing without an event. */
  readonly delivery?: { readonly id: string; readonly chain: number };
  /** The span outside of petit that the run continues. Missing, or null, for none. */
  readonly trace?: TraceParent | null;
  /** The backfill that makes it. The ledger then names the run beside that of the occurrence. Missing for other runs. */
  readonly backfill?: { readonly id: string };
};

export const createRunStore = (context: StoreContext): RunStore => {
  const { sql, write, recordEvent } = context;

  const findNewest = (jobId: JobId): Run | null => {
    const row = sql.get("SELECT * FROM runs WHERE job_id = $jobId ORDER BY seq DESC LIMIT 1", { jobId });
    return row === null ? null : toRun(row);
  };

  return {
    ...createTaskRunStore(context),
    ...createTaskHistoryStore(context),
    ...createItemStore(context),
    ...createAttemptStore(context),
    ...createRunTimeline(context),
    ...createNearLimitStore(context),
    ...createRunDeletion(context),
    ...createRunFailures(context),
    ...createRunTraceStore(context),

    start: write("durable", (input) => {
      const { id: runId, job, now, scheduledFor, ledger, idempotency } = input;
      const { seq, run } = insertRun(sql, input);
      const { retry } = input;
      insertTaskRuns(sql, { run: seq, job, retryOf: retry?.of ?? null, reused: retry?.reused ?? [], now });
      if (ledger !== null && scheduledFor !== null) {
        insertFired(sql, { jobId: job.id, scheduledFor, jitterMs: ledger.jitterMs, runId, now });
        recordEvent({ type: "occurrence", now, jobId: job.id, runId, status: "fired" });
      }
      if (input.backfill !== undefined && scheduledFor !== null)
        noteBackfilled(sql, { jobId: job.id, scheduledFor, runId, now });
      if (input.trace !== undefined && input.trace !== null) insertTraceParent(sql, seq, input.trace);
      if (idempotency !== null) insertIdempotencyKey(sql, { ...idempotency, runId, now });
      if (run.status === "running") recordEvent(runEvent("run.started", run, now));
      return run;
    }),

    begin: write("durable", (runId, now) => {
      const row = sql.get(
        "UPDATE runs SET status = 'running', started_at = $now WHERE id = $runId AND status = 'pending' RETURNING *",
        { runId, now },
      );
      const run = toChangedRun(row, "begin", runId);
      noteStarted(context, run, now);
      recordEvent(runEvent("run.started", run, now));
      return run;
    }),

    requestEnd: write("durable", (runId, ending, { by = null, all = false } = {}) => {
      const row = sql.get(
        `UPDATE runs SET ending = coalesce(ending, $ending), cancelled_by = iif(ending IS NULL, $by, cancelled_by),
           ends_clean_ups = max(ends_clean_ups, $all)
         WHERE id = $runId AND status IN ('pending', 'running') RETURNING *`,
        { runId, ending, by, all: all ? 1 : 0 },
      );
      return toChangedRun(row, "request the end of", runId);
    }),

    markLost: write("durable", (runId) =>
      sql.updateOne(
        "UPDATE runs SET lost = 1 WHERE id = $runId AND status = 'running'",
        { runId },
        "mark a run as lost",
      ),
    ),

    markLate: write("durable", (runId, now) => {
      const row = sql.get(
        `UPDATE runs SET late_at = $now WHERE id = $runId AND late_at IS NULL AND status IN ('pending', 'running')
         RETURNING *`,
        { runId, now },
      );
      if (row === null) return null;
      const run = toRun(row);
      recordEvent(runEvent("run.late", run, now));
      return run;
    }),

    finish: write("durable", (runId, { status, reason, error, warnings = 0, outputs = {} }, now) => {
      const row = sql.get(
        `UPDATE runs SET status = $status, reason = $reason, error = $error, warnings = $warnings, outputs = $outputs,
           ended_at = $now, end_unseen = EXISTS (SELECT 1 FROM followed_jobs WHERE followed_jobs.job_id = runs.job_id)
         WHERE id = $runId AND status IN ('pending', 'running') RETURNING *`,
        { runId, now, status, reason, error, warnings, outputs: JSON.stringify(outputs) },
      );
      const run = toChangedRun(row, "finish", runId);
      noteStarted(context, run, now);
      noteBackfillEnd(context, run, now);
      recordEvent(runEvent("run.finished", run, now));
      return run;
    }),

    find: (runId) => {
      const row = sql.get("SELECT * FROM runs WHERE id = $runId", { runId });
      return row === null ? null : toRun(row);
    },

    list: (filter) => listRuns(sql, filter).runs,

    listPage: (filter) => listRuns(sql, filter),

    listUnfinished: () => sql.all("SELECT * FROM runs WHERE status IN ('pending', 'running') ORDER BY seq").map(toRun),

    getUpstream: (jobId) => {
      const completed = sql.get(
        "SELECT max(ended_at) AS ended_at FROM runs WHERE job_id = $jobId AND status = 'completed'",
        { jobId },
      );
      return {
        newest: findNewest(jobId)?.status ?? null,
        lastCompletedAt: completed === null ? null : integerOrNull(completed, "ended_at"),
      };
    },

    // One index seek per job, however many runs there are.
    listNewestByJob: () =>
      new Map(
        sql
          .all(
            `SELECT runs.* FROM jobs JOIN runs
             ON runs.seq = (SELECT max(seq) FROM runs AS newest WHERE newest.job_id = jobs.id)`,
          )
          .map(toRun)
          .map((run) => [run.jobId, run]),
      ),

    findNewest,

    findSuccessBefore: ({ id: runId, jobId, endedAt, params }) => {
      const row = sql.get(
        `SELECT * FROM runs WHERE seq = (
           SELECT seq FROM (
             SELECT seq, ended_at, params FROM runs WHERE job_id = $jobId AND status = 'completed' AND ended_at <= $until
               AND seq < (SELECT seq FROM runs WHERE id = $runId) ORDER BY ended_at DESC LIMIT 1000
           ) ORDER BY ${sortedParams("params")} = ${sortedParams("$params")} DESC, ended_at DESC LIMIT 1
         )`,
        { runId, jobId, until: endedAt ?? Number.MAX_SAFE_INTEGER, params: JSON.stringify(params) },
      );
      return row === null ? null : toRun(row);
    },

    findRecovery: ({ id: runId, jobId, createdAt, params }) => {
      const row = sql.get(LATER_SUCCESS, { runId, jobId, createdAt });
      if (row === null) return null;
      const first = toRecovery(row, params);
      if (!first.hasOtherParams) return first;
      const retry = sql.get(COMPLETED_RETRY, { runId });
      return retry === null ? first : toRecovery(retry, params);
    },

    findNewestFor: (jobId, scheduledFor) => {
      const row = sql.get(
        "SELECT * FROM runs WHERE job_id = $jobId AND scheduled_for = $scheduledFor ORDER BY seq DESC LIMIT 1",
        { jobId, scheduledFor },
      );
      return row === null ? null : toRun(row);
    },

    // SQLite takes the status from the row with the highest number.
    listNewestStatuses: (jobId, { from, to }) =>
      new Map(
        sql
          .all(
            `SELECT scheduled_for, status, max(seq) FROM runs
             WHERE job_id = $jobId AND scheduled_for BETWEEN $from AND $to GROUP BY scheduled_for`,
            { jobId, from, to },
          )
          .map((row) => [integer(row, "scheduled_for"), word(row, "status", RUN_STATUSES)]),
      ),

    listRetries: (runId) =>
      sql.all("SELECT id FROM runs WHERE retry_of = $runId ORDER BY seq", { runId }).map((row) => id<RunId>(row, "id")),

    findIdempotencyKey: (key, now) => findIdempotencyKey(sql, key, now),
  };
};

/** A run can have been retried more than once, and so can its retries. */
const COMPLETED_RETRY = `
  WITH RECURSIVE retries (id) AS (
    SELECT id FROM runs WHERE retry_of = $runId
    UNION ALL
    SELECT runs.id FROM retries JOIN runs ON runs.retry_of = retries.id
    LIMIT 100
  )
  SELECT runs.id, runs.ended_at, runs.params FROM retries JOIN runs ON runs.id = retries.id WHERE runs.status = 'completed'
  ORDER BY runs.ended_at LIMIT 1`;

/** Params of a run by name: a definition can have changed their order. */
const sortedParams = (json: string): string =>
  `(SELECT json_group_array(json_array(key, value) ORDER BY key) FROM json_each(${json}))`;

/**
 * What was created later also ends after the creation of the failed run, unless the clock was set back: then it is looked for among the newest
 * 200 runs, as failing jobs are.
 */
const LATER_SUCCESS = `
  SELECT id, ended_at, params FROM runs WHERE seq = coalesce(
    (SELECT seq FROM (
       SELECT seq, ended_at FROM runs WHERE job_id = $jobId AND status = 'completed' AND ended_at >= $createdAt
       ORDER BY ended_at LIMIT 1000
     ) WHERE seq > (SELECT seq FROM runs WHERE id = $runId) ORDER BY ended_at LIMIT 1),
    (SELECT min(seq) FROM (SELECT seq, status FROM runs WHERE job_id = $jobId ORDER BY seq DESC LIMIT 200)
     WHERE status = 'completed' AND seq > (SELECT seq FROM runs WHERE id = $runId))
  )`;

const toRecovery = (row: SqlRow, params: ParamValues): Recovery => ({
  runId: id<RunId>(row, "id"),
  at: integer(row, "ended_at"),
  hasOtherParams: !haveSameParams(json<ParamValues>(row, "params"), params),
});

/** Returns the run, and its number for the rows that refer to it. */
const insertRun = (sql: Statements, run: NewRun): { readonly seq: number; readonly run: Run } => {
  const parent = run.child?.parent;
  const row = sql.get(
    `INSERT INTO runs (id, job_id, version, status, "trigger", scheduled_for, params, retry_of, created_at, started_at, triggered_by,
       parent_run_id, parent_task_id, parent_item, parent_attempt, nesting, delivery_id, chain, interval_start, backfill_id, commit_id)
     VALUES ($id, $jobId, $versionId, $status, $trigger, $scheduledFor, $params, $retryOf, $now, $startedAt, $triggeredBy,
       $parentRunId, $parentTaskId, $parentItem, $parentAttempt, $nesting, $deliveryId, $chain, $intervalStart, $backfillId, $commit) RETURNING *`,
    {
      id: run.id,
      jobId: run.job.id,
      versionId: run.versionId,
      status: run.status,
      trigger: run.trigger,
      scheduledFor: run.scheduledFor,
      params: JSON.stringify(run.params),
      retryOf: run.retry?.of ?? null,
      now: run.now,
      startedAt: run.status === "running" ? run.now : null,
      triggeredBy: run.triggeredBy ?? null,
      parentRunId: parent?.runId ?? null,
      parentTaskId: parent?.taskId ?? null,
      parentItem: parent?.item ?? NO_ITEM,
      parentAttempt: parent?.attempt ?? null,
      nesting: run.child?.nesting ?? 0,
      deliveryId: run.delivery?.id ?? null,
      chain: run.delivery?.chain ?? run.child?.chain ?? 0,
      intervalStart: run.intervalStart ?? null,
      backfillId: run.backfill?.id ?? null,
      commit: run.job.source.commit?.id ?? null,
    },
  );
  if (row === null) throw new Error("a run was not stored");
  return { seq: integer(row, "seq"), run: toRun(row) };
};

/** Throws if no row was in the expected status. */
const toChangedRun = (row: SqlRow | null, what: string, runId: RunId): Run => {
  if (row === null) throw new Error(`cannot ${what} run ${runId}: it is not in the expected status`);
  return toRun(row);
};

const runEvent = (type: "run.started" | "run.late" | "run.finished", run: Run, now: number): NewEvent => ({
  type,
  now,
  jobId: run.jobId,
  runId: run.id,
  status: run.status,
  reason: run.reason,
});
