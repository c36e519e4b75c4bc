import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import type { Job } from "../../src/domain/job.ts";
import { openStore } from "../../src/store/database/open.ts";
import { command, job, jobId, param, retry, schedule } from "../support/engine/factories.ts";
import { memoryStore, startRun } from "../support/engine/factories-store.ts";
import { NOON } from "../support/engine/fake-clock.ts";
import { tempDir } from "../support/temp-dir.ts";

const A = jobId("a");
const timed = job("a", { schedule: schedule("@daily") });

describe("scheduler.setOpenAccess", () => {
  test("keeps the time over a restart, until the access is closed", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    const setIn = (isOpen: boolean, now: number) => {
      using store = openStore({ path, runtime: openRuntime() });
      return store.scheduler.setOpenAccess(isOpen, now);
    };
    expect([setIn(true, NOON), setIn(true, NOON + 5), setIn(false, NOON + 6), setIn(true, NOON + 7)]).toEqual([
      NOON,
      NOON,
      null,
      NOON + 7,
    ]);
    // The clock was set back.
    expect(setIn(true, NOON)).toBe(NOON);
  });
});

describe("jobs.save", () => {
  test("keeps definitions unchanged across a restart", () => {
    using dir = tempDir();
    const full = job("full", {
      description: 'ä "quoted" \\ \u2028 \n',
      schedule: schedule("0 0 * * *", { timezone: "Europe/Paris", jitterMs: 5 }),
      config: { list: [1, { a: null }], text: "</script>" },
      params: { p: param({ pattern: "^\\d+$", default: "1" }) },
      dependsOn: [{ jobId: A, condition: "within_window", windowMs: 5 }],
      tasks: [command("t", "true", { retry: retry(3), timeoutMs: 5, environment: { X: "y" } })],
    });
    const path = dir.file("petit.db");
    const first = openStore({ path, runtime: openRuntime() });
    const stored = first.jobs.save([full, timed], NOON);
    first[Symbol.dispose]();
    using second = openStore({ path, runtime: openRuntime() });
    expect(second.jobs.list()).toEqual(new Map([...stored].sort()));
    expect(second.jobs.list().get(full.id)?.job).toEqual(full);
    expect(second.jobs.getDefinition(stored.get(full.id)?.versionId ?? 0)).toEqual(full);
    expect(second.jobs.save([timed, full], NOON + 1)).toEqual(stored);
  });

  test("lists jobs by id, and removes jobs that are not given", () => {
    using store = memoryStore();
    store.jobs.save([job("b"), job("a")], NOON);
    expect([...store.jobs.list().keys()].map(String)).toEqual(["a", "b"]);
    store.jobs.save([job("b")], NOON);
    expect([...store.jobs.list().keys()].map(String)).toEqual(["b"]);
  });

  test("stores a version of each different definition, and reuses an earlier one", () => {
    using store = memoryStore();
    const version = (name: string, now: number) => store.jobs.save([job("a", { name })], now).get(A)?.versionId;
    const [one, two] = [version("one", NOON), version("two", NOON + 1)];
    expect(one).not.toBe(two);
    expect(version("two", NOON + 2)).toBe(two);
    expect(version("one", NOON + 3)).toBe(one);
    expect(store.jobs.list().get(A)?.job.name).toBe("one");
  });

  test("numbers the versions of each job from 1, and says since when each is current", () => {
    using store = memoryStore();
    const save = (a: Partial<Job>, now: number) =>
      store.jobs.save([job("other", { name: `${now}` }), job("a", a)], now);
    const numbers = () =>
      store.versions.list(A, { limit: 9 }).map(({ number, changedAt }) => [number, changedAt - NOON]);
    const source = (line: number) => ({ file: "a.yaml", folder: "/jobs", line, document: { line, text: "id: a\n" } });
    save({ source: source(1) }, NOON);
    save({ source: source(7) }, NOON + 1);
    expect(numbers()).toEqual([[1, 0]]);
    save({ name: "two", source: source(7) }, NOON + 2);
    save({ name: "three", source: source(7) }, NOON + 3);
    expect(numbers()).toEqual([
      [3, 3],
      [2, 2],
      [1, 0],
    ]);
    save({ name: "two", source: source(7) }, NOON + 4);
    expect(store.versions.findCurrent(A)).toMatchObject({ number: 2, changedAt: NOON + 4, isCurrent: true });
    expect(numbers()).toEqual([
      [3, 3],
      [2, 4],
      [1, 0],
    ]);
    store.versions.deleteOldUses(A, { all: 0, unused: 0 }, 9);
    store.versions.deleteUnused(0, 100);
    expect(store.versions.list(A, { limit: 9 }).map(({ number, isCurrent }) => [number, isCurrent])).toEqual([
      [3, false],
      [2, true],
    ]);
    save({ name: "four" }, NOON + 5);
    expect(store.versions.find(A, 4)).toMatchObject({ number: 4 });
    expect(store.versions.list(A, { limit: 1, before: 4 })).toMatchObject([{ number: 3 }]);
    expect(store.versions.find(A, 5)).toBeNull();
  });

  test("numbers the versions of a renamed job after those of its former id", () => {
    using store = memoryStore();
    for (const name of ["one", "two"]) {
      const old = job("old", { name });
      store.jobs.save([old], NOON);
      startRun(store, { job: old });
    }
    store.jobs.save([job("new", { name: "three", formerly: [jobId("old")] })], NOON + 1);
    const versions = store.versions.list(jobId("new"), { limit: 9 });
    expect(versions.map(({ number, isCurrent }) => [number, isCurrent])).toEqual([
      [3, true],
      [2, false],
      [1, false],
    ]);
    expect(store.jobs.getDefinition(versions[2]?.versionId ?? 0).name).toBe("one");
  });

  test("keeps the definition that a run started with", () => {
    using store = memoryStore();
    const run = startRun(store, { job: job("a", { name: "old" }) });
    store.jobs.save([job("a", { name: "new" })], NOON);
    store.jobs.save([], NOON);
    expect(store.jobs.getDefinition(run.versionId).name).toBe("old");
    expect(() => store.jobs.getDefinition(99)).toThrow("there is no definition 99");
  });

  test.each([
    ["new", null, timed, NOON + 100],
    ["unchanged", timed, timed, NOON + 10],
    ["changed except for its schedule", timed, job("a", { schedule: schedule("@daily"), name: "other" }), NOON + 10],
    [
      "on its schedule with another policy",
      timed,
      job("a", { schedule: schedule("@daily", { catchup: "all", catchupWindowMs: 1, jitterMs: 1 }) }),
      NOON + 10,
    ],
    ["on another schedule", timed, job("a", { schedule: schedule("@hourly") }), NOON + 100],
    [
      "on the same schedule in another zone",
      timed,
      job("a", { schedule: schedule("@daily", { timezone: "UTC" }) }),
      NOON + 100,
    ],
    ["on a schedule for the first time", job("a"), timed, NOON + 100],
    ["without a schedule", job("a"), job("a", { name: "other" }), NOON + 10],
    ["disabled", timed, job("a", { schedule: schedule("@daily"), enabled: false }), NOON + 10],
  ])("of a job that is %s returns until when its ledger is accounted", (_, before, after, expected) => {
    using store = memoryStore();
    if (before !== null) store.jobs.save([before], NOON);
    store.jobs.advanceAccountedUntil(A, NOON + 10);
    const stored = store.jobs.save([after], NOON + 100).get(A);
    expect(stored?.accountedUntil).toBe(expected);
    expect(stored?.firstSeenAt).toBe(before === null ? NOON + 100 : NOON);
    expect(store.jobs.list().get(A)).toEqual(stored as NonNullable<typeof stored>);
  });

  test("starts the ledger of a job that returns at `now`, but keeps when it was first seen", () => {
    using store = memoryStore();
    store.jobs.save([timed], NOON);
    store.jobs.save([], NOON + 50);
    expect(store.jobs.save([timed], NOON + 100).get(A)).toMatchObject({
      firstSeenAt: NOON,
      accountedUntil: NOON + 100,
    });
  });

  test("never starts the ledger before the accounted time, even if the clock was set back", () => {
    using store = memoryStore();
    store.jobs.save([timed], NOON);
    store.jobs.advanceAccountedUntil(A, NOON + 1_000);
    expect(store.jobs.save([job("a", { schedule: schedule("@hourly") })], NOON + 5).get(A)?.accountedUntil).toBe(
      NOON + 1_000,
    );
  });
});

describe("advanceAccountedUntil", () => {
  test("only moves forward; rewindAccountedUntil moves back", () => {
    using store = memoryStore();
    store.jobs.save([timed, job("b")], NOON);
    const until = () => store.jobs.list().get(A)?.accountedUntil;
    store.jobs.advanceAccountedUntil(A, NOON + 9);
    store.jobs.advanceAccountedUntil(A, NOON + 5);
    expect(until()).toBe(NOON + 9);
    store.jobs.rewindAccountedUntil(NOON + 20);
    expect(until()).toBe(NOON + 9);
    store.jobs.rewindAccountedUntil(NOON + 3);
    expect(until()).toBe(NOON + 3);
    expect(store.jobs.list().get(jobId("b"))?.accountedUntil).toBe(NOON);
  });
});

describe("the ledger", () => {
  const skipped = (at: number) => ({ scheduledFor: at, outcome: "skipped", reason: "paused", jitterMs: 3 }) as const;
  const missed = (at: number) => ({ scheduledFor: at, outcome: "missed", reason: "down", jitterMs: 0 }) as const;
  const fire = (store: ReturnType<typeof memoryStore>, at: number) =>
    startRun(store, { job: timed, trigger: "schedule", scheduledFor: at, ledger: { jitterMs: 7 } });

  test("keeps the outcome of each occurrence", () => {
    using store = memoryStore();
    const run = fire(store, 1);
    store.occurrences.record(A, [skipped(2), missed(3)], NOON + 9);
    expect(store.occurrences.list(A, { limit: 9 })).toEqual([
      {
        jobId: A,
        scheduledFor: 3,
        outcome: "missed",
        reason: "down",
        runId: null,
        backfillRunId: null,
        decidedAt: NOON + 9,
        jitterMs: 0,
      },
      {
        jobId: A,
        scheduledFor: 2,
        outcome: "skipped",
        reason: "paused",
        runId: null,
        backfillRunId: null,
        decidedAt: NOON + 9,
        jitterMs: 3,
      },
      {
        jobId: A,
        scheduledFor: 1,
        outcome: "fired",
        reason: null,
        runId: run.id,
        backfillRunId: null,
        decidedAt: NOON,
        jitterMs: 7,
      },
    ]);
    expect(store.occurrences.find(A, 2)?.outcome).toBe("skipped");
    expect(store.occurrences.find(A, 4)).toBeNull();
    expect(store.occurrences.find(jobId("b"), 2)).toBeNull();
  });

  test("refuses an occurrence twice: the second run is not stored", () => {
    using store = memoryStore();
    fire(store, 1);
    store.occurrences.record(A, [skipped(2)], NOON);
    for (const at of [1, 2]) {
      expect(() => fire(store, at)).toThrow(
        expect.objectContaining({ code: "conflict", message: expect.stringContaining("in the ledger already") }),
      );
    }
    expect(store.runs.list({ limit: 9 })).toHaveLength(1);
    expect(store.events.getNewestSeq()).toBe(3);
  });

  test("lets a missed occurrence fire, and no other change", () => {
    using store = memoryStore();
    store.occurrences.record(A, [missed(1), skipped(2)], NOON);
    const run = fire(store, 1);
    expect(store.occurrences.record(A, [missed(1), missed(2), missed(3)], NOON + 5)).toEqual([missed(3)]);
    expect(store.occurrences.list(A, { limit: 9 }).map(({ outcome, runId }) => `${outcome} ${runId}`)).toEqual([
      "missed null",
      "skipped null",
      `fired ${run.id}`,
    ]);
  });

  test("has separate occurrences for each job", () => {
    using store = memoryStore();
    store.occurrences.record(A, [skipped(1)], NOON);
    expect(store.occurrences.record(jobId("b"), [skipped(1)], NOON)).toHaveLength(1);
  });

  test("is listed in pages, newest first", () => {
    using store = memoryStore();
    store.occurrences.record(A, [1, 2, 3, 4, 5].map(skipped), NOON);
    const at = (filter: { limit: number; before?: number }) =>
      store.occurrences.list(A, filter).map(({ scheduledFor }) => scheduledFor);
    expect(at({ limit: 2 })).toEqual([5, 4]);
    expect(at({ limit: 2, before: 4 })).toEqual([3, 2]);
    expect(at({ limit: 9, before: 1 })).toEqual([]);
  });

  test.each([
    ["an unknown reason", { ...skipped(1), reason: "bored" }],
    ["a skipped occurrence without a reason", { ...skipped(1), reason: null }],
    ["a fired occurrence without a run", { ...skipped(1), outcome: "fired", reason: null }],
    ["negative jitter", { ...skipped(1), jitterMs: -1 }],
  ])("refuses %s", (_, occurrence) => {
    using store = memoryStore();
    expect(() => store.occurrences.record(A, [occurrence as ReturnType<typeof skipped>], NOON)).toThrow(
      "CHECK constraint failed",
    );
    expect(store.occurrences.list(A, { limit: 9 })).toEqual([]);
  });
});
