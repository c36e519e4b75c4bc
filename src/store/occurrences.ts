import { PetitError } from "../domain/errors.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import { MAX_UNFIRED, UNFIRED_REASONS, type UnfiredReason, type UnfiredStreak } from "../domain/inbox/unfired.ts";
import {
  MISS_REASONS,
  type MissReason,
  type Occurrence,
  OUTCOMES,
  type Outcome,
  SKIP_REASONS,
  type SkipReason,
} from "../domain/schedule/occurrence.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import type { StoreContext } from "./context.ts";
import { countColumns, readCounts } from "./database/count.ts";
import { id, idOrNull, integer, word, wordOrNull } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";

/** The ledger: the outcome of every occurrence that was due. */
export interface OccurrenceStore {
  /**
   * Stores occurrences that were skipped or missed, and records one event for each reason. An occurrence that is already in
   * the ledger does not change. Returns the others. If the list is part of a larger one, pass `part`: the events are
   * recorded with its last part.
   */
  record(
    jobId: JobId,
    occurrences: readonly NewOccurrence[],
    now: number,
    part?: { readonly earlier: readonly NewOccurrence[]; readonly isLast: boolean },
  ): readonly NewOccurrence[];
  find(jobId: JobId, scheduledFor: number): Occurrence | null;
  /** Returns the newest first. `before` is exclusive. */
  list(jobId: JobId, filter: { readonly limit: number; readonly before?: number }): readonly Occurrence[];
  /** Returns the time of skipped or missed occurrence number `count` within [`from`, `to`), or null if there are fewer. */
  findNthUnfired(from: number, to: number, count: number): number | null;
  /** Counts skipped and missed occurrences within [`from`, `to`) by job and reason. */
  listUnfiredSpans(from: number, to: number): readonly UnfiredSpan[];
  /** Returns the occurrences of a job that fired in a range, both ends included. */
  listFired(jobId: JobId, range: { readonly from: number; readonly to: number }): ReadonlySet<number>;
  /** Counts the occurrences that were due within [`from`, `to`), of some jobs or, if `jobIds` is null, of all. */
  countByOutcome(query: CountQuery): ReadonlyMap<Outcome, number>;
  /** Returns those of the jobs whose newest occurrence started no run. */
  listUnfiredJobs(jobIds: readonly JobId[]): readonly JobId[];
  /**
   * Returns what its newest occurrences have in common if none of them started a run, apart from those on excepted dates; otherwise null.
   * One that a backfill has run counts as started. Counting takes about 1 ms for 1,000 of them. With `known`, what this returned before,
   * only newer ones are counted.
   */
  findUnfiredStreak(jobId: JobId, known?: CountedStreak | null): CountedStreak | null;
  /** Returns the time of the occurrence of a job that has `count` newer ones, or null if there are fewer. */
  findNthNewest(jobId: JobId, count: number): number | null;
  /** Deletes up to `limit` of a job's oldest occurrences, at or before `upTo`. Returns how many. Not durable. */
  deleteOldest(jobId: JobId, upTo: number, limit: number): number;
}

/** `newestAt` is the time of the newest occurrence. */
export type CountedStreak = UnfiredStreak & { readonly newestAt: number };

type CountQuery = { readonly from: number; readonly to: number; readonly jobIds: readonly JobId[] | null };

export type NewOccurrence = {
  readonly scheduledFor: number;
  readonly outcome: "skipped" | "missed";
  readonly reason: SkipReason | MissReason;
  readonly jitterMs: number;
};

/** Occurrences of a job with the same outcome and reason. */
export type UnfiredSpan = {
  readonly jobId: JobId;
  readonly outcome: "skipped" | "missed";
  readonly reason: (typeof SKIP_REASONS)[number] | (typeof MISS_REASONS)[number];
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
};

export const createOccurrenceStore = ({ sql, write, recordEvent }: StoreContext): OccurrenceStore => ({
  record: write("durable", (jobId, list, now, part = { earlier: [], isLast: true }) => {
    const added = insertUnfired(sql, jobId, list, now);
    for (const { outcome, reason, times } of countByReason(part.isLast ? [...part.earlier, ...added] : []))
      recordEvent({ type: "occurrence", now, jobId, status: outcome, reason, times });
    return added;
  }),

  find: (jobId, scheduledFor) => {
    const row = sql.get("SELECT * FROM occurrences WHERE job_id = $jobId AND scheduled_for = $scheduledFor", {
      jobId,
      scheduledFor,
    });
    return row === null ? null : toOccurrence(row);
  },

  list: (jobId, filter) =>
    sql
      .all(
        `SELECT * FROM occurrences WHERE job_id = $jobId AND scheduled_for < $before ORDER BY scheduled_for DESC LIMIT $limit`,
        { jobId, limit: filter.limit, before: filter.before ?? Number.MAX_SAFE_INTEGER },
      )
      .map(toOccurrence),

  findNthUnfired: (from, to, count) => {
    const row = sql.get(
      `SELECT scheduled_for FROM occurrences WHERE outcome <> 'fired' AND scheduled_for >= $from AND scheduled_for < $to
       ORDER BY scheduled_for LIMIT 1 OFFSET $count - 1`,
      { from, to, count },
    );
    return row === null ? null : integer(row, "scheduled_for");
  },

  listUnfiredSpans: (from, to) =>
    sql
      .all(
        `SELECT job_id, outcome, reason, count(*) AS count, min(scheduled_for) AS first_at, max(scheduled_for) AS last_at
         FROM occurrences WHERE outcome <> 'fired' AND scheduled_for >= $from AND scheduled_for < $to
         GROUP BY job_id, reason ORDER BY job_id, first_at`,
        { from, to },
      )
      .map((row) => ({
        jobId: id<JobId>(row, "job_id"),
        outcome: word(row, "outcome", ["skipped", "missed"] as const),
        reason: word(row, "reason", [...SKIP_REASONS, ...MISS_REASONS] as const),
        count: integer(row, "count"),
        firstAt: integer(row, "first_at"),
        lastAt: integer(row, "last_at"),
      })),

  listFired: (jobId, { from, to }) =>
    new Set(
      sql
        .all(
          `SELECT scheduled_for FROM occurrences
           WHERE job_id = $jobId AND scheduled_for BETWEEN $from AND $to AND (outcome = 'fired' OR backfill_run_id IS NOT NULL)`,
          { jobId, from, to },
        )
        .map((row) => integer(row, "scheduled_for")),
    ),

  // CROSS JOIN makes it one index seek per job.
  countByOutcome: ({ from, to, jobIds }) =>
    readCounts(
      sql.get(
        `SELECT ${countColumns("outcome", OUTCOMES)} FROM jobs CROSS JOIN occurrences ON occurrences.job_id = jobs.id
           AND scheduled_for >= $from AND scheduled_for < $to
         WHERE $jobIds IS NULL OR jobs.id IN (SELECT value FROM json_each($jobIds))`,
        { from, to, jobIds: jobIds === null ? null : JSON.stringify(jobIds) },
      ),
      OUTCOMES,
    ),

  // Each is one index seek.
  listUnfiredJobs: (jobIds) =>
    sql
      .all(
        `SELECT value AS job_id FROM json_each($jobIds) WHERE 'fired' <> (
           SELECT outcome FROM occurrences WHERE occurrences.job_id = value ORDER BY scheduled_for DESC LIMIT 1)`,
        { jobIds: JSON.stringify(jobIds) },
      )
      .map((row) => id<JobId>(row, "job_id")),

  findUnfiredStreak: (jobId, known = null) => {
    const few = sql.all(
      `SELECT scheduled_for, iif(backfill_run_id IS NULL, reason, NULL) AS reason FROM occurrences
       WHERE job_id = $jobId ORDER BY scheduled_for DESC LIMIT $limit`,
      { jobId, limit: FEW_UNFIRED },
    );
    const [newest, oldest] = [few[0], few.at(-1)];
    if (newest === undefined || oldest === undefined) return null;
    const newestAt = integer(newest, "scheduled_for");
    const of = (rows: readonly SqlRow[], counted: readonly Counted[]) => streakOf(rows, counted, newestAt);
    if (few.length < FEW_UNFIRED || few.some(({ reason }) => reason === null)) return of(few, []);
    // The newest reason is among the first rows, unless those are all on excepted dates.
    if (known !== null && integer(oldest, "scheduled_for") <= known.newestAt) {
      const added = few.filter((row) => integer(row, "scheduled_for") > known.newestAt);
      return of(added, [{ since: known.since, newest: known.newest, reasons: known.reasons }]);
    }
    const all = sql.all(UNFIRED_BY_REASON, { jobId, limit: MAX_UNFIRED });
    return of(
      [],
      all.map((row) => {
        const reason = word(row, "reason", UNFIRED_REASONS);
        return {
          since: integer(row, "first_at"),
          newest: reason,
          reasons: [{ reason, count: integer(row, "count") }],
        };
      }),
    );
  },

  findNthNewest: (jobId, count) => {
    const row = sql.get(
      "SELECT scheduled_for FROM occurrences WHERE job_id = $jobId ORDER BY scheduled_for DESC LIMIT 1 OFFSET $count",
      { jobId, count },
    );
    return row === null ? null : integer(row, "scheduled_for");
  },

  deleteOldest: write("relaxed", (jobId, upTo, limit) =>
    sql.run(
      `DELETE FROM occurrences WHERE job_id = $jobId AND scheduled_for IN (
         SELECT scheduled_for FROM occurrences WHERE job_id = $jobId AND scheduled_for <= $upTo
         ORDER BY scheduled_for LIMIT $limit)`,
      { jobId, upTo, limit },
    ),
  ),
});

/** Most streaks are not longer, and are read at once. */
const FEW_UNFIRED = 16;

/** The occurrences after the last one that started a run, by reason, that of the newest one first. */
const UNFIRED_BY_REASON = `
  SELECT reason, count(*) AS count, min(scheduled_for) AS first_at, max(scheduled_for) AS last_at FROM (
    SELECT scheduled_for, reason FROM occurrences WHERE job_id = $jobId AND scheduled_for > coalesce(
      (SELECT scheduled_for FROM occurrences WHERE job_id = $jobId AND (outcome = 'fired' OR backfill_run_id IS NOT NULL)
         ORDER BY scheduled_for DESC LIMIT 1),
      -9223372036854775808)
    ORDER BY scheduled_for DESC LIMIT $limit
  ) WHERE reason <> 'excluded' GROUP BY reason ORDER BY last_at DESC`;

type Counted = Pick<UnfiredStreak, "since" | "newest" | "reasons">;

/** Adds the newest occurrences of a job, newest first, to what was counted of the others, that with the newest reason first. */
const streakOf = (rows: readonly SqlRow[], counted: readonly Counted[], newestAt: number): CountedStreak | null => {
  const counts = new Map<UnfiredReason, number>();
  const add = (reason: UnfiredReason, count: number) => counts.set(reason, (counts.get(reason) ?? 0) + count);
  let newest: UnfiredReason | null = null;
  let since = Number.MAX_SAFE_INTEGER;
  for (const row of rows) {
    const reason = wordOrNull(row, "reason", [...UNFIRED_REASONS, "excluded"] as const);
    if (reason === null) break;
    if (reason === "excluded") continue;
    newest ??= reason;
    since = integer(row, "scheduled_for");
    add(reason, 1);
  }
  for (const each of counted) {
    newest ??= each.newest;
    since = Math.min(since, each.since);
    for (const { reason, count } of each.reasons) add(reason, count);
  }
  if (newest === null) return null;
  const reasons = [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count);
  const count = reasons.reduce((sum, each) => sum + each.count, 0);
  return { since, newest, reasons, count: Math.min(count, MAX_UNFIRED), newestAt };
};

type FiredOccurrence = {
  readonly jobId: JobId;
  readonly scheduledFor: number;
  readonly jitterMs: number;
  readonly runId: RunId;
  readonly now: number;
};

/**
 * Stores an occurrence that a run was created for. A missed occurrence becomes a fired one if the clock was set back and it
 * was due again; no other row ever changes. Throws `conflict` if the occurrence is already in the ledger.
 */
export const insertFired = (sql: Statements, fired: FiredOccurrence): void => {
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

/**
 * Names a run of a backfill in the ledger. An occurrence that is not in it, since nothing decided about it in its time, was fired by the
 * run; any other keeps its outcome. Call it within a transaction.
 */
export const noteBackfilled = (sql: Statements, run: Omit<FiredOccurrence, "jitterMs">): void => {
  sql.run(
    `INSERT INTO occurrences (job_id, scheduled_for, outcome, run_id, backfill_run_id, decided_at, jitter_ms)
     VALUES ($jobId, $scheduledFor, 'fired', $runId, $runId, $now, 0)
     ON CONFLICT (job_id, scheduled_for) DO UPDATE SET backfill_run_id = $runId`,
    run,
  );
};

/** Returns those that were stored. */
const insertUnfired = (
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

type ReasonCount = Pick<NewOccurrence, "outcome" | "reason"> & { readonly times: number };

const countByReason = (list: readonly NewOccurrence[]): readonly ReasonCount[] => {
  const counts = new Map<string, ReasonCount>();
  for (const { outcome, reason } of list)
    counts.set(reason, { outcome, reason, times: (counts.get(reason)?.times ?? 0) + 1 });
  return [...counts.values()];
};

const toOccurrence = (row: SqlRow): Occurrence => ({
  jobId: id<JobId>(row, "job_id"),
  scheduledFor: integer(row, "scheduled_for"),
  outcome: word(row, "outcome", OUTCOMES),
  reason: wordOrNull(row, "reason", [...SKIP_REASONS, ...MISS_REASONS] as const),
  runId: idOrNull<RunId>(row, "run_id"),
  backfillRunId: idOrNull<RunId>(row, "backfill_run_id"),
  decidedAt: integer(row, "decided_at"),
  jitterMs: integer(row, "jitter_ms"),
});
