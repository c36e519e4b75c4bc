import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import type { Event } from "../../src/domain/event.ts";
import { openStore } from "../../src/store/database/open.ts";
import type { Store } from "../../src/store/store.ts";
import { jobId, taskId } from "../support/engine/factories.ts";
import { memoryStore, startRun } from "../support/engine/factories-store.ts";
import { NOON } from "../support/engine/fake-clock.ts";
import { tempDir } from "../support/temp-dir.ts";

const listening = (store: Store) => {
  const batches: Event[][] = [];
  const end = store.events.subscribe((events) => batches.push([...events]));
  return { batches, end, words: () => batches.map((events) => events.map(({ type }) => type).join(" ")) };
};

describe("events", () => {
  test("are emitted after the commit, as they are stored", () => {
    using store = memoryStore();
    const { batches, words } = listening(store);
    store.transaction(() => {
      const run = startRun(store);
      store.runs.startAttempt(run, { taskId: taskId("only"), item: null }, NOON + 1);
      expect(batches).toEqual([]);
    });
    store.scheduler.setPaused({ at: NOON + 2, by: null }, NOON + 2);
    expect(words()).toEqual(["run.started task.started", "scheduler.paused"]);
    expect(batches.flat()).toEqual([...store.events.after(0, 9)]);
    expect(batches[0]?.[1]).toEqual({
      seq: 2,
      at: NOON + 1,
      type: "task.started",
      jobId: jobId("hello"),
      runId: store.runs.list({ limit: 1 })[0]?.id ?? null,
      taskId: taskId("only"),
      status: "running",
      reason: null,
    });
  });

  test("of a transaction that was undone are neither emitted nor stored", () => {
    using store = memoryStore();
    const { words } = listening(store);
    const undone = (work: () => void) => () =>
      store.transaction(() => {
        work();
        throw new Error("no");
      });
    expect(undone(() => store.scheduler.setPaused({ at: NOON, by: null }, NOON))).toThrow("no");
    expect(words()).toEqual([]);
    store.transaction(() => {
      store.scheduler.setPaused({ at: NOON, by: null }, NOON);
      expect(undone(() => startRun(store))).toThrow("no");
      store.events.record({ type: "jobs.reloaded", now: NOON, status: "ok" });
    });
    expect(words()).toEqual(["scheduler.paused jobs.reloaded"]);
    expect(store.events.after(0, 9).map(({ type }) => type)).toEqual(["scheduler.paused", "jobs.reloaded"]);
  });

  test("are not emitted to an unsubscribed listener", () => {
    using store = memoryStore();
    const { batches, end } = listening(store);
    end();
    store.scheduler.setPaused({ at: NOON, by: null }, NOON);
    expect(batches).toEqual([]);
  });

  test("are listed after a given one, in order", () => {
    using store = memoryStore();
    for (let index = 0; index < 5; index++)
      store.scheduler.setPaused(index % 2 === 0 ? { at: NOON, by: null } : null, NOON + index);
    const seqs = (after: number, limit: number) => store.events.after(after, limit).map(({ seq }) => seq);
    expect(seqs(0, 9)).toEqual([1, 2, 3, 4, 5]);
    expect(seqs(2, 2)).toEqual([3, 4]);
    expect(seqs(5, 9)).toEqual([]);
    expect(store.events.getNewestSeq()).toBe(5);
  });

  test("have numbers that only grow, across a restart and a deletion", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    const first = openStore({ path, runtime: openRuntime() });
    expect(first.events.getNewestSeq()).toBe(0);
    for (let index = 0; index < 4; index++) first.scheduler.setPaused({ at: NOON, by: null }, NOON);
    expect(first.events.deleteOldest(1, 100)).toBe(3);
    first[Symbol.dispose]();
    using second = openStore({ path, runtime: openRuntime() });
    second.scheduler.setPaused(null, NOON);
    expect(second.events.after(0, 9).map(({ seq }) => seq)).toEqual([4, 5]);
  });

  test("of occurrences have the outcome, the reason and the run, and count those with the same reason", () => {
    using store = memoryStore();
    const { batches } = listening(store);
    const missed = { outcome: "missed", reason: "down", jitterMs: 0 } as const;
    store.occurrences.record(
      jobId("hello"),
      [
        { ...missed, scheduledFor: 1 },
        { ...missed, scheduledFor: 2 },
        { ...missed, scheduledFor: 3, reason: "superseded" },
      ],
      NOON,
    );
    const run = startRun(store, { trigger: "schedule", scheduledFor: 4, ledger: { jitterMs: 0 } });
    expect(batches.flat().filter(({ type }) => type === "occurrence")).toMatchObject([
      { jobId: "hello", status: "missed", reason: "down", runId: null, times: 2 },
      { status: "missed", reason: "superseded" },
      { status: "fired", reason: null, runId: run.id },
    ]);
  });
});

describe("the scheduler", () => {
  test("keeps its pause and its owner across a restart", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    const first = openStore({ path, runtime: openRuntime() });
    expect(first.scheduler.findPause()).toBeNull();
    first.scheduler.setPaused({ at: NOON, by: null }, NOON);
    first.scheduler.setOwner({ pid: 17, url: null });
    first[Symbol.dispose]();
    using second = openStore({ path, runtime: openRuntime() });
    expect(second.scheduler.findPause()).not.toBeNull();
    second.scheduler.setPaused(null, NOON);
    expect(second.scheduler.findPause()).toBeNull();
    second.scheduler.setOwner(null);
    second.probe(NOON);
    expect(second.events.getNewestSeq()).toBe(2);
  });
});
