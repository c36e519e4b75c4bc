import { expect, test } from "bun:test";
import { entryId } from "../../../src/domain/inbox/entry.ts";
import { jobId } from "../../support/engine/factories.ts";

const undelivered = (url: string) =>
  entryId({
    kind: "notifications_undelivered",
    jobId: jobId("load"),
    target: { type: "webhook", url, on: ["failure"], headers: {}, secret: null, timeoutMs: 10_000 },
    since: 0,
    count: 1,
    error: "refused",
  });

test("two receivers at one host have different ids without their addresses", () => {
  const [first, second] = [undelivered("https://example.com/aaa"), undelivered("https://example.com/bbb")];
  expect(first).toMatch(/^notifications_undelivered:load:[0-9a-f]{10}$/);
  expect(second).not.toBe(first);
  expect(undelivered("https://example.com/aaa")).toBe(first);
});

test("what is about no job has another id than a job that is called petit or scheduler", () => {
  const unrun = (id: string | null) =>
    entryId({
      kind: "not_run_as_expected",
      jobId: id === null ? null : jobId(id),
      jobs: 1,
      pause: null,
      gates: [],
      since: 0,
      count: 3,
      newest: "paused",
      reasons: [],
    });
  const error = (id: string | null) =>
    entryId({ kind: "internal_error", jobId: id === null ? null : jobId(id), runId: null, error: "", since: 0 });
  expect([null, "petit", "scheduler"].map(unrun)).toEqual([
    "not_run_as_expected:_scheduler",
    "not_run_as_expected:petit",
    "not_run_as_expected:scheduler",
  ]);
  expect([null, "petit"].map(error)).toEqual(["internal_error:_petit", "internal_error:petit"]);
});
