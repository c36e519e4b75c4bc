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
