import { describe, expect, test } from "bun:test";
import type { Attention } from "../../../src/domain/attention.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { childJob, job, jobId, shell, taskId } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { filesOf, type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MINUTE = 60_000;

const attention = async ({ engine }: StartedEngine): Promise<readonly Attention[]> =>
  (await engine.listAttention(100)).items;

/** Runs a job three times, each of which takes `ms` by the fake clock. */
const runThrice = async (petit: StartedEngine, clock: FakeClock, block: ReturnType<typeof gate>, ms: number) => {
  for (let i = 0; i < 3; i++) {
    const run = await petit.trigger("slow");
    await block.reached();
    await clock.pass(ms);
    block.open();
    await petit.ended(run.id);
  }
};

describe("a run", () => {
  test("is stuck when it has been running for much longer than usual, until it ends", async () => {
    const clock = new FakeClock();
    using block = gate();
    await using petit = await startEngine({ clock, jobs: [job("slow", { tasks: [shell("wait", block.wait)] })] });
    await runThrice(petit, clock, block, 5_000);
    const run = await petit.trigger("slow");
    await block.reached();
    expect(await attention(petit)).toEqual([]);
    await clock.pass(60 * MINUTE);
    const [item] = await attention(petit);
    expect(item).toMatchObject({ kind: "run_stuck", jobId: jobId("slow"), runId: run.id, taskId: taskId("wait") });
    const { elapsedMs, usualMs, since } = item as Extract<Attention, { readonly kind: "run_stuck" }>;
    expect(elapsedMs).toBeGreaterThanOrEqual(60 * MINUTE);
    expect(usualMs).toBeGreaterThanOrEqual(5_000);
    expect(since).toBeLessThan((run.startedAt ?? 0) + 60 * MINUTE);
    block.open();
    await petit.ended(run.id);
    expect(await attention(petit)).toEqual([]);
  });

  test("is not stuck if nobody knows how long its job takes", async () => {
    const clock = new FakeClock();
    using block = gate();
    await using petit = await startEngine({ clock, jobs: [job("slow", { tasks: [shell("wait", block.wait)] })] });
    const run = await petit.trigger("slow");
    await block.reached();
    await clock.pass(60 * MINUTE);
    expect(await attention(petit)).toEqual([]);
    block.open();
    await petit.ended(run.id);
  });

  test("is late when it has been pending for ten minutes", async () => {
    const clock = new FakeClock();
    using block = gate();
    const schedule = {
      expressions: ["* * * * *"],
      timezone: "UTC",
      catchup: "none",
      catchupWindowMs: 0,
      jitterMs: 0,
    } as const;
    const busy = job("busy", { tasks: [shell("wait", block.wait)] });
    const queued = job("queued", { schedule, tasks: [shell("quick", "true")] });
    await using petit = await startEngine({ clock, jobs: [busy, queued], settings: { maxJobs: 1 } });
    await petit.trigger("busy");
    await block.reached();
    await clock.pass(5 * MINUTE);
    expect(await attention(petit)).toEqual([]);
    await clock.pass(10 * MINUTE);
    const [item] = await attention(petit);
    expect(item).toMatchObject({
      kind: "run_late",
      jobId: jobId("queued"),
      since: NOON + MINUTE,
      waitsFor: { code: "max_jobs", limit: 1, running: 1 },
    });
    block.open();
  });
});

test("a stuck run is one entry with what waits for its place in a queue, for itself and for its end", async () => {
  const clock = new FakeClock();
  using block = gate();
  const schedule = {
    expressions: ["* * * * *"],
    timezone: "UTC",
    catchup: "none",
    catchupWindowMs: 0,
    jitterMs: 0,
  } as const;
  const tasks = [shell("wait", block.wait)];
  const slow = job("slow", { tasks, queue: "db", maxConcurrency: 1 });
  const load = job("load", { tasks: [shell("only", "true")], queue: "db" });
  const parent = job("parent", { tasks: [childJob("call", "slow")] });
  await using petit = await startEngine({ clock, jobs: [slow, load, parent] });
  await runThrice(petit, clock, block, 5_000);
  petit.files = filesOf([{ ...slow, schedule }, load, parent]);
  await petit.engine.reload();
  await petit.trigger("parent");
  await block.reached();
  await petit.trigger("load");
  await petit.trigger("load");
  await clock.pass(5 * MINUTE);
  const consequences = async () =>
    (await petit.engine.listAttention(100)).items.map((entry) => [
      entry.id.split(":")[0],
      ...entry.consequences.map(({ reason, jobId: id, count }) => `${reason} ${id} ${count}`),
    ]);
  const expected = [["run_stuck", "overlap slow 5", "child parent 1", "limit load 2"]];
  expect(await consequences()).toEqual(expected);
  await clock.pass(10 * MINUTE);
  expect(await consequences()).toEqual([["run_stuck", "overlap slow 15", "limit load 2", "child parent 1"]]);
  const [entry] = (await petit.engine.listAttention(100)).items;
  if (entry === undefined) throw new Error("nothing is listed");
  expect(await petit.engine.changeAttention(entry.id, { kind: "acknowledge" }, "mara")).toMatchObject({
    consequences: entry.consequences,
  });
  block.open();
});

describe("a failing job", () => {
  const fails = job("fails", { tasks: [shell("only", "exit 1")] });

  test("is listed after a restart, also if somebody asked before petit had started", async () => {
    using dir = tempDir();
    {
      await using petit = await startEngine({ dir: dir.path, jobs: [fails] });
      await petit.run("fails");
      await petit.stop("drain");
    }
    const early: number[] = [];
    const beforeStart = async (engine: Engine): Promise<void> => {
      early.push((await engine.listAttention(100)).items.length);
    };
    await using petit = await startEngine({ dir: dir.path, jobs: [fails], beforeStart });
    expect([early, (await attention(petit)).length]).toEqual([[0], 1]);
  });

  test("names the task that made its run fail, not one whose failure is allowed", async () => {
    const tasks = [shell("lint", "exit 1", { allowFailure: "always" }), shell("build", "exit 2")];
    await using petit = await startEngine({ jobs: [job("fails", { tasks })] });
    await petit.run("fails");
    const [item] = await attention(petit);
    expect(item).toMatchObject({ kind: "job_failing", failure: { taskId: taskId("build"), exitCode: 2 } });
  });

  test("is one entry with the job that ran it and failed because of it, but not if that failed for another reason", async () => {
    const inner = job("inner", { tasks: [shell("work", "echo 'error: no such table'; exit 1")] });
    const middle = job("middle", { tasks: [childJob("call", "inner")] });
    const outer = job("outer", { tasks: [childJob("call", "middle")] });
    const apart = job("apart", {
      tasks: [shell("own", "exit 1"), childJob("call", "inner", { allowFailure: "always" })],
    });
    await using petit = await startEngine({ jobs: [inner, middle, outer, apart] });
    const jobsListed = async () => (await attention(petit)).map((item) => ("jobId" in item ? item.jobId : null));
    const { run } = await petit.run("outer");
    const [entry, ...others] = await attention(petit);
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      jobId: "outer",
      runId: run.id,
      failure: { cause: { text: "error: no such table", child: { jobId: "inner", taskId: "work" } } },
      childJobs: expect.arrayContaining([jobId("inner"), jobId("middle")]),
    });
    expect((await petit.engine.listAttention(100, new Set([jobId("inner")]))).items).toMatchObject([
      { jobId: "inner" },
    ]);
    await petit.run("apart");
    expect((await jobsListed()).toSorted()).toEqual([jobId("apart"), jobId("inner"), jobId("outer")]);
  });

  test("does not need attention once its file is gone, and does again with the file", async () => {
    await using petit = await startEngine({ jobs: [fails] });
    await petit.run("fails");
    expect((await attention(petit)).map(({ kind }) => kind)).toEqual(["job_failing"]);
    petit.files = filesOf([]);
    await petit.engine.reload();
    expect(await attention(petit)).toEqual([]);
    petit.files = filesOf([fails]);
    await petit.engine.reload();
    expect((await attention(petit)).map(({ kind }) => kind)).toEqual(["job_failing"]);
  });
});

test("approvals of two runs of a job name the params in which these differ, also if a third one is decided", async () => {
  const param = { description: null, default: "eu", required: false, pattern: null, enum: null };
  const asks = { program: { type: "approval", prompt: null, onTimeout: "reject" } } as const;
  const deploy = job("deploy", {
    params: { region: param, version: { ...param, default: "7" } },
    tasks: [shell("check", "true", asks), shell("live", "true", asks)],
    maxConcurrency: 9,
  });
  await using petit = await startEngine({ jobs: [deploy] });
  const ask = async (params: Readonly<Record<string, string>>): Promise<void> => {
    const { id: runId } = await petit.trigger("deploy", { params });
    await petit.event("approval", { runId, taskId: taskId("live") });
  };
  const asked = async () =>
    (await attention(petit)).map((item) =>
      item.kind === "approval_needed" ? [item.taskId, item.params.region, item.differing] : null,
    );
  await ask({});
  expect(await asked()).toEqual([
    [taskId("check"), "eu", []],
    [taskId("live"), "eu", []],
  ]);
  await ask({ region: "us" });
  expect(await asked()).toEqual(
    ["eu", "us"].flatMap((region) => ["check", "live"].map((task) => [taskId(task), region, ["region"]])),
  );
});

describe("the order", () => {
  test("has the oldest approval first, then the job with the tag critical, then the longest streak", async () => {
    const asks = { program: { type: "approval", prompt: null, onTimeout: "reject" } } as const;
    const fails = [shell("only", "exit 1")];
    const jobs = [
      job("asks-first", { tasks: [shell("ok", "true", asks)] }),
      job("asks-next", { tasks: [shell("ok", "true", asks)] }),
      job("fails", { tasks: fails }),
      job("often", { tasks: fails }),
      job("vital", { tasks: fails, tags: ["critical"] }),
    ];
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs });
    for (const id of ["asks-first", "asks-next"]) {
      await petit.trigger(id);
      await petit.event("approval", { jobId: jobId(id) });
      await clock.pass(1_000);
    }
    for (const id of ["vital", "often", "often", "often", "fails"]) {
      await petit.run(id);
      await clock.pass(1_000);
    }
    const items = await attention(petit);
    expect(items.map((item) => ("jobId" in item ? item.jobId : null))).toEqual(
      ["asks-first", "asks-next", "vital", "often", "fails"].map(jobId),
    );
    expect(new Set((await petit.engine.listAttention(100)).items.map(({ id }) => id)).size).toBe(5);
  });
});
