import { describe, expect, test } from "bun:test";
import { newRunId } from "../../../src/domain/ids.ts";
import type { RunOutcome } from "../../../src/domain/run.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, jobId } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";

const DONE: RunOutcome = { status: "completed", reason: null, error: null };
const FAILED: RunOutcome = { status: "failed", reason: "exit_code", error: "task 'a' failed" };
const HOUR = 3_600_000;

/** Stores a run that starts `at` ms after noon and takes `ms`. */
const ran = (store: Store, at: number, ms: number, outcome: RunOutcome = DONE, id = "hello") => {
  const run = startRun(store, { job: job(id), now: NOON + at });
  return store.runs.finish(run.id, outcome, NOON + at + ms);
};

const window = { from: NOON, to: NOON + 100_000, binMs: 10_000 };
const ALL = { ...window, after: NOON - 1, until: NOON + 24 * HOUR };

describe("runs in a window", () => {
  test("have their bins, and a weight that is greatest for the newest of the worst", () => {
    using store = memoryStore();
    ran(store, 1_000, 10, FAILED);
    const failed = ran(store, 2_000, 10, FAILED);
    ran(store, 3_000, 9_500);
    const spans = store.runs.listEndedSpans(ALL);
    expect(spans.at(-1)).toEqual({
      jobId: jobId("hello"),
      firstBin: 0,
      lastBin: 1,
      count: 1,
      failures: 0,
      successes: 1,
      startedAt: NOON + 3_000,
      endedAt: NOON + 12_500,
      worst: { id: expect.any(String), status: "completed", trigger: "manual", weight: expect.any(Number) },
    });
    expect(spans.map(({ worst }) => worst).sort((a, b) => b.weight - a.weight)[0]?.id).toBe(failed.id);
  });

  test("include runs that begin before it, within it, or span it", () => {
    using store = memoryStore();
    ran(store, -50_000, 10_000);
    ran(store, -5_000, 6_000);
    ran(store, 99_000, 60_000);
    ran(store, -HOUR, 2 * HOUR);
    ran(store, 100_000, 10);
    const bins = store.runs.listEndedSpans(ALL).map(({ firstBin, lastBin }) => [firstBin, lastBin]);
    expect(bins).toEqual([
      [0, 0],
      [9, 9],
      [0, 9],
    ]);
  });

  test("that took more than an hour are selected by `long`", () => {
    using store = memoryStore();
    ran(store, 0, HOUR);
    ran(store, 0, HOUR + 1);
    expect(store.runs.listEndedSpans({ ...ALL, long: true }).map(({ endedAt }) => endedAt)).toEqual([NOON + HOUR + 1]);
  });

  test("that were cancelled while they waited are placed at their end", () => {
    using store = memoryStore();
    const { id } = startRun(store, { status: "pending", now: NOON });
    store.runs.finish(id, { status: "cancelled", reason: "cancelled", error: null }, NOON + 20_000);
    expect(store.runs.listEndedSpans(ALL)).toMatchObject([
      { firstBin: 2, failures: 0, successes: 0, startedAt: NOON + 20_000, endedAt: NOON + 20_000 },
    ]);
  });

  test("have their job", () => {
    using store = memoryStore();
    ran(store, 0, 1);
    ran(store, 0, 1, FAILED, "other");
    expect(store.runs.listEndedSpans(ALL).map((span) => [span.jobId, span.worst.status])).toEqual([
      [jobId("hello"), "completed"],
      [jobId("other"), "failed"],
    ]);
  });

  test("are estimated by job, and found by the order of their ends", () => {
    using store = memoryStore();
    for (let at = 0; at < 40; at++) ran(store, at, 1, DONE, at % 4 === 0 ? "other" : "hello");
    const estimate = store.runs.estimateEndedByJob(NOON - 1, NOON + HOUR);
    expect(estimate).toEqual(
      new Map([
        [jobId("hello"), 30],
        [jobId("other"), 10],
      ]),
    );
    expect(store.runs.findNthEndAfter(NOON, 5)).toBe(NOON + 5);
    expect(store.runs.findNthEndAfter(NOON, 41)).toBeNull();
    expect(store.runs.estimateEndedByJob(NOON + HOUR, NOON + 2 * HOUR)).toEqual(new Map());
  });
});

describe("occurrences in a window", () => {
  const fire = (store: Store, at: number) =>
    startRun(store, { job: job("hello"), scheduledFor: NOON + at, trigger: "schedule", ledger: { jitterMs: 0 } });

  test("without a run are counted by reason", () => {
    using store = memoryStore();
    store.jobs.save([job("hello")], NOON);
    const skipped = (at: number, reason: "paused" | "overlap") =>
      ({ scheduledFor: NOON + at, outcome: "skipped", reason, jitterMs: 0 }) as const;
    const list = [skipped(-1, "paused"), skipped(0, "paused"), skipped(9_999, "paused"), skipped(5_000, "overlap")];
    store.occurrences.record(jobId("hello"), [...list, skipped(100_000, "paused")], NOON);
    fire(store, 1_000);
    const span = { jobId: jobId("hello"), outcome: "skipped" };
    expect(store.occurrences.listUnfiredSpans(NOON, NOON + 100_000)).toEqual([
      { ...span, outcome: "skipped", reason: "paused", count: 2, firstAt: NOON, lastAt: NOON + 9_999 },
      { ...span, outcome: "skipped", reason: "overlap", count: 1, firstAt: NOON + 5_000, lastAt: NOON + 5_000 },
    ]);
    expect([1, 2, 3, 4].map((count) => store.occurrences.findNthUnfired(NOON, NOON + 100_000, count))).toEqual([
      NOON,
      NOON + 5_000,
      NOON + 9_999,
      null,
    ]);
  });

  test("are counted by outcome, and runs by status", () => {
    using store = memoryStore();
    const run = fire(store, 0);
    store.runs.finish(run.id, FAILED, NOON + 10);
    ran(store, 0, 20);
    store.occurrences.record(
      jobId("hello"),
      [{ scheduledFor: NOON + 1, outcome: "missed", reason: "down", jitterMs: 0 }],
      NOON,
    );
    expect(store.occurrences.countByOutcome({ from: NOON, to: NOON + 2, jobIds: null })).toEqual(
      new Map([
        ["fired", 1],
        ["missed", 1],
      ]),
    );
    expect(store.occurrences.countByOutcome({ from: NOON + 1, to: NOON + 2, jobIds: null })).toEqual(
      new Map([["missed", 1]]),
    );
    expect(store.runs.countEndedByStatus(NOON + 11)).toEqual(new Map([["completed", 1]]));
    expect(store.runs.countEndedByStatus(NOON + 10).get("failed")).toBe(1);
  });
});

describe("the newest runs of each job", () => {
  test("are at most the limit, newest last", () => {
    using store = memoryStore();
    const runs = [1, 2, 3].map((at) => ran(store, at, 1));
    const other = startRun(store, { job: job("other") });
    const recent = store.runs.listRecentByJob(2);
    expect(recent.get(jobId("hello"))?.map(({ id }) => id)).toEqual(runs.slice(1).map(({ id }) => id));
    expect(recent.get(jobId("other"))).toEqual([
      { id: other.id, status: "running", trigger: "manual", startedAt: NOON, endedAt: null },
    ]);
  });
});

test("the retries of a run are listed, oldest first", () => {
  using store = memoryStore();
  const { id } = ran(store, 0, 1, FAILED);
  const again = [1, 2].map((at) =>
    startRun(store, { now: NOON + at, trigger: "retry", retry: { of: id, reused: [] } }),
  );
  expect(store.runs.listRetries(id)).toEqual(again.map((run) => run.id));
  expect(store.runs.listRetries(newRunId(NOON))).toEqual([]);
});
