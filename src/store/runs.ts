import type { Upstream } from "../domain/dependency.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import { runNotFound } from "../domain/not-found.ts";
import {
  ENDING_REASONS,
  type EndingReason,
  type ParamValues,
  REASONS,
  RUN_STATUSES,
  type Run,
  type RunOutcome,
  TRIGGERS,
} from "../domain/run.ts";
import type { SqlParams, SqlRow } from "../runtime/runtime.ts";
import { flag, id, idOrNull, integer, integerOrNull, json, textOrNull, word, wordOrNull } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import { DELETED } from "./retention.ts";
import type { NewRun, RunFilter } from "./store.ts";

/** Answers the run, and its number in this database for the rows that belong to it. */
export const insertRun = (sql: Statements, run: NewRun): { readonly seq: number; readonly run: Run } => {
  const row = sql.get(
    `INSERT INTO runs (id, job_id, version, status, "trigger", scheduled_for, params, retry_of, created_at, started_at)
     VALUES ($id, $jobId, $versionId, $status, $trigger, $scheduledFor, $params, $retryOf, $now, $startedAt) RETURNING *`,
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
    },
  );
  if (row === null) throw new Error("a run was not stored");
  return { seq: integer(row, "seq"), run: toRun(row) };
};

export const beginRun = (sql: Statements, runId: RunId, now: number): Run =>
  changed(
    sql.get(
      "UPDATE runs SET status = 'running', started_at = $now WHERE id = $runId AND status = 'pending' RETURNING *",
      {
        runId,
        now,
      },
    ),
    "begin",
    runId,
  );

export const requestEnd = (sql: Statements, runId: RunId, ending: EndingReason): Run =>
  changed(
    sql.get(
      `UPDATE runs SET ending = coalesce(ending, $ending) WHERE id = $runId AND status IN ('pending', 'running') RETURNING *`,
      { runId, ending },
    ),
    "ask for the end of",
    runId,
  );

export const markLost = (sql: Statements, runId: RunId): void =>
  sql.one("UPDATE runs SET lost = 1 WHERE id = $runId AND status = 'running'", { runId }, "mark a run as lost");

export const finishRun = (sql: Statements, runId: RunId, outcome: RunOutcome, now: number): Run =>
  changed(
    sql.get(
      `UPDATE runs SET status = $status, reason = $reason, error = $error, ended_at = $now
       WHERE id = $runId AND status IN ('pending', 'running') RETURNING *`,
      { runId, now, status: outcome.status, reason: outcome.reason, error: outcome.error },
    ),
    "finish",
    runId,
  );

/** A transition whose row is not in the expected status is an error. */
const changed = (row: SqlRow | null, what: string, runId: RunId): Run => {
  if (row === null) throw new Error(`can't ${what} run ${runId}: it is not in the expected status`);
  return toRun(row);
};

export const findRun = (sql: Statements, runId: RunId): Run | null => {
  const row = sql.get("SELECT * FROM runs WHERE id = $runId", { runId });
  return row === null ? null : toRun(row);
};

export const listRuns = (sql: Statements, filter: RunFilter): readonly Run[] => {
  const conditions = [`job_id <> '${DELETED}'`];
  const params: SqlParams = { limit: filter.limit };
  const where = (condition: string, name: string, value: string | number): void => {
    conditions.push(condition);
    params[name] = value;
  };
  if (filter.jobId !== undefined) where("job_id = $jobId", "jobId", filter.jobId);
  // Written out, so that SQLite sees which partial index answers it; it is one of a fixed set of words.
  if (filter.status !== undefined) conditions.push(`status = '${filter.status}'`);
  if (filter.before !== undefined) where("seq < $before", "before", seqOf(sql, filter.before));
  return sql
    .all(`SELECT * FROM runs WHERE ${conditions.join(" AND ")} ORDER BY seq DESC LIMIT $limit`, params)
    .map(toRun);
};

const seqOf = (sql: Statements, runId: RunId): number => {
  const row = sql.get("SELECT seq FROM runs WHERE id = $runId", { runId });
  if (row === null) throw runNotFound(runId);
  return integer(row, "seq");
};

export const unfinishedRuns = (sql: Statements): readonly Run[] =>
  sql.all("SELECT * FROM runs WHERE status IN ('pending', 'running') ORDER BY seq").map(toRun);

export const upstream = (sql: Statements, jobId: JobId): Upstream => {
  const completed = sql.get(
    "SELECT max(ended_at) AS ended_at FROM runs WHERE job_id = $jobId AND status = 'completed'",
    { jobId },
  );
  return {
    newest: newestRun(sql, jobId)?.status ?? null,
    lastCompletedAt: completed === null ? null : integerOrNull(completed, "ended_at"),
  };
};

export const newestRun = (sql: Statements, jobId: JobId): Run | null => {
  const row = sql.get("SELECT * FROM runs WHERE job_id = $jobId ORDER BY seq DESC LIMIT 1", { jobId });
  return row === null ? null : toRun(row);
};

/** A seek a job, however many runs there are. */
export const newestRuns = (sql: Statements): ReadonlyMap<JobId, Run> =>
  new Map(
    sql
      .all(
        `SELECT runs.* FROM jobs JOIN runs
         ON runs.seq = (SELECT max(seq) FROM runs AS newest WHERE newest.job_id = jobs.id)`,
      )
      .map(toRun)
      .map((run) => [run.jobId, run]),
  );

const toRun = (row: SqlRow): Run => ({
  id: id<RunId>(row, "id"),
  jobId: id<JobId>(row, "job_id"),
  versionId: integer(row, "version"),
  status: word(row, "status", RUN_STATUSES),
  reason: wordOrNull(row, "reason", REASONS),
  error: textOrNull(row, "error"),
  trigger: word(row, "trigger", TRIGGERS),
  scheduledFor: integerOrNull(row, "scheduled_for"),
  params: json<ParamValues>(row, "params"),
  retryOf: idOrNull<RunId>(row, "retry_of"),
  createdAt: integer(row, "created_at"),
  startedAt: integerOrNull(row, "started_at"),
  endedAt: integerOrNull(row, "ended_at"),
  ending: wordOrNull(row, "ending", ENDING_REASONS),
  lost: flag(row, "lost"),
});
