import { PetitError } from "../domain/errors.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import { MISS_REASONS, type Occurrence, OUTCOMES, SKIP_REASONS } from "../domain/schedule/occurrence.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import { id, idOrNull, integer, word, wordOrNull } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import type { NewOccurrence } from "./store.ts";

type Fired = {
  readonly jobId: JobId;
  readonly scheduledFor: number;
  readonly jitterMs: number;
  readonly runId: RunId;
  readonly now: number;
};

/** One that was missed may still fire, when the clock was set back and it is due once more; no other row ever changes. */
export const insertFired = (sql: Statements, fired: Fired): void => {
  const changed = sql.run(
    `INSERT INTO occurrences (job_id, scheduled_for, outcome, run_id, decided_at, jitter_ms)
     VALUES ($jobId, $scheduledFor, 'fired', $runId, $now, $jitterMs)
     ON CONFLICT (job_id, scheduled_for) DO UPDATE SET outcome = 'fired', reason = NULL, run_id = $runId, decided_at = $now
     WHERE outcome = 'missed'`,
    fired,
  );
  if (changed === 1) return;
  const when = new Date(fired.scheduledFor).toISOString();
  throw new PetitError("conflict", `the occurrence of '${fired.jobId}' at ${when} is in the ledger already`);
};

/** Returns those that were stored. An occurrence that the ledger has already stays as it is. */
export const insertUnfired = (
  sql: Statements,
  jobId: JobId,
  list: readonly NewOccurrence[],
  now: number,
): readonly NewOccurrence[] => {
  const rows = sql.all(
    `INSERT INTO occurrences (job_id, scheduled_for, outcome, reason, decided_at, jitter_ms)
     SELECT $jobId, value ->> 'scheduledFor', value ->> 'outcome', value ->> 'reason', $now, value ->> 'jitterMs'
     FROM json_each($list) WHERE true ON CONFLICT (job_id, scheduled_for) DO NOTHING RETURNING scheduled_for`,
    { jobId, now, list: JSON.stringify(list) },
  );
  if (rows.length === list.length) return list;
  const stored = new Set(rows.map((row) => integer(row, "scheduled_for")));
  return list.filter(({ scheduledFor }) => stored.delete(scheduledFor));
};

type Alike = Pick<NewOccurrence, "outcome" | "reason"> & { readonly times: number };

/** How often the same came of them: an hour of sleep is no news of 3,600 lines. */
export const alike = (list: readonly NewOccurrence[]): readonly Alike[] => {
  const counts = new Map<string, Alike>();
  for (const { outcome, reason } of list)
    counts.set(reason, { outcome, reason, times: (counts.get(reason)?.times ?? 0) + 1 });
  return [...counts.values()];
};

export const findOccurrence = (sql: Statements, jobId: JobId, scheduledFor: number): Occurrence | null => {
  const row = sql.get("SELECT * FROM occurrences WHERE job_id = $jobId AND scheduled_for = $scheduledFor", {
    jobId,
    scheduledFor,
  });
  return row === null ? null : toOccurrence(row);
};

export const listOccurrences = (
  sql: Statements,
  jobId: JobId,
  filter: { readonly limit: number; readonly before?: number },
): readonly Occurrence[] =>
  sql
    .all(
      `SELECT * FROM occurrences WHERE job_id = $jobId AND scheduled_for < $before ORDER BY scheduled_for DESC LIMIT $limit`,
      { jobId, limit: filter.limit, before: filter.before ?? Number.MAX_SAFE_INTEGER },
    )
    .map(toOccurrence);

const toOccurrence = (row: SqlRow): Occurrence => ({
  jobId: id<JobId>(row, "job_id"),
  scheduledFor: integer(row, "scheduled_for"),
  outcome: word(row, "outcome", OUTCOMES),
  reason: wordOrNull(row, "reason", [...SKIP_REASONS, ...MISS_REASONS] as const),
  runId: idOrNull<RunId>(row, "run_id"),
  decidedAt: integer(row, "decided_at"),
  jitterMs: integer(row, "jitter_ms"),
});
