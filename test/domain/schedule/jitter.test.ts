import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { jitterMs } from "../../../src/domain/schedule/jitter.ts";
import { jobId } from "../../support/engine/factories.ts";

describe("jitterMs", () => {
  test("is 0 without a bound", () => {
    expect(jitterMs(jobId("a"), 1, 0)).toBe(0);
  });

  test("is deterministic, also across processes", () => {
    expect(jitterMs(jobId("backup"), 1_768_478_400_000, 30_000)).toBe(
      jitterMs(jobId("backup"), 1_768_478_400_000, 30_000),
    );
    expect(jitterMs(jobId("backup"), 1_768_478_400_000, 30_000)).toBe(22_050);
  });

  test("is at most the bound, inclusive", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 10_000 }), (at, bound) => {
        expect(jitterMs(jobId("a"), at, bound)).toBeWithin(0, bound + 1);
      }),
    );
    const seen = new Set(Array.from({ length: 200 }, (_, at) => jitterMs(jobId("a"), at, 3)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3]);
  });

  test("spreads the occurrences of a job, and the jobs of an occurrence", () => {
    const ofJob = new Set(Array.from({ length: 100 }, (_, minute) => jitterMs(jobId("a"), minute * 60_000, 60_000)));
    const ofInstant = new Set(Array.from({ length: 100 }, (_, index) => jitterMs(jobId(`job-${index}`), 0, 60_000)));
    expect(ofJob.size).toBeGreaterThan(90);
    expect(ofInstant.size).toBeGreaterThan(90);
  });
});
