import type { Schedule } from "./schedule.ts";

/** A schedule whose occurrences are never further apart counts as frequent. */
const FREQUENT_MS = 5 * 60_000;

/** Number of intervals that are looked at. */
const INTERVALS = 4;

/**
 * Returns the longest of the next intervals between occurrences of a frequent schedule, in ms, or null if one of them is
 * longer than five minutes. A heartbeat would hide the occurrences of all other jobs in a list.
 */
export const frequentIntervalMs = (schedule: Schedule, after: number): number | null => {
  let longest = 0;
  let from = schedule.next(after);
  for (let count = 0; count < INTERVALS; count++) {
    const to = from === null ? null : schedule.next(from);
    if (from === null || to === null || to - from > FREQUENT_MS) return null;
    longest = Math.max(longest, to - from);
    from = to;
  }
  return longest;
};
