import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DURATION_PATTERN, formatDuration, parseDuration } from "../../src/lib/duration.ts";

describe("parseDuration", () => {
  test.each([
    ["250ms", 250],
    ["30s", 30_000],
    ["5m", 300_000],
    ["90m", 5_400_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["1h30m", 5_400_000],
    ["1h 30m", 5_400_000],
    ["1d2h3m4s5ms", 93_784_005],
    ["0s", 0],
  ] as const)("parses %p as %p ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["", "5", "s", "5 s", "-5s", "1.5h", "30m1h", "1h1h", "5S", "5min", "5s ", "99999999999999d"])(
    "refuses %p",
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );
});

describe("formatDuration", () => {
  test.each([
    [0, "0s"],
    [5_400_000, "1h30m"],
    [86_400_000, "1d"],
    [1_001, "1s1ms"],
  ] as const)("formats %p ms as %p", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test("returns what parseDuration and the pattern accept", () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 13 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
        expect(formatDuration(ms)).toMatch(new RegExp(DURATION_PATTERN));
      }),
    );
  });
});
