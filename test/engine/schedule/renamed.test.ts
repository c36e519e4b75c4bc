import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { Job } from "../../../src/domain/job.ts";
import type { Store } from "../../../src/store/store.ts";
import { command, job, jobId, param, schedule, shell } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { filesOf, type StartedEngine, startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { receiver } from "../../support/receiver.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOUR = 3_600_000;
const [OLD, NEW] = [jobId("old"), jobId("new")];

const hourly = (id: string, given: Partial<Job> = {}): Job => job(id, { schedule: schedule("0 * * * *"), ...given });

/** Returns the ledger of a job, oldest first, in hours after noon. */
const ledger = (store: Store, id: string): readonly string[] =>
  store.occurrences
    .list(jobId(id), { limit: 100 })
    .toReversed()
    .map(({ scheduledFor, outcome, reason }) => `${(scheduledFor - NOON) / HOUR} ${reason ?? outcome}`);

const reload = async (petit: StartedEngine, jobs: readonly Job[]): Promise<void> => {
  petit.files = filesOf(jobs);
  await petit.engine.reload();
};

const renamed = (given: Partial<Job> = {}): Job => hourly("new", { formerly: [OLD], ...given });

describe("the schedule of a renamed job", () => {
  test("goes on under the new id: each occurrence fires once", async () => {
    const clock = new FakeClock(NOON + HOUR / 2);
    await using petit = await startEngine({ clock, jobs: [hourly("old")] });
    await clock.pass(HOUR);
    await reload(petit, [renamed()]);
    await clock.pass(HOUR);
    expect(ledger(petit.store, "new")).toEqual(["1 fired", "2 fired"]);
    expect(ledger(petit.store, "old")).toEqual([]);
    expect(petit.engine.findJob("new")).toMatchObject({ nextRunAt: NOON + 3 * HOUR, formerIds: [OLD] });
  });

  test("is caught up on if the job was renamed while petit was down", async () => {
    using dir = tempDir();
    const clock = new FakeClock(NOON + HOUR / 2);
    const before = await startEngine({ clock, dir: dir.path, jobs: [hourly("old")] });
    await clock.pass(HOUR);
    await clock.passUntil(before.stop("drain"));
    await clock.passTo(NOON + 2.5 * HOUR);
    await using petit = await startEngine({ clock, dir: dir.path, jobs: [renamed()] });
    await clock.pass(1_000);
    expect(ledger(petit.store, "new")).toEqual(["1 fired", "2 fired"]);
    expect(petit.store.runs.findNewest(NEW)?.trigger).toBe("catchup");
  });

  test("starts anew if the file also changes it", async () => {
    const clock = new FakeClock(NOON + HOUR / 2);
    await using petit = await startEngine({ clock, jobs: [hourly("old")] });
    await clock.pass(HOUR);
    await reload(petit, [renamed({ schedule: schedule("15 * * * *") })]);
    await clock.passTo(NOON + 2.5 * HOUR);
    expect(ledger(petit.store, "new")).toEqual(["1 fired", "2.25 fired"]);
  });

  test("stays paused", async () => {
    const clock = new FakeClock(NOON + HOUR / 2);
    await using petit = await startEngine({ clock, jobs: [hourly("old")] });
    await petit.engine.pauseJob("old", "ada");
    await reload(petit, [renamed()]);
    await clock.pass(HOUR);
    expect(petit.engine.findJob("new")?.pause?.by).toBe("ada");
    expect(ledger(petit.store, "new")).toEqual(["1 paused"]);
    await petit.engine.resumeJob("old");
    expect(petit.engine.findJob("new")?.pause).toBeNull();
  });
});

describe("a renamed job", () => {
  /** A job whose runs last until there is a file, and then fail unless it is empty. */
  const waiting = (id: string, file: string, given: Partial<Job> = {}): Job =>
    job(id, { tasks: [shell("wait", `until [ -e ${file} ]; do sleep 0.05; done; exit $(cat ${file})0`)], ...given });

  test("has its running and pending runs, which go on as its own", async () => {
    using dir = tempDir();
    const file = dir.file("go");
    const queues = new Map([["q", 1]]);
    const queue = { queue: "q" };
    await using petit = await startEngine({ jobs: [waiting("old", file, queue)], settings: { queues } });
    const running = await petit.trigger("old");
    const pending = await petit.trigger("old");
    await reload(petit, [waiting("new", file, { formerly: [OLD], maxConcurrency: 1, ...queue })]);
    expect(petit.engine.findJob("new")).toMatchObject({ running: 1, lastRun: { id: pending.id, jobId: NEW } });
    expect(petit.engine.findJob("old")?.job.id).toBe(NEW);
    expect(petit.engine.findGoneJob("old")).toBeNull();
    await expect(petit.engine.trigger("new")).rejects.toMatchObject({ details: { reason: "limit_reached" } });
    writeFileSync(file, "");
    expect((await petit.ended(running.id)).run).toMatchObject({ jobId: NEW, status: "completed" });
    expect((await petit.ended(pending.id)).run).toMatchObject({ jobId: NEW, status: "completed" });
    expect(petit.engine.findJob("new")?.running).toBe(0);
    expect((await petit.event("run.finished", { runId: pending.id })).jobId).toBe(NEW);
  });

  test("has the run that outlives petit", async () => {
    using dir = tempDir();
    const file = dir.file("go");
    const before = await startEngine({ dir: dir.path, jobs: [waiting("old", file)] });
    const { id } = await before.trigger("old");
    await before.event("task.started", { runId: id });
    await before.stop("leave");
    await using petit = await startEngine({
      dir: dir.path,
      jobs: [waiting("new", file, { formerly: [OLD], maxConcurrency: 1 })],
    });
    expect(petit.engine.findJob("new")?.running).toBe(1);
    await expect(petit.engine.trigger("new")).rejects.toMatchObject({ details: { reason: "limit_reached" } });
    writeFileSync(file, "");
    expect((await petit.ended(id)).run).toMatchObject({ jobId: NEW, status: "completed" });
  });

  test("is found, triggered and cancelled by the old id, and repeats no trigger with the same key", async () => {
    using dir = tempDir();
    const file = dir.file("go");
    await using petit = await startEngine({ jobs: [waiting("old", file)] });
    const first = await petit.trigger("old", { idempotencyKey: "key" });
    await reload(petit, [waiting("new", file, { formerly: [OLD] })]);
    expect((await petit.trigger("new", { idempotencyKey: "key" })).id).toBe(first.id);
    expect((await petit.trigger("old", { idempotencyKey: "key" })).id).toBe(first.id);
    const second = await petit.trigger("old");
    expect(second.jobId).toBe(NEW);
    for (const { id } of [first, second]) await petit.engine.cancel(id);
    expect((await petit.ended(first.id)).run).toMatchObject({ jobId: NEW, status: "cancelled" });
  });

  test("keeps what needs attention, and gates of others still see its runs", async () => {
    const fails = [command("t", "false")];
    await using petit = await startEngine({ jobs: [job("old", { tasks: fails })] });
    const { run } = await petit.run("old");
    expect((await petit.engine.listAttention(9)).items).toMatchObject([{ kind: "job_failing", jobId: OLD }]);
    const gate = { jobId: OLD, condition: "last_complete", windowMs: null } as const;
    await reload(petit, [job("new", { tasks: fails, formerly: [OLD] }), job("after", { dependsOn: [gate] })]);
    const { items } = await petit.engine.listAttention(9);
    expect(items).toMatchObject([{ kind: "job_failing", jobId: NEW, runId: run.id }]);
    expect((await petit.run("after")).run.status).toBe("completed");
  });

  test("has what waits to be sent, behind nothing that was sent before", async () => {
    await using hook = receiver((_, index) => new Response("", { status: index === 0 ? 503 : 200 }));
    const target = { type: "webhook", url: hook.url, headers: {}, secret: null, timeoutMs: 10_000 } as const;
    const given = {
      notify: [{ ...target, on: ["failure", "recovery"] }],
      params: { code: param({ default: "1" }) },
    } as const;
    const tasks = [shell("t", 'exit "$PETIT_PARAM_CODE"')];
    await using petit = await startEngine({ jobs: [job("old", { ...given, tasks })] });
    const { run } = await petit.run("old");
    await hook.first(1);
    await waitFor(() => petit.store.notifications.list({ limit: 1 })[0]?.attempts === 1);
    await reload(petit, [job("new", { ...given, tasks, formerly: [OLD] })]);
    await petit.run("new", { code: "0" });
    const sent = (await hook.first(3)).slice(1).map(({ body }) => JSON.parse(body));
    expect(sent).toMatchObject([
      { event: "failure", run: { id: run.id } },
      { event: "recovery", job: { id: "new" } },
    ]);
  });

  test("leaves the old id to a job that uses it again", async () => {
    await using petit = await startEngine({ jobs: [job("old")] });
    const { run } = await petit.run("old");
    await reload(petit, [job("new", { formerly: [OLD] })]);
    await reload(petit, [job("new"), job("old")]);
    expect(petit.engine.findJob("old")).toMatchObject({ job: { id: OLD }, lastRun: null });
    expect(petit.engine.findJob("new")).toMatchObject({ lastRun: { id: run.id }, formerIds: [] });
  });
});
