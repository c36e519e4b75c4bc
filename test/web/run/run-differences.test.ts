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
  if: null,
  allow_failure: false,
  repeat: null,
  runs_job: null,
  runs_on: null,
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
  child_run_id: null,
  waits_for: null,
  waiting_for: null,
  usage: null,
  limits_enforced: null,
  approval: null,
  allowed: false,
  items: null,
  failures: [],
  workers: [],
  attempt_list: [],
  ...rest,
});

type ComparedTask = Parameters<typeof differencesOf>[0]["tasks"][number];

const took = (task_id: string, duration_ms: number | null, duration_before_ms: number | null): ComparedTask => ({
  task_id,
  status: "completed",
  status_before: "completed",
  duration_ms,
  duration_before_ms,
});

const NO_NAMES = new Map<string, string>();

describe("the differences between two runs", () => {
  test("are params and the names of tasks", () => {
    const params = [
      { name: "day", before: "1", after: "2" },
      { name: "region", before: "eu", after: null },
    ];
    const names = new Map([["load", "Load orders"]]);
    expect(differencesOf({ params, tasks: [took("load", 60_000, 4_000)] }, names)).toEqual([
      { kind: "param", name: "day", before: "1", after: "2" },
      { kind: "param", name: "region", before: "eu", after: null },
      { kind: "duration", name: "Load orders", before: "4.0 s", after: "1m 00s" },
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
    [null, 60_000, 0],
    [60_000, null, 0],
  ])("include a task that took %p ms instead of %p ms only if that is much: %d", (after, before, count) => {
    expect(differencesOf({ params: [], tasks: [took("load", after, before)] }, NO_NAMES)).toHaveLength(count);
  });

  test("include at most three tasks, those that differ most first", () => {
    const tasks = [2_000, 9_000, 5_000, 7_000].map((ms, index) => took(`t${index}`, ms, 100));
    expect(differencesOf({ params: [], tasks }, NO_NAMES).map(({ name }) => name)).toEqual(["t1", "t3", "t2"]);
  });
});

describe("the failed tasks of a run", () => {
  test("are in the order in which they failed, without cancelled, interrupted and allowed ones", () => {
    const tasks = [
      task("late", { status: "failed", reason: "exit_code", ended_at: 20 }),
      task("first", { status: "failed", reason: "timeout", ended_at: 10 }),
      task("stopped", { status: "failed", reason: "cancelled", ended_at: 5 }),
      task("lost", { status: "failed", reason: "interrupted", ended_at: 1 }),
      task("allowed", { status: "failed", reason: "exit_code", ended_at: 3, allowed: true }),
      task("fine", { ended_at: 2 }),
    ];
    expect(failedTasks(tasks).map(({ task_id }) => task_id)).toEqual(["first", "late"]);
    expect(failedTasks(tasks, "late").map(({ task_id }) => task_id)).toEqual(["late", "first"]);
  });

  test.each([
    [{ reason: "exit_code", exit_code: 3 }, "exit code 3"],
    [{ reason: "timeout", exit_code: null }, "timeout"],
    [{ reason: "spawn_failed", exit_code: null }, null],
  ] as const)("describe their end: %o is %p", (rest, text) => {
    expect(endText(task("a", { status: "failed", ...rest }))).toBe(text);
  });
});
