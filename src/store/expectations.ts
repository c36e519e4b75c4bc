import type { JobId, RunId } from "../domain/ids.ts";
import { type Expectation, expectedFrom } from "../domain/inbox/expectation.ts";
import type { Job } from "../domain/job.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import type { StoreContext } from "./context.ts";
import { id, integer, integerOrNull } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";

/** The jobs with `expect`. Saving a job stores what it expects. */
export interface ExpectationStore {
  /** Returns all, also of jobs that no job file defines any more. */
  list(): readonly Expectation[];
  /**
   * Makes a job stale, and returns its new state; null if it already is, or if a run has completed since it was expected `from` that
   * time.
   */
  markStale(jobId: JobId, expected: { readonly from: number; readonly now: number }): Expectation | null;
  /** Stores that a run has completed, which ends that its job is stale. Does nothing if nothing is expected of the job. */
  noteSuccess(jobId: JobId, success: { readonly runId: RunId; readonly at: number }): void;
}

export const createExpectationStore = ({ sql, write, recordEvent }: StoreContext): ExpectationStore => ({
  list: () => listExpectations(sql),

  markStale: write("durable", (jobId, { from, now }) => {
    const row = sql.get(
      `UPDATE expectations SET stale_at = $now
       WHERE job_id = $jobId AND stale_at IS NULL AND coalesce(last_success_at, since) = $from RETURNING *`,
      { jobId, from, now },
    );
    if (row === null) return null;
    recordEvent({ type: "job.stale", now, jobId, status: "stale" });
    return toExpectation(row);
  }),

  noteSuccess: write("durable", (jobId, { runId, at }) => {
    const row = sql.get("SELECT stale_at FROM expectations WHERE job_id = $jobId", { jobId });
    if (row === null) return;
    sql.run("UPDATE expectations SET last_success_at = $at, stale_at = NULL WHERE job_id = $jobId", { jobId, at });
    if (integerOrNull(row, "stale_at") !== null) recordEvent({ type: "job.recovered", now: at, jobId, runId });
  }),
});

/** Stores what the current jobs expect. Another duration decides anew whether a job is stale. */
export const saveExpectations = (sql: Statements, jobs: readonly Job[], now: number): void => {
  const stored = new Map(listExpectations(sql).map((each) => [each.jobId, each]));
  for (const { id: jobId, expect } of jobs) {
    const known = stored.get(jobId);
    if (expect === undefined) {
      if (known !== undefined) sql.run("DELETE FROM expectations WHERE job_id = $jobId", { jobId });
    } else if (known === undefined) addExpectation(sql, { jobId, withinMs: expect.successWithinMs, now });
    else if (known.withinMs !== expect.successWithinMs) {
      const { successWithinMs: withinMs } = expect;
      const staleAt = now < expectedFrom(known) + withinMs ? null : known.staleSince;
      sql.run("UPDATE expectations SET within_ms = $withinMs, stale_at = $staleAt WHERE job_id = $jobId", {
        jobId,
        withinMs,
        staleAt,
      });
    }
  }
};

type NewExpectation = { readonly jobId: JobId; readonly withinMs: number; readonly now: number };

const addExpectation = (sql: Statements, { jobId, withinMs, now }: NewExpectation): void => {
  sql.run(
    `INSERT INTO expectations (job_id, within_ms, since, last_success_at)
     SELECT $jobId, $withinMs, $now, max(ended_at) FROM runs WHERE job_id = $jobId AND status = 'completed'`,
    { jobId, withinMs, now },
  );
};

const listExpectations = (sql: Statements): readonly Expectation[] =>
  sql.all("SELECT * FROM expectations ORDER BY job_id").map(toExpectation);

const toExpectation = (row: SqlRow): Expectation => ({
  jobId: id<JobId>(row, "job_id"),
  withinMs: integer(row, "within_ms"),
  since: integer(row, "since"),
  lastSuccessAt: integerOrNull(row, "last_success_at"),
  staleSince: integerOrNull(row, "stale_at"),
});
