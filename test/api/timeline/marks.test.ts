import { describe, expect, test } from "bun:test";
import { setImmediate } from "node:timers";
import fc from "fast-check";
import { type MarksQuery, readMarks } from "../../../src/api/timeline/marks.ts";
import type { NewOccurrence, UnfiredSpan } from "../../../src/store/occurrences.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, jobId } from "../../support/engine/factories.ts";
import { memoryStore } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";

const REASONS = ["down", "superseded"] as const;

const missed = (at: number, index = 0): NewOccurrence => ({
  scheduledFor: NOON + at,
  outcome: "missed",
  reason: REASONS[index % 2] ?? "down",
  jitterMs: 0,
});

const storeWith = (ledgers: Readonly<Record<string, readonly number[]>>): Store => {
  const store = memoryStore();
  store.jobs.save(
    Object.keys(ledgers).map((id) => job(id)),
    NOON,
  );
  for (const [id, times] of Object.entries(ledgers)) store.occurrences.record(jobId(id), times.map(missed), NOON);
  return store;
};

/** A clock that advances by 1 ms at each read. */
const busyClock = () => {
  let now = 0;
  return { now: () => NOON, monotonic: () => now++, elapsed: () => now++, setTimeout: () => () => {} };
};

const query = (given: Partial<MarksQuery> = {}): MarksQuery => ({
  from: NOON,
  to: NOON + 1_000,
  bins: 10,
  isSelected: () => true,
  ...given,
});

const read = (store: Store, given: Partial<MarksQuery> = {}) => readMarks(query(given), { store, clock: busyClock() });

describe("the marks of a time line", () => {
  test("are counted by bin, job and reason, within the window", async () => {
    using store = storeWith({ a: [-1, 0, 50, 99, 100, 999, 1_000], b: [950] });
    const marks = await read(store);
    const short = (id: string) =>
      marks.get(jobId(id))?.map((span) => [span.reason, span.firstAt - NOON, span.lastAt - NOON, span.count]);
    expect(short("a")).toEqual([
      ["superseded", 0, 99, 2],
      ["down", 50, 50, 1],
      ["down", 100, 100, 1],
      ["superseded", 999, 999, 1],
    ]);
    expect(short("b")).toEqual([["down", 950, 950, 1]]);
  });

  test("are those of the selected jobs", async () => {
    using store = storeWith({ a: [1], b: [2] });
    expect([...(await read(store, { isSelected: (id) => id === jobId("b") })).keys()]).toEqual([jobId("b")]);
  });

  test("count each occurrence once, and are at most 5,000 in total", async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `job-${index}`);
    const times = Array.from({ length: 1_000 }, (_, index) => index);
    using store = storeWith(Object.fromEntries(ids.map((id) => [id, times])));
    const all = async (bins: number): Promise<readonly UnfiredSpan[]> =>
      [...(await read(store, { bins })).values()].flat();
    for (const bins of [1, 10, 1_000]) {
      const spans = await all(bins);
      expect(spans.reduce((sum, { count }) => sum + count, 0)).toBe(20_000);
      expect(spans.length).toBeLessThanOrEqual(5_000);
    }
    expect(await all(1)).toHaveLength(40);
  });

  test("are read in queries of a bounded size, with other work in between", async () => {
    const times = Array.from({ length: 20_000 }, (_, index) => index);
    using store = storeWith({ a: times });
    const sizes: number[] = [];
    let [turns, isOver] = [0, false];
    const turn = (): void => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const watching: Store = {
      ...store,
      occurrences: {
        ...store.occurrences,
        listUnfiredSpans: (from, to) => {
          const spans = store.occurrences.listUnfiredSpans(from, to);
          sizes.push(spans.reduce((sum, { count }) => sum + count, 0));
          return spans;
        },
      },
    };
    const marks = await readMarks(query({ to: NOON + 20_000, bins: 2 }), { store: watching, clock: busyClock() });
    isOver = true;
    expect(marks.get(jobId("a"))).toHaveLength(4);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(3_000);
    expect(turns).toBeGreaterThanOrEqual(2);
  });

  test("are the same as those counted one by one", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(999)), fc.integer({ min: 1, max: 50 }), async (times, bins) => {
        using store = storeWith({ a: times });
        const spans = (await read(store, { bins })).get(jobId("a")) ?? [];
        const binMs = Math.ceil(1_000 / bins);
        const expected = Map.groupBy(times.entries(), ([index, at]) => `${index % 2} ${Math.floor(at / binMs)}`);
        expect(spans.map(({ count }) => count).sort()).toEqual(
          [...expected.values()].map((list) => list.length).sort(),
        );
      }),
      { numRuns: 20 },
    );
  });
});
