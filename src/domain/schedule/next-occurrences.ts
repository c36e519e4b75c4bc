import { formatDuration } from "../../lib/duration.ts";
import { parseJobId } from "../ids.ts";
import { scheduleNote } from "./daylight-saving-note.ts";
import { dateAt, nextDateStart } from "./except.ts";
import { frequentIntervalMs } from "./frequency.ts";
import { jitterMs } from "./jitter.ts";
import { zoneOf } from "./local-time.ts";
import { compileSchedule, type Schedule, type ScheduleSpec } from "./schedule.ts";

/** An occurrence that is still to come. */
export type NextOccurrence = {
  readonly jobId: string;
  /** Ms since the Unix epoch. */
  readonly at: number;
  /** When it starts a run, which jitter delays; in ms since the Unix epoch. */
  readonly startsAt: number;
  readonly zone: string;
  /** True if the schedule excepts its date. It stands for all occurrences on that date. */
  readonly isExcluded: boolean;
  /** Why it does not run, or what daylight saving and jitter do to it, as a sentence; null if nothing. */
  readonly note: string | null;
};

export type NextOptions = {
  readonly count: number;
  /** Occurrences strictly after this time, in ms since the Unix epoch. */
  readonly after: number;
  /** Occurrences no later than this time, in ms since the Unix epoch; null for no end. */
  readonly until: number | null;
  /** The zone of schedules that name none. */
  readonly zone: string;
};

/** The next occurrences of one job, and how often it is due if that is frequent. */
export type JobOccurrences = {
  readonly jobId: string;
  readonly occurrences: readonly NextOccurrence[];
  /** See `frequentIntervalMs`. */
  readonly everyMs: number | null;
};

type Spec = Pick<ScheduleSpec, "expressions" | "timezone" | "jitterMs" | "except">;

/** A job of a file or of the running petit. */
export type NextJob = {
  readonly id: string;
  readonly enabled: boolean;
  readonly schedule: Spec | null;
  /** Whether no job file defines it any more. */
  readonly isGone?: boolean;
};

type ScheduledJob = { readonly jobId: string; readonly spec: Spec; readonly schedule: Schedule };

/** Returns the enabled jobs that have a schedule. */
const scheduledJobs = (jobs: readonly NextJob[], zone: string): readonly ScheduledJob[] =>
  jobs.flatMap(({ id, enabled, schedule: spec }) =>
    !enabled || spec === null ? [] : [{ jobId: id, spec, schedule: compileSchedule(spec, zone) }],
  );

const occurrenceOf = ({ jobId, spec, schedule }: ScheduledJob, at: number): NextOccurrence => {
  const { timezone } = schedule;
  if (schedule.excludes(at)) {
    const note = `excluded: no run on ${dateAt(at, zoneOf(timezone))}`;
    return { jobId, at, startsAt: at, zone: timezone, isExcluded: true, note };
  }
  const id = parseJobId(jobId);
  const startsAt = id === null ? at : at + jitterMs(id, at, spec.jitterMs);
  const notes = [scheduleNote(spec, at, timezone), jitterNote(startsAt - at)].filter((note) => note !== null);
  return {
    jobId,
    at,
    startsAt,
    zone: timezone,
    isExcluded: false,
    note: notes.length === 0 ? null : notes.join("; "),
  };
};

const jitterNote = (delayMs: number): string | null =>
  delayMs === 0 ? null : `starts ${formatDuration(delayMs - (delayMs % SECOND_MS))} later, by jitter`;

const SECOND_MS = 1_000;

/** Returns the next occurrence after `at`; after an excluded one, the first on a later date. */
const following = ({ schedule }: ScheduledJob, at: number): number | null =>
  schedule.next(schedule.excludes(at) ? Math.max(at, nextDateStart(at, zoneOf(schedule.timezone)) - 1) : at);

/** Returns the first `count` occurrences of all schedules, by time, then by id. */
export const nextOccurrences = (
  jobs: readonly NextJob[],
  { count, after, until, zone }: NextOptions,
): readonly NextOccurrence[] => {
  const end = until ?? Number.POSITIVE_INFINITY;
  const queue = scheduledJobs(jobs, zone).map((job) => ({ job, at: job.schedule.next(after) }));
  const occurrences: NextOccurrence[] = [];
  while (occurrences.length < count) {
    const first = queue.reduce<(typeof queue)[number] | null>(
      (best, each) => (each.at !== null && (best?.at == null || each.at < best.at) ? each : best),
      null,
    );
    if (first === null || first.at === null || first.at > end) break;
    occurrences.push(occurrenceOf(first.job, first.at));
    first.at = following(first.job, first.at);
  }
  return occurrences;
};

/** Returns the first `count` occurrences of each job that has one, by the time of the first one. */
export const nextByJob = (
  jobs: readonly NextJob[],
  { count, after, until, zone }: NextOptions,
): readonly JobOccurrences[] =>
  scheduledJobs(jobs, zone)
    .map((job) => ({
      jobId: job.jobId,
      occurrences: firstOf(job, { count, after, until }),
      everyMs: frequentIntervalMs(job.schedule, after),
    }))
    .filter(({ occurrences }) => occurrences.some(({ isExcluded }) => !isExcluded))
    .sort((left, right) => firstStart(left) - firstStart(right));

const firstStart = ({ occurrences }: JobOccurrences): number =>
  occurrences.find(({ isExcluded }) => !isExcluded)?.at ?? 0;

/** Returns the next `count` occurrences that start a run, and the excluded ones before the last of them. */
const firstOf = (job: ScheduledJob, { count, after, until }: Omit<NextOptions, "zone">) => {
  const end = until ?? Number.POSITIVE_INFINITY;
  const occurrences: NextOccurrence[] = [];
  let starts = 0;
  for (let at = job.schedule.next(after); at !== null && at <= end && starts < count; at = following(job, at)) {
    const occurrence = occurrenceOf(job, at);
    occurrences.push(occurrence);
    if (!occurrence.isExcluded) starts++;
  }
  return occurrences;
};
