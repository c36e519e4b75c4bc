import { setImmediate } from "node:timers/promises";
import type { Job } from "../../domain/job.ts";
import { hasSameTimes, type ScheduleMove, scheduleMove } from "../../domain/schedule/move.ts";
import { compileSchedule } from "../../domain/schedule/schedule.ts";
import { type ShownChange, shownChanges } from "./version-changes.ts";

/** What a commit would change of the jobs that run. Each list is by id. */
export type JobsDiff = {
  readonly added: readonly ListedJob[];
  readonly removed: readonly ListedJob[];
  readonly changed: readonly ChangedJob[];
};

/** A job that only one side has. */
type ListedJob = {
  readonly id: string;
  readonly file: string;
  /** Its next occurrences, in ms since the Unix epoch. */
  readonly next: readonly number[];
};

type ChangedJob = {
  readonly id: string;
  /** The id that it has now, if the commit changes that; otherwise null. */
  readonly formerId: string | null;
  readonly file: string;
  readonly changes: readonly ShownChange[];
  /** The next occurrences of both, if the schedule differs; otherwise null. */
  readonly next: { readonly before: readonly number[]; readonly after: readonly number[] } | null;
  /** How they move; null if the schedule does not differ, or if nothing simple is true of them. */
  readonly move: ScheduleMove | null;
};

export type JobsDiffOptions = {
  /** In ms since the Unix epoch. */
  readonly now: number;
  /** The time zone of schedules that name none. */
  readonly timezone: string;
};

/** Number of next occurrences. */
const NEXT = 5;

/** Compares the jobs that run with those of a commit. */
export const diffJobs = async (
  before: readonly Job[],
  after: readonly Job[],
  options: JobsDiffOptions,
): Promise<JobsDiff> => {
  const old = new Map<string, Job>(before.map((job) => [job.id, job]));
  const current = new Map<string, Job>(after.map((job) => [job.id, job]));
  const partners = new Map(after.map((job) => [job.id, partnerOf(job, old, current)]));
  const taken = new Set([...partners.values()].map((job) => job?.id));
  const listed = (job: Job): ListedJob => ({ id: job.id, file: job.source.file, next: nextOf(job, options) });
  const changed: ChangedJob[] = [];
  let skipped = 0;
  for (const job of after) {
    const partner = partners.get(job.id) ?? null;
    if (partner === null || isSame(partner, job)) {
      if (++skipped % BATCH === 0) await setImmediate();
      continue;
    }
    const changes = await shownChanges(partner, job);
    if (changes.length === 0) continue;
    const isMoved = !hasSameTimes(partner, job);
    const next = isMoved ? { before: nextOf(partner, options), after: nextOf(job, options) } : null;
    const move = isMoved ? scheduleMove(partner, job, options) : null;
    const formerId = partner.id === job.id ? null : partner.id;
    changed.push({ id: job.id, formerId, file: job.source.file, changes, next, move });
    // Thousands of jobs may change, and other requests must not wait for all of them.
    await setImmediate();
  }
  return {
    added: after
      .filter(({ id }) => partners.get(id) === null)
      .map(listed)
      .toSorted(byId),
    removed: before
      .filter(({ id }) => !taken.has(id))
      .map(listed)
      .toSorted(byId),
    changed: changed.toSorted(byId),
  };
};

/** Number of jobs that are compared in a row, which takes some ms. */
const BATCH = 100;

/** Returns true if two definitions are certainly equal. This is much faster than a comparison field by field. */
const isSame = (a: Job, b: Job): boolean => a === b || definitionText(a) === definitionText(b);

const definitionText = ({ source: _source, ...job }: Job): string => JSON.stringify(job);

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

type JobsById = ReadonlyMap<string, Job>;

/** Returns the job that runs under the same id, or under one that the job had formerly and that no job of the commit has. */
const partnerOf = (job: Job, old: JobsById, current: JobsById): Job | null => {
  const ids = [job.id, ...(job.formerly ?? []).filter((id) => !current.has(id))];
  return ids.map((id) => old.get(id)).find((each) => each !== undefined) ?? null;
};

const nextOf = ({ schedule, enabled }: Job, { now, timezone }: JobsDiffOptions): readonly number[] => {
  if (schedule === null || !enabled) return [];
  const compiled = compileSchedule(schedule, timezone);
  const next: number[] = [];
  for (let at = compiled.nextStart(now); at !== null && next.length < NEXT; at = compiled.nextStart(at)) next.push(at);
  return next;
};
