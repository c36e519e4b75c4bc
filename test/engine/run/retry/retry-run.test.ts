import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import type { RunId } from "../../../../src/domain/ids.ts";
import { command, items, job, param, schedule, shell, taskId } from "../../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../../support/engine/fake-clock.ts";
import { gate } from "../../../support/engine/gate.ts";
import { filesOf, startEngine } from "../../../support/engine/started-engine.ts";
import { tempDir } from "../../../support/temp-dir.ts";

/** `b` fails until the file `fixed` exists. */
const pipeline = (dir: string) =>
  job("pipeline", {
    params: { day: param({ default: "monday" }) },
    tasks: [
      shell("a", 'echo "rows=42" >> "$PETIT_OUTPUT"; echo a ran'),
      shell("b", `[ -e ${dir}/fixed ]`, { after: ["a"] }),
      command("c", "echo", { after: ["b"], args: ["${{ tasks.a.outputs.rows }} ${{ params.day }}"] }),
      command("alert", "true", { after: ["b"], condition: "on_failure" }),
    ],
  });

describe("a retry of a run", () => {
  test("reuses completed tasks with their outputs, and runs the others", async () => {
    using dir = tempDir();
    const chain = pipeline(dir.path);
    await using petit = await startEngine({ jobs: [chain] });
    const first = await petit.run("pipeline", { day: "sunday" });
    expect(first.summary).toBe("a completed · b failed(exit_code) · c skipped(upstream_failed) · alert completed");
    writeFileSync(dir.file("fixed"), "");
    const retry = await petit.engine.retry(first.run.id);
    expect(retry).toMatchObject({ trigger: "retry", retryOf: first.run.id, params: { day: "sunday" } });
    const second = await petit.ended(retry.id);
    expect(second.summary).toBe("a completed · b completed · c completed · alert skipped(condition_not_met)");
    expect(second.run.status).toBe("completed");
    expect(second.tasks.a).toMatchObject({ reused: true, attempts: 0, outputs: { rows: "42" } });
    expect(second.tasks.b).toMatchObject({ reused: false, attempts: 1 });
    expect(second.output()).toBe("42 sunday\n");
  });

  test("runs completed tasks again if an upstream task did not complete", async () => {
    using dir = tempDir();
    await using petit = await startEngine({ jobs: [pipeline(dir.path)] });
    const first = await petit.run("pipeline");
    const second = await petit.ended((await petit.engine.retry(first.run.id)).id);
    expect(second.tasks.alert).toMatchObject({ status: "completed", reused: false, attempts: 1 });
  });

  test.each([
    ["all", { allowFailure: "always" }],
    ["certain", { allowFailure: { exitCodes: [3] } }],
  ] as const)(
    "takes over a failure that is allowed (%s), and runs no completed task after it again",
    async (_, allowed) => {
      using dir = tempDir();
      const log = dir.file("log");
      const tasks = [
        shell("lint", `echo lint >> ${log}; exit 3`, allowed),
        shell("deploy", `echo deploy >> ${log}`, { after: ["lint"] }),
        shell("verify", `echo verify >> ${log}; [ -e ${dir.file("fixed")} ]`, { after: ["deploy"] }),
      ];
      await using petit = await startEngine({ jobs: [job("release", { tasks })] });
      const first = await petit.run("release");
      expect(first.summary).toBe("lint failed(exit_code) · deploy completed · verify failed(exit_code)");
      writeFileSync(dir.file("fixed"), "");
      const second = await petit.ended((await petit.engine.retry(first.run.id)).id);
      expect(second.summary).toBe("lint failed(exit_code) · deploy completed · verify completed");
      expect(second.run).toMatchObject({ status: "completed", warnings: 1 });
      expect(second.tasks).toMatchObject({ lint: { reused: true, exitCode: 3 }, deploy: { reused: true } });
      expect(readFileSync(log, "utf8")).toBe("lint\ndeploy\nverify\nverify\n");
      await expect(petit.engine.retry(second.run.id)).rejects.toMatchObject({ code: "conflict" });
    },
  );

  test("takes over a failure of items that is allowed", async () => {
    using dir = tempDir();
    const log = dir.file("log");
    const tasks = [
      shell("lint", `echo "$PETIT_ITEM" >> ${log}; exit "$PETIT_ITEM"`, {
        items: items(["0", "3"]),
        allowFailure: { exitCodes: [3] },
      }),
      shell("verify", `[ -e ${dir.file("fixed")} ]`, { after: ["lint"] }),
    ];
    await using petit = await startEngine({ jobs: [job("release", { tasks })], settings: { maxTasks: 1 } });
    const first = await petit.run("release");
    writeFileSync(dir.file("fixed"), "");
    const second = await petit.ended((await petit.engine.retry(first.run.id)).id);
    expect(second.summary).toBe("lint failed(items_failed) · verify completed");
    expect(second.run).toMatchObject({ status: "completed", warnings: 1 });
    expect(readFileSync(log, "utf8")).toBe("0\n3\n");
  });

  test("runs a task again whose failure the definition no longer allows", async () => {
    using dir = tempDir();
    const verify = shell("verify", `[ -e ${dir.file("fixed")} ]`, { after: ["lint"] });
    const lint = shell("lint", `[ -e ${dir.file("fixed")} ]`);
    const release = (task: typeof lint) => job("release", { tasks: [task, verify] });
    await using petit = await startEngine({ jobs: [release({ ...lint, allowFailure: "always" })] });
    const first = await petit.run("release");
    writeFileSync(dir.file("fixed"), "");
    petit.files = filesOf([release(lint)]);
    await petit.engine.reload();
    const second = await petit.ended((await petit.engine.retry(first.run.id)).id);
    expect(second.summary).toBe("lint completed · verify completed");
  });

  test.each([
    ["an 'if' that is still false", { if: "params.level == 'full'" }],
    ["a condition that can't hold", { condition: "on_failure" }],
    ["an 'if' about an output that no item has", { if: "tasks.a.outputs.none != '[null]'" }],
  ] as const)("does not run a completed task again after one that is skipped by %s", async (_, given) => {
    using dir = tempDir();
    const log = dir.file("log");
    const tasks = [
      shell("a", `echo a >> ${log}`, { items: items(["x"]) }),
      shell("maybe", "exit 9", { after: ["a"], ...given }),
      shell("report", `echo report >> ${log}`, { after: ["maybe"], condition: "all_done" }),
      shell("last", `[ -e ${dir.file("fixed")} ]`),
    ];
    const params = { level: param({ default: "fast" }) };
    await using petit = await startEngine({ jobs: [job("nightly", { tasks, params })] });
    const first = await petit.run("nightly");
    expect(first.summary).toBe(
      "a completed · maybe skipped(condition_not_met) · report completed · last failed(exit_code)",
    );
    writeFileSync(dir.file("fixed"), "");
    const second = await petit.ended((await petit.engine.retry(first.run.id)).id);
    expect(second.summary).toBe("a completed · maybe skipped(condition_not_met) · report completed · last completed");
    expect(readFileSync(log, "utf8")).toBe("a\nreport\n");
  });

  test("judges a skipped task anew by the current definition, and runs what is after it again", async () => {
    using dir = tempDir();
    const log = dir.file("log");
    const tasks = (level: string) => [
      shell("a", 'echo "level=full" >> "$PETIT_OUTPUT"'),
      shell("maybe", `echo maybe >> ${log}`, { after: ["a"], if: `tasks.a.outputs.level == '${level}'` }),
      shell("report", `echo report >> ${log}`, { after: ["maybe"], condition: "all_done" }),
      shell("last", `[ -e ${dir.file("fixed")} ]`),
    ];
    await using petit = await startEngine({ jobs: [job("nightly", { tasks: tasks("fast") })] });
    const first = await petit.run("nightly");
    writeFileSync(dir.file("fixed"), "");
    petit.files = filesOf([job("nightly", { tasks: tasks("full") })]);
    await petit.engine.reload();
    const second = await petit.ended((await petit.engine.retry(first.run.id)).id);
    expect(second.summary).toBe("a completed · maybe completed · report completed · last completed");
    expect(readFileSync(log, "utf8")).toBe("report\nmaybe\nreport\n");
  });

  test("from the start runs all tasks", async () => {
    await using petit = await startEngine({
      jobs: [job("two", { tasks: [command("a", "true"), command("b", "true", { after: ["a"] })] })],
    });
    const first = await petit.run("two");
    const second = await petit.ended((await petit.engine.retry(first.run.id, { kind: "all" })).id);
    expect(second.attempts).toHaveLength(2);
    expect(second.run).toMatchObject({ status: "completed", retryOf: first.run.id });
  });

  test("is a normal run that can be retried itself", async () => {
    using dir = tempDir();
    await using petit = await startEngine({ jobs: [pipeline(dir.path)] });
    const first = await petit.run("pipeline");
    const second = await petit.ended((await petit.engine.retry(first.run.id)).id);
    writeFileSync(dir.file("fixed"), "");
    const third = await petit.ended((await petit.engine.retry(second.run.id)).id);
    expect(third.run).toMatchObject({ status: "completed", retryOf: second.run.id });
    expect(third.tasks.a).toMatchObject({ reused: true, outputs: { rows: "42" } });
  });

  test("keeps the occurrence of the first run, and does not change the ledger", async () => {
    const clock = new FakeClock();
    const variables = "$PETIT_TRIGGER $PETIT_SCHEDULED_FOR $PETIT_INTERVAL_START";
    const tasks = [command("t", "sh", { args: ["-c", `echo ${variables}; exit 1`] })];
    const first = job("tick", { schedule: schedule("* * * * *"), tasks });
    await using petit = await startEngine({ clock, jobs: [first] });
    await clock.pass(60_000);
    const { runId } = await petit.event("run.finished");
    // A retry is for the same interval, whatever the schedule is now.
    petit.files = filesOf([{ ...first, schedule: schedule("0 * * * *") }]);
    await petit.engine.reload();
    const retry = await petit.engine.retry(runId as RunId);
    expect(retry.scheduledFor).toBe(NOON + 60_000);
    expect((await petit.ended(retry.id)).output()).toBe("retry 2026-01-15T12:01:00.000Z 2026-01-15T12:00:00.000Z\n");
    expect(petit.store.occurrences.list(first.id, { limit: 9 })).toMatchObject([{ runId }]);
  });

  test("uses the current definition", async () => {
    await using petit = await startEngine({ jobs: [job("one", { tasks: [command("t", "false")] })] });
    const first = await petit.run("one");
    petit.files = filesOf([job("one", { tasks: [command("t", "true"), command("new", "true")] })]);
    await petit.engine.reload();
    const second = await petit.ended((await petit.engine.retry(first.run.id)).id);
    expect(second.summary).toBe("t completed · new completed");
  });

  test.each([["while it runs", async () => {}]])("is refused %s", async () => {
    using door = gate();
    await using petit = await startEngine({ jobs: [job("slow", { tasks: [shell("t", door.wait)] })] });
    const run = await petit.trigger("slow");
    await expect(petit.engine.retry(run.id)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("still running"),
    });
    await expect(petit.engine.retry(run.id, { kind: "all" })).rejects.toMatchObject({ code: "conflict" });
    door.open();
    await petit.ended(run.id);
  });

  test("is refused if nothing is left to rerun", async () => {
    await using petit = await startEngine({ jobs: [job("one")] });
    const { run } = await petit.run("one");
    await expect(petit.engine.retry(run.id)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("nothing is left"),
    });
  });

  test("is refused if every task of the current definition had completed", async () => {
    using door = gate();
    const tasks = [shell("t", `${door.wait}`), command("u", "true")];
    await using petit = await startEngine({ jobs: [job("one", { tasks })] });
    const first = await petit.trigger("one");
    await door.reached();
    await petit.event("task.finished", { taskId: taskId("u") });
    await petit.engine.cancel(first.id);
    await petit.ended(first.id);
    petit.files = filesOf([job("one", { tasks: tasks.slice(1) })]);
    await petit.engine.reload();
    await expect(petit.engine.retry(first.id)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("nothing is left"),
    });
  });

  test.each([["an unknown run", "01900000-0000-7000-8000-000000000000", "not_found"]])(
    "of %s is refused",
    async (_, id, code) => {
      await using petit = await startEngine();
      await expect(petit.engine.retry(id as RunId)).rejects.toMatchObject({ code });
    },
  );

  test("is refused for a removed job and for params that are no longer valid", async () => {
    await using petit = await startEngine({
      jobs: [job("one", { params: { p: param() }, tasks: [command("t", "false")] })],
    });
    const { run } = await petit.run("one", { p: "x" });
    petit.files = filesOf([job("one")]);
    await petit.engine.reload();
    await expect(petit.engine.retry(run.id)).rejects.toMatchObject({ code: "invalid_request" });
    petit.files = filesOf([]);
    await petit.engine.reload();
    await expect(petit.engine.retry(run.id)).rejects.toMatchObject({ code: "not_found" });
  });

  test("is admitted like a manual trigger", async () => {
    using dir = tempDir();
    using door = gate();
    const script = `[ -e ${dir.file("wait")} ] || exit 1; ${door.wait}`;
    await using petit = await startEngine({ jobs: [job("one", { maxConcurrency: 1, tasks: [shell("t", script)] })] });
    const { run } = await petit.run("one");
    writeFileSync(dir.file("wait"), "");
    await petit.trigger("one");
    await expect(petit.engine.retry(run.id)).rejects.toMatchObject({ code: "limit_reached" });
    await door.reached();
    door.open();
  });
});
