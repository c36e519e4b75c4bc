/** Durations by bucket: how many there are of each. Below 100 ms each ms has a bucket; above, their bounds grow by 3.75 %. */
export type Histogram = ReadonlyMap<number, number>;

const EXACT_BELOW = 100;
const RATIO = 1.0375;
const LOG_RATIO = Math.log(RATIO);

/** Returns the bucket of a duration in ms, from 0. */
export const bucketOf = (durationMs: number): number =>
  durationMs < EXACT_BELOW
    ? Math.max(0, Math.floor(durationMs))
    : EXACT_BELOW + Math.floor(Math.log(durationMs / EXACT_BELOW) / LOG_RATIO + ROUNDING);

/** Keeps a duration that is exactly a bound in the bucket that begins there. */
const ROUNDING = 1e-9;

/** Returns the first whole ms of a bucket that does not have a ms of its own. */
const startOf = (bucket: number): number => Math.ceil(EXACT_BELOW * RATIO ** (bucket - EXACT_BELOW - ROUNDING));

/** Returns the duration in ms that stands for those of a bucket. It differs from each of them by at most 2 %. */
const durationOf = (bucket: number): number => {
  if (bucket < EXACT_BELOW) return bucket;
  const [first, last] = [startOf(bucket), startOf(bucket + 1) - 1];
  // Differs from both by the same share.
  return Math.round((2 * first * last) / (first + last));
};

/** Returns the number of durations. */
export const countOf = (histogram: Histogram): number => histogram.values().reduce((sum, count) => sum + count, 0);

/**
 * Returns the duration in ms below or at which the share `quantile` of the durations is, by nearest rank, or null if there are none.
 * The error is at most 2 %.
 */
export const quantileOf = (histogram: Histogram, quantile: number): number | null => {
  const rank = Math.max(1, Math.ceil(quantile * countOf(histogram)));
  let seen = 0;
  for (const [bucket, count] of sorted(histogram)) {
    seen += count;
    if (seen >= rank) return durationOf(bucket);
  }
  return null;
};

/** Returns the buckets in ascending order. */
export const sorted = (histogram: Histogram): readonly (readonly [bucket: number, count: number])[] =>
  [...histogram].sort(([a], [b]) => a - b);
