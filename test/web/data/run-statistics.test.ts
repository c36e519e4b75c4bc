import { describe, expect, test } from "bun:test";
import { successRate, usualDuration } from "../../../src/web/data/run-statistics.ts";

const runs = (...given: readonly (readonly ["completed" | "failed" | "cancelled" | "running", number | null])[]) =>
  given.map(([status, duration_ms]) => ({ status, duration_ms }));

describe("the newest runs of a job", () => {
  test("usually took the median of those that completed, the lower one of two", () => {
    const some = runs(["completed", 40], ["completed", 10], ["running", null], ["completed", 30], ["completed", 20]);
    expect(usualDuration(some)).toBe(20);
    expect(usualDuration(runs(["failed", 7], ["completed", 40]))).toBe(40);
    expect(usualDuration(runs(["failed", 7]))).toBeNull();
  });

  test("succeeded as often as they completed; those that were cancelled or go on tell nothing", () => {
    expect(successRate(runs(["completed", 1], ["failed", 1], ["cancelled", 1], ["running", null]))).toBe(0.5);
    expect(successRate(runs(["cancelled", 1], ["running", null]))).toBeNull();
  });
});
