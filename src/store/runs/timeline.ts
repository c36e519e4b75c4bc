import type { JobId, RunId } from "../../domain/ids.ts";
import { RUN_STATUSES, type Run, type RunStatus, TRIGGERS, type Trigger } from "../../domain/run.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { countColumns, readCounts } from "../database/count.ts";
import { id, integer, integerOrNull, word } from "../database/rows.ts";

/** Reads of many runs, each bounded by its arguments. */
export interface RunTimeline {
  /** Returns the runs that ended within part of a window, each as a span. To group them here would take longer than to read them. */
  listEndedSpans(query: EndedWithin): readonly RunSpan[];
  /** Returns the end of run number `count` of those that ended after `after`, or null if there are fewer. */
  findNthEndAfter(after: number, count: number): number | null;
  /** Estimates from a sample how many runs of each job ended within (`after`, `until`]. May omit jobs with few runs. */
  estimateEndedByJob(after: number, until: number): ReadonlyMap<JobId, number>;
  /** Counts the runs that ended at or after `from`, of some jobs or of all. */
  countEndedByStatus(from: number, jobIds?: readonly JobId[] | null): ReadonlyMap<RunStatus, number>;
  /** Returns the newest `limit` runs of each job, newest last. */
  listRecentByJob(limit: number): ReadonlyMap<JobId, readonly RecentRun[]>;
}

/** The part of a run that a list of many runs shows. */
export type RecentRun = Pick<Run, "id" | "status" | "trigger" | "startedAt" | "endedAt">;

/** A window of a timeline, in bins. */
export type Window = {
  /** Times in ms since the epoch. `to` is exclusive. */
  readonly from: number;
  readonly to: number;
  /** Length of a bin in ms. Bin 0 begins at `from`. */
  readonly binMs: number;
};

/** A run of a job, or several that begin in the same bin and end in the same bin. */
export type RunSpan = {
  readonly jobId: JobId;
  /** Runs that begin before the window are in bin 0, and runs that end after it in the last bin. */
  readonly firstBin: number;
  readonly lastBin: number;
  readonly count: number;
  /** How many of them failed, and how many completed. */
  readonly failures: number;
  readonly successes: number;
  /** Earliest start. A run that was cancelled while it waited starts at its end. */
  readonly startedAt: number;
  /** Latest end. */
  readonly endedAt: number;
  /** The newest of the runs with the worst status. */
  readonly worst: {
    readonly id: RunId;
    readonly status: RunStatus;
    readonly trigger: Trigger;
    readonly weight: number;
  };
};

/** Severity of a status. `weight * 2^48 + seq` is greatest for the newest of the worst runs. */
const WEIGHTS: Readonly<Partial<Record<RunStatus, number>>> = { failed: 3, interrupted: 2, cancelled: 1 };
const SEQ_BITS = 2 ** 48;

/** Selects the runs of a window that ended within (`after`, `until`]. `long` selects only those of more than an hour. */
type EndedWithin = Window & { readonly after: number; readonly until: number; readonly long?: boolean };

export const createRunTimeline = ({ sql }: StoreContext): RunTimeline => ({
  listEndedSpans: ({ long = false, after, until, ...window }) =>
    sql
      .all(
        `SELECT seq, id, job_id, status, "trigger", started_at, ended_at FROM runs
         WHERE ended_at > $after AND ended_at <= $until AND coalesce(started_at, ended_at) < $to
           ${long ? "AND ended_at - started_at > 3600000" : ""}`,
        { after, until, to: window.to },
      )
      .map((row) => toRunSpan(row, window)),

  findNthEndAfter: (after, count) => {
    const row = sql.get("SELECT ended_at FROM runs WHERE ended_at > $after ORDER BY ended_at LIMIT 1 OFFSET $count", {
      after,
      count: count - 1,
    });
    return row === null ? null : integer(row, "ended_at");
  },

  estimateEndedByJob: (after, until) => {
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
  },

  countEndedByStatus: (from, jobIds = null) => {
    const counts = `SELECT ${countColumns("status", RUN_STATUSES)} FROM runs WHERE ended_at >= $from`;
    const row =
      jobIds === null
        ? sql.get(counts, { from })
        : sql.get(`${counts} AND job_id IN (SELECT value FROM json_each($jobIds))`, {
            from,
            jobIds: JSON.stringify(jobIds),
          });
    return readCounts(row, RUN_STATUSES);
  },

  // One index seek per job, however many runs there are.
  listRecentByJob: (limit) => {
    const rows = sql.all(
      `SELECT runs.job_id, runs.id, status, "trigger", started_at, ended_at FROM jobs CROSS JOIN runs ON runs.seq IN
         (SELECT seq FROM runs AS newest WHERE newest.job_id = jobs.id ORDER BY seq DESC LIMIT $limit)
       ORDER BY jobs.id, runs.seq`,
      { limit },
    );
    const byJob = new Map<JobId, RecentRun[]>();
    for (const row of rows) {
      const jobId = id<JobId>(row, "job_id");
      const list = byJob.get(jobId);
      const run = toRecentRun(row);
      if (list === undefined) byJob.set(jobId, [run]);
      else list.push(run);
    }
    return byJob;
  },
});

/** Number of runs that an estimate reads. */
const SAMPLES = 1_000;

const toRunSpan = (row: SqlRow, { from, to, binMs }: Window): RunSpan => {
  const endedAt = integer(row, "ended_at");
  const startedAt = integerOrNull(row, "started_at") ?? endedAt;
  const status = word(row, "status", RUN_STATUSES);
  return {
    jobId: id<JobId>(row, "job_id"),
    firstBin: Math.floor((Math.max(startedAt, from) - from) / binMs),
    lastBin: Math.floor((Math.min(endedAt, to - 1) - from) / binMs),
    count: 1,
    failures: Number(status === "failed"),
    successes: Number(status === "completed"),
    startedAt,
    endedAt,
    worst: {
      id: id<RunId>(row, "id"),
      status,
      trigger: word(row, "trigger", TRIGGERS),
      weight: (WEIGHTS[status] ?? 0) * SEQ_BITS + integer(row, "seq"),
    },
  };
};

const toRecentRun = (row: SqlRow): RecentRun => ({
  id: id<RunId>(row, "id"),
  status: word(row, "status", RUN_STATUSES),
  trigger: word(row, "trigger", TRIGGERS),
  startedAt: integerOrNull(row, "started_at"),
  endedAt: integerOrNull(row, "ended_at"),
});
