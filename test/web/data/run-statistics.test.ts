import { describe, expect, test } from "bun:test";
import { successRate, usualDuration } from "../../../src/web/data/run-statistics.ts";

const runs = (...given: readonly (readonly ["completed" | "failed" | "cancelled" | "running", number | null])[]) =>
  given.map(([status, duration_ms]) => ({ status, duration_ms }));

describe("the newest runs of a job", () => {
  test("have the lower median of the completed runs as usual duration", () => {
    const some = runs(["completed", 40], ["completed", 10], ["running", null], ["completed", 30], ["completed", 20]);
    expect(usualDuration(some)).toBe(20);
    expect(usualDuration(runs(["failed", 7], ["completed", 40]))).toBe(40);
    expect(usualDuration(runs(["failed", 7]))).toBeNull();
  });

  test("have a success rate that ignores cancelled and running runs", () => {
    expect(successRate(runs(["completed", 1], ["failed", 1], ["cancelled", 1], ["running", null]))).toBe(0.5);
    expect(successRate(runs(["cancelled", 1], ["running", null]))).toBeNull();
  });
});
