import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { RunId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { Run } from "../../../src/domain/run.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const jobsOf = (text: string): readonly Job[] => {
  const { jobs, problems } = readJobFile({ file: "j.yaml", folder: "/", text });
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return jobs;
};

/** A parent with one task `call` that runs `child`. */
const parent = (fields = "", id = "parent"): string =>
  `id: ${id}\ntasks:\n  - {id: call, type: job, job: child${fields}}\n---\n`;

const child = (script: string, fields = ""): string =>
  `id: child\n${fields}\ntasks:\n  - {id: work, type: shell, script: ${JSON.stringify(script)}}\n`;

const childrenOf = (petit: StartedEngine, runId: RunId): readonly Run[] =>
  petit.store.runs.list({ parent: runId, limit: 1000 }).toReversed();

const onlyChild = (petit: StartedEngine, runId: RunId): Run => {
  const [found, ...others] = childrenOf(petit, runId);
  if (found === undefined || others.length > 0) throw new Error(`the run has ${others.length + 1} children`);
  return found;
};

describe("a task of type job", () => {
  test("runs the job with its params, and gets the outputs of that job", async () => {
    const jobs = jobsOf(`id: parent
params: {day: {default: monday}}
outputs: {rows: "\${{ tasks.load.outputs.rows }}", twice: "\${{ tasks.load.outputs.rows }}\${{ tasks.load.outputs.rows }}"}
tasks:
  - {id: load, type: job, job: child, params: {day: "\${{ params.day }}"}}
  - {id: print, type: command, command: echo, args: ["\${{ tasks.load.outputs.rows }}"], depends_on: [load]}
---
id: child
params: {day: {required: true}, table: {default: t}}
outputs: {rows: "\${{ tasks.work.outputs.n }} of \${{ params.day }}"}
tasks:
  - {id: work, type: shell, script: 'echo "$PETIT_TRIGGER $PETIT_PARAM_DAY $PETIT_PARAM_TABLE"; echo n=42 >> "$PETIT_OUTPUT"'}
`);
    await using petit = await startEngine({ jobs });
    const { run, tasks, attempts, output } = await petit.run("parent");
    expect(run).toMatchObject({ status: "completed", parent: null, nesting: 0 });
    expect(run.outputs).toEqual({ rows: "42 of monday", twice: "42 of monday42 of monday" });
    expect(output({ task: "print" })).toBe("42 of monday\n");
    const started = onlyChild(petit, run.id);
    expect(started).toMatchObject({
      jobId: "child",
      status: "completed",
      trigger: "job",
      parent: { runId: run.id, taskId: "load", item: null, attempt: 1 },
      nesting: 1,
      params: { day: "monday", table: "t" },
      outputs: { rows: "42 of monday" },
      triggeredBy: null,
    });
    expect(tasks.load).toMatchObject({ outputs: { rows: "42 of monday" }, exitCode: null, childRunId: started.id });
    expect(attempts).toMatchObject([
      { taskId: "load", status: "completed", childRunId: started.id, process: null },
      {},
    ]);
    expect(petit.read(started.id).output()).toBe("job monday t\n");
  });

  test("fails with the child run, and says which and why", async () => {
    await using petit = await startEngine({ jobs: jobsOf(parent() + child("exit 3")) });
    const { run, summary, tasks } = await petit.run("parent");
    const failed = onlyChild(petit, run.id);
    expect(summary).toBe("call failed(child_failed)");
    const error = `run ${failed.id} of job 'child' failed: task 'work' failed: exit code 3`;
    expect(tasks.call).toMatchObject({ error, outputs: {} });
    expect(run).toMatchObject({ status: "failed", reason: "child_failed", error: `task 'call' failed: ${error}` });
  });

  test("may fail where that is allowed", async () => {
    await using petit = await startEngine({ jobs: jobsOf(parent(", allow_failure: true") + child("exit 3")) });
    expect((await petit.run("parent")).run).toMatchObject({ status: "completed", warnings: 1 });
  });

  test("without wait completes when the child run is stored", async () => {
    using held = gate();
    const jobs = jobsOf(parent(", wait: false") + child(held.wait));
    await using petit = await startEngine({ jobs });
    const { run, tasks } = await petit.run("parent");
    expect(run.status).toBe("completed");
    const started = onlyChild(petit, run.id);
    expect(tasks.call).toMatchObject({ status: "completed", childRunId: started.id });
    held.open();
    expect((await petit.ended(started.id)).run.status).toBe("completed");
  });

  test("without wait does not end before its items, and neither before it started", async () => {
    let reads = 0;
    // Each look at this clock takes a while.
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + 10 * reads++ };
    const jobs = jobsOf(
      `${parent(", wait: false, foreach: [a, b, c]")}${parent(", foreach: []", "none")}${child("true")}`,
    );
    await using petit = await startEngine({ jobs, clock });
    const { run, tasks } = await petit.run("parent");
    const items = petit.store.runs.listItems({ runId: run.id, taskId: jobTask });
    expect(items).toHaveLength(3);
    const lastEnd = Math.max(...items.map(({ endedAt }) => endedAt ?? 0));
    expect(tasks.call?.endedAt).toBeGreaterThanOrEqual(lastEnd);
    expect(run.endedAt).toBeGreaterThanOrEqual(lastEnd);
    const { call } = (await petit.run("none")).tasks;
    expect((call?.endedAt ?? 0) - (call?.startedAt ?? 0)).toBeGreaterThanOrEqual(0);
  });

  test("fails without a child run if the job does not exist, or refuses the params", async () => {
    const text = `${parent(', params: {day: "${{ item }}"}, foreach: [monday, sunday]')}${child("true", "params: {day: {enum: [monday]}}")}`;
    await using petit = await startEngine({ jobs: jobsOf(text) });
    const { run } = await petit.run("parent");
    expect(
      petit.store.runs.listItems({ runId: run.id, taskId: jobTask }).map(({ status, error }) => [status, error]),
    ).toEqual([
      ["completed", null],
      ["failed", "job 'child' refused its params: param 'day' can't be 'sunday'; did you mean 'monday'?"],
    ]);
    petit.files = { ...petit.files, jobs: petit.files.jobs.filter(({ id }) => id === "parent") };
    await petit.engine.reload();
    const second = await petit.run("parent");
    expect(second.tasks.call?.error).toContain("job 'child' is gone: no job file defines it any more");
    expect(childrenOf(petit, second.run.id)).toEqual([]);
  });

  test("runs one child for each item, with outputs in their order", async () => {
    const text = `${parent(', params: {n: "${{ item }}"}, foreach: {range: [1, 6]}')}${child('sleep 0.0$((6 - PETIT_PARAM_N)); echo "sq=$((PETIT_PARAM_N * PETIT_PARAM_N))" >> "$PETIT_OUTPUT"', 'params: {n: {}}\noutputs: {sq: "${{ tasks.work.outputs.sq }}"}')}`;
    await using petit = await startEngine({ jobs: jobsOf(text) });
    const { run, tasks } = await petit.run("parent");
    expect(tasks.call?.outputs).toEqual({ sq: '["1","4","9","16","25","36"]' });
    const children = childrenOf(petit, run.id);
    expect(children.map(({ parent: from, params }) => [from?.item, params.n])).toEqual(
      [1, 2, 3, 4, 5, 6].map((n) => [n - 1, String(n)]),
    );
    const items = petit.store.runs.listItems({ runId: run.id, taskId: jobTask });
    expect(items.map(({ childRunId }) => childRunId)).toEqual(children.map(({ id }) => id));
  });

  test("is refused below ten levels", async () => {
    const level = (id: number, next: number): string =>
      `id: l${id}\ntasks:\n  - {id: call, type: job, job: l${next}}\n---\n`;
    const chain = Array.from({ length: 10 }, (_, n) => level(n, n + 1)).join("");
    // The last job calls another one since the chain was checked.
    const jobs = jobsOf(`${chain}${level(10, 11)}id: l11\ntasks:\n  - {id: end, type: command, command: "true"}\n`);
    await using petit = await startEngine({ jobs });
    const { run } = await petit.run("l0");
    expect(run.status).toBe("failed");
    expect(run.error).toContain("job 'l11' can't run here: runs are nested at most 10 deep");
    expect((await petit.run("l1")).run.status).toBe("completed");
  });
});

const jobTask = "call" as Parameters<StartedEngine["store"]["runs"]["listItems"]>[0]["taskId"];

describe("a run that waits for child runs", () => {
  test("holds no place of --max-jobs, and returns before pending runs", async () => {
    const text = `id: parent
tasks:
  - {id: call, type: job, job: child}
  - {id: after, type: command, command: "true", depends_on: [call]}
---
${child("true")}`;
    await using petit = await startEngine({ jobs: jobsOf(text), settings: { maxJobs: 1 } });
    const { run, summary } = await petit.run("parent");
    expect(summary).toBe("call completed · after completed");
    expect(run.status).toBe("completed");
  });

  test("of 20 parents with 5 places, all finish", async () => {
    const parents = Array.from({ length: 20 }, (_, n) => `${n}`);
    const top = `id: top\ntasks:\n  - {id: call, type: job, job: parent, foreach: [${parents.join(", ")}], max_parallel: 20}\n---\n`;
    const text = `${top}id: parent
tasks:
  - {id: before, type: command, command: "true"}
  - {id: call, type: job, job: child, depends_on: [before], foreach: [a, b]}
  - {id: after, type: command, command: "true", depends_on: [call]}
---
${child("true", "max_concurrency: 3")}`;
    await using petit = await startEngine({ jobs: jobsOf(text), settings: { maxJobs: 5, maxTasks: 20 } });
    const { run, tasks } = await petit.run("top");
    expect(run.status).toBe("completed");
    expect(tasks.call?.items).toBe(20);
    const runs = petit.store.runs.list({ limit: 1000 });
    expect(runs.map(({ status }) => status)).toEqual(new Array(61).fill("completed"));
    expect(petit.engine.counts).toEqual({ pending: 0, running: 0 });
  });

  test("still counts for its own max_concurrency", async () => {
    using held = gate();
    const text = `id: parent\nmax_concurrency: 1\ntasks:\n  - {id: call, type: job, job: child}\n---\n${child(held.wait)}`;
    await using petit = await startEngine({ jobs: jobsOf(text) });
    const { id } = await petit.trigger("parent");
    await petit.event("run.started", { jobId: onlyChild(petit, id).jobId });
    await expect(petit.trigger("parent")).rejects.toMatchObject({ code: "limit_reached" });
    held.open();
    expect((await petit.ended(id)).run.status).toBe("completed");
  });

  test("does not park while a process of it runs", async () => {
    using held = gate();
    const text = `id: parent
tasks:
  - {id: call, type: job, job: child}
  - {id: own, type: shell, script: ${JSON.stringify(held.wait)}}
---
${child("true")}`;
    await using petit = await startEngine({ jobs: jobsOf(text), settings: { maxJobs: 1 } });
    const { id } = await petit.trigger("parent");
    await petit.event("task.started", { taskId: "own" as never });
    expect(onlyChild(petit, id).status).toBe("pending");
    held.open();
    expect((await petit.ended(id)).run.status).toBe("completed");
  });
});

describe("a task with fail_fast", () => {
  const text = (wait: string): string => `id: parent
tasks:
  - {id: call, type: job, job: child, params: {n: "\${{ item }}"}, foreach: [a, b, c], fail_fast: true}
---
id: child
max_concurrency: 1
params: {n: {}}
tasks:
  - {id: work, type: shell, script: ${JSON.stringify(`test "$PETIT_PARAM_N" != b || exit 1; ${wait}`)}}
`;

  test("starts no child run after one has failed", async () => {
    await using petit = await startEngine({ jobs: jobsOf(text("true")) });
    const { run, summary } = await petit.run("parent");
    expect(summary).toBe("call failed(items_failed)");
    const ended = childrenOf(petit, run.id).map(({ status, startedAt }) => [status, startedAt !== null]);
    expect(ended).toEqual([
      ["completed", true],
      ["failed", true],
      ["cancelled", false],
    ]);
  });
});

describe("a child run", () => {
  test.each(["parent", "hand"])("waits for max_concurrency of its job while a run by %s goes on", async (first) => {
    using held = gate();
    const jobs = jobsOf(parent() + child(held.wait, "max_concurrency: 1"));
    await using petit = await startEngine({ jobs });
    const before = await petit.trigger(first === "hand" ? "child" : "parent");
    await petit.event("run.started", { jobId: "child" as never });
    await expect(petit.trigger("child")).rejects.toMatchObject({ code: "limit_reached" });
    const { id } = await petit.trigger("parent");
    const waiting = onlyChild(petit, id);
    expect(waiting).toMatchObject({ status: "pending", startedAt: null });
    held.open(2);
    expect((await petit.ended(id)).run.status).toBe("completed");
    expect((await petit.ended(before.id)).run.status).toBe("completed");
  });

  test("waits until the gates of its job are open", async () => {
    const text = `${parent()}id: other\ntasks:\n  - {id: t, type: command, command: "true"}\n---\n${child("true", "depends_on: [other]")}`;
    await using petit = await startEngine({ jobs: jobsOf(text) });
    const { id } = await petit.trigger("parent");
    const waiting = onlyChild(petit, id);
    await petit.run("other");
    expect((await petit.ended(id)).run.status).toBe("completed");
    const { createdAt, startedAt } = petit.read(waiting.id).run;
    expect(startedAt).toBeGreaterThanOrEqual(createdAt);
  });

  test("runs although its job is paused or disabled", async () => {
    await using petit = await startEngine({ jobs: jobsOf(parent() + child("true", "enabled: false")) });
    await petit.engine.pauseJob("child");
    await petit.engine.pause();
    expect((await petit.run("parent")).run.status).toBe("completed");
  });

  test.each(["pending", "running"])("that is %s ends with its parent", async (status) => {
    using held = gate();
    await using petit = await startEngine({ jobs: jobsOf(parent() + child(held.wait, "max_concurrency: 1")) });
    const blocker = status === "pending" ? await petit.trigger("child") : null;
    const { id } = await petit.trigger("parent");
    const started = onlyChild(petit, id);
    if (status === "running") await petit.event("task.started", { runId: started.id });
    expect(petit.read(started.id).run.status).toBe(status as Run["status"]);
    await petit.engine.cancel(id, "ada");
    const { run, summary } = await petit.ended(id);
    expect(run.status).toBe("cancelled");
    expect(summary).toBe("call failed(cancelled)");
    expect(petit.read(started.id).run).toMatchObject({ status: "cancelled", ending: "cancelled" });
    if (blocker !== null) held.open();
    if (blocker !== null) expect((await petit.ended(blocker.id)).run.status).toBe("completed");
    expect(petit.engine.counts).toEqual({ pending: 0, running: 0 });
  });

  test.each([
    ["of its parent's task", ", timeout: 1h", "", "call failed(timeout)"],
    ["of its parent", "", "timeout: 1h\n", "call failed(timeout)"],
  ])("ends at the timeout %s", async (_, ofTask, ofRun, summary) => {
    const clock = new FakeClock();
    using held = gate();
    const text = `id: parent\n${ofRun}tasks:\n  - {id: call, type: job, job: child${ofTask}}\n---\n${child(held.wait)}`;
    await using petit = await startEngine({ jobs: jobsOf(text), clock });
    const { id } = await petit.trigger("parent");
    await clock.passUntil(petit.event("run.started", { jobId: "child" as never }));
    const ended = petit.ended(id);
    await clock.pass(3_600_000);
    expect((await clock.passUntil(ended)).summary).toBe(summary);
    expect(onlyChild(petit, id)).toMatchObject({ status: "cancelled" });
  });

  test("that a person cancels fails its parent's task", async () => {
    using held = gate();
    await using petit = await startEngine({ jobs: jobsOf(parent() + child(held.wait)) });
    const { id } = await petit.trigger("parent");
    const started = onlyChild(petit, id);
    await petit.event("task.started", { runId: started.id });
    await petit.engine.cancel(started.id, "ada");
    const { tasks } = await petit.ended(id);
    expect(tasks.call).toMatchObject({
      reason: "child_failed",
      error: `run ${started.id} of job 'child' was cancelled by ada`,
    });
  });
});

describe("a retry", () => {
  /** `once` completes and `then` fails until there is a file. */
  const flaky = (file: string): string => `id: child
tasks:
  - {id: once, type: command, command: echo, args: [once]}
  - {id: then, type: shell, script: 'test -e ${file}', depends_on: [once]}
`;

  test("of the parent's task retries the child run", async () => {
    using dir = tempDir();
    const jobs = jobsOf(parent(", retry: {max_attempts: 1}") + flaky(dir.file("go")));
    await using petit = await startEngine({ jobs });
    const { run, attempts } = await petit.run("parent");
    expect(run.status).toBe("failed");
    const [first, again] = childrenOf(petit, run.id);
    expect(again).toMatchObject({ trigger: "job", retryOf: first?.id ?? null, parent: { attempt: 2 } });
    expect(petit.read(again?.id ?? run.id).tasks.once).toMatchObject({ reused: true, attempts: 0 });
    expect(attempts.map(({ childRunId }) => childRunId)).toEqual([first?.id ?? null, again?.id ?? null]);
  });

  test("of the parent retries a failed child run, and keeps a completed one", async () => {
    using dir = tempDir();
    const text = `id: parent
tasks:
  - {id: good, type: job, job: ok}
  - {id: call, type: job, job: child}
---
id: ok
tasks: [{id: t, type: command, command: "true"}]
---
${flaky(dir.file("go"))}`;
    await using petit = await startEngine({ jobs: jobsOf(text) });
    const first = await petit.run("parent");
    expect(first.summary).toBe("good completed · call failed(child_failed)");
    writeFileSync(dir.file("go"), "");
    const { id } = await petit.engine.retry(first.run.id);
    const second = await petit.ended(id);
    expect(second.run.status).toBe("completed");
    expect(second.tasks.good).toMatchObject({ reused: true, childRunId: first.tasks.good?.childRunId });
    const retried = onlyChild(petit, id);
    expect(retried).toMatchObject({ jobId: "child", retryOf: first.tasks.call?.childRunId, status: "completed" });
    expect(petit.read(retried.id).tasks.once).toMatchObject({ reused: true });
  });

  test("of the parent from the start runs new child runs", async () => {
    using dir = tempDir();
    await using petit = await startEngine({ jobs: jobsOf(parent() + flaky(dir.file("go"))) });
    const first = await petit.run("parent");
    const { id } = await petit.engine.retry(first.run.id, { kind: "all" });
    await petit.ended(id);
    expect(onlyChild(petit, id)).toMatchObject({ retryOf: null });
  });

  test("of the parent retries the failed child runs of its items only", async () => {
    using dir = tempDir();
    const text = `${parent(', params: {n: "${{ item }}"}, foreach: [a, b, c]')}id: child
params: {n: {}}
tasks:
  - {id: once, type: command, command: "true"}
  - {id: then, type: shell, script: 'test "$PETIT_PARAM_N" != b || test -e ${dir.file("go")}', depends_on: [once]}
`;
    await using petit = await startEngine({ jobs: jobsOf(text) });
    const first = await petit.run("parent");
    expect(first.summary).toBe("call failed(items_failed)");
    writeFileSync(dir.file("go"), "");
    const { id } = await petit.engine.retry(first.run.id);
    expect((await petit.ended(id)).run.status).toBe("completed");
    const before = petit.store.runs.listItems({ runId: first.run.id, taskId: jobTask });
    const after = petit.store.runs.listItems({ runId: id, taskId: jobTask });
    expect(after.map(({ reused }) => reused)).toEqual([true, false, true]);
    expect(after[0]?.childRunId).toBe(before[0]?.childRunId ?? null);
    expect(onlyChild(petit, id)).toMatchObject({ retryOf: before[1]?.childRunId, parent: { item: 1 } });
  });
});

describe("after a restart", () => {
  test("a parent still waits for its child run, pending or running", async () => {
    using dir = tempDir();
    using held = gate();
    const options = { jobs: jobsOf(parent() + child(held.wait, "max_concurrency: 1")), dir: dir.path };
    const first = await startEngine(options);
    const ids = [(await first.trigger("parent")).id, (await first.trigger("parent")).id];
    await first.event("task.started", { jobId: "child" as never });
    await first.stop("leave");
    await using petit = await startEngine(options);
    expect(ids.map((id) => onlyChild(petit, id).status)).toEqual(["running", "pending"]);
    held.open(2);
    for (const id of ids) expect((await petit.ended(id)).run.status).toBe("completed");
    expect(petit.store.runs.list({ limit: 100 })).toHaveLength(4);
  });

  test("a parent whose child run ended in the last moment continues", async () => {
    using dir = tempDir();
    const options = { jobs: jobsOf(parent() + child("true")), dir: dir.path };
    const first = await startEngine(options);
    const { id } = await first.trigger("parent");
    await first.event("run.finished", { jobId: "child" as never });
    await first.stop("leave");
    await using petit = await startEngine(options);
    expect((await petit.ended(id)).run.status).toBe("completed");
  });

  test("a run that was ended while its child run went on is ended", async () => {
    using dir = tempDir();
    using held = gate();
    const options = { jobs: jobsOf(parent() + child(held.wait)), dir: dir.path };
    const first = await startEngine(options);
    const { id } = await first.trigger("parent");
    await first.event("task.started", { jobId: "child" as never });
    first.store.runs.requestEnd(id, "cancelled");
    await first.stop("leave");
    await using petit = await startEngine(options);
    expect((await petit.ended(id)).run.status).toBe("cancelled");
    expect(onlyChild(petit, id).status).toBe("cancelled");
  });

  test("a run that was cancelled twice is ended with the clean-up tasks of its child run", async () => {
    using dir = tempDir();
    using held = gate();
    const cleanUp = `{id: clean, depends_on: [work], condition: all_done, type: shell, script: ${JSON.stringify(`trap '' TERM; ${held.wait}; sleep 60`)}}`;
    const options = { jobs: jobsOf(`${parent()}${child(held.wait)}  - ${cleanUp}\n`), dir: dir.path };
    const first = await startEngine({ ...options, settings: { killGraceMs: 60_000 } });
    const { id } = await first.trigger("parent");
    await held.reached();
    await first.engine.cancel(id);
    await held.reached();
    // The previous petit ended before it passed the request on.
    first.store.runs.requestEnd(id, "cancelled", { all: true });
    await first.stop("leave");
    await using petit = await startEngine({ ...options, settings: { killGraceMs: 100 } });
    expect((await petit.ended(id)).run.status).toBe("cancelled");
    expect(petit.read(onlyChild(petit, id).id).summary).toBe("work failed(cancelled) · clean failed(cancelled)");
  });
});

describe("when petit stops", () => {
  test("a drain lets a child run complete, and the next start continues its parent", async () => {
    using dir = tempDir();
    using held = gate();
    const text = `id: parent
tasks:
  - {id: call, type: job, job: child}
  - {id: after, type: command, command: "true", depends_on: [call]}
---
${child(held.wait)}`;
    const options = { jobs: jobsOf(text), dir: dir.path };
    const first = await startEngine(options);
    const { id } = await first.trigger("parent");
    const started = onlyChild(first, id);
    await first.event("task.started", { runId: started.id });
    const stopped = first.stop("drain");
    held.open();
    await stopped;
    await using petit = await startEngine(options);
    const { run, summary } = await petit.ended(id);
    expect(summary).toBe("call completed · after completed");
    expect(run.status).toBe("completed");
    expect(childrenOf(petit, id)).toHaveLength(1);
  });

  test("a parent is interrupted with its child run", async () => {
    using dir = tempDir();
    using held = gate();
    const options = { jobs: jobsOf(parent() + child(held.wait)), dir: dir.path };
    const first = await startEngine(options);
    const { id } = await first.trigger("parent");
    const started = onlyChild(first, id);
    await first.event("task.started", { runId: started.id });
    await first.stop("now");
    await using petit = await startEngine(options);
    expect((await petit.ended(id)).run).toMatchObject({ status: "interrupted", reason: "shutdown" });
    expect(petit.read(started.id).run).toMatchObject({ status: "interrupted", reason: "shutdown" });
  });
});

test("a run that waited for a child run continues before a run that was pending before", async () => {
  using held = gate();
  const text = `id: parent
tasks:
  - {id: call, type: job, job: child}
  - {id: after, type: command, command: "true", depends_on: [call]}
---
id: other
queue: any
tasks: [{id: t, type: command, command: "true"}]
---
${child(held.wait)}`;
  const settings = { maxJobs: 1, queues: new Map([["any", 1]]) };
  await using petit = await startEngine({ jobs: jobsOf(text), settings });
  const { id } = await petit.trigger("parent");
  await held.reached();
  const pending = await petit.trigger("other");
  expect(pending.status).toBe("pending");
  held.open();
  const { run } = await petit.ended(id);
  const other = await petit.ended(pending.id);
  expect(other.run.startedAt ?? 0).toBeGreaterThanOrEqual(run.endedAt ?? Number.POSITIVE_INFINITY);
});

describe("the cause of a failed child", () => {
  /** Runs the job `parent` and returns what explains its failure, with its child. */
  const explain = async (text: string) => {
    await using petit = await startEngine({ jobs: jobsOf(text) });
    const { run, attempts } = await petit.run("parent");
    return {
      failure: petit.store.runs.describeFailure(run.id),
      causes: attempts.map(({ cause }) => cause),
      children: childrenOf(petit, run.id),
    };
  };

  test("is the line of the child that explains it, with the run that wrote it", async () => {
    const { failure, causes, children } = await explain(
      parent() + child("seq 3; echo 'error: no such table'; echo '  in orders'; echo cleanup; exit 1"),
    );
    expect(failure).toMatchObject({ taskId: "call", reason: "child_failed", lastLine: null });
    expect(failure.cause).toEqual({
      seq: 4,
      stream: "stdout",
      text: "error: no such table",
      context: ["  in orders"],
      child: {
        runId: children[0]?.id as RunId,
        jobId: children[0]?.jobId as never,
        taskId: "work" as never,
        item: null,
      },
    });
    expect(causes).toEqual([failure.cause]);
  });

  test("is the last line of the child if none explains it, and nothing if it wrote nothing or was cancelled", async () => {
    const { failure } = await explain(parent() + child("echo first; echo gone; exit 1"));
    expect(failure.cause).toMatchObject({
      seq: 2,
      text: "gone",
      context: [],
      child: { taskId: "work", error: "exit code 1" },
    });
    expect((await explain(parent() + child("exit 1"))).failure.cause).toBeNull();
    await using petit = await startEngine({ jobs: jobsOf(parent() + child("echo 'error: x'; exec sleep 60")) });
    const run = await petit.trigger("parent");
    const started = await petit.event("task.started", { taskId: "work" as never });
    await petit.written(started.runId as RunId, "error");
    await petit.engine.cancel(started.runId as RunId);
    await petit.ended(run.id);
    expect(petit.store.runs.describeFailure(run.id)).toMatchObject({ reason: "child_failed", cause: null });
  });

  test("is the line of the innermost child, and of the failed item", async () => {
    const { failure, children } = await explain(`id: parent
tasks:
  - {id: call, type: job, job: middle, foreach: [a, b], max_parallel: 1}
---
id: middle
tasks:
  - {id: inner, type: job, job: child}
---
${child("echo 'error: the disk is full'; exit 1")}`);
    expect(failure).toMatchObject({
      item: 0,
      cause: { text: "error: the disk is full", child: { jobId: "child", taskId: "work" } },
    });
    expect(children.map(({ id }) => id)).not.toContain(failure.cause?.child?.runId as RunId);
  });

  test("is there too if the timeout of the task ended the child", async () => {
    const { failure } = await explain(parent(", timeout: 1s") + child("echo 'error: no answer'; exec sleep 60"));
    expect(failure).toMatchObject({ reason: "timeout", cause: { text: "error: no answer" } });
  });
});
