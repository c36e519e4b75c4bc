import type { UndeliveredTarget } from "../domain/attention.ts";
import type { UndeliveredNotifications } from "../domain/health.ts";
import type { JobId } from "../domain/ids.ts";
import { type NotifyTarget, receiverKey } from "../domain/notification.ts";
import { jobOfSending } from "../domain/review/digest.ts";
import type { SqlDatabase, SqlRow } from "../runtime/runtime.ts";
import { id, integer, json, text, textOrNull } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";

/** A receiver of a job's notifications whose newest attempted sending failed. */
export type FailingTarget = {
  /** Null for digests. */
  readonly jobId: JobId | null;
  readonly target: NotifyTarget;
  /** Number of sendings that failed and will be tried again. */
  readonly waiting: number;
  /** Number of sendings that were given up since the last success. */
  readonly givenUp: number;
  /** The last error. */
  readonly error: string;
};

/**
 * Returns each job and receiver whose newest attempted sending failed, newest first. Omits receivers that the job's
 * definition no longer names, and those that have accepted a test since. `schema` is the version of the database's schema.
 */
export const findFailingTargets = (db: SqlDatabase, schema: number): readonly FailingTarget[] =>
  db
    .prepare(
      newestFailed({
        table: schema < SENDINGS_SINCE ? "deliveries" : "sendings",
        acknowledged: schema < ACKNOWLEDGED_SINCE ? "0" : "sendings.acknowledged",
      }),
    )
    .all()
    .filter(isNamed)
    .map(toFailingTarget);

/** The version of the schema from which on sendings can be acknowledged. */
const ACKNOWLEDGED_SINCE = 9;

/** The version of the schema from which on the table has its present name. */
const SENDINGS_SINCE = 12;

const newestFailed = ({ table, acknowledged }: { readonly table: string; readonly acknowledged: string }): string => `
  SELECT sendings.job_id, sendings.error,
    json_extract(sent.definition, '$.notify[' || target || ']') AS target,
    coalesce(json_extract(today.definition, '$.notify'), '[]') AS targets,
    (SELECT count(*) FROM ${table} AS each
      WHERE each.channel = sendings.channel AND each.status = 'waiting' AND each.attempts > 0) AS waiting,
    (SELECT count(*) FROM ${table} AS each
      WHERE each.channel = sendings.channel AND each.status = 'given_up' AND each.seq > coalesce(
        (SELECT max(seq) FROM ${table} AS good WHERE good.channel = each.channel AND good.status = 'delivered'), 0)
    ) AS given_up
  FROM ${table} AS sendings
    JOIN job_versions AS sent ON sent.id = sendings.version
    LEFT JOIN jobs ON jobs.id = sendings.job_id AND removed_at IS NULL
    JOIN job_versions AS today ON today.id = coalesce(jobs.version, iif(sendings.event = 'digest', sent.id, NULL))
  WHERE sendings.error IS NOT NULL AND ${acknowledged} = 0 AND sendings.seq IN (
    SELECT max(seq) FROM ${table} WHERE attempts > 0 OR status <> 'waiting' GROUP BY channel)
  ORDER BY sendings.seq DESC`;

const isNamed = (row: SqlRow): boolean => {
  const sentTo = receiverKey(json<NotifyTarget>(row, "target"));
  return json<readonly NotifyTarget[]>(row, "targets").some((target) => receiverKey(target) === sentTo);
};

const toFailingTarget = (row: SqlRow): FailingTarget => ({
  jobId: jobOfSending(id<JobId>(row, "job_id")),
  target: json<NotifyTarget>(row, "target"),
  waiting: integer(row, "waiting"),
  givenUp: integer(row, "given_up"),
  error: text(row, "error"),
});

/**
 * Returns what could not be delivered, per job and receiver: a receiver counts if a notification is being retried, or was
 * given up at or after `givenUpSince` (ms since the Unix epoch), and none arrived later. A receiver that the job no longer
 * names does not.
 */
export const undeliveredTargets = (sql: Statements, givenUpSince: number): readonly UndeliveredTarget[] =>
  sql.all(UNDELIVERED, { givenUpSince }).filter(isNamed).map(toUndeliveredTarget);

const toUndeliveredTarget = (row: SqlRow): UndeliveredTarget => ({
  jobId: jobOfSending(id<JobId>(row, "job_id")),
  target: json<NotifyTarget>(row, "target"),
  since: integer(row, "since"),
  count: integer(row, "count"),
  error: textOrNull(row, "error") ?? "",
});

/** Returns the same per job. */
export const undeliveredNotifications = (
  sql: Statements,
  givenUpSince: number,
): readonly UndeliveredNotifications[] => {
  const byJob = new Map<JobId | null, UndeliveredNotifications>();
  for (const { jobId, since, count } of undeliveredTargets(sql, givenUpSince)) {
    const other = byJob.get(jobId);
    byJob.set(jobId, {
      jobId,
      since: Math.min(since, other?.since ?? Number.POSITIVE_INFINITY),
      count: count + (other?.count ?? 0),
    });
  }
  return [...byJob.values()];
};

/** The row of a channel comes from its newest sending that did not arrive, as SQLite does for a bare column beside max(). */
const UNDELIVERED = `
  WITH recent AS (
    SELECT seq, channel, job_id, version, target, event, status, attempts, error, created_at FROM sendings WHERE status = 'waiting'
    UNION ALL
    SELECT seq, channel, job_id, version, target, event, status, attempts, error, created_at FROM sendings
    WHERE status <> 'waiting' AND ended_at >= $givenUpSince AND acknowledged = 0
  ), arrived AS (
    SELECT channel, max(seq) AS seq FROM recent WHERE status = 'delivered' GROUP BY channel
  ), pending AS (
    SELECT recent.* FROM recent LEFT JOIN arrived ON arrived.channel = recent.channel
    WHERE status <> 'delivered' AND recent.seq > coalesce(arrived.seq, 0)
  ), failing AS (
    SELECT max(seq), job_id, version, target, event, min(created_at) AS since, count(*) AS count, channel
    FROM pending GROUP BY channel HAVING sum(status = 'given_up' OR attempts > 0) > 0
  )
  SELECT failing.job_id, failing.since, failing.count,
    (SELECT error FROM pending WHERE pending.channel = failing.channel AND error IS NOT NULL ORDER BY seq DESC LIMIT 1) AS error,
    json_extract(sent.definition, '$.notify[' || failing.target || ']') AS target,
    coalesce(json_extract(today.definition, '$.notify'), '[]') AS targets
  FROM failing
    JOIN job_versions AS sent ON sent.id = failing.version
    LEFT JOIN jobs ON jobs.id = failing.job_id AND removed_at IS NULL
    JOIN job_versions AS today ON today.id = coalesce(jobs.version, iif(failing.event = 'digest', sent.id, NULL))
  ORDER BY failing.job_id`;
