import {
  BACKFILL_REASONS,
  BACKFILL_STATUSES,
  type Backfill,
  type BackfillOccurrence,
  type BackfillReason,
  EXISTING_RULES,
} from "../../domain/backfill/backfill.ts";
import type { JobId, RunId } from "../../domain/ids.ts";
import type { ParamValues, Run } from "../../domain/run.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { flag, id, integer, integerOrNull, json, text, textOrNull, word, wordOrNull } from "../database/rows.ts";

/** Backfills, and the occurrences that they have made no runs for yet. */
export interface BackfillStore {
  /** Stores a backfill for some occurrences, at least one. */
  add(backfill: NewBackfill): Backfill;
  find(backfillId: string): Backfill | null;
  /** Returns the newest first, of all jobs, of one, or of some. `before` is the id of a backfill, exclusive. */
  list(filter: BackfillFilter): readonly Backfill[];
  /** Returns those that have not ended, the oldest first. */
  listUnended(): readonly Backfill[];
  /** Returns the unfinished runs of a backfill, the oldest first. */
  listUnfinishedRuns(backfillId: string): readonly RunId[];
  /** Takes the next occurrence of a running backfill for a run that the same transaction stores; null if there is none left. */
  takeNext(backfillId: string): BackfillOccurrence | null;
  /**
   * Drops the occurrence that was taken last, because it has had another run in the meantime. The total decreases by one. If it was the only
   * occurrence, it counts as completed instead.
   */
  leaveOut(backfillId: string, now: number): void;
  /** Returns the occurrences in a range, both ends included, that backfills of a job will still make runs for. */
  listWaiting(jobId: JobId, range: { readonly from: number; readonly to: number }): ReadonlySet<number>;
  /** Moves a backfill from `running` to `paused`. Returns null if it does not run. */
  pause(backfillId: string, change: BackfillChange): Backfill | null;
  /** Moves a backfill from `paused` to `running`. Returns null if it is not paused. */
  resume(backfillId: string, change: BackfillChange): Backfill | null;
  /** Moves a backfill to `cancelled`: it makes no more runs. Those that are unfinished go on. Returns null if it has ended. */
  cancel(backfillId: string, change: BackfillChange): Backfill | null;
  /** Deletes the ended backfills of a job but for the newest `keep`. */
  deleteOldest(jobId: JobId, keep: number): void;
}

type BackfillFilter = {
  readonly jobId?: JobId;
  readonly jobIds?: readonly JobId[];
  readonly limit: number;
  readonly before?: string;
};

type NewBackfill = Pick<
  Backfill,
  "id" | "jobId" | "from" | "to" | "existing" | "parallel" | "params" | "newestFirst" | "createdAt" | "createdBy"
> & { readonly occurrences: readonly BackfillOccurrence[] };

type BackfillChange = {
  readonly now: number;
  /** The person who asked for it. Missing if petit decided it by itself. */
  readonly by?: string | null;
  /** Missing if a person asked for it. */
  readonly reason?: BackfillReason;
};

/** The runs that have started and not ended. A partial index has few rows for it. */
const SELECT = `SELECT backfills.*, (SELECT count(*) FROM runs WHERE backfill_id = backfills.id AND backfill_id IS NOT NULL
  AND status IN ('pending', 'running') AND status = 'running') AS running FROM backfills`;

export const createBackfillStore = ({ sql, write, recordEvent }: StoreContext): BackfillStore => {
  const find = (backfillId: string): Backfill | null => {
    const row = sql.get(`${SELECT} WHERE id = $backfillId`, { backfillId });
    return row === null ? null : toBackfill(row);
  };
  const mustFind = (backfillId: string): Backfill => {
    const found = find(backfillId);
    if (found === null) throw new Error(`there is no backfill ${backfillId}`);
    return found;
  };
  /** Returns a backfill that was changed, and records that. */
  const changed = (backfillId: string, { now, by = null, reason }: BackfillChange): Backfill => {
    const backfill = mustFind(backfillId);
    const { jobId, status } = backfill;
    recordEvent({ type: "backfill", now, jobId, status, reason: reason ?? null, by });
    return backfill;
  };

  return {
    add: write("durable", (backfill) => {
      const { id: backfillId, createdAt, createdBy, occurrences } = backfill;
      const row = sql.get(
        `INSERT INTO backfills (id, job_id, status, from_at, to_at, existing, parallel, params, newest_first, total, created_at, created_by)
         VALUES ($id, $jobId, 'running', $from, $to, $existing, $parallel, $params, $newestFirst, $total, $createdAt, $createdBy)
         RETURNING seq`,
        {
          id: backfillId,
          jobId: backfill.jobId,
          from: backfill.from,
          to: backfill.to,
          existing: backfill.existing,
          parallel: backfill.parallel,
          params: JSON.stringify(backfill.params),
          newestFirst: backfill.newestFirst ? 1 : 0,
          total: occurrences.length,
          createdAt,
          createdBy,
        },
      );
      if (row === null) throw new Error("a backfill was not stored");
      sql.run(
        `INSERT INTO backfill_occurrences (backfill, scheduled_for, interval_start)
         SELECT $seq, value ->> 'scheduledFor', value ->> 'intervalStart' FROM json_each($list)`,
        { seq: integer(row, "seq"), list: JSON.stringify(occurrences) },
      );
      return changed(backfillId, { now: createdAt, by: createdBy });
    }),

    find,

    list: ({ jobId, jobIds, limit, before }) => {
      const conditions = [
        "seq < $before",
        ...(jobId === undefined ? [] : ["job_id = $jobId"]),
        ...(jobIds === undefined ? [] : ["job_id IN (SELECT value FROM json_each($jobIds))"]),
      ];
      const seq = before === undefined ? null : sql.get("SELECT seq FROM backfills WHERE id = $before", { before });
      return sql
        .all(`${SELECT} WHERE ${conditions.join(" AND ")} ORDER BY seq DESC LIMIT $limit`, {
          limit,
          before: seq === null ? Number.MAX_SAFE_INTEGER : integer(seq, "seq"),
          ...(jobId !== undefined && { jobId }),
          ...(jobIds !== undefined && { jobIds: JSON.stringify(jobIds) }),
        })
        .map(toBackfill);
    },

    listUnended: () => sql.all(`${SELECT} WHERE ended_at IS NULL ORDER BY seq`).map(toBackfill),

    listUnfinishedRuns: (backfillId) =>
      sql
        .all(
          `SELECT id FROM runs WHERE backfill_id = $backfillId AND backfill_id IS NOT NULL AND status IN ('pending', 'running')
           ORDER BY seq`,
          { backfillId },
        )
        .map((row) => id<RunId>(row, "id")),

    takeNext: write("durable", (backfillId) => {
      const backfill = sql.get(
        "SELECT seq, newest_first FROM backfills WHERE id = $backfillId AND status = 'running'",
        {
          backfillId,
        },
      );
      if (backfill === null) return null;
      const first = flag(backfill, "newest_first") ? "max" : "min";
      const row = sql.get(
        `DELETE FROM backfill_occurrences WHERE backfill = $seq AND scheduled_for = (
           SELECT ${first}(scheduled_for) FROM backfill_occurrences WHERE backfill = $seq) RETURNING *`,
        { seq: integer(backfill, "seq") },
      );
      if (row === null) return null;
      return { scheduledFor: integer(row, "scheduled_for"), intervalStart: integerOrNull(row, "interval_start") };
    }),

    leaveOut: write("durable", (backfillId, now) => {
      const row = sql.get(
        `UPDATE backfills SET total = max(1, total - 1), completed = completed + (total = 1),
           status = CASE WHEN completed + failed + cancelled < total - 1 THEN status
             WHEN failed + cancelled = 0 THEN 'completed' ELSE 'failed' END,
           ended_at = iif(completed + failed + cancelled < total - 1, NULL, $now)
         WHERE id = $backfillId AND ended_at IS NULL RETURNING job_id, status, ended_at`,
        { backfillId, now },
      );
      if (row === null || row.ended_at === null) return;
      recordEvent({ type: "backfill", now, jobId: id<JobId>(row, "job_id"), status: text(row, "status") });
    }),

    listWaiting: (jobId, { from, to }) =>
      new Set(
        sql
          .all(
            `SELECT scheduled_for FROM backfills CROSS JOIN backfill_occurrences ON backfill = seq
             WHERE ended_at IS NULL AND job_id = $jobId AND scheduled_for BETWEEN $from AND $to`,
            { jobId, from, to },
          )
          .map((row) => integer(row, "scheduled_for")),
      ),

    pause: write("durable", (backfillId, change) => {
      const count = sql.run(
        "UPDATE backfills SET status = 'paused', reason = $reason WHERE id = $backfillId AND status = 'running'",
        { backfillId, reason: change.reason ?? null },
      );
      return count === 0 ? null : changed(backfillId, change);
    }),

    resume: write("durable", (backfillId, change) => {
      const count = sql.run(
        "UPDATE backfills SET status = 'running', reason = NULL WHERE id = $backfillId AND status = 'paused'",
        { backfillId },
      );
      return count === 0 ? null : changed(backfillId, change);
    }),

    cancel: write("durable", (backfillId, change) => {
      const rest = sql.run(
        `DELETE FROM backfill_occurrences WHERE backfill = (
           SELECT seq FROM backfills WHERE id = $backfillId AND status IN ('running', 'paused'))`,
        { backfillId },
      );
      const count = sql.run(
        `UPDATE backfills SET status = 'cancelled', reason = $reason, cancelled_by = $by, cancelled = cancelled + $rest,
           ended_at = iif(completed + failed + cancelled + $rest = total, $now, NULL)
         WHERE id = $backfillId AND status IN ('running', 'paused')`,
        { backfillId, rest, now: change.now, by: change.by ?? null, reason: change.reason ?? null },
      );
      return count === 0 ? null : changed(backfillId, change);
    }),

    deleteOldest: write("durable", (jobId, keep) => {
      sql.run(
        `DELETE FROM backfills WHERE job_id = $jobId AND ended_at IS NOT NULL
           AND seq <= (SELECT seq FROM backfills WHERE job_id = $jobId ORDER BY seq DESC LIMIT 1 OFFSET $keep)`,
        { jobId, keep },
      );
    }),
  };
};

/** A run of a backfill has ended. The last one ends the backfill. Call it within a transaction. */
export const noteBackfillEnd = (
  { sql, recordEvent }: Pick<StoreContext, "sql" | "recordEvent">,
  { backfillId, jobId, status }: Pick<Run, "backfillId" | "jobId" | "status">,
  now: number,
): void => {
  if (backfillId === null) return;
  const row = sql.get(
    `UPDATE backfills SET completed = completed + $completed, failed = failed + $failed, cancelled = cancelled + $cancelled,
       status = CASE WHEN status = 'cancelled' OR completed + failed + cancelled + 1 < total THEN status
         WHEN completed + $completed = total THEN 'completed' ELSE 'failed' END,
       reason = CASE WHEN status <> 'cancelled' AND completed + failed + cancelled + 1 = total THEN NULL ELSE reason END,
       ended_at = iif(completed + failed + cancelled + 1 = total, $now, NULL)
     WHERE id = $backfillId AND ended_at IS NULL RETURNING status, ended_at`,
    {
      backfillId,
      now,
      completed: status === "completed" ? 1 : 0,
      failed: status === "failed" || status === "interrupted" ? 1 : 0,
      cancelled: status === "cancelled" ? 1 : 0,
    },
  );
  if (row === null || row.ended_at === null) return;
  recordEvent({ type: "backfill", now, jobId, status: text(row, "status") });
};

const toBackfill = (row: SqlRow): Backfill => {
  const total = integer(row, "total");
  const running = integer(row, "running");
  const [completed, failed, cancelled] = [integer(row, "completed"), integer(row, "failed"), integer(row, "cancelled")];
  return {
    id: text(row, "id"),
    jobId: id<JobId>(row, "job_id"),
    status: word(row, "status", BACKFILL_STATUSES),
    reason: wordOrNull(row, "reason", BACKFILL_REASONS),
    from: integer(row, "from_at"),
    to: integer(row, "to_at"),
    existing: word(row, "existing", EXISTING_RULES),
    parallel: integer(row, "parallel"),
    params: json<ParamValues>(row, "params"),
    newestFirst: flag(row, "newest_first"),
    runs: { total, pending: total - running - completed - failed - cancelled, running, completed, failed, cancelled },
    createdAt: integer(row, "created_at"),
    createdBy: textOrNull(row, "created_by"),
    cancelledBy: textOrNull(row, "cancelled_by"),
    endedAt: integerOrNull(row, "ended_at"),
  };
};
