import { expect, test } from "bun:test";
import type { JobId, RunId, TaskId } from "../../../src/domain/ids.ts";
import type { Review } from "../../../src/domain/review/review.ts";
import { digestWords } from "../../../src/domain/words/digest.ts";

const NONE = { items: [], leftOut: 0 };
const AT = Date.UTC(2026, 0, 15, 12);
const LOAD = { jobId: "load" as JobId, jobName: "Load all orders" };

const REVIEW: Review = {
  from: AT,
  to: AT + 86_400_000,
  timezone: "UTC",
  jobs: 1,
  deleted: null,
  runs: { completed: 1, failed: 2, cancelled: 0, interrupted: 0 },
  broken: NONE,
  stale: NONE,
  recovered: NONE,
  unfired: NONE,
  slower: NONE,
  flaky: NONE,
  people: NONE,
  waits: NONE,
  due: NONE,
};

test("a digest names jobs by their names, and says from when on runs are complete", () => {
  const [lastRunId, taskId] = ["" as RunId, "check" as TaskId];
  const last = { lastRunId, lastAt: AT, taskId, cause: null, children: [], recovery: null, isGone: false };
  const failed = { ...LOAD, ...last, failures: 2, streak: { since: AT, count: 2 } };
  const old = { ...LOAD, ...last, jobName: "Old", failures: 0, streak: { since: AT - 86_400_000, count: 4 } };
  const review: Review = {
    ...REVIEW,
    deleted: { until: AT, jobs: 1 },
    broken: { items: [failed, old], leftOut: 0 },
    stale: { items: [{ ...LOAD, since: AT, withinMs: 1, lastSuccessAt: null }], leftOut: 0 },
    flaky: { items: [{ ...LOAD, taskId, runs: 1, lastRunId, lastAt: AT }], leftOut: 0 },
    due: { items: [{ ...LOAD, nextAt: AT, count: 1 }], leftOut: 0 },
  };
  expect(digestWords(review, null).lines).toEqual([
    "1 completed, 2 failed.",
    "Runs are complete from 2026-01-15 12:00 UTC on: earlier ones of 1 job were deleted. They are missing below; the numbers of runs include those of whole days.",
    "Failed, and still broken: Load all orders (failed 2 times), Old (failing since 2026-01-14 12:00 UTC).",
    "Not completed in time: Load all orders (stale since 2026-01-15 12:00 UTC).",
    "Completed only after a retry: Load all orders: check.",
    "Due today: Load all orders.",
  ]);
});

test("a digest about a tag that no job has says so", () => {
  expect(digestWords({ ...REVIEW, jobs: 0 }, "elt").lines[0]).toBe("No job has the tag elt.");
  expect(digestWords({ ...REVIEW, jobs: 0 }, null).lines[0]).toBe("1 completed, 2 failed.");
});
