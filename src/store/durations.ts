import type { Histogram } from "../domain/durations/histogram.ts";
import type { JobId } from "../domain/ids.ts";
import { RUN_STATUSES, type Run, type RunStatus } from "../domain/run.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import type { StoreContext } from "./context.ts";
import { id, integer, integerOrNull, word } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import { DELETED } from "./runs/deletion.ts";

/** How many runs of each job ended on each day, and how long the completed ones took. A day is the number of days from 1970-01-01. */
export interface DurationStore {
  /** Counts a run that has ended, unless `countOlder` will. Call it in the transaction that ends the run. */
  count(run: Run, bucket: number, day: number): void;
  /**
   * Counts up to `limit` of the runs that ended before petit counted any, the newest first. `placeOf` returns the place of a run, or
   * null if it is too old. Returns whether there are more. Not durable.
   */
  countOlder(limit: number, placeOf: (run: EndedRun) => DurationPlace | null): boolean;
  /** Returns whether runs remain for `countOlder`. */
  hasOlder(): boolean;
  /** Returns the days of a job from `from` to `to`, both inclusive, that have runs, oldest first. */
  listDays(jobId: JobId, from: number, to: number): readonly DayOfRuns[];
  /** Returns the durations of a job's completed runs from day `from` to `to`, both inclusive. */
  histogram(jobId: JobId, from: number, to: number): Histogram;
  /** Returns the first job after `after` that has counted runs, by id, or null. */
  findJobAfter(after: string): JobId | null;
  /** Deletes up to `limit` rows of a job from days before `day`. Returns how many. Not durable. */
  deleteBefore(jobId: JobId, day: number, limit: number): number;
}

/** Instead of the bucket of a duration: failed or interrupted, and cancelled. */
export const FAILED_BUCKET = -1;
export const CANCELLED_BUCKET = -2;

export type EndedRun = Pick<Run, "jobId" | "status" | "startedAt"> & { readonly endedAt: number };

type DurationPlace = { readonly bucket: number; readonly day: number };

/** The runs of a job that ended on a day. */
export type DayOfRuns = {
  readonly day: number;
  readonly completed: Histogram;
  readonly failed: number;
  readonly cancelled: number;
};

export const createDurationStore = ({ sql, write }: StoreContext): DurationStore => {
  const readUncounted = (): number => {
    const row = sql.get("SELECT uncounted_runs FROM scheduler");
    return row === null ? 0 : integer(row, "uncounted_runs");
  };

  return {
    count: write("durable", (run, bucket, day) => {
      sql.run(
        `INSERT INTO daily_durations (job_id, day, bucket, runs)
         SELECT job_id, $day, $bucket, 1 FROM runs WHERE id = $runId AND seq > (SELECT uncounted_runs FROM scheduler)
         ON CONFLICT (job_id, day, bucket) DO UPDATE SET runs = runs + 1`,
        { runId: run.id, bucket, day },
      );
    }),

    countOlder: write("relaxed", (limit, placeOf) => {
      const last = readUncounted();
      if (last === 0) return false;
      const rows = sql.all(
        "SELECT seq, job_id, status, started_at, ended_at FROM runs WHERE seq <= $last ORDER BY seq DESC LIMIT $limit",
        { last, limit },
      );
      const counts = new Map<string, { readonly jobId: JobId; readonly place: DurationPlace; readonly runs: number }>();
      for (const run of rows.flatMap(endedRun)) {
        const place = placeOf(run);
        if (place === null) continue;
        const key = `${place.day} ${place.bucket} ${run.jobId}`;
        counts.set(key, { jobId: run.jobId, place, runs: (counts.get(key)?.runs ?? 0) + 1 });
      }
      for (const { jobId, place, runs } of counts.values()) addRuns(sql, { jobId, ...place, runs });
      const first = rows.at(-1);
      const rest = first === undefined || rows.length < limit ? 0 : integer(first, "seq") - 1;
      sql.updateOne("UPDATE scheduler SET uncounted_runs = $rest", { rest }, "note which runs are counted");
      return rest > 0;
    }),

    hasOlder: () => readUncounted() > 0,

    listDays: (jobId, from, to) => {
      const days = new Map<number, { completed: Map<number, number>; failed: number; cancelled: number }>();
      const rows = sql.all(
        "SELECT day, bucket, runs FROM daily_durations WHERE job_id = $jobId AND day BETWEEN $from AND $to ORDER BY day, bucket",
        { jobId, from, to },
      );
      for (const row of rows) {
        const [number, bucket, runs] = [integer(row, "day"), integer(row, "bucket"), integer(row, "runs")];
        const day = days.get(number) ?? { completed: new Map<number, number>(), failed: 0, cancelled: 0 };
        days.set(number, day);
        if (bucket === FAILED_BUCKET) day.failed = runs;
        else if (bucket === CANCELLED_BUCKET) day.cancelled = runs;
        else day.completed.set(bucket, runs);
      }
      return [...days].map(([day, figures]) => ({ day, ...figures }));
    },

    histogram: (jobId, from, to) =>
      new Map(
        sql
          .all(
            `SELECT bucket, sum(runs) AS runs FROM daily_durations
             WHERE job_id = $jobId AND day BETWEEN $from AND $to AND bucket >= 0 GROUP BY bucket`,
            { jobId, from, to },
          )
          .map((row) => [integer(row, "bucket"), integer(row, "runs")]),
      ),

    findJobAfter: (after) => {
      const row = sql.get("SELECT job_id FROM daily_durations WHERE job_id > $after ORDER BY job_id LIMIT 1", {
        after,
      });
      return row === null ? null : id<JobId>(row, "job_id");
    },

    deleteBefore: write("relaxed", (jobId, day, limit) =>
      sql.run(
        `DELETE FROM daily_durations WHERE job_id = $jobId AND (day, bucket) IN (
           SELECT day, bucket FROM daily_durations WHERE job_id = $jobId AND day < $day ORDER BY day LIMIT $limit)`,
        { jobId, day, limit },
      ),
    ),
  };
};

const addRuns = (sql: Statements, added: { readonly jobId: JobId; readonly runs: number } & DurationPlace): void => {
  sql.run(
    `INSERT INTO daily_durations (job_id, day, bucket, runs) VALUES ($jobId, $day, $bucket, $runs)
     ON CONFLICT (job_id, day, bucket) DO UPDATE SET runs = runs + $runs`,
    added,
  );
};

/** Moves the figures of a job to another one, within the current transaction. */
export const moveDurations = (sql: Statements, { from, to }: { readonly from: JobId; readonly to: JobId }): void => {
  sql.run(
    `INSERT INTO daily_durations (job_id, day, bucket, runs)
     SELECT $to, day, bucket, runs FROM daily_durations WHERE job_id = $from
     ON CONFLICT (job_id, day, bucket) DO UPDATE SET runs = runs + excluded.runs`,
    { from, to },
  );
  sql.run("DELETE FROM daily_durations WHERE job_id = $from", { from });
};

/** Returns the run of a row, or nothing if it has not ended or is partly deleted. */
const endedRun = (row: SqlRow): readonly EndedRun[] => {
  const endedAt = integerOrNull(row, "ended_at");
  if (endedAt === null || row.job_id === DELETED) return [];
  const status: RunStatus = word(row, "status", RUN_STATUSES);
  return [{ jobId: id<JobId>(row, "job_id"), status, startedAt: integerOrNull(row, "started_at"), endedAt }];
};
