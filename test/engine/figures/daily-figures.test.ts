import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { dateOf } from "../../../src/domain/durations/day.ts";
import { countOf, quantileOf } from "../../../src/domain/durations/histogram.ts";
import type { RunOutcome } from "../../../src/domain/run.ts";
import { DailyFigures } from "../../../src/engine/figures/daily-figures.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { openStore } from "../../../src/store/database/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, jobId, shell } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const DONE: RunOutcome = { status: "completed", reason: null, error: null };
const FAILED: RunOutcome = { status: "failed", reason: "exit_code", error: "exit code 1" };
const CANCELLED: RunOutcome = { status: "cancelled", reason: "cancelled", error: "cancelled" };

const figuresOf = (store: Store, clock = new FakeClock(), timezone = "UTC") => {
  const stop = new AbortController();
  const figures = new DailyFigures({
    store,
    clock,
    log: silentLog,
    timezone,
    retryUntilStored: async (step) => step(),
    signal: stop.signal,
  });
  return { figures, clock, [Symbol.dispose]: () => stop.abort() };
};

/** Stores a run that ended at a time. */
const ran = (store: Store, endedAt: number, { ms = 1_000, outcome = DONE, id = "hello" } = {}) => {
  const run = startRun(store, { job: job(id), now: endedAt - ms });
  return store.runs.finish(run.id, outcome, endedAt);
};

/** Returns the days of a job as text: date, numbers of runs, and the median. */
const daysOf = (store: Store, id = "hello") =>
  store.durations
    .listDays(jobId(id), 0, 100_000)
    .map(({ day, completed, failed, cancelled }) =>
      [dateOf(day), countOf(completed), failed, cancelled, quantileOf(completed, 0.5)].join(" "),
    );

describe("daily figures", () => {
  test("count each run on the local day on which it ended, also around a change of the offset", () => {
    using store = memoryStore();
    using parts = figuresOf(store, new FakeClock(), "America/New_York");
    // The clocks went forward on 2026-03-08 and back on 2026-11-01.
    const ends = ["2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z", "2026-03-09T03:59:59Z", "2026-03-09T04:00:00Z"];
    const later = ["2026-11-01T03:59:59Z", "2026-11-01T04:00:00Z", "2026-11-02T04:59:59Z", "2026-11-02T05:00:00Z"];
    for (const end of [...ends, ...later]) parts.figures.count(ran(store, Date.parse(end)));
    expect(daysOf(store).map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "2026-03-07 1",
      "2026-03-08 2",
      "2026-03-09 1",
      "2026-10-31 1",
      "2026-11-01 2",
      "2026-11-02 1",
    ]);
  });

  test("keep failed and cancelled runs apart from the durations", () => {
    using store = memoryStore();
    using parts = figuresOf(store);
    for (const outcome of [DONE, FAILED, FAILED, CANCELLED])
      parts.figures.count(ran(store, NOON, { ms: 10_000, outcome }));
    expect(daysOf(store)).toEqual([expect.stringMatching(/^2026-01-15 1 2 1 (98|99|10[012])\d\d$/)]);
  });

  test("are those of an engine's runs, and outlive the runs and a restart", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const jobs = [job("short", { tasks: [shell("a", "exit 3")], retention: { runs: 1, days: null } })];
    {
      await using petit = await startEngine({ dir: dir.path, clock, jobs });
      for (let each = 0; each < 3; each++) await petit.run("short");
      await clock.pass(3_000);
      expect(petit.store.runs.list({ limit: 10 })).toHaveLength(1);
      await petit.stop("drain");
    }
    await using petit = await startEngine({ dir: dir.path, clock, jobs });
    expect(daysOf(petit.store, "short")).toEqual(["2026-01-15 0 3 0 "]);
  });

  test("include runs of an earlier version, each once, also those that end meanwhile and over a crash", async () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    let open: ReturnType<typeof startRun>;
    {
      using store = openStore({ path, runtime: openRuntime() });
      for (let each = 0; each < 1_200; each++) ran(store, NOON - each * HOUR_MS);
      ran(store, NOON - 200 * DAY_MS);
      open = startRun(store, { job: job("hello"), now: NOON });
    }
    const db = openRuntime().openDatabase(path);
    db.exec("UPDATE scheduler SET uncounted_runs = (SELECT max(seq) FROM runs)");
    db.close();
    {
      using store = openStore({ path, runtime: openRuntime() });
      using parts = figuresOf(store);
      parts.figures.start();
      // It stops after the first step, as in a crash.
      expect(store.durations.hasOlder()).toBe(true);
    }
    using store = openStore({ path, runtime: openRuntime() });
    using parts = figuresOf(store);
    parts.figures.count(store.runs.finish(open.id, DONE, NOON + 1_000));
    parts.figures.start();
    await parts.clock.pass(1_000);
    expect(store.durations.hasOlder()).toBe(false);
    const counted = store.durations.listDays(jobId("hello"), 0, 100_000).map(({ completed }) => countOf(completed));
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(1_201);
  });

  test("are deleted after 100 days, also those of a job that is gone", async () => {
    using store = memoryStore();
    using parts = figuresOf(store);
    for (const days of [0, 90, 99, 101, 300]) parts.figures.count(ran(store, NOON - days * DAY_MS, { id: "gone" }));
    parts.figures.start();
    await parts.clock.pass(5_000);
    expect(daysOf(store, "gone")).toHaveLength(3);
  });

  test("move to the new id of a job that was renamed, and add up", () => {
    using store = memoryStore();
    using parts = figuresOf(store);
    for (const id of ["before", "before", "after"]) parts.figures.count(ran(store, NOON, { id }));
    store.jobs.save([job("after", { formerly: [jobId("before")] })], NOON + 1);
    const [moved] = store.durations.listDays(jobId("after"), 0, 100_000);
    expect([countOf(moved?.completed ?? new Map()), daysOf(store, "before")]).toEqual([3, []]);
  });

  test("cost one row that is found by its key at the end of a run", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    openStore({ path, runtime: openRuntime() })[Symbol.dispose]();
    const db = openRuntime().openDatabase(path);
    const plan = db
      .prepare("EXPLAIN QUERY PLAN SELECT bucket FROM daily_durations WHERE job_id = 'a' AND day BETWEEN 1 AND 9")
      .all()
      .map(({ detail }) => String(detail));
    db.close();
    expect(plan).toEqual([expect.stringContaining("PRIMARY KEY (job_id=? AND day>? AND day<?)")]);
  });
});

describe("the change of a job", () => {
  const slower = async (factor: number) => {
    const store = memoryStore();
    const parts = figuresOf(store);
    for (let days = 34; days >= 0; days--)
      for (let each = 0; each < 2; each++)
        parts.figures.count(
          ran(store, NOON - days * DAY_MS + each, {
            ms: Math.round((10_000 + ((days * 7 + each) % 5) * 300) * (days < 7 ? factor : 1)),
          }),
        );
    return { store, ...parts };
  };

  test("is that of the last 7 days against the 28 days before", async () => {
    const { store, figures, clock } = await slower(1.4);
    expect(figures.changeOf(jobId("hello"))).toBeNull();
    figures.start();
    await clock.pass(1_000);
    expect(figures.changeOf(jobId("hello"))).toMatchObject({ recentRuns: 14, beforeRuns: 56 });
    store[Symbol.dispose]();
  });

  test("is left out if it may be chance", async () => {
    const { store, figures, clock } = await slower(1);
    figures.start();
    await clock.pass(1_000);
    expect(figures.changeOf(jobId("hello"))).toBeNull();
    store[Symbol.dispose]();
  });

  test("follows the runs that end", async () => {
    const { store, figures, clock } = await slower(1);
    figures.start();
    await clock.pass(61_000);
    for (let each = 0; each < 30; each++) {
      const run = ran(store, clock.now() + each, { ms: 30_000 });
      figures.count(run);
      figures.noteEnd(run);
    }
    await clock.pass(2_000);
    expect(figures.changeOf(jobId("hello"))).toMatchObject({ recentRuns: 44 });
    store[Symbol.dispose]();
  });
});
