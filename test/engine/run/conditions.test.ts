import { describe, expect, test } from "bun:test";
import type { Job } from "../../../src/domain/job.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { startEngine } from "../../support/engine/started-engine.ts";

/** Reads a job with params `level` and `list`, and these tasks. */
const jobOf = (...tasks: readonly string[]): Job => {
  const lines = tasks.map((task) => `  - {${task.includes("type: ") ? "" : "type: shell, "}${task}}\n`).join("");
  const text = `id: j\nconfig: {size: 3}\nparams: {level: {default: fast}, list: {default: "[]"}}\ntasks:\n${lines}`;
  const { jobs, problems } = readJobFile({ file: "j.yaml", folder: "/", text });
  const [job] = jobs;
  if (job === undefined) throw new Error(JSON.stringify(problems));
  return job;
};

const runOf = async (job: Job, params: Readonly<Record<string, string>> = {}) => {
  await using petit = await startEngine({ jobs: [job] });
  return await petit.run("j", params);
};

describe("the 'if' of a task", () => {
  test.each([
    ["params.level == 'full'", { level: "full" }, "completed"],
    ["params.level == 'full'", {}, "skipped(condition_not_met)"],
    ["${{ params.level != 'full' }}", {}, "completed"],
    ["tasks.scan.outputs.count > 2 && tasks.scan.status == 'completed'", {}, "completed"],
    ["tasks.scan.outputs.count == '0'", {}, "skipped(condition_not_met)"],
    ["tasks.scan.outputs.none", {}, "skipped(condition_not_met)"],
    ["contains(fromJSON(params.list), 'b')", { list: '["a","b"]' }, "completed"],
    ["config.size == 3 && startsWith(job.id, 'j') && run.id != '' && run.scheduled_for == ''", {}, "completed"],
  ])("%s with %j: %s", async (condition, params, outcome) => {
    const job = jobOf(
      `id: scan, script: 'echo count=3 >> "$PETIT_OUTPUT"'`,
      `id: t, depends_on: [scan], if: "${condition}", script: "true"`,
    );
    const { summary } = await runOf(job, params);
    expect(summary).toBe(`scan completed · t ${outcome}`);
  });

  test("that can't be evaluated fails the task", async () => {
    const job = jobOf(
      `id: t, if: "fromJSON(params.list).a", script: "true"`,
      `id: next, depends_on: [t], script: "true"`,
    );
    const { tasks, run } = await runOf(job, { list: "{" });
    expect(tasks.t).toMatchObject({ status: "failed", reason: "invalid_condition", attempts: 0 });
    expect(tasks.t?.error).toContain("fromJSON");
    expect(tasks.next).toMatchObject({ status: "skipped", reason: "upstream_failed" });
    expect(run).toMatchObject({ status: "failed", reason: "invalid_condition" });
  });

  test("that refers to the item is evaluated for each item", async () => {
    const job = jobOf(`id: t, foreach: [1, 2, 3], if: "item != 2", script: 'echo "n=$PETIT_ITEM" >> "$PETIT_OUTPUT"'`);
    await using petit = await startEngine({ jobs: [job] });
    const { run, tasks } = await petit.run("j");
    expect(tasks.t).toMatchObject({ status: "completed", outputs: { n: '["1",null,"3"]' } });
    const items = petit.store.runs.listItems({ runId: run.id, taskId: tasks.t?.taskId as never });
    expect(items.map(({ status, reason }) => [status, reason])).toEqual([
      ["completed", null],
      ["skipped", "condition_not_met"],
      ["completed", null],
    ]);
  });

  test("sees what ended at the same time: items, and a task that was skipped", async () => {
    const job = jobOf(
      `id: each, foreach: [1, 2], script: 'echo "n=$PETIT_ITEM" >> "$PETIT_OUTPUT"'`,
      `id: joined, depends_on: [each], if: "tasks.each.status == 'completed' && fromJSON(tasks.each.outputs.n)[1] == '2'", script: "true"`,
      `id: off, depends_on: [joined], if: "false", script: "true"`,
      `id: last, depends_on: [off], condition: all_done, if: "tasks.off.status == 'skipped'", script: "true"`,
    );
    expect((await runOf(job)).summary).toBe(
      "each completed · joined completed · off skipped(condition_not_met) · last completed",
    );
  });

  test.each([
    ["[]", "tasks.each.outputs.n == '[]'"],
    ['["a","b"]', "tasks.each.outputs.n == '[null,null]'"],
    ['["a"]', "join(fromJSON(tasks['each'].outputs.n), '-') == '' && tasks.up.outputs.n == ''"],
  ])("sees an output that no item of %s has as a list of nulls", async (list, condition) => {
    const job = jobOf(
      `id: up, script: "true"`,
      `id: each, depends_on: [up], foreach: "\${{ params.list }}", script: "true"`,
      `id: next, depends_on: [each], if: "${condition}", args: ["\${{ ${condition} }}"], script: 'echo "$1"'`,
    );
    const { summary, output } = await runOf(job, { list });
    expect([summary, output()]).toEqual(["up completed · each completed · next completed", "true\n"]);
  });

  test("that does not refer to the item decides about the whole task", async () => {
    const { tasks } = await runOf(jobOf(`id: t, foreach: [1, 2], if: "params.level == 'full'", script: "true"`));
    expect(tasks.t).toMatchObject({ status: "skipped", reason: "condition_not_met", items: null });
  });
});

describe("an expression in a template", () => {
  test("is evaluated", async () => {
    const job = jobOf(
      `id: t, args: ["\${{ params.level == 'fast' && 'quick' || 'slow' }}", "\${{ format('{0}-{1}', config.size, job.id) }}", "\${{ toJSON(config) }}"], script: 'printf "%s|" "$@"'`,
    );
    const { output } = await runOf(job);
    expect(output().replace(/\s/g, "")).toBe('quick|3-j|{"size":3}|');
  });

  test("sees only the tasks upstream of its task", async () => {
    const job = jobOf(
      `id: a, script: 'echo n=1 >> "$PETIT_OUTPUT"'`,
      `id: b, depends_on: [a], script: 'echo n=2 >> "$PETIT_OUTPUT"'`,
      'id: c, depends_on: [b], script: "true"',
      `id: t, depends_on: [b], args: ["\${{ join(tasks.*.outputs.n, '+') }}", "\${{ join(tasks.*.status, '+') }}"], script: 'printf "%s|" "$@"'`,
    );
    expect((await runOf(job)).output()).toBe("1+2|completed+completed|");
  });

  test.each([
    ["foreach", `foreach: "\${{ fromJSON(params.level) }}", script: "true"`, "invalid_items"],
    ["item_key", `foreach: [1], item_key: "\${{ fromJSON(params.level) }}", script: "true"`, "invalid_items"],
    ["prompt", `prompt: "\${{ fromJSON(params.level) }}"`, "invalid_condition"],
  ])("that can't be evaluated fails the task: %s", async (field, task, reason) => {
    const type = field === "prompt" ? "approval" : "shell";
    const job = jobOf('id: up, script: "true"', `id: t, type: ${type}, depends_on: [up], ${task}`);
    const { tasks } = await runOf(job);
    expect(tasks.t).toMatchObject({ status: "failed", reason, attempts: 0 });
    expect(tasks.t?.error).toBe(`${field}: fromJSON: the text is not JSON`);
  });

  test("that can't be evaluated fails the attempt", async () => {
    const { tasks } = await runOf(jobOf(`id: t, args: ["\${{ fromJSON(params.level) }}"], script: "true"`));
    expect(tasks.t).toMatchObject({ status: "failed", reason: "spawn_failed" });
    expect(tasks.t?.error).toContain("fromJSON");
  });
});

describe("a failure that is allowed", () => {
  test("counts as a success for later tasks, and is a warning of the run", async () => {
    const job = jobOf(
      "id: t, allow_failure: true, script: exit 3",
      'id: next, depends_on: [t], script: "true"',
      'id: alarm, depends_on: [t], condition: on_failure, script: "true"',
    );
    const { summary, run } = await runOf(job);
    expect(summary).toBe("t failed(exit_code) · next completed · alarm skipped(condition_not_met)");
    expect(run).toMatchObject({ status: "completed", reason: null, warnings: 1 });
  });

  test.each([
    [3, "completed", "completed"],
    [4, "failed", "skipped"],
  ])("only with certain exit codes: %d", async (code, status, next) => {
    const job = jobOf(
      `id: t, allow_failure: {exit_codes: [2, 3]}, script: exit ${code}`,
      'id: next, depends_on: [t], script: "true"',
    );
    const { tasks, run } = await runOf(job);
    expect([run.status, tasks.next?.status]).toEqual([status as never, next as never]);
  });

  test.each([
    ["exit 143", 143, 143, "completed"],
    ["kill -TERM $$", 143, 143, "completed"],
    ["kill -KILL $$", 137, 137, "completed"],
    ["exit 137", 137, 137, "completed"],
    ["kill -KILL $$", 143, null, "failed"],
  ])("can be a signal, by its exit code: %s with %d", async (script, listed, exitCode, status) => {
    const job = jobOf(
      `id: t, allow_failure: {exit_codes: [${listed}]}, script: '${script}'`,
      'id: next, depends_on: [t], script: "true"',
    );
    const { tasks, run, attempts } = await runOf(job);
    expect(tasks.t).toMatchObject({ status: "failed", reason: "signal", exitCode });
    expect([run.status, tasks.next?.status]).toEqual([status as never, status === "failed" ? "skipped" : "completed"]);
    expect(attempts[0]).toMatchObject({ reason: "signal", signal: expect.stringMatching(/^SIG(TERM|KILL)$/) });
  });

  test("can be that of items by a signal", async () => {
    const job = jobOf(
      "id: t, foreach: [0, 137, 3], allow_failure: {exit_codes: [3, 137]}, script: 'exit \"$PETIT_ITEM\"'",
      'id: next, depends_on: [t], script: "true"',
    );
    expect((await runOf(job)).summary).toBe("t failed(items_failed) · next completed");
  });

  test("is not a timeout, although that ends the process with a signal", async () => {
    const job = jobOf("id: t, timeout: 100ms, allow_failure: {exit_codes: [143]}, script: sleep 60");
    const { tasks, run } = await runOf(job);
    expect(tasks.t).toMatchObject({ status: "failed", reason: "timeout", exitCode: null });
    expect(run.status).toBe("failed");
  });

  test("is counted beside a failure that is not", async () => {
    const { run } = await runOf(jobOf("id: a, allow_failure: true, script: exit 1", "id: b, script: exit 2"));
    expect(run).toMatchObject({ status: "failed", error: "task 'b' failed: exit code 2", warnings: 1 });
  });

  test("is not one of a cancelled run", async () => {
    const job = jobOf("id: t, allow_failure: true, script: sleep 60");
    await using petit = await startEngine({ jobs: [job] });
    const { id } = await petit.trigger("j");
    petit.engine.cancel(id);
    const { run } = await petit.ended(id);
    expect(run).toMatchObject({ status: "cancelled", warnings: 0 });
  });

  test.each([
    [[0, 3, 2], "t failed(items_failed) · next completed · alarm skipped(condition_not_met)", "completed"],
    [[2, 3], "t failed(items_failed) · next completed · alarm skipped(condition_not_met)", "completed"],
    [[0, 3, 4], "t failed(items_failed) · next skipped(upstream_failed) · alarm completed", "failed"],
  ])("can be that of items with certain exit codes: %j", async (codes, expected, outcome) => {
    const job = jobOf(
      `id: t, foreach: [${codes}], allow_failure: {exit_codes: [2, 3]}, script: 'exit "$PETIT_ITEM"'`,
      'id: next, depends_on: [t], script: "true"',
      'id: alarm, depends_on: [t], condition: on_failure, script: "true"',
    );
    const { summary, run } = await runOf(job);
    expect(summary).toBe(expected);
    expect(run).toMatchObject({ status: outcome as never, warnings: outcome === "completed" ? 1 : 0 });
  });

  test("can be that of items that were retried, with a certain exit code", async () => {
    const job = jobOf(
      "id: t, foreach: [3], max_parallel: 1, retry: {max_attempts: 1}, allow_failure: {exit_codes: [3]}, script: exit 3",
      'id: next, depends_on: [t], if: "tasks.t.status == \'failed\'", script: "true"',
    );
    expect((await runOf(job)).summary).toBe("t failed(items_failed) · next completed");
  });

  test("can be that of items", async () => {
    const job = jobOf(
      "id: t, foreach: [0, 1], allow_failure: true, script: 'exit \"$PETIT_ITEM\"'",
      'id: n, depends_on: [t], script: "true"',
    );
    const { summary, run } = await runOf(job);
    expect(summary).toBe("t failed(items_failed) · n completed");
    expect(run).toMatchObject({ status: "completed", warnings: 1 });
  });
});

describe("skip_exit_codes", () => {
  test("skip the task, and those that need its success, without a failure or a retry", async () => {
    const job = jobOf(
      "id: t, skip_exit_codes: [99], retry: {max_attempts: 2}, script: exit 99",
      'id: next, depends_on: [t], script: "true"',
      'id: always, depends_on: [t], condition: all_done, script: "true"',
    );
    const { summary, run, attempts } = await runOf(job);
    expect(summary).toBe("t skipped(skipped_by_exit) · next skipped(condition_not_met) · always completed");
    expect(run).toMatchObject({ status: "completed", warnings: 0 });
    expect(attempts[0]).toMatchObject({ status: "completed", exitCode: 99 });
    expect(attempts).toHaveLength(2);
  });

  test.each([
    ["exit 143", 143],
    ["kill -KILL $$", 137],
  ])("can be that of a signal: %s", async (script, code) => {
    const { summary, run, attempts } = await runOf(jobOf(`id: t, skip_exit_codes: [${code}], script: '${script}'`));
    expect(summary).toBe("t skipped(skipped_by_exit)");
    expect(run).toMatchObject({ status: "completed" });
    expect(attempts[0]).toMatchObject({ status: "completed", exitCode: code });
  });

  test("leave other exit codes failures", async () => {
    expect((await runOf(jobOf("id: t, skip_exit_codes: [99], script: exit 98"))).summary).toBe("t failed(exit_code)");
  });
});
