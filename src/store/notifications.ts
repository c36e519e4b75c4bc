import type { JobId, RunId } from "../domain/ids.ts";
import { NOTIFY_EVENTS, type NotifyEvent } from "../domain/notification.ts";
import type { Run } from "../domain/run.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import { id, idOrNull, integer, text, word } from "./rows.ts";
import type { Statements } from "./statements.ts";

/**
 * Where a delivery is:
 * - `waiting`: nobody took it yet. A crash leaves it; the next start goes on with it, and may send it once more.
 * - `delivered`: the receiver took it. Final.
 * - `given_up`: it was refused, or nobody took it in time. Final.
 */
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
