import { describe, expect, test } from "bun:test";
import { changeBetween } from "../../../src/domain/durations/change.ts";
import { bucketOf } from "../../../src/domain/durations/histogram.ts";

/** Returns random numbers from 0 to 1 that are the same in each test run (mulberry32). */
const randomNumbers = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let bits = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
  return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
};

type Noise = (random: () => number) => number;

const normal: Noise = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Durations as they occur: steady, spread, with outliers, or of two kinds. */
const NOISES: Readonly<Record<string, Noise>> = {
  "a spread of 5 %": (random) => 20_000 * Math.exp(0.05 * normal(random)),
  "a spread of 30 %": (random) => 20_000 * Math.exp(0.3 * normal(random)),
  "a spread of 100 %": (random) => 20_000 * Math.exp(normal(random)),
  outliers: (random) => 20_000 * (random() < 0.05 ? 10 : 1 + 0.1 * random()),
  "two kinds of runs": (random) => (random() < 0.5 ? 1_000 : 60_000) * (1 + 0.1 * random()),
  "a few ms": (random) => 4 + Math.floor(3 * random()),
};

const sample = (noise: Noise, count: number, { factor, random }: { factor: number; random: () => number }) => {
  const counts = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const bucket = bucketOf(Math.round(noise(random) * factor));
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  return counts;
};

const SIZES = [
  { before: 28, recent: 7 },
  { before: 12, recent: 6 },
  { before: 112, recent: 28 },
  { before: 672, recent: 168 },
];

const shareFound = (noise: Noise, { before, recent }: (typeof SIZES)[number], factor: number): number => {
  const random = randomNumbers(7);
  const trials = 1_500;
  let found = 0;
  for (let i = 0; i < trials; i++) {
    const [earlier, later] = [sample(noise, before, { factor: 1, random }), sample(noise, recent, { factor, random })];
    if (changeBetween(earlier, later) !== null) found++;
  }
  return found / trials;
};

describe.each(Object.entries(NOISES))("durations with %s", (_, noise) => {
  test.each(SIZES)("show a change in less than 1 of 100 comparisons by chance ($before and $recent runs)", (size) => {
    expect(shareFound(noise, size, 1)).toBeLessThan(0.01);
  });
});

test.each([
  ["a spread of 5 %", { before: 28, recent: 7 }],
  ["a spread of 30 %", { before: 672, recent: 168 }],
  ["outliers", { before: 28, recent: 7 }],
  ["outliers", { before: 112, recent: 28 }],
])("30 %% more are found in durations with %s", (name, size) => {
  expect(shareFound(NOISES[name] ?? normal, size, 1.3)).toBeGreaterThan(0.95);
});

test("a change has both medians and numbers of runs", () => {
  const before = new Map([[bucketOf(10_000), 28]]);
  const change = changeBetween(before, new Map([[bucketOf(15_000), 7]]));
  expect(change).toMatchObject({ beforeRuns: 28, recentRuns: 7 });
  expect((change?.recentMs ?? 0) / (change?.beforeMs ?? 1)).toBeCloseTo(1.5, 1);
});

test.each([
  ["too few runs now", 28, 4, 2],
  ["too few runs before", 7, 7, 2],
  ["too small a change", 1_000, 1_000, 1.05],
])("%s are no change", (_, beforeRuns, recentRuns, factor) => {
  const before = new Map([[bucketOf(10_000), beforeRuns]]);
  expect(changeBetween(before, new Map([[bucketOf(10_000 * factor), recentRuns]]))).toBeNull();
});
