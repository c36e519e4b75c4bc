import type { JobId, RunId } from "../domain/ids.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import { id, integer } from "./rows.ts";
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

/** Rows of a job's ledger but the newest `keep`; the oldest `limit` of them go. How many went. */
export const deleteOccurrences = (sql: Statements, jobId: JobId, keep: number, limit: number): number =>
  sql.run(
    `DELETE FROM occurrences WHERE job_id = $jobId AND scheduled_for IN (
       SELECT scheduled_for FROM occurrences WHERE job_id = $jobId AND scheduled_for <=
         (SELECT scheduled_for FROM occurrences WHERE job_id = $jobId ORDER BY scheduled_for DESC LIMIT 1 OFFSET $keep)
       ORDER BY scheduled_for LIMIT $limit)`,
    { jobId, keep, limit },
  );

/** Events but the newest `keep`; the oldest `limit` of them go. How many went. */
export const deleteEvents = (sql: Statements, keep: number, limit: number): number =>
  sql.run(
    `DELETE FROM events WHERE seq IN (
       SELECT seq FROM events WHERE seq <= (SELECT max(seq) FROM events) - $keep ORDER BY seq LIMIT $limit)`,
    { keep, limit },
  );
