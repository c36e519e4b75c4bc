import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BarCollector, fairShare, type MergedBar, openBar } from "../../../src/api/timeline/merge.ts";
import { newRunId } from "../../../src/domain/ids.ts";
import { jobId } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";

const bar = (bin: number, given: Partial<MergedBar> = {}): MergedBar => ({
  firstBin: bin,
  lastBin: bin,
  count: 1,
  failures: 0,
  successes: 1,
  startedAt: bin * 10,
  endedAt: bin * 10 + 5,
  worst: { id: newRunId(NOON), status: "completed", trigger: "manual", weight: bin },
  ...given,
});

const barsOf = (list: readonly MergedBar[], id = "hello", bars = new BarCollector()): BarCollector => {
  for (const each of list) bars.add(jobId(id), each);
  return bars;
};

const only = (bars: BarCollector, each: number, all = 1_000_000) => bars.fit(each, all).get(jobId("hello")) ?? [];

describe("bars of a job", () => {
  test("are unchanged if they are few", () => {
    const list = [bar(1), bar(5), bar(7)];
    expect(only(barsOf(list), 600)).toEqual(list);
  });

  test("with the same bins are merged, and show the worst run", () => {
    const worst = { id: newRunId(NOON), status: "failed", trigger: "schedule", weight: 99 } as const;
    const list = [bar(3), bar(3, { worst, startedAt: 28, endedAt: 39, count: 4, failures: 2, successes: 1 })];
    expect(only(barsOf(list), 600)).toEqual([
      bar(3, { worst, startedAt: 28, endedAt: 39, count: 5, failures: 2, successes: 2 }),
    ]);
  });

  test("are limited in number, and count all runs", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_999), { maxLength: 3_000 }), fc.integer({ min: 10, max: 600 }), (bins, most) => {
        const bars = only(barsOf(bins.map((bin) => bar(bin))), most);
        expect(bars.length).toBeLessThanOrEqual(most);
        expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(bins.length);
        expect(bars.reduce((sum, { successes }) => sum + successes, 0)).toBe(bins.length);
        expect(bars.map(({ startedAt }) => startedAt)).toEqual(
          bars.map(({ startedAt }) => startedAt).toSorted((a, b) => a - b),
        );
      }),
    );
  });

  test("of running or pending runs are kept apart from ended ones", () => {
    using store = memoryStore();
    const running = openBar(startRun(store), () => 3);
    const waiting = openBar(startRun(store, { status: "pending" }), () => 3);
    const bars = only(barsOf([bar(3), running, waiting]), 10);
    expect(bars.map(({ worst, endedAt }) => [worst.status, endedAt])).toEqual(
      expect.arrayContaining([
        ["completed", 35],
        ["running", null],
        ["pending", null],
      ]),
    );
  });

  test("are reduced first for jobs with the most bars", () => {
    const bars = barsOf(Array.from({ length: 600 }, (_, bin) => bar(bin)));
    for (let index = 0; index < 50; index++) barsOf([bar(1), bar(300), bar(599)], `job-${index}`, bars);
    const fitted = bars.fit(600, 300);
    expect(fitted.get(jobId("job-7"))).toHaveLength(3);
    expect(fitted.get(jobId("hello"))?.length).toBeWithin(50, 151);
  });
});

test.each([
  [[], 10, Number.MAX_SAFE_INTEGER],
  [[1, 2, 3], 10, Number.MAX_SAFE_INTEGER],
  [[100, 1, 1], 50, 48],
  [[5, 5, 5], 9, 3],
])("a fair share of %p within %p is %p", (sizes, total, share) => {
  expect(fairShare(sizes, total)).toBe(share);
});
