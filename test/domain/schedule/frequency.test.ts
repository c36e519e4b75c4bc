import { expect, test } from "bun:test";
import { frequentIntervalMs } from "../../../src/domain/schedule/frequency.ts";
import { compileSchedule } from "../../../src/domain/schedule/schedule.ts";

const NOON = Date.parse("2026-03-06T12:00:00Z");

test.each([
  [["*/5 * * * * *"], 5_000],
  [["* * * * *"], 60_000],
  [["@every 5m"], 300_000],
  [["*/5 * * * *"], 300_000],
  [["@every 10m", "5-55/10 * * * *"], 300_000],
  [["*/6 * * * *"], null],
  [["0,1,2 * * * *"], null],
  [["0 9 * * *"], null],
])("the schedule %j is due at least every %p ms", (expressions, expected) => {
  const spec = { expressions, timezone: null, catchup: "latest", catchupWindowMs: 0, jitterMs: 0 } as const;
  expect(frequentIntervalMs(compileSchedule(spec, "UTC"), NOON)).toBe(expected);
});
