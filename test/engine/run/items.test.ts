import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Job } from "../../../src/domain/job.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { taskId } from "../../support/engine/factories.ts";
import { gate } from "../../support/engine/gate.ts";
import { filesOf, type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Reads a job of one task, `each`, and the tasks after it. */
const jobOf = (fields: string, ...others: readonly string[]): Job => {
  const tasks = [`{id: each, type: shell, ${fields}}`, ...others].map((task) => `  - ${task}\n`).join("");
  const read = readJobFile({ file: "j.yaml", folder: "/", text: `id: j\nparams: {list: {}}\ntasks:\n${tasks}` });
  const [job] = read.jobs;
  if (job === undefined) throw new Error(JSON.stringify(read.problems));
  return job;
};

const itemsOf = (petit: StartedEngine, runId: string) =>
  petit.store.runs.listItems({ runId: runId as never, taskId: taskId("each") });

const summary = (petit: StartedEngine, runId: string): string =>
  itemsOf(petit, runId)
    .map(({ key, status, reason }) => `${key} ${status}${reason === null ? "" : `(${reason})`}`)
    .join(" · ");

describe("a task with items", () => {
  test("runs once for each item, with its variables and templates", async () => {
    const job = jobOf(
      `foreach: [{name: a, n: 1, tags: [x]}, {name: "b c; echo no", n: 2}], item_key: "\${{ item.name }}", environment: {N: "\${{ item.n }}/\${{ item_key }}"}, script: 'echo "$PETIT_ITEM_INDEX $PETIT_ITEM_KEY $PETIT_ITEM_N $PETIT_ITEM_NAME $N $PETIT_ITEM"'`,
    );
    await using petit = await startEngine({ jobs: [job], settings: { maxTasks: 1 } });
    const { run, output, summary: tasks } = await petit.run("j");
    expect(tasks).toBe("each completed");
    expect(output()).toBe(
      '0 a 1 a 1/a {"name":"a","n":1,"tags":["x"]}\n1 b c; echo no 2 b c; echo no 2/b c; echo no {"name":"b c; echo no","n":2}\n',
    );
    expect(output({ task: "each" }).split("\n")).toHaveLength(3);
    expect(summary(petit, run.id)).toBe("a completed · b c; echo no completed");
    expect(petit.store.runs.listAttempts(run.id).map(({ item, attempt }) => [item, attempt])).toEqual([
      [0, 1],
      [1, 1],
    ]);
  });

  test("of a matrix runs each combination", async () => {
    const job = jobOf(
      `matrix: {os: [bookworm, trixie], node: [20, 22], exclude: [{os: trixie, node: 20}], include: [{os: sid, node: 22}]}, args: ["\${{ matrix.os }}"], script: 'echo "$1 $PETIT_MATRIX_NODE $PETIT_ITEM_KEY"'`,
    );
    await using petit = await startEngine({ jobs: [job], settings: { maxTasks: 1 } });
    const { output } = await petit.run("j");
    expect(output()).toBe("bookworm 20 bookworm,20\nbookworm 22 bookworm,22\ntrixie 22 trixie,22\nsid 22 sid,22\n");
  });

  test("gives its outputs to later tasks as arrays in the order of the items, null where an item has none", async () => {
    const job = jobOf(
      `foreach: {range: [1, 3]}, script: '[ "$PETIT_ITEM" = 2 ] || echo "rows=$PETIT_ITEM" >> "$PETIT_OUTPUT"'`,
      '{id: sum, type: command, command: echo, depends_on: [each], args: ["${{ tasks.each.outputs.rows }}", "${{ tasks.each.outputs.other }}"]}',
    );
    await using petit = await startEngine({ jobs: [job] });
    const { output, tasks } = await petit.run("j");
    expect(output({ task: "sum" })).toBe('["1",null,"3"] [null,null,null]\n');
    expect(tasks.each).toMatchObject({ outputs: { rows: '["1",null,"3"]' }, items: 3 });
  });

  test("keeps 64-bit numbers as they were written", async () => {
    const job = jobOf(
      `foreach: "\${{ params.list }}", if: "item.id != 12345", environment: {ID: "\${{ item.id }}", ALL: "\${{ toJSON(item) }}"}, script: 'echo $ID $PETIT_ITEM_ID $PETIT_ITEM $ALL'`,
    );
    await using petit = await startEngine({ jobs: [job] });
    const { run, output } = await petit.run("j", { list: '[{"id": 12345678901234567890}]' });
    expect(output()).toBe(
      '12345678901234567890 12345678901234567890 {"id":12345678901234567890} { "id": 12345678901234567890 }\n',
    );
    const [item] = petit.store.runs.listItems({ runId: run.id, taskId: taskId("each") });
    expect(JSON.stringify(item?.value)).toBe('{"id":12345678901234567890}');
  });

  test("uses 64-bit numbers as keys", async () => {
    const job = jobOf('foreach: "${{ params.list }}", script: echo $PETIT_ITEM');
    await using petit = await startEngine({ jobs: [job], settings: { maxTasks: 1 } });
    const { run, output } = await petit.run("j", { list: "[12345678901234567890, 12345678901234567891]" });
    expect(output()).toBe("12345678901234567890\n12345678901234567891\n");
    expect(summary(petit, run.id)).toBe("12345678901234567890 completed · 12345678901234567891 completed");
  });

  test("fails if its items have more outputs together than a run can have", async () => {
    const job = jobOf(
      `foreach: {range: [1, 20]}, max_parallel: 1, script: '{ printf x=; head -c 1000000 /dev/zero | tr "\\0" y; echo; } > "$PETIT_OUTPUT"'`,
    );
    await using petit = await startEngine({ jobs: [job] });
    const { run, tasks } = await petit.run("j");
    expect([run.status, tasks.each?.reason]).toEqual(["failed", "items_failed"]);
    expect(tasks.each?.error).toBe(
      "4 of 20 items failed, first '17': the outputs of the items of this task have 17000017 bytes; the limit is 16777216",
    );
    expect(JSON.parse(tasks.each?.outputs.x ?? "")).toHaveLength(20);
  });

  test("decides about many items with expensive conditions in parts", async () => {
    const list = JSON.stringify(Array.from({ length: 2_000 }, (_, index) => 2 * index));
    const job = jobOf(
      `foreach: {range: [1, 300]}, if: "contains(fromJSON(params.list), item) && item > 298", script: exit 0`,
    );
    await using petit = await startEngine({ jobs: [job] });
    const { run } = await petit.run("j", { list });
    expect(run.status).toBe("completed");
    expect(petit.store.runs.countItems(run.id).get(taskId("each"))).toMatchObject({ completed: 1, skipped: 299 });
  });

  test("with an empty list completes with no items, and its outputs are empty arrays", async () => {
    const job = jobOf(
      'foreach: "${{ params.list }}", script: exit 1',
      '{id: sum, type: command, command: echo, depends_on: [each], args: ["${{ tasks.each.outputs.rows }}"]}',
    );
    await using petit = await startEngine({ jobs: [job] });
    const { output, run } = await petit.run("j", { list: "[]" });
    expect([run.status, output()]).toEqual(["completed", "[]\n"]);
    expect(petit.store.runs.countItems(run.id).size).toBe(0);
  });

  test.each([
    ["not JSON", "[1,", 'foreach yielded "[1,", which is not JSON; expected a JSON array'],
    ["a scalar", '"web-1"', 'foreach yielded "\\"web-1\\""; expected a JSON array'],
    [
      "nested too deep",
      `[${"[".repeat(1001)}${"]".repeat(1001)}]`,
      "which is nested more than 100 levels deep; expected a JSON array",
    ],
    ["too many items", JSON.stringify(Array.from({ length: 1001 }, (_, index) => index)), "there are 1001 items"],
    ["a repeated key", '["a", "b", "a"]', "items 0 and 2 have the same key 'a'"],
    ["a NUL", '["a\\u0000"]', "item 0 contains a NUL character"],
    ["fields with the same variable", '[{"a-b": 1, "a_b": 2}]', "item 0 has the fields 'a-b' and 'a_b'"],
  ])("fails with a list that is %s", async (_name, list, error) => {
    await using petit = await startEngine({ jobs: [jobOf('foreach: "${{ params.list }}", script: "true"')] });
    const { run, tasks } = await petit.run("j", { list });
    expect(tasks.each).toMatchObject({ status: "failed", reason: "invalid_items", attempts: 0 });
    expect(tasks.each?.error).toContain(error);
    expect(run).toMatchObject({ status: "failed", reason: "invalid_items" });
  });

  test("passes Unicode and shell metacharacters as data", async () => {
    const values = ["$(echo x)", "a'b\"c", "`id`", "ü 日本 🙂", "-n", "*", "a\nb", "", "x".repeat(65), null, 1.5, true];
    const job = jobOf(
      `foreach: "\${{ params.list }}", script: 'printf "%s|" "$PETIT_ITEM"; printf "%s\\n" "$PETIT_ITEM_KEY"'`,
    );
    await using petit = await startEngine({ jobs: [job], settings: { maxTasks: 1 } });
    const { run, output } = await petit.run("j", { list: JSON.stringify(values) });
    const keys = ["$(echo x)", "a'b\"c", "`id`", "ü 日本 🙂", "-n", "*", "6", "7", "8", "9", "1.5", "true"];
    expect(itemsOf(petit, run.id).map(({ key }) => key)).toEqual(keys);
    expect(output()).toBe(values.map((value, index) => `${value ?? ""}|${keys[index]}\n`).join(""));
  });

  test("fails if more items fail than max_failures, and still runs the others", async () => {
    const fails = jobOf(`foreach: [0, 1, 2], script: 'exit "$PETIT_ITEM"'`);
    await using petit = await startEngine({ jobs: [fails] });
    const { run, tasks } = await petit.run("j");
    expect(summary(petit, run.id)).toBe("0 completed · 1 failed(exit_code) · 2 failed(exit_code)");
    expect(tasks.each).toMatchObject({
      status: "failed",
      reason: "items_failed",
      error: "2 of 3 items failed, first '1': exit code 1",
    });
  });

  test.each([
    ["max_failures: 2", "completed"],
    ["max_failures: 1", "failed"],
    ['max_failures: "50%"', "completed"],
    ['max_failures: "49%"', "failed"],
  ] as const)("with %s and 2 failures of 4 is %s", async (field, status) => {
    const job = jobOf(`foreach: [0, 1, 2, 3], ${field}, script: '[ "$PETIT_ITEM" -lt 2 ]'`);
    await using petit = await startEngine({ jobs: [job] });
    expect((await petit.run("j")).tasks.each?.status).toBe(status);
  });

  test("with fail_fast ends running items and skips the rest", async () => {
    using door = gate();
    const script = `if [ "$PETIT_ITEM" = 2 ]; then ${door.wait}; exit 1; fi; sleep 60`;
    const job = jobOf(`foreach: {range: [1, 4]}, fail_fast: true, max_parallel: 2, script: '${script}'`);
    await using petit = await startEngine({ jobs: [job] });
    const { id } = await petit.trigger("j");
    await door.reached();
    door.open();
    const { tasks } = await petit.ended(id);
    expect(summary(petit, id)).toBe(
      "1 failed(cancelled) · 2 failed(exit_code) · 3 skipped(cancelled) · 4 skipped(cancelled)",
    );
    expect(tasks.each).toMatchObject({ status: "failed", reason: "items_failed" });
  });

  test("runs at most max_parallel items at the same time", async () => {
    using dir = tempDir();
    using door = gate();
    const script = `echo + >> ${dir.file("log")}; ${door.wait}; echo - >> ${dir.file("log")}`;
    const job = jobOf(`foreach: {range: [1, 12]}, max_parallel: 3, script: '${script}'`);
    await using petit = await startEngine({ jobs: [job], settings: { maxTasks: 8 } });
    const { id } = await petit.trigger("j");
    for (const _ of [1, 2, 3]) await door.reached();
    door.open(12);
    expect((await petit.ended(id)).run.status).toBe("completed");
    let running = 0;
    let most = 0;
    for (const mark of readFileSync(dir.file("log"), "utf8").split("\n")) {
      running += mark === "+" ? 1 : mark === "-" ? -1 : 0;
      most = Math.max(most, running);
    }
    expect(most).toBe(3);
  });

  test("retries each item on its own", async () => {
    using dir = tempDir();
    const script = `[ "$PETIT_ITEM" != b ] || [ "$PETIT_ATTEMPT" = 3 ] || exit 1; echo $PETIT_ITEM >> ${dir.file("log")}`;
    const job = jobOf(`foreach: [a, b], retry: {max_attempts: 2}, script: '${script}'`);
    await using petit = await startEngine({ jobs: [job], settings: { maxTasks: 1 } });
    const { run } = await petit.run("j");
    expect(run.status).toBe("completed");
    expect(itemsOf(petit, run.id).map(({ attempts }) => attempts)).toEqual([1, 3]);
    expect(readFileSync(dir.file("log"), "utf8")).toBe("a\nb\n");
  });

  test("is cancelled with its run", async () => {
    using door = gate();
    const job = jobOf(`foreach: [1, 2], script: '${door.wait}'`);
    await using petit = await startEngine({ jobs: [job], settings: { maxTasks: 1 } });
    const { id } = await petit.trigger("j");
    await door.reached();
    petit.engine.cancel(id);
    const { run, tasks } = await petit.ended(id);
    expect(run.status).toBe("cancelled");
    expect(tasks.each).toMatchObject({ status: "failed", reason: "cancelled", error: "ended with its run: cancelled" });
    expect(summary(petit, id)).toBe("1 failed(cancelled) · 2 skipped(cancelled)");
  });

  test("repeats in a retry of the run only the items that did not complete", async () => {
    using dir = tempDir();
    const script = `echo $PETIT_ITEM >> ${dir.file("log")}; echo "k=$PETIT_ITEM" >> "$PETIT_OUTPUT"; [ "$PETIT_ITEM" = a ] || [ -e ${dir.file("fixed")} ]`;
    const job = jobOf(
      `foreach: [a, b, c], script: '${script}'`,
      '{id: sum, type: command, command: echo, depends_on: [each], args: ["${{ tasks.each.outputs.k }}"]}',
    );
    await using petit = await startEngine({ jobs: [job], settings: { maxTasks: 1 } });
    const first = await petit.run("j");
    expect(first.summary).toBe("each failed(items_failed) · sum skipped(upstream_failed)");
    writeFileSync(dir.file("fixed"), "");
    const second = await petit.ended((await petit.engine.retry(first.run.id)).id);
    expect(second.summary).toBe("each completed · sum completed");
    expect(readFileSync(dir.file("log"), "utf8")).toBe("a\nb\nc\nb\nc\n");
    expect(itemsOf(petit, second.run.id).map((item) => [item.reused, item.attempts, item.exitCode])).toEqual([
      [true, 0, 0],
      [false, 1, 0],
      [false, 1, 0],
    ]);
    expect(second.output({ task: "sum" })).toBe('["a","b","c"]\n');
    const third = await petit.ended((await petit.engine.retry(first.run.id, { kind: "all" })).id);
    expect(itemsOf(petit, third.run.id).map(({ reused }) => reused)).toEqual([false, false, false]);
  });

  test("keeps its items in a retry that reuses the whole task", async () => {
    const job = jobOf(
      `foreach: [a, b], max_failures: 1, script: '[ $PETIT_ITEM = a ]'`,
      '{id: fails, type: shell, script: echo "$1"; exit 1, depends_on: [each], args: ["${{ tasks.each.outputs.none }}"]}',
    );
    await using petit = await startEngine({ jobs: [job] });
    const first = await petit.run("j");
    const second = await petit.ended((await petit.engine.retry(first.run.id)).id);
    expect([first.output(), second.output()]).toEqual(["[null,null]\n", "[null,null]\n"]);
    expect(second.tasks.each).toMatchObject({ reused: true, items: 2, status: "completed" });
    expect(summary(petit, second.run.id)).toBe("a completed · b failed(exit_code)");
  });

  test("goes on after a restart with the items that were stored, whatever the file says now", async () => {
    using dir = tempDir();
    using door = gate();
    const script = `[ "$PETIT_ITEM" = a ] || { ${door.wait}; }; echo $PETIT_ITEM >> ${dir.file("log")}`;
    const job = jobOf(`foreach: [a, b, c], script: '${script}'`);
    const settings = { maxTasks: 1 };
    const first = await startEngine({ jobs: [job], dir: dir.path, settings });
    const { id } = await first.trigger("j");
    await door.reached();
    await first.stop("leave");
    const edited = jobOf("foreach: [x], script: 'true'");
    await using second = await startEngine({ files: filesOf([edited]), dir: dir.path, settings });
    door.open(2);
    const { run } = await second.ended(id);
    expect(run.status).toBe("completed");
    expect(readFileSync(dir.file("log"), "utf8")).toBe("a\nb\nc\n");
    expect(itemsOf(second, id).map(({ attempts, status }) => [attempts, status])).toEqual([
      [1, "completed"],
      [1, "completed"],
      [1, "completed"],
    ]);
    expect(existsSync(dir.file("log"))).toBe(true);
  });
});
