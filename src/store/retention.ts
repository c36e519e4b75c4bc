import type { JobId, RunId } from "../domain/ids.ts";
import type { SqlParams, SqlRow } from "../runtime/runtime.ts";
import { id, integer, integerOrNull } from "./rows.ts";
import type { Statements } from "./statements.ts";
import type { DeletionBounds } from "./store.ts";

/** What is to be kept of a job's finished runs; null is no limit. */
export type Keep = {
  /** The newest so many. */
  readonly runs: number | null;
  /** Those that ended after this, ms since the epoch. */
  readonly endedAfter: number | null;
};

const FINAL = "status NOT IN ('pending', 'running')";

/** Deletes the oldest finished runs of a job that are beyond a limit, with their tasks, attempts and output. How many. */
export const deleteRuns = (sql: Statements, jobId: JobId, keep: Keep, bounds: DeletionBounds): number => {
  const deadline = bounds.clock.monotonic() + bounds.untilMs;
  let deleted = 0;
  for (const runId of runsBeyond(sql, jobId, keep, bounds.limit)) {
    deleted += sql.run(`DELETE FROM runs WHERE id = $runId AND ${FINAL}`, { runId });
    if (bounds.clock.monotonic() >= deadline) break;
  }
  return deleted;
};

const runsBeyond = (sql: Statements, jobId: JobId, keep: Keep, limit: number): readonly RunId[] => {
  const newestGone = keep.runs === null ? 0 : newestBeyond(sql, jobId, keep.runs);
  const oldest = sql.all(
    `SELECT seq, id, ended_at FROM runs WHERE job_id = $jobId AND ${FINAL} ORDER BY seq LIMIT $limit`,
    { jobId, limit },
  );
  const isGone = (row: SqlRow): boolean =>
    integer(row, "seq") <= newestGone || (keep.endedAfter !== null && integer(row, "ended_at") <= keep.endedAfter);
  return oldest.filter(isGone).map((row) => id<RunId>(row, "id"));
};

/** Number of the newest finished run that is one too many; 0 where none is. */
const newestBeyond = (sql: Statements, jobId: JobId, runs: number): number => {
  const row = sql.get(
    `SELECT seq FROM runs WHERE job_id = $jobId AND ${FINAL} ORDER BY seq DESC LIMIT 1 OFFSET $runs`,
    { jobId, runs },
  );
  return row === null ? 0 : integer(row, "seq");
};

/** When the oldest run of a job that is kept was made; null where it has none. */
export const oldestRunAt = (sql: Statements, jobId: JobId): number | null => {
  const row = sql.get("SELECT created_at FROM runs WHERE job_id = $jobId ORDER BY seq LIMIT 1", { jobId });
  return row === null ? null : integerOrNull(row, "created_at");
};

/** Rows of the ledger beyond the newest `keep`, or due before `dueBefore`; the oldest `limit` of them go. How many went. */
export const deleteOccurrences = (
  sql: Statements,
  jobId: JobId,
  { keep, dueBefore, limit }: { readonly keep: number; readonly dueBefore: number; readonly limit: number },
): number => {
  const params: SqlParams = { jobId, keep, dueBefore, limit };
  return sql.run(
    `DELETE FROM occurrences WHERE job_id = $jobId AND scheduled_for IN (
       SELECT scheduled_for FROM occurrences WHERE job_id = $jobId AND scheduled_for < max($dueBefore,
         coalesce((SELECT scheduled_for FROM occurrences WHERE job_id = $jobId ORDER BY scheduled_for DESC LIMIT 1 OFFSET $keep), 0))
       ORDER BY scheduled_for LIMIT $limit)`,
    params,
  );
};

/** Events but the newest `keep`; the oldest `limit` of them go. How many went. */
export const deleteEvents = (sql: Statements, keep: number, limit: number): number =>
  sql.run(
    `DELETE FROM events WHERE seq IN (
       SELECT seq FROM events WHERE seq <= (SELECT max(seq) FROM events) - $keep ORDER BY seq LIMIT $limit)`,
    { keep, limit },
  );
