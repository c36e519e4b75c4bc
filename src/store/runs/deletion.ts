import type { JobId, RunId } from "../../domain/ids.ts";
import type { RetentionRule } from "../../domain/limits/retention.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { id, integer } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";

/** Reads and deletions of retention, in steps that are small enough to never delay a trigger. Deletions are not durable. */
export interface RunDeletion {
  /** Returns the number (`seq`) of the `count`th newest run of a job before number `before`, or null if there are fewer. */
  findNthNewestSeq(jobId: JobId, before: number, count: number): number | null;
  /** Counts the pending and running runs of a job with a number from `from` to `to`. */
  countUnfinished(jobId: JobId, from: number, to: number): number;
  /** Returns the number of the run of any job that ended last at or before `at`, or 0 if there is none. */
  findLastSeqEndedBy(at: number): number;
  /** Deletes finished runs of a job that are beyond a limit, with everything that belongs to them. */
  deleteExpired(jobId: JobId, limits: RunLimits, bounds: DeletionBounds): DeletionStep;
  /** Counts the runs that `deleteExpired` would delete, up to about `max`. */
  countExpired(jobId: JobId, limits: RunLimits, max: number): number;
  /** Continues with runs that are partly deleted. Returns true if some of their rows are left. */
  continueDeletions(bounds: DeletionBounds): boolean;
}

/** Bounds of one step of a deletion. */
export type DeletionBounds = {
  /** Maximum number of runs to examine. */
  readonly limit: number;
  /** Duration after which the step ends, in ms. */
  readonly untilMs: number;
  /** Runs up to this number were examined in an earlier step. Default: 0. */
  readonly after?: number;
  readonly clock: { monotonic(): number };
};

/** Limits of a job. Each finished run that is beyond one of them, or beyond both, is deleted. */
export type RunLimits = {
  readonly beyond: RetentionRule["beyond"];
  /** Runs up to this number (`seq`) are beyond the maximum count; 0 for none. */
  readonly upTo: number;
  readonly age: AgeLimit | null;
};

/** Limit of the age of runs. Times are ms since the epoch. */
export type AgeLimit = {
  /** Runs that ended at or before this are too old. */
  readonly endedBy: number;
  readonly now: number;
  /**
   * Number of a run that is too old. If the end of a run is in the future, the clock was wrong. Such a run is too old if its
   * number is lower than this one, because numbers follow the order in which runs were created.
   */
  readonly oldRun: number;
};

type DeletionStep = {
  readonly runs: number;
  /** The deleted runs that had artifacts, whose files the caller deletes. */
  readonly withArtifacts: readonly RunId[];
  /** Number to pass as `after` in the next step; null if this was the last step. */
  readonly next: number | null;
};

const FINAL = "status NOT IN ('pending', 'running')";

export const createRunDeletion = ({ sql, write }: StoreContext): RunDeletion => ({
  findNthNewestSeq: (jobId, before, count) =>
    seqOrNull(
      sql.get(
        "SELECT seq FROM runs WHERE job_id = $jobId AND seq < $before ORDER BY seq DESC LIMIT 1 OFFSET $count - 1",
        { jobId, before, count },
      ),
    ),

  countUnfinished: (jobId, from, to) =>
    integer(
      sql.get(
        `SELECT count(*) AS count FROM runs
         WHERE status IN ('pending', 'running') AND job_id = $jobId AND seq BETWEEN $from AND $to`,
        { jobId, from, to },
      ) ?? {},
      "count",
    ),

  findLastSeqEndedBy: (at) =>
    seqOrNull(
      sql.get("SELECT seq FROM runs WHERE ended_at BETWEEN 0 AND $at ORDER BY ended_at DESC LIMIT 1", { at }),
    ) ?? 0,

  deleteExpired: write("relaxed", (jobId, limits, bounds) => deleteExpired(sql, jobId, limits, bounds)),

  countExpired: (jobId, limits, max) => {
    const completed = findExpired(sql, jobId, { limits, limit: max }).length;
    if (limits.age === null) return completed;
    const query = { age: limits.age, upTo: countedUpTo(limits), after: 0, limit: max };
    return completed + walkUnsuccessful(sql, jobId, query).expired.length;
  },

  continueDeletions: write("relaxed", (bounds) => {
    const isOver = startDeadline(bounds);
    const next = (): number | null =>
      seqOrNull(sql.get(`SELECT seq FROM runs WHERE job_id = '${DELETED}' ORDER BY seq LIMIT 1`));
    for (let seq = next(); seq !== null; seq = next()) if (!deleteInBatches(sql, seq, isOver) || isOver()) return true;
    return false;
  }),
});

const deleteExpired = (sql: Statements, jobId: JobId, limits: RunLimits, bounds: DeletionBounds): DeletionStep => {
  const { limit, after = 0 } = bounds;
  const isOver = startDeadline(bounds);
  const found = findExpired(sql, jobId, { limits, limit });
  const { expired, next } =
    found.length > 0 || limits.age === null
      ? { expired: found, next: found.length > 0 ? after : null }
      : walkUnsuccessful(sql, jobId, { age: limits.age, upTo: countedUpTo(limits), after, limit });
  let runs = 0;
  const withArtifacts: RunId[] = [];
  for (const seq of expired) {
    runs++;
    withArtifacts.push(...findWithArtifacts(sql, seq));
    // After a step that ends early, the next one starts at the same number. Deleted runs are not found again.
    if (!deleteRun(sql, seq, isOver) || (isOver() && runs < expired.length))
      return { runs, withArtifacts, next: after };
  }
  return { runs, withArtifacts, next };
};

/** Returns up to which run the age decides. */
const countedUpTo = ({ beyond, upTo }: RunLimits): number => (beyond === "both" ? upTo : Number.MAX_SAFE_INTEGER);

/** Returns the id of a run if it has artifacts. */
const findWithArtifacts = (sql: Statements, seq: number): readonly RunId[] => {
  const row = sql.get(
    "SELECT id FROM runs WHERE seq = $seq AND EXISTS (SELECT 1 FROM artifacts WHERE artifacts.run = runs.seq)",
    { seq },
  );
  return row === null ? [] : [id<RunId>(row, "id")];
};

/** Returns a function that reads the clock and returns whether the step must end. */
const startDeadline = ({ clock, untilMs }: DeletionBounds): (() => boolean) => {
  const end = clock.monotonic() + untilMs;
  return () => clock.monotonic() >= end;
};

type ExpiredQuery = { readonly limits: RunLimits; readonly limit: number };

/** Finds expired runs by an index. */
const findExpired = (
  sql: Statements,
  jobId: JobId,
  { limits: { beyond, upTo, age }, limit }: ExpiredQuery,
): readonly number[] => {
  if (beyond === "both") return age === null ? [] : findOld(sql, jobId, { age, upTo, limit });
  const tooMany = sql.all(
    `SELECT seq FROM runs WHERE job_id = $jobId AND seq <= $upTo AND ${FINAL} ORDER BY seq LIMIT $limit`,
    { jobId, upTo, limit },
  );
  if (tooMany.length > 0 || age === null) return tooMany.map(seqOf);
  return findOld(sql, jobId, { age, upTo: Number.MAX_SAFE_INTEGER, limit });
};

type OldQuery = { readonly age: AgeLimit; readonly upTo: number; readonly limit: number };

/** Finds completed runs that are too old, of those up to a number. */
const findOld = (sql: Statements, jobId: JobId, { age, upTo, limit }: OldQuery): readonly number[] => {
  const { endedBy, now, oldRun } = age;
  const fromFuture = sql.all(
    `SELECT seq FROM runs WHERE job_id = $jobId AND status = 'completed' AND ended_at > $now AND seq < $oldRun
     AND seq <= $upTo ORDER BY ended_at LIMIT $limit`,
    { jobId, now, oldRun, upTo, limit },
  );
  if (fromFuture.length > 0) return fromFuture.map(seqOf);
  return sql
    .all(
      `SELECT seq FROM runs WHERE job_id = $jobId AND status = 'completed' AND ended_at <= $endedBy AND seq <= $upTo
       ORDER BY ended_at LIMIT $limit`,
      { jobId, endedBy, upTo, limit },
    )
    .map(seqOf);
};

const UNSUCCESSFUL = ["failed", "cancelled", "interrupted"]
  .map(
    (status) => `SELECT * FROM (SELECT seq, ended_at FROM runs
      WHERE job_id = $jobId AND status = '${status}' AND seq > $after AND seq <= $upTo ORDER BY seq LIMIT $limit)`,
  )
  .join(" UNION ALL ");

type UnsuccessfulQuery = OldQuery & { readonly after: number };

/** Examines the next `limit` unsuccessful runs, because no index has the time of their end. */
const walkUnsuccessful = (sql: Statements, jobId: JobId, { age, upTo, after, limit }: UnsuccessfulQuery) => {
  const { endedBy, now, oldRun } = age;
  const rows = sql.all(`${UNSUCCESSFUL} ORDER BY seq LIMIT $limit`, { jobId, upTo, after, limit });
  const isExpired = (row: SqlRow): boolean => {
    const endedAt = integer(row, "ended_at");
    return endedAt <= endedBy || (endedAt > now && seqOf(row) < oldRun);
  };
  const last = rows.at(-1);
  return {
    expired: rows.filter(isExpired).map(seqOf),
    next: last === undefined || rows.length < limit ? null : seqOf(last),
  };
};

/** Returns true if all rows of the run are deleted. */
const deleteRun = (sql: Statements, seq: number, isOver: () => boolean): boolean => {
  if (!isLarge(sql, seq)) {
    sql.run(`DELETE FROM runs WHERE seq = $seq AND ${FINAL}`, { seq });
    return true;
  }
  hideRun(sql, seq);
  return deleteInBatches(sql, seq, isOver);
};

/** Number of rows of a table that one statement deletes. A row of output has up to 64 KiB. */
const BATCH = { output: 32, artifacts: 100, attempts: 100, items: 100, task_runs: 100 } as const;

const EXTENTS = 1_000;

const isLarge = (sql: Statements, seq: number): boolean =>
  Object.entries(BATCH).some(
    ([table, rows]) =>
      sql.get(`SELECT 1 AS one FROM ${table} WHERE run = $seq LIMIT 1 OFFSET $rows`, { seq, rows }) !== null,
  );

/** Job id of runs that are partly deleted. It is not a valid id, so no job has it. */
export const DELETED = "";

/**
 * Hides a run immediately, however long the deletion of its output takes. Its row remains as the parent of the other rows,
 * without an id or a job that a query can find, and with an end that is outside of any window of time.
 */
const hideRun = (sql: Statements, seq: number): void => {
  sql.run(
    `UPDATE runs SET id = 'deleted ' || seq, job_id = '${DELETED}', status = 'cancelled', ending = 'cancelled', reason = NULL,
       error = NULL, "trigger" = 'manual', scheduled_for = NULL, params = '{}', retry_of = NULL, started_at = NULL, ended_at = -1,
       parent_run_id = NULL, parent_task_id = NULL, parent_item = -1,
       parent_attempt = NULL, outputs = '{}', delivery_id = NULL, interval_start = NULL, backfill_id = NULL
     WHERE seq = $seq AND ${FINAL}`,
    { seq },
  );
};

/** Returns true if all rows of the run are deleted. */
const deleteInBatches = (sql: Statements, run: number, isOver: () => boolean): boolean => {
  const batches = [
    `DELETE FROM output WHERE id IN (SELECT id FROM output WHERE run = $run ORDER BY seq LIMIT ${BATCH.output})`,
    `DELETE FROM output_extents WHERE (attempt_id, seq) IN (SELECT attempt_id, output_extents.seq FROM attempts
       JOIN output_extents ON attempt_id = attempts.id WHERE run = $run LIMIT ${EXTENTS})`,
    `DELETE FROM artifacts WHERE run = $run AND path IN
       (SELECT path FROM artifacts WHERE run = $run LIMIT ${BATCH.artifacts})`,
    `DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE run = $run LIMIT ${BATCH.attempts})`,
    `DELETE FROM items WHERE run = $run AND (task_id, item) IN
       (SELECT task_id, item FROM items WHERE run = $run LIMIT ${BATCH.items})`,
    `DELETE FROM task_runs WHERE run = $run AND task_id IN
       (SELECT task_id FROM task_runs WHERE run = $run LIMIT ${BATCH.task_runs})`,
    "DELETE FROM runs WHERE seq = $run",
  ];
  for (const batch of batches) {
    while (sql.run(batch, { run }) > 0) if (isOver()) return false;
  }
  return true;
};

const seqOf = (row: SqlRow): number => integer(row, "seq");

const seqOrNull = (row: SqlRow | null): number | null => (row === null ? null : seqOf(row));
