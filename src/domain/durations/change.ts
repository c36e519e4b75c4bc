import { countOf, type Histogram, quantileOf, sorted } from "./histogram.ts";

/** How the usual duration of a job changed from one period to the next. */
export type DurationChange = {
  /** Median in ms of the completed runs of the later and of the earlier period. */
  readonly recentMs: number;
  readonly beforeMs: number;
  /** Numbers of these runs. */
  readonly recentRuns: number;
  readonly beforeRuns: number;
};

/** Days of the later period, today included, and of the earlier one, by which *Jobs* and `petit list` show a change. */
export const RECENT_DAYS = 7;
export const BEFORE_DAYS = 28;

/** Fewer runs say nothing. */
const MIN_RECENT = 5;
const MIN_BEFORE = 8;

/** A smaller change of the median is not worth anybody's time. */
const MIN_CHANGE = 0.1;

/** The bound of the test statistic: by chance alone it is exceeded in 1 of 400 comparisons. */
const MIN_SCORE = 3.02;

/**
 * Returns the change between two periods, or null if it may be noise: if a period has too few runs, if the medians differ by less
 * than 10 %, or if the durations of one period are not clearly longer than those of the other by the Mann–Whitney test.
 */
export const changeBetween = (before: Histogram, recent: Histogram): DurationChange | null => {
  const [beforeRuns, recentRuns] = [countOf(before), countOf(recent)];
  if (beforeRuns < MIN_BEFORE || recentRuns < MIN_RECENT) return null;
  const [beforeMs, recentMs] = [quantileOf(before, 0.5), quantileOf(recent, 0.5)];
  if (beforeMs === null || recentMs === null) return null;
  if (Math.abs(recentMs - beforeMs) < MIN_CHANGE * Math.max(1, Math.min(beforeMs, recentMs))) return null;
  const score = rankScore(before, recent);
  const isClear = Math.abs(score) >= MIN_SCORE && score > 0 === recentMs > beforeMs;
  return isClear ? { recentMs, beforeMs, recentRuns, beforeRuns } : null;
};

/**
 * Returns the standard score of the Mann–Whitney U of `recent`, with the correction for ties and for continuity. It is positive if the
 * durations of `recent` are longer. See Hollander, Wolfe, Chicken: Nonparametric Statistical Methods, section 4.1.
 */
const rankScore = (before: Histogram, recent: Histogram): number => {
  const [m, n] = [countOf(before), countOf(recent)];
  const total = m + n;
  const all = new Map(before);
  for (const [bucket, count] of recent) all.set(bucket, (all.get(bucket) ?? 0) + count);
  let [below, rankSum, ties] = [0, 0, 0];
  for (const [bucket, count] of sorted(all)) {
    rankSum += (recent.get(bucket) ?? 0) * (below + (count + 1) / 2);
    ties += count ** 3 - count;
    below += count;
  }
  const distance = rankSum - (n * (n + 1)) / 2 - (m * n) / 2;
  const variance = ((m * n) / 12) * (total + 1 - ties / (total * (total - 1)));
  if (variance <= 0) return 0;
  return (Math.sign(distance) * Math.max(0, Math.abs(distance) - 0.5)) / Math.sqrt(variance);
};
