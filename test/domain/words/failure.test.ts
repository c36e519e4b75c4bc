import { expect, test } from "bun:test";
import { failureText, failureWords, type ShownFailure } from "../../../src/domain/words/failure.ts";

const LINE = { text: "uploading part 3 of 9" };
const CAUSE = { text: "error: quota exceeded", child: null };

const FAILURE: ShownFailure = {
  task_id: "main",
  reason: "exit_code",
  error: "exit code 1",
  cause: null,
  last_line: LINE,
};

test("the reason of several failed items with lines is their number", () => {
  const groups = [{ text: "refused", count: 2, items: [{ key: "a" }, { key: "b" }] }];
  const failure = { ...FAILURE, reason: "items_failed", error: "2 of 9 items failed, first 'a': exit code 1" } as const;
  expect(failureWords({ ...failure, failed_items: 2, cause: CAUSE, groups })).toMatchObject({
    reason: "2 items failed",
    before: null,
    line: "2 × refused: a, b",
  });
});

test.each<[string, Partial<ShownFailure>, string]>([
  ["a line that explains it", { cause: CAUSE }, "main: error: quota exceeded"],
  ["the reason before the last line", {}, "main: exit code 1 │ uploading part 3 of 9"],
  ["the reason without output", { last_line: null }, "main: exit code 1"],
  [
    "a lost worker, and then its last line",
    { reason: "worker_lost", error: "worker box7 was out of reach for 10s" },
    "main: worker box7 was out of reach for 10s │ uploading part 3 of 9",
  ],
  [
    "what petit or the system did before any line, because no program prints it",
    { reason: "timeout", error: "timed out after 5s", cause: { text: "waiting for lock" } },
    "main: timed out after 5s │ waiting for lock",
  ],
  [
    "a signal",
    { reason: "signal", error: "killed by SIGKILL", cause: { text: "loading model" } },
    "main: killed by SIGKILL │ loading model",
  ],
  [
    "kept artifacts",
    { reason: "artifacts_failed", error: "its artifacts could not be kept: over 1 MiB", cause: { text: "made" } },
    "main: its artifacts could not be kept: over 1 MiB │ made",
  ],
  ["how many more tasks failed", { more_tasks: 2, cause: CAUSE }, "main (and 2 more): error: quota exceeded"],
  [
    "how many items failed",
    { reason: "items_failed", error: "3 of 9 items failed, first 'a': exit code 1", failed_items: 3, cause: CAUSE },
    "main: 3 items failed │ error: quota exceeded",
  ],
  [
    "the lines of its items, each with their keys",
    {
      reason: "items_failed",
      error: "7 of 9 items failed, first 'web-3': exit code 1",
      failed_items: 7,
      cause: { text: "connection refused" },
      groups: [
        { text: "connection refused", count: 4, items: ["web-3", "web-7", "web-8", "web-9"].map((key) => ({ key })) },
        { text: "disk full", count: 3, items: [{ key: "db-1" }, { key: "db-2" }, { key: "db-3" }] },
      ],
    },
    "main: 4 × connection refused: web-3, web-7, web-8, web-9; 3 × disk full: db-1, db-2, db-3",
  ],
  [
    "the largest groups of its items, and how many more items failed",
    {
      reason: "items_failed",
      failed_items: 9,
      cause: CAUSE,
      groups: [3, 2, 2, 1, 1].map((count) => ({ text: `cause ${count}`, count, items: [{ key: `k${count}` }] })),
    },
    "main: 3 × cause 3: k3, … and 2 more; 2 × cause 2: k2, … and 1 more; 2 × cause 2: k2, … and 1 more; and 2 more items",
  ],
  [
    "how the first item ended before the lines of its items, if petit ended it",
    {
      reason: "items_failed",
      error: "2 of 9 items failed, first 'a': timed out after 5s",
      failed_items: 2,
      item_reason: "timeout",
      cause: CAUSE,
      groups: [{ text: "waiting for lock", count: 2, items: [{ key: "a" }, { key: "b" }] }],
    },
    "main: 2 of 9 items failed, first 'a': timed out after 5s │ 2 × waiting for lock: a, b",
  ],
  [
    "how the first item ended, if petit ended it",
    {
      reason: "items_failed",
      error: "3 of 9 items failed, first 'a': timed out after 5s",
      failed_items: 3,
      item_reason: "timeout",
      cause: CAUSE,
    },
    "main: 3 of 9 items failed, first 'a': timed out after 5s │ error: quota exceeded",
  ],
  [
    "the error of items without a line that explains it",
    { reason: "items_failed", error: "3 of 9 items failed, first 'a': exit code 1", failed_items: 3 },
    "main: 3 of 9 items failed, first 'a': exit code 1 │ uploading part 3 of 9",
  ],
  [
    "the line of a child run",
    { reason: "child_failed", cause: { ...CAUSE, child: { job_id: "kid" } } },
    "main: error: quota exceeded",
  ],
  [
    "the error of a child run before a line that does not explain it",
    { reason: "child_failed", cause: { ...LINE, child: { job_id: "kid", error: "timed out after 5s" } } },
    "main: failed in kid: timed out after 5s │ uploading part 3 of 9",
  ],
  [
    "the timeout of a task that waits for a child run",
    { reason: "timeout", error: "timed out after 1s", cause: { ...CAUSE, child: { job_id: "kid" } } },
    "main: timed out after 1s │ error: quota exceeded",
  ],
  ["an error of petit without output", { reason: "internal_error", error: "petit failed" }, "main: petit failed"],
  [
    "the error of the run if no task failed",
    { task_id: null, reason: "interrupted", error: null, last_line: null },
    "Run was interrupted",
  ],
])("a failed run is explained by %s", (_what, failure, expected) => {
  expect(failureText(failureWords({ ...FAILURE, ...failure }, "Run was interrupted"))).toBe(expected);
});
