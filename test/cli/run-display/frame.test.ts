import { describe, expect, test } from "bun:test";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { endedTaskLines, runFrame } from "../../../src/cli/run-display/frame.ts";
import type { RunView, TaskView } from "../../../src/cli/run-display/view.ts";
import type { Screen } from "../../../src/cli/terminal/terminal.ts";
import { textWidth } from "../../../src/cli/terminal/text-width.ts";
import { TASK_STATUSES } from "../../../src/domain/task-run.ts";

const taskOf = (id: string, change: Partial<TaskView> = {}): TaskView => ({
  id,
  status: "running",
  reason: null,
  error: null,
  attempts: 1,
  startedAt: 1_000,
  endedAt: null,
  retryAt: null,
  reused: false,
  childRunId: null,
  runsJob: false,
  allowed: false,
  ...change,
});

const screenOf = (columns: number): Screen => {
  const abilities = { isTerminal: true, color: true, movesCursor: true };
  return { ...abilities, write: () => {}, columns: () => columns, rows: () => 24 };
};

const frameOf = (tasks: readonly TaskView[], columns: number, rows = 20): readonly string[] => {
  const run: RunView = { id: "r", jobId: "j", status: "running", startedAt: 1_000, waitsFor: null, tasks };
  return runFrame(run, { screen: screenOf(columns), now: 5_000, spinner: "⠋", rows }).map(stripVTControlCharacters);
};

const LONG = `partition_${"x".repeat(80)}_001`;

describe("the list of tasks on a terminal", () => {
  test("fits the width and the number of rows", () => {
    const task = fc.record({
      id: fc.stringMatching(/^[a-z0-9_]{1,100}$/),
      status: fc.constantFrom(...TASK_STATUSES),
      error: fc.option(fc.string({ unit: "grapheme" })),
      endedAt: fc.option(fc.integer({ min: 1_000, max: 1e12 })),
    });
    const tasks = fc.array(task, { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(tasks, fc.integer({ min: 2, max: 200 }), fc.integer({ min: 2, max: 20 }), (made, columns, rows) => {
        const ids = made.map(({ id }, at) => `${id}${at}`);
        const lines = frameOf(
          made.map((change, at) => taskOf(ids[at] ?? "", { ...change, id: ids[at] ?? "" })),
          columns,
          rows,
        );
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) expect(textWidth(line)).toBeLessThan(columns);
      }),
    );
  });

  test("leaves room for the error of a failed task with a long name", () => {
    const failed = taskOf(LONG, { status: "failed", endedAt: 2_000, error: "exit code 3" });
    expect(frameOf([failed, taskOf("b")], 80)[0]).toMatch(/^✗ partition_x+…x+_001 {2}failed {5}1\.0s {4}exit code 3$/);
  });

  test("shortens names before the progress", () => {
    expect(frameOf([taskOf(LONG), taskOf("b")], 60)[2]).toMatch(/^⠋ partition_x+… · 0 of 2 tasks done · 4s$/);
  });

  test("shows only names on a very narrow screen", () => {
    expect(frameOf([taskOf("extract"), taskOf("b", { status: "completed" })], 12).slice(0, 2)).toEqual([
      "⠋ extract",
      "✓ b",
    ]);
  });
});

describe("the list of tasks of an ended run", () => {
  const endedOf = (tasks: readonly TaskView[]): readonly string[] =>
    endedTaskLines(tasks, { screen: screenOf(80), now: 5_000 }).map(stripVTControlCharacters);
  const manyOf = (count: number, failed: readonly number[]): readonly TaskView[] =>
    Array.from({ length: count }, (_, at) =>
      taskOf(`t${at}`, { status: failed.includes(at) ? "failed" : "completed", endedAt: 2_000, error: null }),
    );

  test("has each of a few tasks", () => {
    expect(endedOf(manyOf(20, [3]))).toHaveLength(20);
  });

  test("has only the failed ones of many tasks, and counts the others", () => {
    expect(endedOf(manyOf(121, [17, 41]))).toEqual([
      "✗ t17   failed     1.0s",
      "✗ t41   failed     1.0s",
      "… 119 more: 119 completed",
    ]);
  });

  test("counts the failed tasks too if they are many", () => {
    const lines = endedOf(
      manyOf(
        121,
        Array.from({ length: 30 }, (_, at) => at),
      ),
    );
    expect(lines).toHaveLength(11);
    expect(lines[10]).toBe("… 111 more: 20 failed, 91 completed");
  });
});
