/** The value below which a share of them lies, 0 ≤ `share` ≤ 1; NaN where there are none. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** `1,234` from 10 on; one decimal below, two below 1. */
export const figure = (value: number): string =>
  value >= 10 ? Math.round(value).toLocaleString("en") : value.toFixed(value < 1 ? 2 : 1);

/** `1.2 / 3.4 ms`: the median, and what 99 of 100 stay below. */
export const halfAndMost = (valuesMs: readonly number[]): string =>
  `${figure(percentile(valuesMs, 0.5))} / ${figure(percentile(valuesMs, 0.99))} ms`;
