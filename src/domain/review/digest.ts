import type { JobId } from "../ids.ts";
import { emptyJob, type Job } from "../job.ts";
import type { NotifyTarget } from "../notification.ts";
import { compileSchedule } from "../schedule/schedule.ts";

/** A review that is sent on a schedule, as `digest` in the configuration file declares it. */
export type Digest = {
  /** A cron expression. */
  readonly at: string;
  /** Null: the zone of schedules that name none. */
  readonly timezone: string | null;
  /** Only jobs with this tag; null for all. */
  readonly tag: string | null;
  /** Receivers, at least one. */
  readonly targets: readonly NotifyTarget[];
};

/** The sendings of digests have this instead of the id of a job. No job can have it, because ids begin with a letter or a digit. */
export const DIGEST_JOB_ID = ".digest" as JobId;

/** Returns the job that a sending is about; null for that of a digest. */
export const jobOfSending = (jobId: JobId): JobId | null => (jobId === DIGEST_JOB_ID ? null : jobId);

/** Returns when the next digest after a time is due, or null. */
export const nextDigestAt = ({ at, timezone }: Digest, zone: string, after: number): number | null =>
  compileSchedule({ expressions: [at], timezone }, zone).next(after);

const WEEK_MS = 7 * 86_400_000;

/** Returns the time between a digest and the one before it, as it is after a time; a week for a digest that is never due. */
export const digestPeriodMs = (digest: Digest, zone: string, after: number): number => {
  const first = nextDigestAt(digest, zone, after);
  const second = first === null ? null : nextDigestAt(digest, zone, first);
  return first === null || second === null ? WEEK_MS : second - first;
};

/** Returns the definition that the sendings of a digest refer to: it has the receivers. */
export const senderOf = ({ targets }: Digest, { folder }: { readonly folder: string }): Job => ({
  ...emptyJob({ id: DIGEST_JOB_ID, name: "petit", source: { file: "digest", line: 1, folder } }),
  notify: targets,
});
