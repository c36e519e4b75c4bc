/**
 * What an unfinished run or task only waits for while nothing of it is executing. If there are several, the first of:
 *
 * - `queue`: a slot under a limit: of its job, of its queue, or of petit.
 * - `gates`: the gates of its job, for a run that another job started.
 * - `approval`: a person.
 * - `worker`: a worker that claims its attempt.
 * - `child`: the end of a run of another job that it started.
 * - `retry`: the time of its next attempt.
 */
export const WAITING_CODES = ["queue", "gates", "approval", "worker", "child", "retry"] as const;
export type WaitingCode = (typeof WAITING_CODES)[number];

/** How many unfinished runs wait for each of these; without those for which none waits. */
export type WaitingCounts = { readonly [Code in WaitingCode]?: number };

/** Returns how often each code occurs. */
export const countWaiting = (codes: Iterable<WaitingCode | null>): WaitingCounts => {
  const counts: { [Code in WaitingCode]?: number } = {};
  for (const code of codes) if (code !== null) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
};

/** Returns the counts of both. */
export const addWaiting = (one: WaitingCounts, other: WaitingCounts): WaitingCounts => {
  const counts: { [Code in WaitingCode]?: number } = { ...one };
  for (const code of WAITING_CODES) if (other[code] !== undefined) counts[code] = (counts[code] ?? 0) + other[code];
  return counts;
};

/** Returns the counts after a run has begun to wait for `now` instead of `before`; null if it does not wait. */
export const moveWaiting = (
  counts: WaitingCounts,
  { before, now }: { readonly before: WaitingCode | null; readonly now: WaitingCode | null },
): WaitingCounts => {
  const next: { [Code in WaitingCode]?: number } = { ...counts };
  if (before !== null) next[before] = Math.max(0, (next[before] ?? 0) - 1);
  if (now !== null) next[now] = (next[now] ?? 0) + 1;
  return next;
};

/** Returns how many runs the counts are of. */
export const totalWaiting = (counts: WaitingCounts): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);
