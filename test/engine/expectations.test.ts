import { describe, expect, test } from "bun:test";
import type { Event } from "../../src/domain/event.ts";
import type { Job } from "../../src/domain/job.ts";
import type { NotifyTarget } from "../../src/domain/notification.ts";
import { job, jobId, schedule, shell } from "../support/engine/factories.ts";
import { FakeClock, NOON } from "../support/engine/fake-clock.ts";
import { gate } from "../support/engine/gate.ts";
import { filesOf, type StartedEngine, startEngine } from "../support/engine/started-engine.ts";
import { receiver } from "../support/receiver.ts";
import { tempDir } from "../support/temp-dir.ts";

const MINUTE = 60_000;
const WITHIN = 26 * MINUTE;

/** The longest time in which petit notices what was due, also after the clock was set. */
const NOTICED_MS = 10_000;

const backup = (given: Partial<Job> = {}): Job =>
  job("backup", { tasks: [shell("only", "true")], expect: { successWithinMs: WITHIN }, ...given });

const staleEvents = ({ store }: StartedEngine): readonly Event[] =>
  store.events.after(0, 100_000).filter(({ type }) => type === "job.stale" || type === "job.recovered");

const staleItems = async ({ engine }: StartedEngine) =>
  (await engine.listAttention(100)).items.filter(({ kind }) => kind === "job_stale");

const state = ({ engine }: StartedEngine, id = "backup") => engine.findJob(id)?.expectation ?? null;

describe("a job of which a run is expected to complete", () => {
  test("is stale once if it has never run, says so, and recovers when a run completes", async () => {
    await using hook = receiver();
    const clock = new FakeClock();
    const target: NotifyTarget = {
      type: "webhook",
      url: hook.url,
      on: ["stale", "recovery"],
      headers: {},
      secret: null,
      // The clock passes faster than the request.
      timeoutMs: 500 * MINUTE,
    };
    await using petit = await startEngine({ clock, jobs: [backup({ notify: [target] }), job("other")] });
    expect([state(petit), state(petit, "other")]).toEqual([
      { jobId: jobId("backup"), withinMs: WITHIN, since: NOON, lastSuccessAt: null, staleSince: null },
      null,
    ]);
    await clock.pass(WITHIN - 1);
    expect([staleEvents(petit), await staleItems(petit)]).toEqual([[], []]);
    await clock.pass(1);
    const { at } = await petit.event("job.stale", { jobId: jobId("backup") });
    expect(at).toBe(NOON + WITHIN);
    await clock.pass(3 * WITHIN);
    expect(staleEvents(petit)).toHaveLength(1);
    expect(await staleItems(petit)).toMatchObject([
      {
        id: "job_stale:backup",
        since: at,
        withinMs: WITHIN,
        lastSuccessAt: null,
        waitedMs: 4 * WITHIN,
        urgency: "problem",
      },
    ]);
    const { run } = await petit.run("backup");
    const lastSuccessAt = run.endedAt ?? 0;
    expect(await staleItems(petit)).toEqual([]);
    expect(state(petit)).toMatchObject({ lastSuccessAt, staleSince: null });
    expect(staleEvents(petit)).toMatchObject([{ type: "job.stale" }, { type: "job.recovered", runId: run.id }]);
    expect((await hook.first(2)).map(({ body }) => JSON.parse(body))).toMatchObject([
      { event: "stale", at, run: null, stale: { since: at, success_within_ms: WITHIN, last_success_at: null } },
      { event: "recovery", run: { id: run.id }, stale: { since: at, last_success_at: null } },
    ]);
    await petit.run("backup");
    await clock.passTo(lastSuccessAt + WITHIN - 1);
    expect(staleEvents(petit)).toHaveLength(2);
    await clock.pass(MINUTE);
    expect(staleEvents(petit)).toHaveLength(3);
    expect(await hook.first(3)).toHaveLength(3);
  });

  test("counts from the last completed run: failed, cancelled and skipped ones are none", async () => {
    const clock = new FakeClock();
    using block = gate();
    const jobs = [
      backup({ tasks: [shell("only", 'exit "$PETIT_PARAM_CODE"')], params: { code: param() } }),
      backup({ ...job("slow"), expect: { successWithinMs: WITHIN }, tasks: [shell("wait", block.wait)] }),
      backup({
        ...job("gated"),
        expect: { successWithinMs: WITHIN },
        schedule: schedule("* * * * *"),
        dependsOn: [{ jobId: jobId("slow"), condition: "last_success", windowMs: null }],
      }),
    ];
    await using petit = await startEngine({ clock, jobs });
    await clock.pass(MINUTE);
    const { run } = await petit.run("backup", { code: "0" });
    await clock.pass(20 * MINUTE);
    await petit.run("backup", { code: "1" });
    const slow = await petit.trigger("slow");
    await block.reached();
    await petit.engine.cancel(slow.id);
    await clock.passUntil(petit.ended(slow.id));
    await clock.passTo(NOON + WITHIN);
    expect((await staleItems(petit)).map((item) => "jobId" in item && item.jobId)).toEqual([
      jobId("gated"),
      jobId("slow"),
    ]);
    await clock.passTo((run.endedAt ?? 0) + WITHIN - 1);
    expect(state(petit)).toMatchObject({ staleSince: null });
    await clock.pass(1);
    expect(state(petit)).toMatchObject({ lastSuccessAt: run.endedAt, staleSince: clock.now() });
  });

  test("is stale also while it is disabled, it is paused, or the scheduler is", async () => {
    const clock = new FakeClock();
    const daily = { schedule: schedule("0 3 * * *") };
    const jobs = [
      backup({ ...daily, enabled: false }),
      backup({ ...job("paused"), ...daily, expect: { successWithinMs: WITHIN } }),
      backup({ ...job("on"), ...daily, expect: { successWithinMs: WITHIN } }),
    ];
    await using petit = await startEngine({ clock, jobs });
    await petit.engine.pauseJob("paused");
    await petit.engine.pause();
    await clock.pass(WITHIN);
    expect(
      staleEvents(petit)
        .map((event) => event.jobId)
        .sort(),
    ).toEqual([jobId("backup"), jobId("on"), jobId("paused")]);
  });

  test("is stale once over restarts, also if it becomes stale meanwhile, and after its runs were deleted", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const tasks = [shell("only", 'exit "$PETIT_PARAM_CODE"')];
    const jobs = [backup({ retention: { runs: 1, days: null }, tasks, params: { code: param() } })];
    const live = async (work: (petit: StartedEngine) => Promise<unknown>) => {
      await using petit = await startEngine({ clock, dir: dir.path, jobs });
      await work(petit);
      await petit.stop("leave");
    };
    let completedAt = 0;
    await live(async (petit) => {
      const { run } = await petit.run("backup", { code: "0" });
      completedAt = run.endedAt ?? 0;
      await petit.run("backup", { code: "1" });
      await clock.pass(3_000);
      expect(petit.store.runs.find(run.id)).toBeNull();
    });
    clock.step(WITHIN - MINUTE);
    await live(async (petit) => {
      await clock.pass(NOTICED_MS);
      expect(state(petit)).toMatchObject({ lastSuccessAt: completedAt, staleSince: null });
    });
    clock.step(MINUTE);
    await live((petit) => clock.passUntil(petit.event("job.stale")));
    await live(async (petit) => {
      await clock.pass(MINUTE);
      expect(staleEvents(petit)).toHaveLength(1);
      expect(await staleItems(petit)).toMatchObject([{ lastSuccessAt: completedAt }]);
    });
  });

  test("notices within 10 s that the clock was set forward, and does not wait longer after it was set back", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [backup()] });
    await petit.run("backup");
    clock.step(-1_000 * MINUTE);
    await clock.pass(WITHIN - MINUTE);
    expect(staleEvents(petit)).toEqual([]);
    await clock.pass(MINUTE + NOTICED_MS);
    expect(staleEvents(petit)).toHaveLength(1);
    await petit.run("backup");
    clock.step(WITHIN);
    await clock.pass(NOTICED_MS);
    expect(staleEvents(petit)).toHaveLength(3);
    clock.step(-2 * WITHIN);
    await clock.pass(4 * WITHIN);
    expect(staleEvents(petit)).toHaveLength(3);
  });

  test("is not stale when a run completes that began before the clock was set", async () => {
    const clock = new FakeClock();
    using block = gate();
    await using petit = await startEngine({ clock, jobs: [backup({ tasks: [shell("wait", block.wait)] })] });
    const { id } = await petit.trigger("backup");
    await block.reached();
    clock.step(2 * WITHIN);
    block.open();
    await petit.ended(id);
    const before = staleEvents(petit).length;
    await clock.pass(WITHIN - MINUTE);
    expect(staleEvents(petit)).toHaveLength(before);
    expect(state(petit)).toMatchObject({ staleSince: null });
  });

  test("does not lose what is left when a clock that was behind at the start is set", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    {
      await using petit = await startEngine({ clock, dir: dir.path, jobs: [backup()] });
      await petit.run("backup");
      await petit.stop("leave");
    }
    const now = clock.now();
    clock.step(-now);
    await using petit = await startEngine({ clock, dir: dir.path, jobs: [backup()] });
    await clock.pass(MINUTE);
    clock.step(now);
    await clock.pass(MINUTE);
    expect(staleEvents(petit)).toEqual([]);
    await clock.pass(WITHIN);
    expect(staleEvents(petit)).toHaveLength(1);
  });

  test("follows its job file: another time, no expectation, no file, another id", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [job("backup", { tasks: [shell("only", "true")] })] });
    const reload = async (jobs: readonly Job[]): Promise<void> => {
      petit.files = filesOf(jobs);
      await petit.engine.reload();
      await clock.pass(1);
    };
    const { run } = await petit.run("backup");
    await clock.pass(10 * MINUTE);
    await reload([backup()]);
    expect(state(petit)).toMatchObject({ lastSuccessAt: run.endedAt, staleSince: null });
    await reload([backup({ expect: { successWithinMs: MINUTE } })]);
    expect(await staleItems(petit)).toHaveLength(1);
    await reload([backup()]);
    expect([await staleItems(petit), state(petit)]).toMatchObject([[], { staleSince: null }]);
    expect(staleEvents(petit)).toMatchObject([{ type: "job.stale" }, { type: "job.recovered", runId: null }]);
    await clock.pass(WITHIN);
    expect(await staleItems(petit)).toHaveLength(1);
    await reload([]);
    expect([await staleItems(petit), state(petit)]).toEqual([[], null]);
    await reload([backup()]);
    expect([await staleItems(petit), staleEvents(petit)]).toMatchObject([
      [{ lastSuccessAt: run.endedAt }],
      { length: 3 },
    ]);
    await reload([{ ...backup(), id: jobId("copy"), formerly: [jobId("backup")] }]);
    expect(await staleItems(petit)).toMatchObject([{ id: "job_stale:copy" }]);
    expect(staleEvents(petit)).toHaveLength(3);
    await petit.run("copy");
    expect([await staleItems(petit), staleEvents(petit)]).toMatchObject([[], { length: 4 }]);
  });

  test.each([
    ["while petit runs, to a longer time", false, { successWithinMs: 10 * WITHIN }],
    ["while petit was down, to a longer time", true, { successWithinMs: 10 * WITHIN }],
    ["while petit runs, to no expectation", false, undefined],
  ] as const)("sends that it recovered if its file was changed %s", async (_, isDown, then) => {
    using dir = tempDir();
    await using hook = receiver();
    const clock = new FakeClock();
    const notify: readonly NotifyTarget[] = [
      {
        type: "webhook",
        url: hook.url,
        on: ["stale", "recovery"],
        headers: {},
        secret: null,
        // The clock passes faster than the request.
        timeoutMs: 500 * MINUTE,
      },
    ];
    const { expect: _was, ...plain } = backup({ notify });
    const changed: Job = then === undefined ? plain : { ...plain, expect: then };
    const bodies = async () => (await hook.first(2)).map(({ body }) => JSON.parse(body));
    const recovered = [{ event: "stale" }, { event: "recovery", run: null, stale: { since: NOON + WITHIN } }];
    {
      await using petit = await startEngine({ clock, dir: dir.path, jobs: [backup({ notify })] });
      const sent = Promise.withResolvers<void>();
      petit.engine.onSending(() => sent.resolve());
      await clock.pass(WITHIN);
      await sent.promise;
      if (!isDown) {
        petit.files = filesOf([changed]);
        await petit.engine.reload();
        await clock.pass(1);
        expect(await bodies()).toMatchObject(recovered);
      }
      await petit.stop("leave");
    }
    if (!isDown) return;
    await using petit = await startEngine({ clock, dir: dir.path, jobs: [changed] });
    await clock.pass(1);
    expect(await bodies()).toMatchObject(recovered);
    expect(state(petit)).toMatchObject({ staleSince: null });
  });

  test("stays acknowledged until a run completes", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [backup()] });
    await clock.pass(WITHIN);
    await petit.engine.changeAttention("job_stale:backup", { kind: "acknowledge" }, "mara");
    await clock.pass(10 * WITHIN);
    expect(await staleItems(petit)).toMatchObject([{ acknowledged: { by: "mara" } }]);
    await petit.run("backup");
    await clock.pass(2 * WITHIN);
    expect(await staleItems(petit)).toMatchObject([{ acknowledged: null }]);
  });

  test("becomes stale together with many others", async () => {
    const clock = new FakeClock();
    const jobs = Array.from({ length: 1_000 }, (_, index) =>
      job(`job${index}`, { expect: { successWithinMs: WITHIN } }),
    );
    await using petit = await startEngine({ clock, jobs });
    await clock.pass(WITHIN);
    expect((await petit.engine.listAttention(1)).counts.job_stale).toBe(1_000);
    expect(staleEvents(petit)).toHaveLength(1_000);
  });
});

const param = () => ({ description: null, default: null, required: true, enum: null, pattern: null });
