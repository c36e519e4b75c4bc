import { describe, expect, test } from "bun:test";
import type { RunDetail, TaskRunData } from "../../../src/web/data/shapes.ts";
import { summaryTextOf } from "../../../src/web/run/run-summary-text.ts";

const summary = (...statuses: readonly TaskRunData["status"][]): string =>
  summaryTextOf(
    { status: "completed" } as RunDetail,
    statuses.map((status, index) => ({ task_id: `t${index}`, status, allowed: status === "failed" }) as TaskRunData),
  ).what;

describe("the summary of a run that is running", () => {
  test("names what a task waits for, whatever else runs", () => {
    const waits_for = { code: "worker" as const, labels: ["gpu"], type: null, connected: 0 };
    const tasks = [
      { name: "fit", status: "pending", waits_for },
      { name: "load", status: "running", waits_for: null, waiting_for: null, approval: null },
    ] as unknown as readonly TaskRunData[];
    const run = { status: "running", ending: null, waits_for: null, waiting_for: null } as RunDetail;
    expect(summaryTextOf(run, tasks).what).toBe(
      "Running load; waiting for a worker with gpu: none is connected (fit); 0 of 2 tasks done.",
    );
  });
});

describe("the summary of a run that completed", () => {
  test.each<[readonly TaskRunData["status"][], string]>([
    [["completed"], "The task completed."],
    [["completed", "completed"], "All 2 tasks completed."],
    [["completed", "skipped"], "1 of 2 tasks completed; the others were not needed."],
    [["completed", "failed"], "1 of 2 tasks completed; 1 failed, which the job allows."],
    [
      ["completed", "failed", "skipped"],
      "1 of 3 tasks completed; 1 failed, which the job allows; the rest was not needed.",
    ],
  ])("of tasks that are %j", (statuses, what) => {
    expect(summary(...statuses)).toBe(what);
  });
});
