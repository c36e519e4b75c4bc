import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { newRunId } from "../../../src/domain/ids.ts";
import type { RunOutcome } from "../../../src/domain/run.ts";
import { openStore } from "../../../src/store/database/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { childJob, job, jobId, retry, schedule, shell } from "../../support/engine/factories.ts";
import { startRun } from "../../support/engine/factories-store.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOUR = 3_600_000;
const DONE: RunOutcome = { status: "completed", reason: null, error: null };
const FAILED: RunOutcome = { status: "failed", reason: "exit_code", error: "task 'only' failed: exit code 1" };

type Ran = { readonly id: string; readonly at: number; readonly outcome?: RunOutcome; readonly waited?: number };

/** Stores a run that was created `at` ms after noon, started after `waited` ms, and took a second. */
const ran = (store: Store, { id, at, outcome = DONE, waited = 0 }: Ran) => {
  const now = NOON + at;
  const run = startRun(store, { id: newRunId(now), job: job(id), now, status: "pending" });
  store.runs.begin(run.id, now + waited);
  return store.runs.finish(run.id, outcome, now + waited + 1_000);
};

const review = ({ engine }: StartedEngine, from: number, to: number, jobIds: readonly string[] | null = null) =>
  engine.review({ from: NOON + from, to: NOON + to, jobIds: jobIds === null ? null : new Set(jobIds.map(jobId)) });

const byId = (a: { readonly jobId: string }, b: { readonly jobId: string }): number => (a.jobId < b.jobId ? -1 : 1);

const CRON = { evening: "0 18 * * *", often: "*/5 * * * *", paused: "0 18 * * *", tomorrow: "0 1 * * *" } as const;

describe("a review", () => {
  test("tells what is still broken from what recovered, by which run and when, also after the period", async () => {
    using dir = tempDir();
    {
      using store = openStore({ path: dir.file("petit.db"), runtime: openRuntime() });
      ran(store, { id: "broken", at: -HOUR });
      for (const at of [HOUR, 2 * HOUR]) ran(store, { id: "broken", at, outcome: FAILED });
      ran(store, { id: "healed", at: HOUR, outcome: FAILED });
      ran(store, { id: "healed", at: 9 * HOUR });
      ran(store, { id: "earlier", at: -HOUR, outcome: FAILED });
    }
    const clock = new FakeClock(NOON + 24 * HOUR);
    await using petit = await startEngine({ dir: dir.path, clock, jobs: [job("broken"), job("healed")] });
    const found = await review(petit, 0, 4 * HOUR);
    expect(found.broken.items).toMatchObject([
      {
        jobId: "broken",
        failures: 2,
        lastAt: NOON + 2 * HOUR + 1_000,
        recovery: null,
        cause: FAILED.error,
        isGone: false,
      },
    ]);
    expect(found.recovered.items).toMatchObject([
      { jobId: "healed", failures: 1, recovery: { at: NOON + 9 * HOUR + 1_000 } },
    ]);
    expect(found.runs).toEqual({ completed: 0, failed: 3, cancelled: 0, interrupted: 0 });
    expect((await review(petit, 0, 4 * HOUR, ["healed"])).broken).toEqual({ items: [], leftOut: 0 });
  });

  test.each([
    {
      name: "one that began before it and completed after it",
      failed: { seq: 2, ended: 2 },
      completed: { seq: 1, ended: 3 },
      recovers: false,
    },
    {
      name: "one that began after it and completed before it",
      failed: { seq: 1, ended: 3 },
      completed: { seq: 2, ended: 2 },
      recovers: true,
    },
    { name: "one that began after it", failed: { seq: 1, ended: 2 }, completed: { seq: 2, ended: 3 }, recovers: true },
    {
      name: "one with other params",
      failed: { seq: 1, ended: 2 },
      completed: { seq: 2, ended: 3, day: "2" },
      recovers: true,
    },
  ])(
    "says what the failed run and the list of what needs attention say: $name",
    async ({ failed, completed, recovers }) => {
      using dir = tempDir();
      {
        using store = openStore({ path: dir.file("petit.db"), runtime: openRuntime() });
        const runs = [
          { ...failed, day: "1", outcome: FAILED },
          { day: "1", ...completed, outcome: DONE },
        ].toSorted((a, b) => a.seq - b.seq);
        const started = runs.map(({ seq, day, ...rest }) => {
          const now = NOON + seq;
          return { ...rest, run: startRun(store, { id: newRunId(now), job: job("overlaps"), now, params: { day } }) };
        });
        for (const { run, ended, outcome } of started.toSorted((a, b) => a.ended - b.ended))
          store.runs.finish(run.id, outcome, NOON + ended * HOUR);
      }
      await using petit = await startEngine({
        dir: dir.path,
        clock: new FakeClock(NOON + 4 * HOUR),
        jobs: [job("overlaps")],
      });
      const { broken, recovered } = await review(petit, 0, 4 * HOUR);
      expect([broken.items.length, recovered.items.length]).toEqual(recovers ? [0, 1] : [1, 0]);
      const [found] = [...broken.items, ...recovered.items];
      const run = petit.store.runs.find(found?.lastRunId ?? newRunId(0));
      expect(run).toMatchObject({ status: "failed" });
      expect(found?.recovery).toEqual(run === null ? null : petit.store.runs.findRecovery(run));
      expect(found?.recovery?.hasOtherParams).toBe(recovers ? "day" in completed : undefined);
      const { counts } = await petit.engine.listAttention(0);
      expect(counts.job_failing).toBe(recovers ? 0 : 1);
    },
  );

  test("tells of jobs that failed before it and were broken in it, as what needs attention does", async () => {
    using dir = tempDir();
    {
      using store = openStore({ path: dir.file("petit.db"), runtime: openRuntime() });
      ran(store, { id: "still", at: -30 * HOUR });
      for (const hours of [29, 28, 27, 26]) ran(store, { id: "still", at: -hours * HOUR, outcome: FAILED });
      ran(store, { id: "healed", at: -26 * HOUR, outcome: FAILED });
      ran(store, { id: "healed", at: HOUR });
      ran(store, { id: "gone", at: -26 * HOUR, outcome: FAILED });
      ran(store, { id: "fine", at: -26 * HOUR, outcome: FAILED });
      ran(store, { id: "fine", at: -25 * HOUR });
      ran(store, { id: "fine", at: HOUR });
    }
    const clock = new FakeClock(NOON + 24 * HOUR);
    await using petit = await startEngine({
      dir: dir.path,
      clock,
      jobs: [job("still"), job("healed"), job("fine")],
    });
    const streak = { since: NOON - 29 * HOUR + 1_000, count: 4 };
    const still = { jobId: "still", failures: 0, streak, lastAt: NOON - 26 * HOUR + 1_000, recovery: null };
    const healed = {
      jobId: "healed",
      failures: 0,
      streak: { since: NOON - 26 * HOUR + 1_000, count: 1 },
      recovery: { at: NOON + HOUR + 1_000 },
    };
    const now = await review(petit, 0, 24 * HOUR);
    expect([now.broken.items, now.recovered.items]).toMatchObject([[still], [healed]]);
    const { items } = await petit.engine.listAttention(10);
    expect(items).toMatchObject([
      { kind: "job_failing", jobId: "still", ...streak, runId: now.broken.items[0]?.lastRunId },
    ]);
    // As of the end of a period that is over.
    const before = await review(petit, -24 * HOUR, 0);
    expect([before.broken.items, before.recovered.items]).toMatchObject([[still], [healed]]);
    const after = await review(petit, 2 * HOUR, 4 * HOUR);
    expect([after.broken.items, after.recovered.items]).toMatchObject([[still], []]);
    const earlier = await review(petit, -40 * HOUR, -28 * HOUR);
    expect(earlier.broken.items).toMatchObject([{ ...still, failures: 1, streak: { count: 1 }, lastAt: streak.since }]);
    expect((await review(petit, 0, 24 * HOUR, ["healed"])).broken.items).toEqual([]);
  });

  test("counts the most important and says how many are left out", async () => {
    using dir = tempDir();
    {
      using store = openStore({ path: dir.file("petit.db"), runtime: openRuntime() });
      for (let each = 0; each < 60; each++) ran(store, { id: `job_${each}`, at: each, outcome: FAILED });
    }
    await using petit = await startEngine({ dir: dir.path, clock: new FakeClock(NOON + HOUR) });
    const { broken } = await review(petit, 0, HOUR);
    expect([broken.items.length, broken.leftOut, broken.items[0]?.isGone]).toEqual([50, 10, true]);
    const span = { from: NOON, to: NOON + HOUR, jobIds: null };
    const whole = (await petit.engine.review({ ...span, page: { offset: 0, limit: 100 } })).broken;
    expect([whole.items.length, whole.leftOut]).toEqual([60, 0]);
    const rest = (await petit.engine.review({ ...span, page: { offset: 50, limit: null } })).broken;
    expect(rest).toEqual({ items: whole.items.slice(50), leftOut: 0 });
    const second = (await petit.engine.review({ ...span, page: { offset: 20, limit: 20 } })).broken;
    expect(second).toEqual({ items: whole.items.slice(20, 40), leftOut: 20 });
    expect(whole.items.every(({ cause }) => cause !== null)).toBe(true);
  });

  test("says which runs retention has deleted, and counts those of whole days", async () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    {
      using store = openStore({ path, runtime: openRuntime() });
      const count = (given: Ran, bucket: number) =>
        store.durations.count(ran(store, given), bucket, Math.floor((NOON + given.at) / (24 * HOUR)));
      for (let hour = -96; hour < 0; hour++) {
        count({ id: "hourly", at: hour * HOUR, outcome: hour % 12 === 0 ? FAILED : DONE }, hour % 12 === 0 ? -1 : 0);
        if (hour >= -6) count({ id: "frequent", at: hour * HOUR }, 0);
        if (hour % 24 === 0) count({ id: "daily", at: hour * HOUR }, 0);
      }
    }
    const db = openRuntime().openDatabase(path);
    // Noon two days ago, in a day of which half is left.
    db.prepare("DELETE FROM runs WHERE job_id = 'hourly' AND ended_at < $at").run({ at: NOON - 48 * HOUR });
    db.prepare("DELETE FROM runs WHERE job_id = 'frequent' AND ended_at < $at").run({ at: NOON - 3 * HOUR });
    db.close();
    await using petit = await startEngine({ dir: dir.path, clock: new FakeClock(NOON) });
    const whole = await review(petit, -84 * HOUR, 0);
    expect([whole.deleted, whole.runs]).toEqual([
      { until: NOON - 3 * HOUR + 1_000, jobs: 2 },
      { completed: 77 + 6 + 3, failed: 7, cancelled: 0, interrupted: 0 },
    ]);
    // Today is whole, although a moment has passed since the question.
    expect(await review(petit, -12 * HOUR, -2, ["frequent"])).toMatchObject({
      deleted: { until: NOON - 3 * HOUR + 1_000, jobs: 1 },
      runs: { completed: 6 },
    });
    expect((await review(petit, -84 * HOUR, 0, ["daily"])).deleted).toBe(null);
    const hourly = (from: number) => review(petit, from, 0, ["hourly"]);
    expect((await hourly(-47 * HOUR)).deleted).toBe(null);
    expect((await hourly(-60 * HOUR)).runs).toMatchObject({ completed: 55, failed: 5 });
    // The day on which the period begins is not counted, because a part of it is before the period.
    expect(await hourly(-59 * HOUR)).toMatchObject({
      deleted: { until: NOON - 48 * HOUR + 1_000, jobs: 1 },
      runs: { completed: 44, failed: 4 },
    });
  });

  test("has occurrences without a run by job and reason, and runs that waited", async () => {
    using dir = tempDir();
    {
      using store = openStore({ path: dir.file("petit.db"), runtime: openRuntime() });
      ran(store, { id: "slow", at: 0, waited: 120_000 });
      ran(store, { id: "quick", at: 0, waited: 30_000 });
      const skipped = [1, 2, 3].map(
        (hour) => ({ scheduledFor: NOON + hour * HOUR, outcome: "skipped", reason: "overlap", jitterMs: 0 }) as const,
      );
      store.occurrences.record(jobId("slow"), skipped, NOON);
    }
    await using petit = await startEngine({ dir: dir.path, clock: new FakeClock(NOON + 12 * HOUR - 1) });
    const { unfired, waits } = await review(petit, 0, 3 * HOUR);
    expect(unfired.items).toMatchObject([
      { jobId: "slow", outcome: "skipped", reason: "overlap", count: 2, lastAt: NOON + 2 * HOUR },
    ]);
    expect(waits.items).toMatchObject([{ jobId: "slow", waitedMs: 120_000, isOver: true }]);
  });

  test("names who started, paused, approved and rejected what", async () => {
    const clock = new FakeClock();
    const jobs = [
      job("asks", {
        tasks: [{ ...shell("ok", ""), program: { type: "approval", prompt: null, onTimeout: "reject" } }],
      }),
      job("plain", { tasks: [shell("a", "true")] }),
    ];
    await using petit = await startEngine({ clock, jobs });
    for (const kind of ["approve", "reject"] as const) {
      const { id } = await petit.engine.trigger("asks", { by: "anna" });
      await petit.event("approval", { runId: id });
      await petit.engine.decide(id, null, { kind, by: "ben", comment: null });
      await petit.ended(id);
    }
    await petit.engine.pauseJob("plain", "anna");
    await petit.engine.pauseJob("plain", "anna");
    await petit.engine.pause("carl");
    await petit.engine.resume("carl");
    const { people } = await review(petit, -HOUR, HOUR);
    const texts = people.items.map(({ actor, action, jobId: id, count }) => `${actor} ${action} ${id} ${count}`);
    expect(texts.toSorted()).toEqual([
      "anna pause plain 1",
      "anna trigger asks 2",
      "ben approve asks 1",
      "ben reject asks 1",
      "carl pause null 1",
      "carl resume null 1",
    ]);
  });

  test("has the reason and the last line of a failure that no line explains, as other views do", async () => {
    const tasks = [shell("only", "echo 'only 3 of 40 arrived'; exit 23")];
    await using petit = await startEngine({ clock: new FakeClock(), jobs: [job("load", { tasks })] });
    await petit.run("load");
    const found = await review(petit, -HOUR, HOUR);
    expect(found.broken.items).toMatchObject([
      { jobId: "load", taskId: "only", cause: "exit code 23 │ only 3 of 40 arrived" },
    ]);
  });

  test("has one item for a job and the failed child runs that explain it, with the line of the innermost", async () => {
    const failing = { tasks: [shell("only", "echo 'error: no such table'; exit 1")] };
    const jobs = [
      job("nightly", { tasks: [shell("before", "true"), childJob("load", "load_all")] }),
      job("load_all", { tasks: [childJob("orders", "load_orders")] }),
      job("load_orders", failing),
      job("other", failing),
    ];
    await using petit = await startEngine({ clock: new FakeClock(), jobs });
    await petit.run("load_orders");
    await petit.run("nightly");
    await petit.run("other");
    const { broken, runs } = await review(petit, -HOUR, HOUR);
    expect(broken.items.toSorted(byId)).toMatchObject([
      {
        jobId: "nightly",
        taskId: "load",
        cause: "error: no such table",
        failures: 1,
        children: [
          { jobId: "load_orders", failures: 2 },
          { jobId: "load_all", failures: 1 },
        ],
      },
      { jobId: "other", children: [] },
    ]);
    expect(runs.failed).toBe(5);
    // A run that somebody started has failed since, and has nothing to do with the parent.
    await petit.run("load_orders");
    const later = await review(petit, -HOUR, HOUR);
    expect(later.broken.items.toSorted(byId)).toMatchObject([
      { jobId: "load_orders", children: [] },
      { jobId: "nightly", children: [{ jobId: "load_all" }] },
      { jobId: "other", children: [] },
    ]);
  });

  test("finds tasks that completed only after a retry", async () => {
    using dir = tempDir();
    const flaky = shell("again", `test -e ${dir.path}/was || { touch ${dir.path}/was; exit 1; }`, { retry: retry(1) });
    await using petit = await startEngine({ clock: new FakeClock(), jobs: [job("shaky", { tasks: [flaky] })] });
    await petit.run("shaky");
    await petit.run("shaky");
    const found = await review(petit, -HOUR, HOUR);
    expect(found.flaky.items).toMatchObject([{ jobId: "shaky", taskId: "again", runs: 1 }]);
  });

  test("lists what is due by the end of today in the zone, rare jobs first, without what is paused", async () => {
    const jobs = Object.entries(CRON).map(([id, expression]) => job(id, { schedule: schedule(expression) }));
    await using petit = await startEngine({ clock: new FakeClock(), jobs });
    await petit.engine.pauseJob("paused");
    const { due } = await review(petit, -HOUR, 0);
    expect(due.items.map(({ jobId: id, count }) => [String(id), count])).toEqual([
      ["evening", 1],
      ["often", 100],
    ]);
  });

  test("reads the few rows that it needs by an index", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    openStore({ path, runtime: openRuntime() })[Symbol.dispose]();
    const db = openRuntime().openDatabase(path);
    const plan = (sql: string): string =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => String(detail))
        .join("; ");
    expect(plan("SELECT job_id, count(*) FROM runs WHERE ended_at > 1 AND ended_at <= 2 GROUP BY job_id")).toContain(
      "USING INDEX runs_ended",
    );
    expect(
      plan("SELECT id FROM runs WHERE started_at - created_at > 60000 AND started_at >= 1 AND started_at < 2"),
    ).toContain("USING INDEX runs_waited");
    expect(
      plan(
        "SELECT seq FROM runs WHERE job_id = '' AND status = 'completed' AND ended_at < 1 ORDER BY ended_at DESC LIMIT 20",
      ),
    ).toContain("USING COVERING INDEX runs_completed");
    expect(plan("SELECT action FROM actions WHERE at >= 1 AND at < 2")).toContain("USING INDEX actions_at");
    db.close();
  });
});
