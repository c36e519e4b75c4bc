import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { Backfill } from "../../../src/domain/backfill/backfill.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { BackfillRequest } from "../../../src/engine/backfill/request.ts";
import type { Store } from "../../../src/store/store.ts";
import { command, job, jobId, param, schedule, shell } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { filesOf, type StartedEngine, startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const six = (day: number): number => Date.UTC(2026, 0, day, 6);

/** A job that is due each day at 06:00. The clock of the tests begins on January 15, at noon. */
const daily = (given: Partial<Omit<Job, "id">> = {}): Job =>
  job("daily", { schedule: schedule("0 6 * * *"), ...given });

const request = (given: Partial<BackfillRequest> = {}): BackfillRequest => ({
  jobId: "daily",
  from: "2026-01-10",
  to: "2026-01-12",
  existing: "skip",
  parallel: 1,
  params: {},
  newestFirst: false,
  by: "ada",
  ...given,
});

const runsOf = (store: Store) => store.runs.list({ limit: 1_000 }).toReversed();

const daysOf = (store: Store): string =>
  runsOf(store)
    .map(({ scheduledFor, status }) => `${new Date(scheduledFor ?? 0).getUTCDate()} ${status}`)
    .join(", ");

/** Resolves when a backfill has ended. */
const ended = async (petit: StartedEngine, { id }: Pick<Backfill, "id">): Promise<Backfill> => {
  const find = (): Backfill => petit.store.backfills.find(id) ?? expect.unreachable();
  if (find().endedAt === null)
    await new Promise<void>((resolve) => {
      const stop = petit.engine.onEvent(({ type }) => {
        if (type !== "backfill" || find().endedAt === null) return;
        stop();
        resolve();
      });
    });
  return find();
};

const started = (given: Parameters<typeof startEngine>[0] = {}): Promise<StartedEngine> =>
  startEngine({ clock: new FakeClock(), jobs: [daily()], ...given });

describe("a backfill", () => {
  test("makes a run for each occurrence of the range, in order, with its interval", async () => {
    await using petit = await started();
    const backfill = await petit.engine.createBackfill(request());
    expect(backfill).toMatchObject({ jobId: "daily", status: "running", runs: { total: 3 }, createdBy: "ada" });
    expect(await ended(petit, backfill)).toMatchObject({
      status: "completed",
      runs: { total: 3, pending: 0, running: 0, completed: 3, failed: 0, cancelled: 0 },
    });
    const runs = runsOf(petit.store);
    expect(runs).toMatchObject(
      [10, 11, 12].map((day) => ({
        trigger: "backfill",
        status: "completed",
        scheduledFor: six(day),
        intervalStart: six(day - 1),
        backfillId: backfill.id,
        retryOf: null,
        triggeredBy: "ada",
      })),
    );
    expect(petit.store.occurrences.list(jobId("daily"), { limit: 9 })).toMatchObject(
      runs
        .toReversed()
        .map(({ id, scheduledFor }) => ({ scheduledFor, outcome: "fired", runId: id, backfillRunId: id })),
    );
  });

  test("counts an occurrence as run when its run exists", async () => {
    const clock = new FakeClock();
    // The gate keeps the runs pending.
    const dependsOn = [{ jobId: jobId("source"), condition: "last_success" as const, windowMs: null }];
    const jobs = [job("source"), daily({ dependsOn })];
    await using petit = await started({ clock, jobs });
    await clock.passTo(six(18));
    const unfired = () => petit.engine.findJob("daily")?.unfired?.count ?? 0;
    expect(unfired()).toBe(3);
    await petit.engine.createBackfill(request({ from: "2026-01-16", to: "2026-01-18", parallel: 3 }));
    await waitFor(() => runsOf(petit.store).length === 3);
    expect(unfired()).toBe(0);
  });

  test("can begin with the newest occurrence", async () => {
    await using petit = await started();
    await ended(petit, await petit.engine.createBackfill(request({ newestFirst: true })));
    expect(daysOf(petit.store)).toBe("12 completed, 11 completed, 10 completed");
  });

  test("has no more runs that are pending or running than it may have, and takes each free place at once", async () => {
    using door = gate();
    await using petit = await started({ jobs: [daily({ tasks: [shell("t", door.wait)] })] });
    const backfill = await petit.engine.createBackfill(request({ to: "2026-01-14", parallel: 2 }));
    const counts = () => petit.store.backfills.find(backfill.id)?.runs;
    await Promise.all([door.reached(), door.reached()]);
    expect(counts()).toMatchObject({ total: 5, pending: 3, running: 2, completed: 0 });
    expect(runsOf(petit.store)).toHaveLength(2);
    door.open();
    await door.reached();
    expect(counts()).toMatchObject({ pending: 2, running: 2, completed: 1 });
    door.open(4);
    await ended(petit, backfill);
    expect(counts()).toMatchObject({ completed: 5 });
  });

  test("ends as failed if one of its runs does not complete, and --existing failed runs that again", async () => {
    using dir = tempDir();
    const script = `case "$PETIT_SCHEDULED_FOR" in 2026-01-11*) test -e ${dir.file("fixed")};; esac`;
    await using petit = await started({ jobs: [daily({ tasks: [shell("t", script)] })] });
    const first = await ended(petit, await petit.engine.createBackfill(request()));
    expect(first).toMatchObject({ status: "failed", runs: { completed: 2, failed: 1 } });
    const failed = runsOf(petit.store)[1];
    writeFileSync(dir.file("fixed"), "");
    const again = await petit.engine.createBackfill(request({ to: "2026-01-13", existing: "failed" }));
    expect(again.runs.total).toBe(2);
    await ended(petit, again);
    const [second] = runsOf(petit.store).slice(3);
    expect(second).toMatchObject({ scheduledFor: six(11), status: "completed", retryOf: failed?.id ?? null });
    expect(petit.store.occurrences.find(jobId("daily"), six(11))).toMatchObject({
      runId: failed?.id ?? null,
      backfillRunId: second?.id ?? null,
    });
    await expect(petit.engine.createBackfill(request({ existing: "failed" }))).rejects.toMatchObject({
      code: "conflict",
      details: { reason: "nothing_to_backfill", occurrences: 3, existing: "failed" },
    });
    const all = await petit.engine.createBackfill(request({ existing: "all" }));
    expect(await ended(petit, all)).toMatchObject({ status: "completed", runs: { total: 3 } });
  });

  test("of failed occurrences leaves out those that have completed since, or that another one runs", async () => {
    using dir = tempDir();
    using door = gate();
    const script = `test -e ${dir.file("fixed")} || exit 1; case "$PETIT_SCHEDULED_FOR" in 2026-01-10*) ${door.wait};; esac`;
    await using petit = await started({ jobs: [daily({ tasks: [shell("t", script)] })] });
    await ended(petit, await petit.engine.createBackfill(request()));
    const [, , last] = runsOf(petit.store);
    writeFileSync(dir.file("fixed"), "");
    const again = await petit.engine.createBackfill(request({ existing: "failed" }));
    expect(again.runs.total).toBe(3);
    await door.reached();
    await expect(petit.engine.createBackfill(request({ existing: "failed" }))).rejects.toMatchObject({
      details: { reason: "nothing_to_backfill" },
    });
    const retried = await petit.engine.retry(last?.id ?? expect.unreachable());
    await petit.ended(retried.id);
    door.open(1);
    expect(await ended(petit, again)).toMatchObject({ status: "completed", runs: { total: 2, completed: 2 } });
    expect(daysOf(petit.store)).toBe("10 failed, 11 failed, 12 failed, 10 completed, 12 completed, 11 completed");
  });

  test("reuses nothing of the earlier run", async () => {
    const tasks = [command("a", "true"), command("b", "false", { after: ["a"] })];
    await using petit = await started({ jobs: [daily({ tasks })] });
    await ended(petit, await petit.engine.createBackfill(request({ to: "2026-01-10" })));
    await ended(petit, await petit.engine.createBackfill(request({ to: "2026-01-10", existing: "failed" })));
    const [, again] = runsOf(petit.store);
    expect(petit.read(again?.id ?? expect.unreachable()).tasks.a).toMatchObject({ reused: false, status: "completed" });
  });

  test("leaves out occurrences that the schedule, or another backfill, runs or has run", async () => {
    const clock = new FakeClock();
    using door = gate();
    await using petit = await started({ clock, jobs: [daily({ tasks: [shell("t", door.wait)] })] });
    await clock.passTo(six(16));
    await door.reached();
    const first = await petit.engine.createBackfill(request({ from: "2026-01-13", to: "now" }));
    // January 16 has the run of the schedule. 15 was before petit knew the job.
    expect(first.runs.total).toBe(3);
    await expect(petit.engine.createBackfill(request({ from: "2026-01-13", to: "today" }))).rejects.toMatchObject({
      details: { reason: "nothing_to_backfill", occurrences: 4 },
    });
    door.open(4);
    await ended(petit, first);
  });

  test("runs what was skipped, which keeps that outcome and counts as run", async () => {
    const clock = new FakeClock();
    await using petit = await started({ clock });
    await petit.engine.pause();
    await clock.passTo(six(17));
    await petit.engine.resume();
    const { occurrences } = petit.store;
    expect(occurrences.findUnfiredStreak(jobId("daily"))).toMatchObject({ newest: "paused", count: 2 });
    await ended(petit, await petit.engine.createBackfill(request({ from: "2026-01-16", to: "2026-01-17" })));
    const runs = runsOf(petit.store).toReversed();
    expect(occurrences.list(jobId("daily"), { limit: 9 })).toMatchObject(
      runs.map(({ id, scheduledFor }) => ({ scheduledFor, outcome: "skipped", runId: null, backfillRunId: id })),
    );
    expect(runs).toHaveLength(2);
    expect(occurrences.findUnfiredStreak(jobId("daily"))).toBeNull();
    // Nothing is left to run.
    await expect(petit.engine.createBackfill(request({ from: "2026-01-16", to: "2026-01-17" }))).rejects.toMatchObject({
      details: { reason: "nothing_to_backfill" },
    });
  });

  test("leaves an occurrence that jitter still delays to the schedule", async () => {
    const clock = new FakeClock(six(15) - 1_000);
    const delayed = { ...schedule("0 6 * * *"), jitterMs: 3_600_000 };
    await using petit = await started({ clock, jobs: [daily({ schedule: delayed })] });
    await clock.pass(2_000);
    const plan = await petit.engine.planBackfill(request({ from: "2026-01-14", to: "2026-01-15" }));
    expect(plan.occurrences.map(({ scheduledFor }) => scheduledFor)).toEqual([six(14)]);
  });

  test("makes no run for excepted dates", async () => {
    const except = { dates: ["2026-01-11"], files: [] };
    await using petit = await started({ jobs: [daily({ schedule: { ...schedule("0 6 * * *"), except } })] });
    const plan = await petit.engine.planBackfill(request());
    expect(plan.occurrences).toEqual([
      { scheduledFor: six(10), intervalStart: six(9) },
      { scheduledFor: six(12), intervalStart: six(10) },
    ]);
    expect(petit.store.backfills.list({ limit: 9 })).toEqual([]);
  });

  test("waits behind all other runs, and keeps none of them from starting", async () => {
    using door = gate();
    const slow = { tasks: [shell("t", door.wait)] };
    const jobs = [daily({ ...slow, priority: 100, queue: "q" }), job("other", { ...slow, priority: -100, queue: "q" })];
    const queues = new Map([["q", 1]]);
    await using petit = await started({ jobs, settings: { queues } });
    const first = await petit.trigger("other");
    await door.reached();
    await petit.engine.createBackfill(request({ to: "2026-01-10" }));
    const [, waiting] = runsOf(petit.store);
    expect(waiting?.status).toBe("pending");
    const second = await petit.trigger("other");
    expect(petit.engine.waitsFor(second.id)).toMatchObject({ code: "queue", ahead: 0 });
    expect(petit.engine.waitsFor(waiting?.id ?? expect.unreachable())).toMatchObject({ code: "queue", ahead: 1 });
    door.open();
    await petit.ended(first.id);
    await door.reached();
    expect(petit.read(second.id).run.status).toBe("running");
    door.open();
    await door.reached();
    door.open();
    await petit.ended(waiting?.id ?? expect.unreachable());
  });

  test("obeys max_concurrency, and its pending runs don't count against triggers", async () => {
    using door = gate();
    await using petit = await started({
      jobs: [
        daily({ maxConcurrency: 1, tasks: [shell("t", door.wait)] }),
        job("blocker", { tasks: [shell("t", door.wait)] }),
      ],
      settings: { maxJobs: 1 },
    });
    const blocker = await petit.trigger("blocker");
    await door.reached();
    const backfill = await petit.engine.createBackfill(request({ parallel: 3 }));
    expect(petit.engine.counts).toEqual({ pending: 3, running: 1 });
    door.open();
    await petit.ended(blocker.id);
    await door.reached();
    expect(petit.engine.counts).toEqual({ pending: 2, running: 1 });
    await expect(petit.engine.trigger("daily")).rejects.toMatchObject({
      details: { limit: "max_concurrency", running: 1 },
    });
    door.open(3);
    await ended(petit, backfill);
  });

  test("waits while the job is paused, or the backfill is", async () => {
    await using petit = await started();
    await petit.engine.pauseJob("daily");
    const backfill = await petit.engine.createBackfill(request());
    await petit.engine.changeBackfill(backfill.id, "pause", "bob");
    await petit.engine.resumeJob("daily");
    expect(runsOf(petit.store)).toEqual([]);
    expect(petit.store.backfills.find(backfill.id)).toMatchObject({ status: "paused", reason: null });
    await petit.engine.changeBackfill(backfill.id, "resume");
    expect(await ended(petit, backfill)).toMatchObject({ status: "completed" });
    for (const change of ["pause", "resume", "cancel"] as const)
      await expect(petit.engine.changeBackfill(backfill.id, change)).rejects.toMatchObject({
        details: { reason: "backfill_ended", status: "completed" },
      });
    await expect(petit.engine.changeBackfill("none", "pause")).rejects.toMatchObject({ code: "not_found" });
  });

  test("that is cancelled ends its runs, and makes no others", async () => {
    using door = gate();
    await using petit = await startEngine({ jobs: [daily({ tasks: [shell("t", door.wait)] })] });
    const backfill = await petit.engine.createBackfill(request({ parallel: 2, to: "2026-01-14" }));
    await Promise.all([door.reached(), door.reached()]);
    const cancelled = await petit.engine.changeBackfill(backfill.id, "cancel", "bob");
    expect(cancelled).toMatchObject({ status: "cancelled", cancelledBy: "bob" });
    expect(await ended(petit, backfill)).toMatchObject({ runs: { total: 5, cancelled: 5, pending: 0, running: 0 } });
    expect(daysOf(petit.store)).toBe("10 cancelled, 11 cancelled");
    expect(await petit.engine.changeBackfill(backfill.id, "cancel")).toMatchObject({ status: "cancelled" });
    expect(petit.engine.counts).toEqual({ pending: 0, running: 0 });
  });

  test("that was cancelled just before petit was killed ends its runs after the restart", async () => {
    using dir = tempDir();
    using door = gate();
    const jobs = [daily({ tasks: [shell("t", door.wait)] })];
    const id = await (async () => {
      const petit = await startEngine({ jobs, dir: dir.path });
      const backfill = await petit.engine.createBackfill(request());
      await door.reached();
      petit.store.backfills.cancel(backfill.id, { now: Date.now(), by: "bob" });
      await petit.stop("leave");
      return backfill.id;
    })();
    await using petit = await startEngine({ jobs, dir: dir.path });
    expect(await ended(petit, { id })).toMatchObject({ status: "cancelled", runs: { cancelled: 3, running: 0 } });
  });

  test("is paused when the database is restored from a copy", async () => {
    await using petit = await started();
    await petit.engine.pauseJob("daily");
    const { id } = await petit.engine.createBackfill(request());
    petit.store.identity.renew({ now: NOON, isHere: () => false });
    expect(petit.store.backfills.find(id)).toMatchObject({ status: "paused", reason: "restored" });
  });

  test("whose job is gone is cancelled; its running run goes on", async () => {
    using door = gate();
    await using petit = await started({ jobs: [daily({ tasks: [shell("t", door.wait)] })] });
    const backfill = await petit.engine.createBackfill(request());
    await door.reached();
    petit.files = filesOf([]);
    await petit.engine.reload();
    await petit.event("backfill", { status: "cancelled" });
    door.open();
    expect(await ended(petit, backfill)).toMatchObject({
      status: "cancelled",
      reason: "job_gone",
      runs: { completed: 1, cancelled: 2 },
    });
  });

  test("keeps its occurrences when the schedule is changed, runs the newest definition, and pauses if its params don't fit", async () => {
    using door = gate();
    const params = { day: param() };
    await using petit = await started({ jobs: [daily({ params, tasks: [shell("t", door.wait)] })] });
    const backfill = await petit.engine.createBackfill(request({ params: { day: "x" } }));
    await door.reached();
    petit.files = filesOf([daily({ schedule: schedule("0 7 * * *") })]);
    await petit.engine.reload();
    door.open();
    await petit.event("backfill", { status: "paused", reason: "invalid_params" });
    petit.files = filesOf([daily({ params, schedule: schedule("0 7 * * *") })]);
    await petit.engine.reload();
    await petit.engine.changeBackfill(backfill.id, "resume");
    expect(await ended(petit, backfill)).toMatchObject({ status: "completed", reason: null });
    expect(runsOf(petit.store).map(({ scheduledFor }) => scheduledFor)).toEqual([10, 11, 12].map(six));
  });

  test("is refused for a job without a schedule, wrong params, the future and too many occurrences", async () => {
    const minutely = job("minutely", { schedule: schedule("* * * * *") });
    const boot = job("boot", { schedule: schedule("@reboot") });
    await using petit = await started({ jobs: [daily(), minutely, boot, job("plain")] });
    const refused = (given: Partial<BackfillRequest>) =>
      petit.engine.createBackfill(request(given)).then(
        () => expect.unreachable(),
        (error: unknown) => error,
      );
    for (const id of ["plain", "boot"])
      expect(await refused({ jobId: id })).toMatchObject({ details: { reason: "no_schedule", jobId: id } });
    expect(await refused({ jobId: "dayly" })).toMatchObject({
      details: { reason: "job_not_found", suggestion: "daily" },
    });
    expect(await refused({ params: { x: "1" } })).toMatchObject({ code: "invalid_request", details: { in: "params" } });
    expect(await refused({ from: "2026-01-20", to: "2026-01-21" })).toMatchObject({ details: { name: "from" } });
    expect(await refused({ from: "2026-01-12", to: "2026-01-11" })).toMatchObject({ details: { name: "from" } });
    expect(await refused({ to: "never" })).toMatchObject({ details: { name: "to" } });
    expect(await refused({ jobId: "minutely", from: "2025-01-01", to: "2025-12-31" })).toMatchObject({
      message:
        "the range has 525,600 occurrences of 'minutely'; a backfill has at most 10,000. Split it: the first part ends at 2025-01-07T22:39:00.000Z",
    });
    expect(await refused({ from: "2026-01-10T07:00", to: "2026-01-10T08:00" })).toMatchObject({
      message: "there is nothing to run: 'daily' was not due in this range",
    });
    expect(petit.store.backfills.list({ limit: 9 })).toEqual([]);
  });

  test("of 10,000 occurrences has few pending runs", async () => {
    using door = gate();
    const given = { enabled: false, schedule: schedule("* * * * *"), tasks: [shell("t", door.wait)] };
    await using petit = await startEngine({ jobs: [job("minutely", given)] });
    const to = Math.floor(Date.now() / 60_000) * 60_000;
    const range = { from: String(to - 9_999 * 60_000), to: String(to) };
    const backfill = await petit.engine.createBackfill(request({ jobId: "minutely", ...range, parallel: 30 }));
    expect(backfill.runs.total).toBe(10_000);
    await Promise.all(Array.from({ length: 30 }, () => door.reached()));
    expect(runsOf(petit.store)).toHaveLength(30);
    await petit.engine.changeBackfill(backfill.id, "cancel");
    expect(await ended(petit, backfill)).toMatchObject({ runs: { cancelled: 10_000 } });
  });

  test("goes on after a restart, and moves with its job to another id", async () => {
    using dir = tempDir();
    using door = gate();
    const jobs = [daily({ tasks: [shell("t", door.wait)] })];
    const id = await (async () => {
      const petit = await startEngine({ jobs, dir: dir.path });
      const backfill = await petit.engine.createBackfill(request());
      await door.reached();
      await petit.stop("leave");
      return backfill.id;
    })();
    door.open(3);
    const renamed = job("renamed", { formerly: [jobId("daily")], schedule: schedule("0 6 * * *") });
    await using petit = await startEngine({ jobs: [renamed], dir: dir.path });
    expect(await ended(petit, { id })).toMatchObject({ jobId: "renamed", status: "completed", runs: { completed: 3 } });
    expect(runsOf(petit.store).map(({ scheduledFor }) => scheduledFor)).toEqual([10, 11, 12].map(six));
  });
});
