import { describe, expect, test } from "bun:test";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { runFrame } from "../../../src/cli/run-display/frame.ts";
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
  ...change,
});

const frameOf = (tasks: readonly TaskView[], columns: number, rows = 20): readonly string[] => {
  const run: RunView = { id: "r", jobId: "j", status: "running", startedAt: 1_000, tasks };
  const abilities = { isTerminal: true, color: true, movesCursor: true };
  const screen: Screen = { ...abilities, write: () => {}, columns: () => columns, rows: () => 24 };
  return runFrame(run, { screen, now: 5_000, spinner: "⠋", rows }).map(stripVTControlCharacters);
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
