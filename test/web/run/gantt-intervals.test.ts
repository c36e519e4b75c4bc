import { describe, expect, test } from "bun:test";
import type { TaskRunData } from "../../../src/web/data/shapes.ts";
import { intervalsOf } from "../../../src/web/run/gantt/gantt-intervals.ts";

const task = (given: Partial<TaskRunData>): TaskRunData =>
  ({
    task_id: "t",
    depends_on: [],
    status: "completed",
    reused: false,
    attempt_list: [],
    waits_for: null,
    waiting_for: null,
    items: null,
    approval: null,
    started_at: 1_010,
    ended_at: 1_050,
    retry_at: null,
    ...given,
  }) as TaskRunData;

const intervals = (given: Partial<TaskRunData>): readonly string[] => {
  const each = task(given);
  return intervalsOf(each, [each], { startedAt: 1_000, now: 1_100 }).map(
    ({ kind, from, to }) => `${kind} ${from}-${to}`,
  );
};

const ITEMS = { total: 2, pending: 0, running: 0, completed: 2, failed: 0, skipped: 0 };
const APPROVAL = { prompt: null, expires_at: null, on_timeout: "reject" } as const;

describe("intervalsOf", () => {
  test.each<[string, Partial<TaskRunData>, readonly string[]]>([
    ["items run from the start of the task to its end", { items: ITEMS }, ["slot 1000-1010", "items 1010-1050"]],
    [
      "items that run last until now",
      { items: ITEMS, status: "running", ended_at: null },
      ["slot 1000-1010", "items 1010-1100"],
    ],
    ["an approval waits for a person", { approval: APPROVAL }, ["slot 1000-1010", "approval 1010-1050"]],
    [
      "a task that did not start has waited",
      { items: ITEMS, started_at: null, status: "skipped" },
      ["upstream 1000-1050"],
    ],
  ])("%s", (_, given, expected) => {
    expect(intervals(given)).toEqual(expected);
  });
});
