import { describe, expect, test } from "bun:test";
import type { RunId } from "../../../../src/domain/ids.ts";
import type { Job, Task } from "../../../../src/domain/job.ts";
import type { Run } from "../../../../src/domain/run.ts";
import { job, schedule, shell, taskId } from "../../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../../support/engine/fake-clock.ts";
import { gate } from "../../../support/engine/gate.ts";
import { type StartedEngine, startEngine, waitFor } from "../../../support/engine/started-engine.ts";
import { tempDir } from "../../../support/temp-dir.ts";

const DB = { queues: new Map([["db", 1]]) };

/** A job of the queue `db` whose task ends when the gate opens. */
const inQueue = (id: string, script: string, given: Partial<Job> = {}): Job =>
  job(id, { queue: "db", tasks: [shell("only", script)], ...given });

const asks = (id: string, after: readonly string[] = []): Task => ({
  ...shell(id, "", { after }),
  program: { type: "approval", prompt: null, onTimeout: "reject" },
});

const APPROVE = { kind: "approve", by: null, comment: null } as const;

/** Returns the ids of runs in the order in which they started. */
const startOrder = async (petit: StartedEngine, runIds: readonly RunId[]): Promise<readonly RunId[]> => {
  const events = await Promise.all(runIds.map((runId) => petit.event("run.started", { runId })));
  return events.toSorted((a, b) => a.seq - b.seq).flatMap(({ runId }) => runId ?? []);
};

describe("a queue", () => {
  test("lets a manual trigger wait for a place, by priority and age", async () => {
    using blocker = gate();
    const jobs = [
      inQueue("first", blocker.wait),
      inQueue("low", "true", { priority: -1 }),
      inQueue("normal", "true"),
      inQueue("high", "true", { priority: 100 }),
    ];
    await using petit = await startEngine({ jobs, settings: DB });
    const first = await petit.trigger("first");
    const waiting: Run[] = [];
    for (const id of ["low", "normal", "high", "normal"]) waiting.push(await petit.trigger(id));
    expect([first, ...waiting].map(({ status }) => status)).toEqual(["running", ...Array(4).fill("pending")]);
    expect(waiting.map(({ id }) => petit.engine.waitsFor(id)?.ahead)).toEqual([3, 1, 0, 2]);
    expect(petit.engine.queues).toEqual([{ name: "db", limit: 1, running: 1, pending: 4 }]);
    blocker.open();
    const order = await startOrder(
      petit,
      waiting.map(({ id }) => id),
    );
    expect(order.map((id) => waiting.findIndex((run) => run.id === id))).toEqual([2, 1, 3, 0]);
  });

  test("applies to scheduled runs too, and to no job outside of it", async () => {
    using blocker = gate();
    const clock = new FakeClock();
    const tick = inQueue("tick", "true", { schedule: schedule("* * * * *") });
    const jobs = [inQueue("first", blocker.wait), tick, job("free")];
    await using petit = await startEngine({ jobs, settings: DB, clock });
    await petit.trigger("first");
    await clock.pass(60_000);
    const [scheduled] = petit.store.runs.list({ limit: 1 });
    expect(scheduled).toMatchObject({ jobId: "tick", status: "pending", scheduledFor: NOON + 60_000 });
    expect((await petit.trigger("free")).status).toBe("running");
  });

  test("does not lift the limit of a job: its manual trigger is refused", async () => {
    using blocker = gate();
    const jobs = [inQueue("first", blocker.wait), inQueue("one", "true", { maxConcurrency: 1 })];
    await using petit = await startEngine({ jobs, settings: DB });
    await petit.trigger("first");
    expect((await petit.trigger("one")).status).toBe("pending");
    await expect(petit.trigger("one")).rejects.toMatchObject({ code: "limit_reached" });
  });

  test("lets a manual trigger wait for --max-jobs, while that of a job without a queue is refused", async () => {
    using blocker = gate();
    const jobs = [job("busy", { tasks: [shell("only", blocker.wait)] }), inQueue("one", "true"), job("free")];
    await using petit = await startEngine({ jobs, settings: { ...DB, maxJobs: 1 } });
    await petit.trigger("busy");
    await expect(petit.trigger("free")).rejects.toMatchObject({ code: "limit_reached" });
    const { id, status } = await petit.trigger("one");
    expect(status).toBe("pending");
    expect(petit.engine.waitsFor(id)).toEqual({ code: "max_jobs", queue: null, limit: 1, running: 1, ahead: 0 });
    blocker.open();
    expect((await petit.ended(id)).run.status).toBe("completed");
  });

  test("lets a retry wait too", async () => {
    using blocker = gate();
    const jobs = [inQueue("first", blocker.wait), inQueue("fails", "exit 1")];
    await using petit = await startEngine({ jobs, settings: DB });
    const { run: failed } = await petit.run("fails");
    await petit.trigger("first");
    expect(await petit.engine.retry(failed.id)).toMatchObject({ status: "pending", retryOf: failed.id });
  });

  test("keeps its order over a restart, and counts what still runs", async () => {
    using blocker = gate();
    using dir = tempDir();
    const jobs = [inQueue("first", blocker.wait), inQueue("normal", "true"), inQueue("high", "true", { priority: 1 })];
    const before = await startEngine({ jobs, settings: DB, dir: dir.path });
    const first = await before.trigger("first");
    const waiting: Run[] = [];
    for (const id of ["normal", "normal", "high"]) waiting.push(await before.trigger(id));
    await before.stop("leave");
    await using after = await startEngine({ jobs, settings: DB, dir: dir.path });
    expect(after.read(first.id).run.status).toBe("running");
    expect(waiting.map(({ id }) => after.engine.waitsFor(id)?.ahead)).toEqual([1, 2, 0]);
    blocker.open();
    const order = await startOrder(
      after,
      waiting.map(({ id }) => id),
    );
    expect(order.map((id) => waiting.findIndex((run) => run.id === id))).toEqual([2, 0, 1]);
  });

  test("that was made smaller starts nothing until enough runs have ended", async () => {
    using first = gate();
    using second = gate();
    using dir = tempDir();
    const jobs = [inQueue("a", first.wait), inQueue("b", second.wait), inQueue("c", "true")];
    const before = await startEngine({ jobs, settings: { queues: new Map([["db", 2]]) }, dir: dir.path });
    const [a, b, c] = [await before.trigger("a"), await before.trigger("b"), await before.trigger("c")];
    await before.stop("leave");
    await using after = await startEngine({ jobs, settings: DB, dir: dir.path });
    first.open();
    await after.ended(a.id);
    expect(after.engine.queues).toEqual([{ name: "db", limit: 1, running: 1, pending: 1 }]);
    expect(after.read(c.id).run.status).toBe("pending");
    second.open();
    await after.ended(b.id);
    expect((await after.ended(c.id)).run.status).toBe("completed");
  });

  test("keeps the queue and the priority that a waiting run was created with, also after a reload", async () => {
    using blocker = gate();
    const first = inQueue("first", blocker.wait);
    await using petit = await startEngine({ jobs: [first, inQueue("one", "true")], settings: DB });
    await petit.trigger("first");
    const old = await petit.trigger("one");
    petit.files = { ...petit.files, jobs: [first, job("one", { priority: 5 })] };
    await petit.engine.reload();
    const { run } = await petit.run("one");
    expect(run.status).toBe("completed");
    expect(petit.read(old.id).run.status).toBe("pending");
    blocker.open();
    expect((await petit.ended(old.id)).run.status).toBe("completed");
  });

  test("gives the place of a run that only waits for a person to another, and gives it back before all that wait", async () => {
    using blocker = gate();
    const approved = inQueue("approved", "true", { tasks: [asks("ask"), shell("go", "true", { after: ["ask"] })] });
    const jobs = [approved, inQueue("first", blocker.wait), inQueue("high", "true", { priority: 100 })];
    await using petit = await startEngine({ jobs, settings: DB });
    const { id } = await petit.trigger("approved");
    await petit.event("approval", { runId: id });
    await waitFor(() => petit.engine.queues[0]?.running === 0);
    expect((await petit.trigger("first")).status).toBe("running");
    const high = await petit.trigger("high");
    await petit.engine.decide(id, "ask", APPROVE);
    await waitFor(() => petit.engine.waitsFor(id) !== null);
    expect(petit.engine.waitsFor(id)).toEqual({ code: "queue", queue: "db", limit: 1, running: 1, ahead: 0 });
    expect(petit.engine.waitsFor(high.id)?.ahead).toBe(1);
    blocker.open();
    const { tasks } = await petit.ended(id);
    const { run } = await petit.ended(high.id);
    expect(run.startedAt).toBeGreaterThanOrEqual(tasks.go?.endedAt ?? Number.POSITIVE_INFINITY);
  });

  test("does not overlap after a restart while a run wants its place back", async () => {
    using blocker = gate();
    using dir = tempDir();
    const approved = inQueue("approved", "true", { tasks: [asks("ask"), shell("go", "true", { after: ["ask"] })] });
    const jobs = [approved, inQueue("first", blocker.wait)];
    const before = await startEngine({ jobs, settings: DB, dir: dir.path });
    const { id } = await before.trigger("approved");
    await before.event("approval", { runId: id });
    await waitFor(() => before.engine.queues[0]?.running === 0);
    const first = await before.trigger("first");
    await before.engine.decide(id, "ask", APPROVE);
    await before.stop("leave");
    await using after = await startEngine({ jobs, settings: DB, dir: dir.path });
    expect(after.engine.queues).toEqual([{ name: "db", limit: 1, running: 1, pending: 1 }]);
    expect(after.read(id).tasks.go?.status).toBe("pending");
    blocker.open();
    const { run } = await after.ended(first.id);
    const { tasks } = await after.ended(id);
    expect(tasks[taskId("go")]?.startedAt).toBeGreaterThanOrEqual(run.endedAt ?? Number.POSITIVE_INFINITY);
  });

  test("frees a place when a waiting run or a running one is cancelled", async () => {
    using blocker = gate();
    const jobs = [inQueue("first", blocker.wait), inQueue("one", "true"), inQueue("two", "true")];
    await using petit = await startEngine({ jobs, settings: DB });
    const [first, one, two] = [await petit.trigger("first"), await petit.trigger("one"), await petit.trigger("two")];
    expect((await petit.engine.cancel(one.id)).status).toBe("cancelled");
    expect(petit.engine.waitsFor(one.id)).toBeNull();
    await petit.engine.cancel(first.id);
    expect((await petit.ended(two.id)).run.status).toBe("completed");
  });
});
