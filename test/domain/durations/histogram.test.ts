import { expect, test } from "bun:test";
import fc from "fast-check";
import { bucketOf, quantileOf } from "../../../src/domain/durations/histogram.ts";

const histogramOf = (durations: readonly number[]): ReadonlyMap<number, number> => {
  const counts = new Map<number, number>();
  for (const duration of durations) counts.set(bucketOf(duration), (counts.get(bucketOf(duration)) ?? 0) + 1);
  return counts;
};

test("a quantile of short durations differs from the exact one by at most 2 %", () => {
  for (let ms = 0; ms <= 5_000; ms++) {
    const found = quantileOf(histogramOf([ms]), 0.5) ?? Number.NaN;
    expect(Math.abs(found - ms)).toBeLessThanOrEqual(ms * 0.02);
  }
});

test("a quantile differs from the exact one by at most 2 %", () => {
  const durations = fc.array(fc.integer({ min: 0, max: 1_000_000_000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.95), (list, quantile) => {
      const rank = Math.max(1, Math.ceil(quantile * list.length));
      const exact = list.toSorted((a, b) => a - b)[rank - 1] ?? 0;
      const found = quantileOf(histogramOf(list), quantile) ?? Number.NaN;
      expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * 0.02);
    }),
  );
});

test("longer durations are never in an earlier bucket, and the longest have one", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
      expect(bucketOf(Math.max(a, b))).toBeGreaterThanOrEqual(bucketOf(Math.min(a, b)));
    }),
  );
  expect(bucketOf(Number.MAX_SAFE_INTEGER)).toBeLessThan(1_000);
  expect(bucketOf(0)).toBe(0);
});

test("there is no quantile of nothing", () => {
  expect(quantileOf(new Map(), 0.5)).toBeNull();
});
