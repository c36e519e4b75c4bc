import type { JobId } from "../domain/ids.ts";
import type { NotifyTarget } from "../domain/notification.ts";
import type { SqlDatabase, SqlRow } from "../runtime/runtime.ts";
import { id, integer, json, text } from "./database/rows.ts";

/** Where what is told of a job doesn't arrive. */
export type Failing = {
  readonly jobId: JobId;
  readonly target: NotifyTarget;
  /** How many were tried, and will be again. */
  readonly waiting: number;
  /** How many were given up since the last one that arrived. */
  readonly givenUp: number;
  /** What went wrong last. */
  readonly error: string;
};

/**
 * Each job and receiver whose newest delivery that was tried didn't arrive, the newest first; without those that the
 * job's definition doesn't name any more.
 */
export const failingDeliveries = (db: SqlDatabase): readonly Failing[] =>
  db.prepare(NEWEST_FAILED).all().filter(isNamed).map(toFailing);

const NEWEST_FAILED = `
  SELECT deliveries.job_id, deliveries.error,
    json_extract(sent.definition, '$.notify[' || target || ']') AS target,
    coalesce(json_extract(today.definition, '$.notify'), '[]') AS targets,
    (SELECT count(*) FROM deliveries AS each
      WHERE each.channel = deliveries.channel AND each.status = 'waiting' AND each.attempts > 0) AS waiting,
    (SELECT count(*) FROM deliveries AS each
      WHERE each.channel = deliveries.channel AND each.status = 'given_up' AND each.seq > coalesce(
        (SELECT max(seq) FROM deliveries AS good WHERE good.channel = each.channel AND good.status = 'delivered'), 0)
    ) AS given_up
  FROM deliveries
    JOIN job_versions AS sent ON sent.id = deliveries.version
    JOIN jobs ON jobs.id = deliveries.job_id AND removed_at IS NULL
    JOIN job_versions AS today ON today.id = jobs.version
  WHERE deliveries.error IS NOT NULL AND deliveries.seq IN (
    SELECT max(seq) FROM deliveries WHERE attempts > 0 OR status <> 'waiting' GROUP BY channel)
  ORDER BY deliveries.seq DESC`;

const isNamed = (row: SqlRow): boolean => {
  const sentTo = placeOf(json<NotifyTarget>(row, "target"));
  return json<readonly NotifyTarget[]>(row, "targets").some((target) => placeOf(target) === sentTo);
};

const placeOf = ({ type, url }: NotifyTarget): string => JSON.stringify([type, url]);

const toFailing = (row: SqlRow): Failing => ({
  jobId: id<JobId>(row, "job_id"),
  target: json<NotifyTarget>(row, "target"),
  waiting: integer(row, "waiting"),
  givenUp: integer(row, "given_up"),
  error: text(row, "error"),
});
