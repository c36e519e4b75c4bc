import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isRetried, type Retry, retryDelayMs } from "../../src/domain/retry.ts";

const retry = (given: Partial<Retry>): Retry => ({
  maxAttempts: 3,
  delayMs: 1_000,
  backoff: "fixed",
  maxDelayMs: 10_000,
  condition: "always",
  ...given,
});

describe("retryDelayMs", () => {
  test("is constant with a fixed backoff, whatever the maximum", () => {
    expect([1, 2, 9].map((attempt) => retryDelayMs(retry({ maxDelayMs: 1 }), attempt, 0.5))).toEqual([
      1000, 1000, 1000,
    ]);
  });

  test.each([
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [4, 8_000],
    [5, 10_000],
    [1_000, 10_000],
  ])("doubles up to the cap: after attempt %p at most %p ms", (attempt, most) => {
    const exponential = retry({ backoff: "exponential" });
    expect(retryDelayMs(exponential, attempt, 0)).toBe(0);
    expect(retryDelayMs(exponential, attempt, 0.5)).toBe(most / 2);
    expect(retryDelayMs(exponential, attempt, 1 - Number.EPSILON)).toBeGreaterThanOrEqual(most - 1);
  });

  test("stays within its bounds", () => {
    const anyRetry = fc.record({
      maxAttempts: fc.nat(),
      delayMs: fc.nat({ max: 10 ** 9 }),
      backoff: fc.constant("exponential" as const),
      maxDelayMs: fc.nat({ max: 10 ** 9 }),
      condition: fc.constant("always" as const),
    });
    fc.assert(
      fc.property(
        anyRetry,
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (given, attempt, random) => {
          const delay = retryDelayMs(given, attempt, random);
          expect(Number.isInteger(delay) && delay >= 0 && delay <= given.maxDelayMs).toBe(true);
        },
      ),
    );
  });
});

describe("isRetried", () => {
  const transient = { attempt: 1, transient: true };
  const lasting = { attempt: 1, transient: false };

  test.each([
    ["always", true, true],
    ["transient_only", true, false],
    ["never", false, false],
  ] as const)("with %p is %p after a passing fault, %p after another", (condition, afterTransient, afterLasting) => {
    expect(isRetried(retry({ condition }), transient)).toBe(afterTransient);
    expect(isRetried(retry({ condition }), lasting)).toBe(afterLasting);
  });

  test("counts retries after the first attempt", () => {
    const failures = [1, 2, 3, 4].map((attempt) => isRetried(retry({ maxAttempts: 3 }), { attempt, transient: false }));
    expect(failures).toEqual([true, true, true, false]);
    expect(isRetried(retry({ maxAttempts: 0 }), lasting)).toBe(false);
  });

  test("is false without a retry", () => {
    expect(isRetried(null, transient)).toBe(false);
  });
});
