import type { UndeliveredTarget } from "../domain/attention.ts";
import type { UndeliveredNotifications } from "../domain/health.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import { SENDING_EVENTS, SENDING_STATUSES, type SendingEvent, type SendingStatus } from "../domain/notification.ts";
import type { Run } from "../domain/run.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import type { StoreContext } from "./context.ts";
import { id, idOrNull, integer, integerOrNull, text, textOrNull, word } from "./database/rows.ts";
import { undeliveredNotifications, undeliveredTargets } from "./failing-sendings.ts";

/** The outbox: notifications that wait to be sent, and the outcome of those that were. */
export interface NotificationStore {
  /** Queues a sending for the dispatcher. */
  queue(sending: NewSending, now: number): void;
  /** Returns the channels that have a waiting sending. */
  listWaitingChannels(): readonly string[];
  /** Returns the first waiting sending of a channel. */
  findNext(channel: string): Sending | null;
  /** Sets the time of the next attempt after one that failed. Not durable, as the next two: a power cut repeats a sending. */
  postpone(sendingId: string, postponement: Postponement): void;
  /** Stores the outcome of a waiting sending. Does nothing if it was given up while it was being sent. */
  finish(sendingId: string, end: SendingEnd, now: number): void;
  /** Marks the sendings of a channel that were given up, so that they no longer count as undelivered. Not durable. */
  acknowledge(channel: string): void;
  /** Gives up all waiting sendings of a channel but the newest `keep`. Returns how many. */
  giveUpExcess(channel: string, keep: number, now: number): number;
  /** Returns the newest first. */
  list(filter: SendingFilter): readonly SendingRecord[];
  /** Counts the sendings that wait, of all jobs or of some. */
  countWaiting(jobIds?: readonly JobId[] | null): number;
  /** Returns what could not be delivered, per job; sendings that were given up before `givenUpSince` do not count. */
  listUndelivered(givenUpSince: number): readonly UndeliveredNotifications[];
  /** Returns the same per job and receiver. */
  listUndeliveredTargets(givenUpSince: number): readonly UndeliveredTarget[];
  /** Deletes up to `limit` sendings that ended before `endedBefore`. Returns how many. Not durable. */
  deleteEnded(endedBefore: number, limit: number): number;
  /**
   * Returns whether the last other run of the job to end did not complete. Ignores cancelled runs, and finds a run that
   * failed or was interrupted only among the newest 100 of each.
   */
  didPreviousFail(run: Pick<Run, "id" | "jobId">): boolean;
}

/** The outcome of a sending. */
export type SendingEnd = { readonly status: "delivered" } | { readonly status: "given_up"; readonly error: string };

export type NewSending = {
  readonly id: string;
  /** The version of the definition whose `notify` list has the target. */
  readonly versionId: number;
  readonly jobId: JobId;
  /** Index in that list, from 0. */
  readonly target: number;
  /** Sendings of one channel are sent one at a time, in the order in which they were queued. */
  readonly channel: string;
  readonly event: SendingEvent;
  readonly runId: RunId | null;
  /** The message as JSON, without secrets. */
  readonly notice: string;
};

export type Sending = NewSending & {
  /** Number of attempts so far. */
  readonly attempts: number;
  /** Time of the next attempt, in ms since the epoch. */
  readonly dueAt: number;
  readonly queuedAt: number;
};

type Postponement = { readonly dueAt: number; readonly error: string };

/** A sending without its message. */
export type SendingRecord = Pick<NewSending, "id" | "versionId" | "jobId" | "target" | "event" | "runId"> &
  Pick<Sending, "attempts" | "queuedAt"> & {
    readonly status: SendingStatus;
    /** Error of the last attempt; null if there was none, and after the sending. */
    readonly error: string | null;
    /** Time of the next attempt, in ms since the epoch; null if there will be none. */
    readonly dueAt: number | null;
    readonly endedAt: number | null;
  };

/** `jobIds`: only sendings of these jobs. Missing for all jobs. */
type SendingFilter = {
  readonly limit: number;
  readonly status?: SendingStatus;
  readonly jobIds?: readonly JobId[];
};

export const createNotificationStore = ({ sql, write }: StoreContext): NotificationStore => ({
  queue: write("durable", (sending, now) => {
    sql.run(
      `INSERT INTO sendings (id, version, job_id, target, channel, event, run_id, notice, due_at, created_at)
       VALUES ($id, $versionId, $jobId, $target, $channel, $event, $runId, $notice, $now, $now)`,
      { ...sending, now },
    );
  }),

  listWaitingChannels: () =>
    sql.all("SELECT DISTINCT channel FROM sendings WHERE status = 'waiting'").map((row) => text(row, "channel")),

  findNext: (channel) => {
    const row = sql.get("SELECT * FROM sendings WHERE channel = $channel AND status = 'waiting' ORDER BY seq LIMIT 1", {
      channel,
    });
    return row === null ? null : toSending(row);
  },

  postpone: write("relaxed", (sendingId, { dueAt, error }) => {
    sql.run(
      `UPDATE sendings SET attempts = attempts + 1, due_at = $dueAt, error = $error
       WHERE id = $sendingId AND status = 'waiting'`,
      { sendingId, dueAt, error },
    );
  }),

  finish: write("relaxed", (sendingId, end, now) => {
    sql.run(
      `UPDATE sendings SET status = $status, error = $error, attempts = attempts + 1, notice = NULL, ended_at = $now
       WHERE id = $sendingId AND status = 'waiting'`,
      { sendingId, status: end.status, error: end.status === "given_up" ? end.error : null, now },
    );
  }),

  acknowledge: write("relaxed", (channel) => {
    sql.run(
      "UPDATE sendings SET acknowledged = 1 WHERE channel = $channel AND status = 'given_up' AND acknowledged = 0",
      {
        channel,
      },
    );
  }),

  giveUpExcess: write("relaxed", (channel, keep, now) =>
    sql.run(
      `UPDATE sendings SET status = 'given_up', error = 'too many were waiting', notice = NULL, ended_at = $now
       WHERE seq IN (
         SELECT seq FROM sendings WHERE channel = $channel AND status = 'waiting' ORDER BY seq DESC LIMIT -1 OFFSET $keep)`,
      { channel, keep, now },
    ),
  ),

  list: ({ limit, status, jobIds }) =>
    sql
      .all(
        `SELECT * FROM sendings WHERE ($status IS NULL OR status = $status)
           ${jobIds === undefined ? "" : OF_JOBS} ORDER BY seq DESC LIMIT $limit`,
        { limit, status: status ?? null, ...(jobIds !== undefined && { jobIds: JSON.stringify(jobIds) }) },
      )
      .map(toRecord),

  listUndelivered: (givenUpSince) => undeliveredNotifications(sql, givenUpSince),

  listUndeliveredTargets: (givenUpSince) => undeliveredTargets(sql, givenUpSince),

  countWaiting: (jobIds = null) => {
    const count = "SELECT count(*) AS count FROM sendings WHERE status = 'waiting'";
    const row = jobIds === null ? sql.get(count) : sql.get(`${count} ${OF_JOBS}`, { jobIds: JSON.stringify(jobIds) });
    return row === null ? 0 : integer(row, "count");
  },

  deleteEnded: write("relaxed", (endedBefore, limit) =>
    sql.run(
      `DELETE FROM sendings WHERE seq IN (
         SELECT seq FROM sendings WHERE status <> 'waiting' AND ended_at < $endedBefore ORDER BY ended_at LIMIT $limit)`,
      { endedBefore, limit },
    ),
  ),

  didPreviousFail: ({ id: runId, jobId }) => {
    const row = sql.get(LAST_ENDED, { jobId, runId });
    return row !== null && text(row, "status") !== "completed";
  },
});

const OF_JOBS = "AND job_id IN (SELECT value FROM json_each($jobIds))";

const selectNewest = (status: string, order: string, limit: number): string =>
  `SELECT * FROM (SELECT seq, status, ended_at FROM runs WHERE job_id = $jobId AND status = '${status}' AND id <> $runId
   ORDER BY ${order} LIMIT ${limit})`;

/** The last run to end. No index orders unsuccessful runs by their end, so it reads only the newest 100 of each status. */
const LAST_ENDED = `SELECT status FROM (${selectNewest("completed", "ended_at DESC, seq DESC", 1)}
  UNION ALL ${selectNewest("failed", "seq DESC", 100)} UNION ALL ${selectNewest("interrupted", "seq DESC", 100)})
  ORDER BY ended_at DESC, seq DESC LIMIT 1`;

const toRecord = (row: SqlRow): SendingRecord => {
  const status = word(row, "status", SENDING_STATUSES);
  return {
    id: text(row, "id"),
    versionId: integer(row, "version"),
    jobId: id<JobId>(row, "job_id"),
    target: integer(row, "target"),
    event: word(row, "event", SENDING_EVENTS),
    runId: idOrNull<RunId>(row, "run_id"),
    status,
    attempts: integer(row, "attempts"),
    error: textOrNull(row, "error"),
    dueAt: status === "waiting" ? integer(row, "due_at") : null,
    queuedAt: integer(row, "created_at"),
    endedAt: integerOrNull(row, "ended_at"),
  };
};

const toSending = (row: SqlRow): Sending => ({
  id: text(row, "id"),
  versionId: integer(row, "version"),
  jobId: id<JobId>(row, "job_id"),
  target: integer(row, "target"),
  channel: text(row, "channel"),
  event: word(row, "event", SENDING_EVENTS),
  runId: idOrNull<RunId>(row, "run_id"),
  notice: text(row, "notice"),
  attempts: integer(row, "attempts"),
  dueAt: integer(row, "due_at"),
  queuedAt: integer(row, "created_at"),
});
