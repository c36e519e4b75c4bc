import { describe, expect, test } from "bun:test";
import type { TaskRunData } from "../../../src/web/data/shapes.ts";
import { endText, failedTasks } from "../../../src/web/run/failing-task.ts";
import { differencesOf } from "../../../src/web/run/run-differences.ts";

const task = (id: string, rest: Partial<TaskRunData> = {}): TaskRunData => ({
  task_id: id,
  run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
  name: id,
  type: "shell",
  depends_on: [],
  condition: "all_success",
  repeat: null,
  status: "completed",
  reason: null,
  error: null,
  attempts: 1,
  started_at: 0,
  ended_at: 0,
  duration_ms: 0,
  exit_code: 0,
  outputs: {},
  retry_at: null,
  reused: false,
  items: null,
  attempt_list: [],
  ...rest,
});

const compared = (params: Record<string, string>, tasks: readonly TaskRunData[] = []) => ({ run: { params }, tasks });

describe("the differences between two runs", () => {
  test("are params that were changed, added or removed", () => {
    const now = compared({ day: "2", mode: "full", same: "x" });
    const before = compared({ day: "1", same: "x", region: "eu" });
    expect(differencesOf(now, before)).toEqual([
      { kind: "param", name: "day", before: "1", after: "2" },
      { kind: "param", name: "mode", before: null, after: "full" },
      { kind: "param", name: "region", before: "eu", after: null },
    ]);
  });

  test.each([
    [60_000, 4_000, 1],
    [4_000, 60_000, 1],
    [5_000, 4_500, 0],
    // Twice as long, but too short to matter.
    [900, 100, 0],
    // A second longer, but not much.
    [61_000, 60_000, 0],
  ])("include a task that took %d ms instead of %d ms only if that is much: %d", (after, before, count) => {
    const found = differencesOf(
      compared({}, [task("load", { duration_ms: after })]),
      compared({}, [task("load", { duration_ms: before })]),
    );
    expect(found).toHaveLength(count);
  });

  test("include at most three tasks, those that differ most first", () => {
    const tasks = [2_000, 9_000, 5_000, 7_000].map((ms, index) => task(`t${index}`, { duration_ms: ms }));
    const before = tasks.map((each) => ({ ...each, duration_ms: 100 }));
    const found = differencesOf(compared({}, tasks), compared({}, before));
    expect(found.map(({ name }) => name)).toEqual(["t1", "t3", "t2"]);
  });

  test("leave out reused tasks and tasks that did not end", () => {
    const now = [task("a", { duration_ms: 9_000, reused: true }), task("b", { duration_ms: null })];
    const before = [task("a", { duration_ms: 100 }), task("b", { duration_ms: 100 })];
    expect(differencesOf(compared({}, now), compared({}, before))).toEqual([]);
  });
});

describe("the failed tasks of a run", () => {
  test("are in the order in which they failed, without cancelled and interrupted ones", () => {
    const tasks = [
      task("late", { status: "failed", reason: "exit_code", ended_at: 20 }),
      task("first", { status: "failed", reason: "timeout", ended_at: 10 }),
      task("stopped", { status: "failed", reason: "cancelled", ended_at: 5 }),
      task("lost", { status: "failed", reason: "interrupted", ended_at: 1 }),
      task("fine", { ended_at: 2 }),
    ];
    expect(failedTasks(tasks).map(({ task_id }) => task_id)).toEqual(["first", "late"]);
  });

  test.each([
    [{ reason: "exit_code", exit_code: 3 }, "exit code 3"],
    [{ reason: "timeout", exit_code: null }, "timeout"],
    [{ reason: "spawn_failed", exit_code: null }, null],
  ] as const)("describe their end: %o is %p", (rest, text) => {
    expect(endText(task("a", { status: "failed", ...rest }))).toBe(text);
  });
});
