import { expect, test } from "bun:test";
import { isChosen, type KnownOccurrence } from "../../../src/domain/backfill/backfill.ts";
import { occurrencesIn } from "../../../src/domain/backfill/occurrences.ts";
import { parseRange } from "../../../src/domain/backfill/range.ts";
import { compileSchedule } from "../../../src/domain/schedule/schedule.ts";

const NOW = Date.parse("2026-11-20T12:00Z");

const rangeOf = (from: string, to: string, zone = "America/New_York"): string => {
  const range = parseRange({ from, to }, { now: NOW, zone });
  if ("problem" in range) return `${range.field}: ${range.problem}`;
  return [range.from, range.to].map((at) => new Date(at).toISOString()).join(" ");
};

test.each([
  ["2026-11-02", "2026-11-02", "2026-11-02T05:00:00.000Z 2026-11-03T04:59:59.999Z"],
  // The clock goes back on this day.
  ["2026-11-01", "2026-11-01", "2026-11-01T04:00:00.000Z 2026-11-02T04:59:59.999Z"],
  ["2026-03-08", "2026-03-08", "2026-03-08T05:00:00.000Z 2026-03-09T03:59:59.999Z"],
  ["2026-11-02T06:00Z", "2026-11-02T06:00Z", "2026-11-02T06:00:00.000Z 2026-11-02T06:00:00.000Z"],
  ["2026-11-02T06:00", "2026-11-02T07:00+01:00", "from: '2026-11-02T06:00' is after '2026-11-02T07:00+01:00'"],
  ["2026-11-02T06:00", "2026-11-02T12:00+01:00", "2026-11-02T11:00:00.000Z 2026-11-02T11:00:00.000Z"],
  ["3d", "yesterday", "2026-11-17T12:00:00.000Z 2026-11-20T04:59:59.999Z"],
  ["1793577600000", "now", "2026-11-02T00:00:00.000Z 2026-11-20T12:00:00.000Z"],
  ["2026-11-03", "2026-11-02", "from: '2026-11-03' is after '2026-11-02'"],
])("the range from %p to %p is %s", (from, to, expected) => {
  expect(rangeOf(from, to)).toBe(expected);
});

test("a day without a midnight begins when the clock has gone forward", () => {
  expect(rangeOf("2018-11-04", "2018-11-04", "America/Sao_Paulo")).toBe(
    "2018-11-04T03:00:00.000Z 2018-11-05T01:59:59.999Z",
  );
});

test.each(["2026-02-30", "soon", "", "2026-11", "1".repeat(99)])("%p is no start of a range", (from) => {
  expect(rangeOf(from, "2026-11-02")).toStartWith("from: ");
  expect(rangeOf("2026-11-02", from)).toStartWith("to: ");
});

test.each(["1960-01-01", "1000-01-01", "0001-01-01", "1969-12-31T12:00Z"])(
  "%p is before what petit counts from",
  (at) => {
    expect(rangeOf(at, "2026-11-02")).toBe(`from: '${at}' is before 1970`);
  },
);

test("each occurrence of a year is found once, with the one before it", () => {
  const schedule = compileSchedule({ expressions: ["30 2 * * *"], timezone: "America/New_York" }, "UTC");
  const range = parseRange({ from: "2025-11-20", to: "2026-11-19" }, { now: NOW, zone: schedule.timezone });
  if ("problem" in range) throw new Error(range.problem);
  const { occurrences, count } = allOf(occurrencesIn(schedule, range));
  expect(count).toBe(365);
  expect(new Set(occurrences.map(({ scheduledFor }) => scheduledFor)).size).toBe(365);
  expect(occurrences[0]?.intervalStart).toBe(Date.parse("2025-11-19T07:30Z"));
  for (const [index, { intervalStart }] of occurrences.entries())
    if (index > 0) expect(intervalStart).toBe(occurrences[index - 1]?.scheduledFor ?? 0);
});

test("too many occurrences are counted, not kept", () => {
  const schedule = compileSchedule({ expressions: ["* * * * *"], timezone: null }, "UTC");
  const year = { from: Date.parse("2025-01-01T00:00Z"), to: Date.parse("2025-12-31T23:59:59Z") };
  const { occurrences, count } = allOf(occurrencesIn(schedule, year));
  expect([occurrences.length, count]).toEqual([10_000, 525_600]);
});

test.each<[KnownOccurrence["newest"], boolean, string]>([
  [null, false, "skip failed all"],
  // Its runs were deleted, or another backfill will make one.
  [null, true, "all"],
  ["completed", true, "all"],
  ["failed", true, "failed all"],
  ["cancelled", true, "failed all"],
  ["interrupted", true, "failed all"],
  ["running", true, "all"],
  ["pending", true, "all"],
])("an occurrence whose newest run is %p (has one: %p) gets a run with %s", (newest, hasRun, expected) => {
  const rules = (["skip", "failed", "all"] as const).filter((rule) => isChosen(rule, { newest, hasRun }));
  expect(rules.join(" ")).toBe(expected);
});

const allOf = <Value>(steps: Iterator<void, Value>): Value => {
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
};
