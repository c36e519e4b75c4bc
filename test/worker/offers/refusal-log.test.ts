import { expect, test } from "bun:test";
import { RefusalLog } from "../../../src/worker/offers/refusal-log.ts";

const offer = (attempt: number) => ({ scheduler: "scheduler-1", attempt });

test("a refusal is new for each attempt, and when its reason changes", () => {
  const refusals = new RefusalLog();
  expect(refusals.isNew(offer(1), "labels")).toBe(true);
  expect(refusals.isNew(offer(1), "labels")).toBe(false);
  expect(refusals.isNew(offer(2), "labels")).toBe(true);
  expect(refusals.isNew(offer(1), "drained")).toBe(true);
  expect(refusals.isNew(offer(1), "labels")).toBe(true);
});

test("refusals of many attempts are not all remembered", () => {
  const refusals = new RefusalLog();
  for (let attempt = 1; attempt <= 1_001; attempt++) refusals.isNew(offer(attempt), "labels");
  expect(refusals.isNew(offer(1_001), "labels")).toBe(false);
  expect(refusals.isNew(offer(1), "labels")).toBe(true);
});
