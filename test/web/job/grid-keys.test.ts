import { describe, expect, test } from "bun:test";
import { cellAfter } from "../../../src/web/job/grid-keys.ts";

const TASKS = [
  { task_id: "a", results: [{ run_id: "1" }, { run_id: "2" }, { run_id: "3" }] },
  { task_id: "b", results: [{ run_id: "1" }, { run_id: "3" }] },
  { task_id: "c", results: [{ run_id: "2" }] },
];

const after = (cell: string, key: string): string | null => {
  const next = cellAfter(TASKS, { taskId: cell.charAt(0), runId: cell.charAt(1) }, key);
  return next === null ? null : `${next.taskId}${next.runId}`;
};

describe("a key in the grid of tasks and runs", () => {
  test("moves to the next cell, and skips what runs do not have", () => {
    expect(after("b1", "ArrowRight")).toBe("b3");
    expect(after("b3", "ArrowLeft")).toBe("b1");
    expect(after("a2", "ArrowDown")).toBe("c2");
    expect(after("c2", "ArrowUp")).toBe("a2");
    expect(after("a2", "Home")).toBe("a1");
    expect(after("a2", "End")).toBe("a3");
  });

  test("stays at the edges, and on other keys", () => {
    expect(after("a1", "ArrowLeft")).toBeNull();
    expect(after("a3", "ArrowRight")).toBeNull();
    expect(after("a1", "ArrowUp")).toBeNull();
    expect(after("c2", "ArrowDown")).toBeNull();
    expect(after("a1", "x")).toBeNull();
  });
});
