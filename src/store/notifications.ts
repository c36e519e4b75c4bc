import type { JobId, RunId } from "../domain/ids.ts";
import { DELIVERY_STATUSES, type DeliveryStatus, NOTIFY_EVENTS, type NotifyEvent } from "../domain/notification.ts";
import type { Run } from "../domain/run.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import { id, idOrNull, integer, integerOrNull, text, textOrNull, word } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";

/** What is to be told of jobs, and what became of that. */
export interface Deliveries {
  /** Has something told, by whoever sends what waits. */
  queueDelivery(delivery: NewDelivery, now: number): void;
  /** Channels with something that waits. */
  waitingChannels(): readonly string[];
  /** The first in a channel that waits. */
  nextDelivery(channel: string): Delivery | null;
  /** After an attempt that failed. Not on disk at once, as with what follows: then it is sent once more. */
  postponeDelivery(deliveryId: string, postponement: Postponement): void;
  endDelivery(deliveryId: string, end: DeliveryEnd, now: number): void;
  /** Gives up what waits in a channel, but for the newest `keep`. How many. */
  dropDeliveries(channel: string, keep: number, now: number): number;
  /** Newest first. */
  listDeliveries(filter: DeliveryFilter): readonly DeliveryRecord[];
  /** How many wait. */
  waitingDeliveries(): number;
  /** Deletes deliveries that ended before that. How many. */
  deleteDeliveries(endedBefore: number, limit: number): number;
  /** Whether the last run of its job to end, but for this one and those that were cancelled, did not complete. */
  wasBroken(run: Pick<Run, "id" | "jobId">): boolean;
}

/** What became of a delivery. */
export type DeliveryEnd = { readonly status: "delivered" } | { readonly status: "given_up"; readonly error: string };

export type NewDelivery = {
  readonly id: string;
  /** The definition whose `notify` list has the target. */
  readonly versionId: number;
  readonly jobId: JobId;
  /** Place in that list, from 0. */
  readonly target: number;
  /** Deliveries of one channel are sent one after the other, in the order in which they were queued. */
  readonly channel: string;
  readonly event: NotifyEvent;
  readonly runId: RunId | null;
  /** What is told, as JSON, without any secret. */
  readonly notice: string;
};

export type Delivery = NewDelivery & {
  /** How often it was tried. */
  readonly attempts: number;
  /** When it is to be tried, ms since the epoch. */
  readonly dueAt: number;
  readonly queuedAt: number;
};

export const insertDelivery = (sql: Statements, delivery: NewDelivery, now: number): void => {
  sql.run(
    `INSERT INTO deliveries (id, version, job_id, target, channel, event, run_id, notice, due_at, created_at)
     VALUES ($id, $versionId, $jobId, $target, $channel, $event, $runId, $notice, $now, $now)`,
    { ...delivery, now },
  );
};

export const waitingChannels = (sql: Statements): readonly string[] =>
  sql.all("SELECT DISTINCT channel FROM deliveries WHERE status = 'waiting'").map((row) => text(row, "channel"));

export const nextDelivery = (sql: Statements, channel: string): Delivery | null => {
  const row = sql.get("SELECT * FROM deliveries WHERE channel = $channel AND status = 'waiting' ORDER BY seq LIMIT 1", {
    channel,
  });
  return row === null ? null : toDelivery(row);
};

export type Postponement = { readonly dueAt: number; readonly error: string };

export const postponeDelivery = (sql: Statements, deliveryId: string, { dueAt, error }: Postponement): void => {
  sql.run(
    `UPDATE deliveries SET attempts = attempts + 1, due_at = $dueAt, error = $error
     WHERE id = $deliveryId AND status = 'waiting'`,
    { deliveryId, dueAt, error },
  );
};

/** One that was given up while it was on its way stays so. */
export const endDelivery = (sql: Statements, deliveryId: string, end: DeliveryEnd, now: number): void => {
  sql.run(
    `UPDATE deliveries SET status = $status, error = $error, attempts = attempts + 1, notice = NULL, ended_at = $now
     WHERE id = $deliveryId AND status = 'waiting'`,
    { deliveryId, status: end.status, error: end.status === "given_up" ? end.error : null, now },
  );
};

export const dropDeliveries = (sql: Statements, channel: string, keep: number, now: number): number =>
  sql.run(
    `UPDATE deliveries SET status = 'given_up', error = 'too many were waiting', notice = NULL, ended_at = $now
     WHERE seq IN (
       SELECT seq FROM deliveries WHERE channel = $channel AND status = 'waiting' ORDER BY seq DESC LIMIT -1 OFFSET $keep)`,
    { channel, keep, now },
  );

export const deleteDeliveries = (sql: Statements, endedBefore: number, limit: number): number =>
  sql.run(
    `DELETE FROM deliveries WHERE seq IN (
       SELECT seq FROM deliveries WHERE status <> 'waiting' AND ended_at < $endedBefore ORDER BY ended_at LIMIT $limit)`,
    { endedBefore, limit },
  );

/** Of so many of the newest runs of each kind of failure, the one that ended last is looked for. */
const LOOK_BACK = 100;

export const wasBroken = (sql: Statements, run: Pick<Run, "id" | "jobId">): boolean => {
  const newest = (status: string, order: string, limit: number): string =>
    `SELECT * FROM (SELECT seq, status, ended_at FROM runs WHERE job_id = $jobId AND status = '${status}' AND id <> $runId
     ORDER BY ${order} LIMIT ${limit})`;
  const row = sql.get(
    `SELECT status FROM (${newest("completed", "ended_at DESC, seq DESC", 1)}
     UNION ALL ${newest("failed", "seq DESC", LOOK_BACK)} UNION ALL ${newest("interrupted", "seq DESC", LOOK_BACK)})
     ORDER BY ended_at DESC, seq DESC LIMIT 1`,
    { jobId: run.jobId, runId: run.id },
  );
  return row !== null && text(row, "status") !== "completed";
};

/** A delivery as it is told of: without what it says. */
export type DeliveryRecord = Pick<NewDelivery, "id" | "versionId" | "jobId" | "target" | "event" | "runId"> &
  Pick<Delivery, "attempts" | "queuedAt"> & {
    readonly status: DeliveryStatus;
    /** What went wrong last; null where nothing did, and once it was delivered. */
    readonly error: string | null;
    /** When it is to be tried, ms since the epoch; null where it isn't any more. */
    readonly dueAt: number | null;
    readonly endedAt: number | null;
  };

export type DeliveryFilter = { readonly limit: number; readonly status?: DeliveryStatus };

/** Newest first. */
export const listDeliveries = (sql: Statements, { limit, status }: DeliveryFilter): readonly DeliveryRecord[] =>
  sql
    .all(`SELECT * FROM deliveries WHERE $status IS NULL OR status = $status ORDER BY seq DESC LIMIT $limit`, {
      limit,
      status: status ?? null,
    })
    .map(toRecord);

export const waitingDeliveries = (sql: Statements): number => {
  const row = sql.get("SELECT count(*) AS count FROM deliveries WHERE status = 'waiting'");
  return row === null ? 0 : integer(row, "count");
};

const toRecord = (row: SqlRow): DeliveryRecord => {
  const status = word(row, "status", DELIVERY_STATUSES);
  return {
    id: text(row, "id"),
    versionId: integer(row, "version"),
    jobId: id<JobId>(row, "job_id"),
    target: integer(row, "target"),
    event: word(row, "event", NOTIFY_EVENTS),
    runId: idOrNull<RunId>(row, "run_id"),
    status,
    attempts: integer(row, "attempts"),
    error: textOrNull(row, "error"),
    dueAt: status === "waiting" ? integer(row, "due_at") : null,
    queuedAt: integer(row, "created_at"),
    endedAt: integerOrNull(row, "ended_at"),
  };
};

const toDelivery = (row: SqlRow): Delivery => ({
  id: text(row, "id"),
  versionId: integer(row, "version"),
  jobId: id<JobId>(row, "job_id"),
  target: integer(row, "target"),
  channel: text(row, "channel"),
  event: word(row, "event", NOTIFY_EVENTS),
  runId: idOrNull<RunId>(row, "run_id"),
  notice: text(row, "notice"),
  attempts: integer(row, "attempts"),
  dueAt: integer(row, "due_at"),
  queuedAt: integer(row, "created_at"),
});
