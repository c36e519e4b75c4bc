import { moveWaiting, totalWaiting, type WaitingCode, type WaitingCounts } from "./waiting-for.ts";

/** How many unfinished runs there are, of all jobs or of one. */
export type RunActivity = {
  /** Runs that have started. */
  readonly running: number;
  /** Runs that have not started. An older petit does not send it of a job. */
  readonly pending?: number | undefined;
  /** Those of the runs that have started which do more than wait. An older petit does not send it. */
  readonly executing?: number | undefined;
  /** What the others wait for. An older petit counts only those that have started, a still older one sends none. */
  readonly waiting?: WaitingCounts | undefined;
};

/** Returns how many runs execute. */
export const executingOf = ({ running, executing, waiting = {} }: RunActivity): number =>
  Math.max(0, executing ?? running - totalWaiting(waiting));

/** Returns how many runs have not started, and wait for nothing that is known: they are about to start. */
export const startingOf = (activity: RunActivity): number => {
  const { running, pending = 0, waiting = {} } = activity;
  return Math.max(0, running + pending - executingOf(activity) - totalWaiting(waiting));
};

/** The counts that events change. */
export type ActivityCounts = { readonly [Name in keyof RunActivity]-?: NonNullable<RunActivity[Name]> };

/** Returns the counts, of which an older petit sends only some. */
const countsOf = (activity: RunActivity): ActivityCounts => ({
  running: activity.running,
  pending: activity.pending ?? 0,
  executing: activity.executing ?? executingOf(activity),
  waiting: activity.waiting ?? {},
});

/** Returns the counts after a run has started. `wasPending` if they count it as pending. */
export const afterStarting = (
  activity: RunActivity,
  { wasPending }: { readonly wasPending: boolean },
): ActivityCounts => {
  const { running, executing, pending, waiting } = wasPending ? withoutPending(countsOf(activity)) : countsOf(activity);
  return { running: running + 1, executing: executing + 1, pending, waiting };
};

/**
 * Returns the counts after a run has ended. One that waited reports before or afterwards that it no longer does, so that `executing` can
 * be negative until then.
 */
export const afterEnding = (
  activity: RunActivity,
  { wasPending }: { readonly wasPending: boolean },
): ActivityCounts => {
  const counts = countsOf(activity);
  if (wasPending) return withoutPending(counts);
  const { running, executing, pending, waiting } = counts;
  return { running: Math.max(0, running - 1), executing: executing - 1, pending, waiting };
};

/** Returns the counts after a run that has started has begun to wait for `now` instead of `before`; null if it executes. */
export const afterWaiting = (
  activity: RunActivity,
  moved: { readonly before: WaitingCode | null; readonly now: WaitingCode | null },
): ActivityCounts => {
  const { running, executing, pending, waiting } = countsOf(activity);
  const change = Number(moved.before !== null) - Number(moved.now !== null);
  return { running, executing: executing + change, pending, waiting: moveWaiting(waiting, moved) };
};

/** A pending run waits for a slot, unless only gates keep it. */
const withoutPending = ({ pending, waiting, ...others }: ActivityCounts): ActivityCounts => {
  const code = (waiting.queue ?? 0) > 0 ? "queue" : "gates";
  return {
    ...others,
    pending: Math.max(0, pending - 1),
    waiting: (waiting[code] ?? 0) > 0 ? moveWaiting(waiting, { before: code, now: null }) : waiting,
  };
};
