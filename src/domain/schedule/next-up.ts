import { CRITICAL_TAG } from "../inbox/order.ts";

/** A job as the list of coming runs needs it. */
type ComingJob = {
  readonly id: string;
  readonly tags: readonly string[];
  readonly next_start_at: number | null;
  readonly paused: boolean;
  /** The longest of its next intervals if all are short; null or missing otherwise. */
  readonly every_ms?: number | null;
};

/** A job that is due next, and when, in ms since the Unix epoch. */
type Coming<Job> = { readonly job: Job; readonly at: number };

type NextUp<Job> = {
  /** Critical jobs that are due within a day, then the others; each by time. */
  readonly rare: readonly Coming<Job>[];
  /** Jobs that are due every few minutes, the next one first. */
  readonly frequent: readonly (Coming<Job> & { readonly everyMs: number })[];
};

const DAY_MS = 86_400_000;

/** Moves critical jobs that are due within a day to the front. */
export const criticalFirst = <Job extends Pick<ComingJob, "tags">>(
  coming: readonly Coming<Job>[],
  now: number,
): readonly Coming<Job>[] => {
  const isFirst = ({ job, at }: Coming<Job>): boolean => job.tags.includes(CRITICAL_TAG) && at - now < DAY_MS;
  return [...coming.filter(isFirst), ...coming.filter((each) => !isFirst(each))];
};

/**
 * Returns the jobs that come next, each once. Jobs that are due every few minutes are separate, since they would hide the others. Leaves
 * out paused jobs.
 */
export const nextUp = <Job extends ComingJob>(jobs: readonly Job[], now: number): NextUp<Job> => {
  const coming = jobs
    .flatMap((job): Coming<Job>[] => (job.next_start_at === null || job.paused ? [] : [{ job, at: job.next_start_at }]))
    .sort((a, b) => a.at - b.at);
  return {
    rare: criticalFirst(
      coming.filter(({ job }) => job.every_ms == null),
      now,
    ),
    frequent: coming.flatMap(({ job, at }) => (job.every_ms == null ? [] : [{ job, at, everyMs: job.every_ms }])),
  };
};
