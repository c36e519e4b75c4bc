import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import type { Job } from "../../../src/domain/job.ts";
import { openStore } from "../../../src/store/database/open.ts";
import { job, jobId, shell } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { filesOf, type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

const every = (expression: string, fields: Partial<Job> = {}): Partial<Job> => ({
  schedule: { expressions: [expression], timezone: "UTC", catchup: "none", catchupWindowMs: 0, jitterMs: 0 },
  tasks: [shell("only", "true")],
  ...fields,
});

const unrun = async ({ engine }: StartedEngine) =>
  (await engine.listAttention(100)).items.filter((item) => item.kind === "not_run_as_expected");

const viewOf = ({ engine }: StartedEngine, id: string) => engine.findJob(id)?.unfired ?? null;

describe("a job that does not run as expected", () => {
  test("is listed after three occurrences behind a gate that never opens, until one starts a run", async () => {
    const clock = new FakeClock();
    const source = job("source", { tasks: [shell("only", "true")] });
    const gated = job("gated", {
      ...every("* * * * *"),
      dependsOn: [{ jobId: jobId("source"), condition: "last_success", windowMs: null }],
    });
    await using petit = await startEngine({ clock, jobs: [source, gated] });
    await clock.pass(2 * MINUTE);
    expect([await unrun(petit), viewOf(petit, "gated")]).toEqual([[], null]);
    await clock.pass(MINUTE);
    expect(await unrun(petit)).toMatchObject([
      {
        id: "not_run_as_expected:gated",
        urgency: "problem",
        jobId: "gated",
        since: NOON + MINUTE,
        count: 3,
        newest: "dependency",
        reasons: [{ reason: "dependency", count: 3 }],
        gates: [{ jobId: "source", newestStatus: null }],
      },
    ]);
    expect(viewOf(petit, "gated")).toMatchObject({ count: 3, newest: "dependency" });
    await clock.pass(5 * MINUTE);
    expect(await unrun(petit)).toMatchObject([{ since: NOON + MINUTE, count: 8 }]);
    await petit.run("source");
    await clock.pass(MINUTE);
    expect([await unrun(petit), viewOf(petit, "gated")]).toEqual([[], null]);
  });

  test("is listed when an earlier run overlaps again and again", async () => {
    const clock = new FakeClock();
    using block = gate();
    const slow = job("slow", { ...every("* * * * *"), maxConcurrency: 1, tasks: [shell("wait", block.wait)] });
    await using petit = await startEngine({ clock, jobs: [slow] });
    await clock.pass(MINUTE);
    await block.reached();
    await clock.pass(3 * MINUTE);
    expect(await unrun(petit)).toMatchObject([
      { jobId: "slow", since: NOON + 2 * MINUTE, newest: "overlap", count: 3 },
    ]);
    block.open();
  });

  test("is low in the order if it is disabled, and no longer listed when it is enabled", async () => {
    const clock = new FakeClock();
    const jobs = [job("off", { ...every("* * * * *"), enabled: false })];
    await using petit = await startEngine({ clock, jobs });
    await clock.pass(3 * MINUTE);
    expect(await unrun(petit)).toMatchObject([{ urgency: "low", jobId: "off", newest: "disabled", count: 3 }]);
    petit.files = filesOf([job("off", every("* * * * *"))]);
    await petit.engine.reload();
    expect(await unrun(petit)).toEqual([]);
  });

  test("is listed when it has been paused for a day, also without an occurrence, until it is resumed", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [job("weekly", every("0 0 * * mon"))] });
    await petit.engine.pauseJob("weekly", "mara");
    await clock.pass(DAY - MINUTE);
    expect(await unrun(petit)).toEqual([]);
    await clock.pass(2 * MINUTE);
    expect(await unrun(petit)).toMatchObject([
      { jobId: "weekly", since: NOON, newest: "paused", count: 0, pause: { by: "mara" }, urgency: "low" },
    ]);
    expect(viewOf(petit, "weekly")).toMatchObject({ newest: "paused" });
    await petit.engine.resumeJob("weekly");
    expect([await unrun(petit), viewOf(petit, "weekly")]).toEqual([[], null]);
  });

  test("is one entry for all jobs if the scheduler is paused", async () => {
    const clock = new FakeClock();
    const jobs = ["a", "b", "c"].map((id) => job(id, every("* * * * *")));
    await using petit = await startEngine({ clock, jobs: [...jobs, job("manual")] });
    await petit.engine.pause("mara");
    await clock.pass(3 * MINUTE);
    expect(await unrun(petit)).toMatchObject([
      { id: "not_run_as_expected:_scheduler", jobId: null, jobs: 3, since: NOON, count: 9, urgency: "problem" },
    ]);
    await petit.engine.resume();
    expect(await unrun(petit)).toEqual([]);
  });

  test("does not count occurrences on excepted dates", async () => {
    const clock = new FakeClock();
    const { schedule } = every("* * * * *");
    const excepted = new Date(NOON).toISOString().slice(0, 10);
    const holiday = job("holiday", {
      tasks: [shell("only", "true")],
      schedule: schedule == null ? null : { ...schedule, except: { dates: [excepted], files: [] } },
    });
    await using petit = await startEngine({ clock, jobs: [holiday] });
    await clock.pass(5 * MINUTE);
    expect(petit.store.occurrences.list(jobId("holiday"), { limit: 9 })).toHaveLength(5);
    expect(await unrun(petit)).toEqual([]);
  });

  test("is listed after a restart, and not once its file is gone or its schedule is", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const off = job("off", { ...every("* * * * *"), enabled: false });
    {
      await using petit = await startEngine({ dir: dir.path, clock, jobs: [off] });
      await clock.pass(3 * MINUTE);
      await petit.stop("drain");
    }
    await using petit = await startEngine({ dir: dir.path, clock, jobs: [off] });
    expect(viewOf(petit, "off")).toMatchObject({ count: 3 });
    expect(await unrun(petit)).toMatchObject([{ jobId: "off", count: 3, since: NOON + MINUTE }]);
    petit.files = filesOf([job("off", { enabled: false })]);
    await petit.engine.reload();
    expect(await unrun(petit)).toEqual([]);
    petit.files = filesOf([]);
    await petit.engine.reload();
    expect(await unrun(petit)).toEqual([]);
  });

  test("is one entry after a downtime of days, however many occurrences were missed, until an occurrence starts a run", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const jobs = [job("minutely", every("* * * * *")), job("hourly", every("0 * * * *"))];
    {
      await using petit = await startEngine({ dir: dir.path, clock, jobs });
      await clock.pass(2 * MINUTE);
      await petit.stop("drain");
    }
    clock.step(3 * DAY + MINUTE / 2);
    await using petit = await startEngine({ dir: dir.path, clock, jobs });
    await petit.event("occurrence", { jobId: jobId("minutely") });
    const { items, counts } = await petit.engine.listAttention(100);
    expect(items).toMatchObject([
      { id: "not_run_as_expected:minutely", newest: "down", count: 3 * 24 * 60 },
      { id: "not_run_as_expected:hourly", newest: "down", reasons: [{ reason: "down", count: 72 }] },
    ]);
    expect([items.length, counts.not_run_as_expected]).toEqual([2, 2]);
    await clock.pass(MINUTE);
    expect((await unrun(petit)).map(({ jobId: id }) => id)).toEqual([jobId("hourly")]);
  });

  test("is listed with the failed job whose gate it waits for, which is critical if it is", async () => {
    const clock = new FakeClock();
    const gated = (id: string, tags: readonly string[] = []) =>
      job(id, {
        ...every("* * * * *"),
        tags,
        dependsOn: [{ jobId: jobId("source"), condition: "last_success", windowMs: null }],
      });
    const source = job("source", { tasks: [shell("only", "exit 1")] });
    await using petit = await startEngine({ clock, jobs: [source, gated("a"), gated("b", ["critical"])] });
    await petit.run("source");
    await clock.pass(3 * MINUTE);
    const { items, counts } = await petit.engine.listAttention(100);
    expect(items).toMatchObject([
      {
        kind: "job_failing",
        urgency: "critical",
        consequences: [
          { reason: "gate", jobId: "a", count: 3 },
          { reason: "gate", jobId: "b", count: 3 },
        ],
      },
    ]);
    expect([counts.job_failing, counts.not_run_as_expected]).toEqual([1, 0]);
  });

  test("counts all of its occurrences, with the first of them, also as they are added, and after a start", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const first = NOON - 3_743 * 5 * MINUTE;
    const occurrence = (scheduledFor: number, reason: "disabled" | "excluded" = "disabled") =>
      ({ scheduledFor, outcome: "skipped", reason, jitterMs: 0 }) as const;
    {
      using store = openStore({ path: dir.file("petit.db"), runtime: openRuntime() });
      const due = Array.from({ length: 3_744 }, (_, index) => occurrence(first + index * 5 * MINUTE));
      store.occurrences.record(jobId("off"), due, NOON);
      store.occurrences.record(jobId("off"), [occurrence(NOON - MINUTE, "excluded")], NOON);
      const counted = store.occurrences.findUnfiredStreak(jobId("off"));
      expect(counted).toMatchObject({ since: first, count: 3_744, newest: "disabled", newestAt: NOON });
    }
    const jobs = [job("off", { ...every("*/5 * * * *"), enabled: false })];
    for (const extra of [2, 4]) {
      await using petit = await startEngine({ dir: dir.path, clock, jobs });
      await unrun(petit);
      await clock.pass(10 * MINUTE);
      const count = 3_744 + extra;
      expect(await unrun(petit)).toMatchObject([{ since: first, count, reasons: [{ reason: "disabled", count }] }]);
      await petit.stop("leave");
    }
  });
});
