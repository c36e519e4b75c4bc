/** Durations by bucket: how many there are of each. The bounds of the buckets grow by 4 %. */
export type Histogram = ReadonlyMap<number, number>;

const RATIO = 1.04;
const LOG_RATIO = Math.log(RATIO);

/** Returns the bucket of a duration in ms, from 0: bucket b > 0 has the durations from 1.04^(b-1) to 1.04^b ms. */
export const bucketOf = (durationMs: number): number =>
  durationMs < 1 ? 0 : Math.floor(Math.log(durationMs) / LOG_RATIO + ROUNDING) + 1;

/** Keeps a duration that is exactly a bound in the bucket that begins there. */
const ROUNDING = 1e-9;

/** Returns the duration in ms that stands for those of a bucket. It differs from each of them by at most 2 %, or half a ms. */
const durationOf = (bucket: number): number => (bucket === 0 ? 0 : Math.round(RATIO ** (bucket - 0.5)));

/** Returns the number of durations. */
export const countOf = (histogram: Histogram): number => histogram.values().reduce((sum, count) => sum + count, 0);

/**
 * Returns the duration in ms below or at which the share `quantile` of the durations is, by nearest rank, or null if there are none.
 * The error is at most 2 %, or half a ms.
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
