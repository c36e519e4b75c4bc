/** Returns the value at the given share of the sorted values, 0 ≤ `share` ≤ 1, or NaN if there are none. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** Formats a number: no decimals from 10 on, one from 1 on, two below 1. */
export const figure = (value: number): string =>
  value >= 10 ? Math.round(value).toLocaleString("en") : value.toFixed(value < 1 ? 2 : 1);

/** Formats the median and the 99th percentile, such as `1.2 / 3.4 ms`. */
export const medianAndP99 = (valuesMs: readonly number[]): string =>
  `${figure(percentile(valuesMs, 0.5))} / ${figure(percentile(valuesMs, 0.99))} ms`;
