import { describe, expect, test } from "bun:test";
import { setImmediate } from "node:timers";
import fc from "fast-check";
import { openRuntime } from "#runtime";
import { type MarksQuery, readDeliveryMarks, readMarks } from "../../../src/api/timeline/marks.ts";
import type { RunId } from "../../../src/domain/ids.ts";
import { openStore } from "../../../src/store/database/open.ts";
import type { Decision } from "../../../src/store/deliveries.ts";
import type { NewOccurrence, UnfiredSpan } from "../../../src/store/occurrences.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, jobId } from "../../support/engine/factories.ts";
import { memoryStore } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

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

describe("the marks of events", () => {
  test("are those of deliveries without a run, by job, outcome and reason", async () => {
    using store = memoryStore();
    store.jobs.save([job("a"), job("b")], NOON);
    const skipped = (reason: "event" | "paused"): Decision => ({ outcome: "skipped", reason, problem: null });
    const waiting: Decision = { outcome: "waiting", reason: "paused" };
    const runId = "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60" as RunId;
    let added = 0;
    const add = (id: string, at: number, decision: Decision) =>
      store.deliveries.add({
        id: `delivery-${added++}`,
        jobId: jobId(id),
        type: "webhook",
        trigger: null,
        eventType: "push",
        providerId: null,
        digest: null,
        replayOf: null,
        receivedAt: NOON + at,
        chain: 0,
        event: { type: "push", id: "1", delivery_id: null },
        decision,
      });
    add("a", -1, skipped("event"));
    add("a", 0, skipped("event"));
    add("a", 40, skipped("event"));
    add("a", 50, skipped("paused"));
    const { id } = add("a", 60, waiting);
    add("a", 70, waiting);
    add("a", 80, { outcome: "fired", runId });
    add("a", 85, { outcome: "waiting", reason: "busy", runId });
    add("b", 90, { outcome: "skipped", reason: "disabled", problem: null });
    add("b", 1_000, skipped("event"));
    store.deliveries.decide(id, { outcome: "fired", runId }, NOON + 95);
    const marks = await readDeliveryMarks(query(), { store, clock: busyClock() });
    const all = [...marks].map(([of, spans]) => [
      String(of),
      spans.map((span) => [span.outcome, span.reason, span.firstAt - NOON, span.lastAt - NOON, span.count]),
    ]);
    expect(all).toEqual([
      [
        "a",
        [
          ["skipped", "event", 0, 40, 2],
          ["skipped", "paused", 50, 50, 1],
          ["waiting", "paused", 70, 70, 1],
        ],
      ],
      ["b", [["skipped", "disabled", 90, 90, 1]]],
    ]);
    const window = { from: NOON, to: NOON + 1_000 };
    expect(Object.fromEntries(store.deliveries.countUnfired({ ...window, jobIds: null }))).toEqual({
      skipped: 4,
      waiting: 1,
    });
    expect(store.deliveries.countUnfired({ ...window, jobIds: [jobId("b")] }).get("skipped")).toBe(1);
  });

  test("are read by an index", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    openStore({ path, runtime: openRuntime() })[Symbol.dispose]();
    const db = openRuntime().openDatabase(path);
    const plan = db
      .prepare(
        `EXPLAIN QUERY PLAN SELECT job_id, outcome, reason, count(*) FROM deliveries
         WHERE outcome IN ('waiting', 'skipped') AND reason <> 'busy' AND received_at >= 1 AND received_at < 2
         GROUP BY job_id, outcome, reason`,
      )
      .all();
    db.close();
    expect(String(plan[0]?.detail)).toContain("USING COVERING INDEX deliveries_unfired");
  });
});
