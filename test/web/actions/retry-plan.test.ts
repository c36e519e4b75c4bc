import { describe, expect, test } from "bun:test";
import type { TaskStatus } from "../../../src/domain/task-run.ts";
import { type RerunChoice, rerunTasks } from "../../../src/web/actions/retry-plan.ts";

const task = (task_id: string, depends_on: readonly string[], status: TaskStatus) => ({ task_id, depends_on, status });

/** `b` failed, so that `d` was skipped; `c` completed after `b` because of its condition. */
const TASKS = [
  task("a", [], "completed"),
  task("b", ["a"], "failed"),
  task("c", ["b"], "completed"),
  task("d", ["b"], "skipped"),
  task("e", ["a"], "completed"),
];

describe("a retry", () => {
  test.each([
    [{ kind: "rest" }, ["b", "c", "d"]],
    [{ kind: "all" }, ["a", "b", "c", "d", "e"]],
    [{ kind: "task", taskId: "b" }, ["b", "d"]],
    [{ kind: "from", taskId: "b" }, ["b", "c", "d"]],
    [{ kind: "task", taskId: "e" }, ["e"]],
    [{ kind: "from", taskId: "a" }, ["a", "b", "c", "d", "e"]],
  ] as readonly (readonly [RerunChoice, readonly string[]])[])("of %o runs %p", (scope, expected) => {
    expect(rerunTasks(TASKS, scope).map(({ task_id }) => task_id)).toEqual([...expected]);
  });
});
