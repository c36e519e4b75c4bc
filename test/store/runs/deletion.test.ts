import { describe, expect, test } from "bun:test";
import type { RunId } from "../../../src/domain/ids.ts";
import type { RunOutcome } from "../../../src/domain/run.ts";
import type { AgeLimit, DeletionBounds } from "../../../src/store/runs/deletion.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, jobId } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";

const HELLO = jobId("hello");
const DONE: RunOutcome = { status: "completed", reason: null, error: null };
const FAILED: RunOutcome = { status: "failed", reason: "exit_code", error: "task 'a' failed" };
const DAY = 86_400_000;
const ALL = { beyond: "either", upTo: Number.MAX_SAFE_INTEGER, age: null } as const;

/** Stores a run that ended `at` ms after noon. */
const ran = (store: Store, at: number, outcome = DONE, id = "hello"): RunId => {
  const run = startRun(store, { job: job(id), now: NOON + Math.min(at, 0) });
  store.runs.finish(run.id, outcome, NOON + at);
  return run.id;
};

/** Advances the clock at each reading, so that a step ends after one batch. */
const hurried = (limit = 100): DeletionBounds => {
  let now = 0;
  return { limit, untilMs: 1, clock: { monotonic: () => now++ } };
};

const relaxed: DeletionBounds = { limit: 100, untilMs: 1, clock: { monotonic: () => 0 } };

const storedRunIds = (store: Store, id = "hello"): readonly RunId[] =>
  store.runs
    .list({ jobId: jobId(id), limit: 1_000 })
    .map((run) => run.id)
    .toReversed();

describe("a run with much output", () => {
  const CHUNKS = 100;

  const large = (store: Store): RunId => {
    const run = startRun(store, { trigger: "backfill", scheduledFor: 5, intervalStart: 4, backfill: { id: "b" } });
    const [task] = job("hello").tasks;
    if (task === undefined) throw new Error("a job without tasks");
    const attempt = store.runs.startAttempt(run, { taskId: task.id, item: null }, NOON);
    const chunk = { stream: "stdout", at: NOON, bytes: new Uint8Array(1_000).fill(10), lines: 1_000 } as const;
    store.output.append(attempt, Array(CHUNKS).fill(chunk), { stdout: CHUNKS * 1_000, stderr: 0 });
    store.runs.finishAttempt(
      attempt.id,
      { status: "completed", reason: null, error: null, exitCode: 0, signal: null },
      {
        now: NOON,
        retryAt: null,
      },
    );
    store.runs.finishTask(
      run,
      { taskId: task.id, item: null },
      {
        outcome: { status: "completed", reason: null, error: null, exitCode: 0, outputs: {} },
        now: NOON,
      },
    );
    store.runs.finish(run.id, DONE, NOON + 1);
    return run.id;
  };

  test("is hidden by the first step of its deletion, and its rows are deleted in several transactions", () => {
    using store = memoryStore();
    const id = large(store);
    const other = ran(store, 1);
    expect(store.runs.deleteExpired(HELLO, { beyond: "either", upTo: 1, age: null }, hurried())).toMatchObject({
      runs: 1,
      next: 0,
    });
    expect(store.runs.find(id)).toBeNull();
    expect(store.runs.list({ limit: 10 }).map((run) => run.id)).toEqual([other]);
    expect(store.runs.list({ limit: 10, status: "cancelled" })).toEqual([]);
    expect(store.runs.listNewestByJob().get(HELLO)?.id).toBe(other);
    expect([...store.runs.countEndedByStatus(0)]).toEqual([["completed", 1]]);
    const window = { from: 0, to: NOON + DAY, binMs: DAY, after: -1, until: NOON + DAY };
    expect(store.runs.listEndedSpans(window)).toMatchObject([{ count: 1, worst: { id: other } }]);
    expect(store.output.read({ runId: id, fromSeq: 1, limit: 10 })).toEqual([]);
    let steps = 0;
    while (store.runs.continueDeletions(hurried())) steps++;
    expect(steps).toBeGreaterThan(2);
    expect(storedRunIds(store)).toEqual([other]);
    // The number is free once all rows are deleted. A new run with this number has no output.
    expect(store.runs.deleteExpired(HELLO, ALL, relaxed).runs).toBe(1);
    const next = startRun(store, {});
    expect(store.output.read({ runId: next.id, fromSeq: 1, limit: 10 })).toEqual([]);
  });

  test("is not deleted if it has not ended", () => {
    using store = memoryStore();
    const { id } = startRun(store, {});
    expect(store.runs.deleteExpired(HELLO, ALL, relaxed)).toMatchObject({ runs: 0, next: null });
    expect(storedRunIds(store)).toEqual([id]);
  });
});

describe("definitions", () => {
  const named = (name: string) => job("hello", { name });

  test("are deleted when no job, run or sending refers to them", () => {
    using store = memoryStore();
    const save = (name: string): number => store.jobs.save([named(name)], NOON).get(HELLO)?.versionId ?? 0;
    const [unused, delivered] = [save("unused"), save("delivered")];
    const { versionId: ran } = startRun(store, { job: named("ran") });
    const about = { jobId: HELLO, target: 0, channel: "c", event: "missed", runId: null, notice: "{}" } as const;
    store.notifications.queue({ ...about, id: "d", versionId: delivered }, NOON);
    const today = save("today");
    store.versions.deleteOldUses(HELLO, { all: 99, unused: 0 }, 99);
    let steps = 0;
    for (let after: number | null = 0; after !== null; steps++) after = store.versions.deleteUnused(after, 1);
    expect(steps).toBe(5);
    expect(() => store.jobs.getDefinition(unused)).toThrow("no definition");
    expect([delivered, ran, today].map((version) => store.jobs.getDefinition(version).name)).toEqual([
      "delivered",
      "ran",
      "today",
    ]);
  });

  test("of a removed job are kept", () => {
    using store = memoryStore();
    const version = store.jobs.save([named("gone")], NOON).get(HELLO)?.versionId ?? 0;
    store.jobs.save([], NOON);
    store.versions.deleteUnused(0, 100);
    expect(store.jobs.getDefinition(version).name).toBe("gone");
  });
});

describe("runs that are too old", () => {
  const age = (store: Store, endedBy: number): AgeLimit => ({
    endedBy: NOON + endedBy,
    now: NOON,
    oldRun: store.runs.findLastSeqEndedBy(NOON + endedBy),
  });

  const deleteAll = (store: Store, endedBy: number): number => {
    const limits = { beyond: "either" as const, upTo: 0, age: age(store, endedBy) };
    let runs = 0;
    for (let next: number | null = 0; next !== null; ) {
      const step = store.runs.deleteExpired(HELLO, limits, { ...relaxed, limit: 3, after: next });
      runs += step.runs;
      next = step.next;
    }
    return runs;
  };

  test.each([
    ["completed", DONE],
    ["unsuccessful", FAILED],
  ])("are deleted after any number of %s runs whose end is in the future, which are deleted too", (_, outcome) => {
    using store = memoryStore();
    for (let each = 0; each < 10; each++) ran(store, 400 * DAY, outcome);
    for (let each = 0; each < 10; each++) ran(store, -3 * DAY + each, each % 2 === 0 ? DONE : FAILED);
    const young = [ran(store, -1), ran(store, -1, FAILED), ran(store, 400 * DAY, outcome)];
    expect(deleteAll(store, -2 * DAY)).toBe(20);
    expect(storedRunIds(store)).toEqual(young);
  });

  test("are deleted after unsuccessful runs that are not too old", () => {
    using store = memoryStore();
    const young = Array.from({ length: 10 }, () => ran(store, -1, FAILED));
    ran(store, -3 * DAY, FAILED);
    expect(deleteAll(store, -2 * DAY)).toBe(1);
    expect(storedRunIds(store)).toEqual(young);
  });

  test("are not found while the clock is set back before all of them", () => {
    using store = memoryStore();
    const all = [ran(store, DAY), ran(store, DAY, FAILED), ran(store, 2 * DAY)];
    expect(deleteAll(store, -2 * DAY)).toBe(0);
    expect(storedRunIds(store)).toEqual(all);
  });

  test("are recognised by runs of other jobs if their own end is in the future", () => {
    using store = memoryStore();
    ran(store, 400 * DAY);
    ran(store, -3 * DAY, DONE, "other");
    expect(deleteAll(store, -2 * DAY)).toBe(1);
    expect(storedRunIds(store, "other")).toHaveLength(1);
  });
});
