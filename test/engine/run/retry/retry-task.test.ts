import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { RetryScope } from "../../../../src/engine/engine.ts";
import { command, items, job, shell } from "../../../support/engine/factories.ts";
import { gate } from "../../../support/engine/gate.ts";
import { filesOf, type StartedEngine, startEngine } from "../../../support/engine/started-engine.ts";
import { tempDir } from "../../../support/temp-dir.ts";

/** Two branches after `a`. `b` and `x` fail until the files of their names exist. */
const branches = (dir: string) =>
  job("branches", {
    tasks: [
      shell("a", 'echo "rows=42" >> "$PETIT_OUTPUT"'),
      shell("b", `[ -e ${dir}/b ]`, { after: ["a"] }),
      command("c", "echo", { after: ["b"], args: ["${{ tasks.a.outputs.rows }}"] }),
      command("alert", "true", { after: ["b"], condition: "on_failure" }),
      shell("x", `[ -e ${dir}/x ]`, { after: ["a"] }),
      command("y", "true", { after: ["x"] }),
    ],
  });

/** Retries the newest run of a job, and waits for the end of the new one. Returns it and the tasks that ran. */
const retried = async (petit: StartedEngine, jobId: string, scope: RetryScope) => {
  const { lastRun } = petit.engine.findJob(jobId) ?? {};
  if (!lastRun) throw new Error("the job has not run");
  const done = await petit.ended((await petit.engine.retry(lastRun.id, scope)).id);
  return { ...done, ran: done.attempts.map(({ taskId }) => String(taskId)) };
};

describe("a retry of one task", () => {
  test("runs it and what did not complete after it, and keeps the results of all others", async () => {
    using dir = tempDir();
    await using petit = await startEngine({ jobs: [branches(dir.path)] });
    const first = await petit.run("branches");
    expect(first.summary).toBe(
      "a completed · b failed(exit_code) · c skipped(upstream_failed) · alert completed · x failed(exit_code) · y skipped(upstream_failed)",
    );
    for (const name of ["b", "x"]) writeFileSync(dir.file(name), "");
    const second = await retried(petit, "branches", { kind: "task", taskId: "b" });
    expect(second.ran).toEqual(["b", "c"]);
    expect(second.output()).toBe("42\n");
    expect(second.summary).toBe(
      "a completed · b completed · c completed · alert completed · x failed(exit_code) · y skipped(upstream_failed)",
    );
    expect(second.tasks.x).toMatchObject({ reused: true, attempts: 0, exitCode: 1, error: "exit code 1" });
    expect(second.run).toMatchObject({ status: "failed", trigger: "retry", retryOf: first.run.id });
    expect(second.run.error).toBe("task 'x' failed: exit code 1");
    const third = await retried(petit, "branches", { kind: "rest" });
    expect([third.ran, third.run.status]).toEqual([["x", "y"], "completed"]);
    expect(third.tasks.x).toMatchObject({ reused: false, attempts: 1 });
  });

  test("fails if the task fails again, with the new failure as its cause", async () => {
    using dir = tempDir();
    await using petit = await startEngine({ jobs: [branches(dir.path)] });
    await petit.run("branches");
    const second = await retried(petit, "branches", { kind: "task", taskId: "x" });
    expect(second.ran).toEqual(["x"]);
    expect(petit.store.runs.describeFailure(second.run.id)).toMatchObject({ taskId: "x", attempt: 1 });
  });

  test("repeats only the items that did not complete, also after a retry that did not reach them", async () => {
    using dir = tempDir();
    const log = dir.file("log");
    const tasks = [
      shell("up", `[ ! -e ${dir.file("broken")} ]`),
      shell("each", `echo "$PETIT_ITEM" >> ${log}; [ "$PETIT_ITEM" = a ] || [ -e ${dir.file("fixed")} ]`, {
        after: ["up"],
        items: items(["a", "b"]),
      }),
    ];
    await using petit = await startEngine({ jobs: [job("two", { tasks })], settings: { maxTasks: 1 } });
    const summaries = [(await petit.run("two")).summary];
    writeFileSync(dir.file("broken"), "");
    summaries.push((await retried(petit, "two", { kind: "task", taskId: "up" })).summary);
    rmSync(dir.file("broken"));
    writeFileSync(dir.file("fixed"), "");
    summaries.push((await retried(petit, "two", { kind: "task", taskId: "up" })).summary);
    expect(summaries).toEqual([
      "up completed · each failed(items_failed)",
      "up failed(exit_code) · each skipped(upstream_failed)",
      "up completed · each completed",
    ]);
    expect(readFileSync(log, "utf8")).toBe("a\nb\nb\n");
  });

  test("can run a task after a failure that is allowed, and keeps that of one after it", async () => {
    const tasks = [
      shell("lint", "exit 3", { allowFailure: { exitCodes: [3] } }),
      command("deploy", "true", { after: ["lint"] }),
      shell("audit", "exit 3", { after: ["deploy"], allowFailure: "always" }),
      command("verify", "false", { after: ["audit"] }),
    ];
    await using petit = await startEngine({ jobs: [job("release", { tasks })] });
    await petit.run("release");
    const second = await retried(petit, "release", { kind: "task", taskId: "deploy" });
    expect(second.ran).toEqual(["deploy", "verify"]);
    const third = await retried(petit, "release", { kind: "from", taskId: "deploy" });
    expect(third.ran).toEqual(["deploy", "audit", "verify"]);
  });

  test("can run a completed task again, and not those after it", async () => {
    await using petit = await startEngine({
      jobs: [job("two", { tasks: [command("a", "true"), command("b", "true", { after: ["a"] })] })],
    });
    await petit.run("two");
    const second = await retried(petit, "two", { kind: "task", taskId: "a" });
    expect([second.ran, second.run.status]).toEqual([["a"], "completed"]);
  });

  test("starts the tasks after it when it has ended, also those that depend only on results that are kept", async () => {
    using dir = tempDir();
    using door = gate();
    const tasks = [
      shell("a", `[ ! -e ${dir.file("again")} ] || { ${door.wait}; }; echo "rows=42" >> "$PETIT_OUTPUT"`),
      command("b", "true", { after: ["a"] }),
      command("c", "true", { after: ["b"] }),
      shell("conditional", `[ -e ${dir.file("again")} ]`, { after: ["c"], if: "tasks.a.status == 'completed'" }),
      shell("printing", `[ -e ${dir.file("again")} ] && echo "$1"`, {
        after: ["b"],
        args: ["${{ tasks.a.outputs.rows }}"],
      }),
      shell("plain", `[ -e ${dir.file("again")} ]`, { after: ["c"] }),
      shell("other", `[ -e ${dir.file("again")} ]`),
    ];
    await using petit = await startEngine({ jobs: [job("chain", { tasks })] });
    const first = await petit.run("chain");
    writeFileSync(dir.file("again"), "");
    const retry = await petit.engine.retry(first.run.id, { kind: "task", taskId: "a" });
    await door.reached();
    expect(petit.read(retry.id).summary).toBe(
      "a running · b completed · c completed · conditional pending · printing pending · plain pending · other failed(exit_code)",
    );
    door.open();
    const { summary, output } = await petit.ended(retry.id);
    expect(summary).toBe(
      "a completed · b completed · c completed · conditional completed · printing completed · plain completed · other failed(exit_code)",
    );
    expect(output()).toBe("42\n");
  });

  test("does not complete if another task never ran because the run was cancelled", async () => {
    using door = gate();
    const tasks = [
      shell("a", `[ -n "$AGAIN" ] || ${door.wait}`, { environment: {} }),
      command("z", "true", { after: ["w"] }),
    ];
    const waiting = job("cancelled", { tasks: [...tasks, shell("w", door.wait)] });
    await using petit = await startEngine({ jobs: [waiting] });
    const run = await petit.trigger("cancelled");
    await door.reached();
    await door.reached();
    await petit.engine.cancel(run.id);
    await petit.ended(run.id);
    petit.files = filesOf([
      job("cancelled", { tasks: waiting.tasks.map((task) => (task.id === "a" ? command("a", "true") : task)) }),
    ]);
    await petit.engine.reload();
    const second = await retried(petit, "cancelled", { kind: "task", taskId: "a" });
    expect(second.ran).toEqual(["a"]);
    expect(second.run).toMatchObject({ status: "failed", reason: "cancelled" });
  });

  test.each([
    ["is not in the job", "bb", "invalid_request", "job 'branches' has no task 'bb'; did you mean 'b'?"],
    [
      "depends on one that did not complete",
      "c",
      "conflict",
      "task 'c' can't start: 'b', which it depends on, did not complete",
    ],
  ])("is refused if it %s", async (_, taskId, code, message) => {
    using dir = tempDir();
    await using petit = await startEngine({ jobs: [branches(dir.path)] });
    const { run } = await petit.run("branches");
    for (const kind of ["task", "from"] as const)
      await expect(petit.engine.retry(run.id, { kind, taskId })).rejects.toMatchObject({
        code,
        message: expect.stringContaining(message),
      });
  });
});

describe("a retry from a task on", () => {
  test("runs it and all tasks after it, also completed ones, and keeps the other results", async () => {
    using dir = tempDir();
    await using petit = await startEngine({ jobs: [branches(dir.path)] });
    await petit.run("branches");
    writeFileSync(dir.file("b"), "");
    const second = await retried(petit, "branches", { kind: "from", taskId: "b" });
    expect(second.summary).toBe(
      "a completed · b completed · c completed · alert skipped(condition_not_met) · x failed(exit_code) · y skipped(upstream_failed)",
    );
    expect(second.ran).toEqual(["b", "c"]);
  });

  test("also runs tasks that the job did not have before", async () => {
    await using petit = await startEngine({
      jobs: [job("one", { tasks: [command("a", "true"), command("b", "true")] })],
    });
    await petit.run("one");
    petit.files = filesOf([job("one", { tasks: ["a", "b", "new"].map((id) => command(id, "true")) })]);
    await petit.engine.reload();
    const second = await retried(petit, "one", { kind: "from", taskId: "b" });
    expect(second.ran.toSorted()).toEqual(["b", "new"]);
  });
});
