import type { JobId, RunId } from "../domain/ids.ts";
import { RUN_STATUSES, type RunStatus, TRIGGERS, type Trigger } from "../domain/run.ts";
import { MISS_REASONS, OUTCOMES, type Outcome, SKIP_REASONS } from "../domain/schedule/occurrence.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import { id, integer, word } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import type { RecentRun } from "./recent-runs.ts";

/** What is told of windows of time, and of the newest runs: reads of many rows, each bounded by what it is asked for. */
export interface WindowReads {
  /** Runs that ended within a part of a window, those that fall together as one. */
  endedSpans(query: EndedWithin): readonly RunSpan[];
  /** The end of run number `count` of those that ended after `after`, in their order; null where there are fewer. */
  nthEndAfter(after: number, count: number): number | null;
  /** How many runs of each job ended within (`after`, `until`], about: jobs with few of them may be left out. */
  estimateEnded(after: number, until: number): ReadonlyMap<JobId, number>;
  /** Returns when occurrence number `count` was due, of those within [`from`, `to`) that were skipped or missed; null where there are fewer. */
  nthUnfired(from: number, to: number, count: number): number | null;
  /** Occurrences within [`from`, `to`) that were skipped or missed, counted by job and reason. */
  unfiredSpans(from: number, to: number): readonly UnfiredSpan[];
  /** How many runs ended at or after `from`, by status. */
  countEnded(from: number): ReadonlyMap<RunStatus, number>;
  /** How many occurrences were due within [`from`, `to`), by outcome. */
  countOccurrences(from: number, to: number): ReadonlyMap<Outcome, number>;
  /** The newest so many runs of each job, the newest last. */
  recentRuns(limit: number): ReadonlyMap<JobId, readonly RecentRun[]>;
  /** The runs that retried a run, oldest first. */
  retriesOf(runId: RunId): readonly RunId[];
}

/** Part of a time line: runs of it are counted together where they begin in the same bin and end in the same bin. */
export type Window = {
  /** Ms since the epoch; the end is exclusive. */
  readonly from: number;
  readonly to: number;
  /** Length of a bin, ms; bin 0 begins at `from`. */
  readonly binMs: number;
};

/** Runs of a job that fall together. */
export type RunSpan = {
  readonly jobId: JobId;
  /** What begins before the window is in bin 0, what ends after it in the last one. */
  readonly firstBin: number;
  readonly lastBin: number;
  readonly count: number;
  /** Of the first to begin; of one that was cancelled while it waited, its end. */
  readonly startedAt: number;
  /** Of the last to end. */
  readonly endedAt: number;
  /** The newest of those that ended worst. */
  readonly worst: {
    readonly id: RunId;
    readonly status: RunStatus;
    readonly trigger: Trigger;
    readonly weight: number;
  };
};

/** Occurrences of a job that came to the same. */
export type UnfiredSpan = {
  readonly jobId: JobId;
  readonly outcome: "skipped" | "missed";
  readonly reason: (typeof SKIP_REASONS)[number] | (typeof MISS_REASONS)[number];
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
};

/** Of runs that fall together, the greatest of these tells. */
const WEIGHT = "CASE status WHEN 'failed' THEN 3 WHEN 'interrupted' THEN 2 WHEN 'cancelled' THEN 1 ELSE 0 END";
const SEQ_BITS = 2 ** 48;

const STARTED = "coalesce(started_at, ended_at)";

/** Runs that ended within (`after`, `until`], of those that a window shows; `long` looks only at those of more than an hour. */
export type EndedWithin = Window & { readonly after: number; readonly until: number; readonly long?: boolean };

export const endedSpans = (sql: Statements, { long = false, ...query }: EndedWithin): readonly RunSpan[] =>
  sql
    .all(
      `SELECT spans.*, runs.id, runs.status, runs."trigger" FROM (
         SELECT job_id, (max(${STARTED}, $from) - $from) / $binMs AS first_bin,
           (min(ended_at, $to - 1) - $from) / $binMs AS last_bin, count(*) AS count,
           min(${STARTED}) AS first_start, max(ended_at) AS last_end, max(${WEIGHT} * ${SEQ_BITS} + seq) AS weight
         FROM runs WHERE ended_at > $after AND ended_at <= $until AND ${STARTED} < $to
           ${long ? "AND ended_at - started_at > 3600000" : ""}
         GROUP BY job_id, first_bin, last_bin) AS spans
       JOIN runs ON runs.seq = spans.weight % ${SEQ_BITS}`,
      query,
    )
    .map(toRunSpan);

const toRunSpan = (row: SqlRow): RunSpan => ({
  jobId: id<JobId>(row, "job_id"),
  firstBin: integer(row, "first_bin"),
  lastBin: integer(row, "last_bin"),
  count: integer(row, "count"),
  startedAt: integer(row, "first_start"),
  endedAt: integer(row, "last_end"),
  worst: {
    id: id<RunId>(row, "id"),
    status: word(row, "status", RUN_STATUSES),
    trigger: word(row, "trigger", TRIGGERS),
    weight: integer(row, "weight"),
  },
});

export const nthEndAfter = (sql: Statements, after: number, count: number): number | null => {
  const row = sql.get("SELECT ended_at FROM runs WHERE ended_at > $after ORDER BY ended_at LIMIT 1 OFFSET $count", {
    after,
    count: count - 1,
  });
  return row === null ? null : integer(row, "ended_at");
};

/** Told by some of them. */
export const estimateEnded = (sql: Statements, after: number, until: number): ReadonlyMap<JobId, number> => {
  const edge = (order: "ASC" | "DESC"): number => {
    const row = sql.get(
      `SELECT seq FROM runs WHERE ended_at > $after AND ended_at <= $until ORDER BY ended_at ${order} LIMIT 1`,
      { after, until },
    );
    return row === null ? 0 : integer(row, "seq");
  };
  const [first, last] = [edge("ASC"), edge("DESC")];
  const step = Math.max(1, (last - first) / SAMPLES);
  const rows = sql.all(
    `WITH RECURSIVE sample (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM sample WHERE (i + 1) * $step <= $last - $first)
     SELECT job_id, count(*) AS count FROM sample JOIN runs ON runs.seq = $first + cast(i * $step AS INTEGER) GROUP BY job_id`,
    { first, last, step },
  );
  return new Map(rows.map((row) => [id<JobId>(row, "job_id"), integer(row, "count") * step]));
};

const SAMPLES = 1_000;

export const nthUnfired = (sql: Statements, from: number, to: number, count: number): number | null => {
  const row = sql.get(
    `SELECT scheduled_for FROM occurrences WHERE outcome <> 'fired' AND scheduled_for >= $from AND scheduled_for < $to
     ORDER BY scheduled_for LIMIT 1 OFFSET $count - 1`,
    { from, to, count },
  );
  return row === null ? null : integer(row, "scheduled_for");
};

export const unfiredSpans = (sql: Statements, from: number, to: number): readonly UnfiredSpan[] =>
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
    }));

export const countEnded = (sql: Statements, from: number): ReadonlyMap<RunStatus, number> =>
  counted(
    sql.get(`SELECT ${countEach("status", RUN_STATUSES)} FROM runs WHERE ended_at >= $from`, { from }),
    RUN_STATUSES,
  );

/** A seek a job. */
export const countOccurrences = (sql: Statements, from: number, to: number): ReadonlyMap<Outcome, number> =>
  counted(
    sql.get(
      `SELECT ${countEach("outcome", OUTCOMES)} FROM jobs CROSS JOIN occurrences ON occurrences.job_id = jobs.id
         AND scheduled_for >= $from AND scheduled_for < $to`,
      { from, to },
    ),
    OUTCOMES,
  );

/** In one pass, a third of the time that groups take, which are sorted. */
const countEach = (column: string, words: readonly string[]): string =>
  words.map((each) => `count(*) FILTER (WHERE ${column} = '${each}') AS ${each}`).join(", ");

/** Words that occur. */
const counted = <Word extends string>(row: SqlRow | null, words: readonly Word[]): ReadonlyMap<Word, number> =>
  new Map(
    words.flatMap((each) => {
      const count = row === null ? 0 : integer(row, each);
      return count === 0 ? [] : [[each, count] as const];
    }),
  );
