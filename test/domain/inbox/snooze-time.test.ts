import { expect, test } from "bun:test";
import { parseComing, parseSnooze } from "../../../src/domain/inbox/snooze-time.ts";

/** A Friday, 10:00 in Berlin; clocks change on Sunday. */
const NOW = Date.parse("2026-10-23T08:00:00Z");
const context = { now: NOW, zone: "Europe/Berlin" };

test.each([
  ["18:00", "2026-10-23T16:00:00Z"],
  ["9:30", "2026-10-24T07:30:00Z"],
  ["today 18:00", "2026-10-23T16:00:00Z"],
  ["tomorrow", "2026-10-23T22:00:00Z"],
  ["Tomorrow 09:00", "2026-10-24T07:00:00Z"],
  ["mon 09:00", "2026-10-26T08:00:00Z"],
  ["monday", "2026-10-25T23:00:00Z"],
  ["friday 18:00", "2026-10-23T16:00:00Z"],
  ["friday 09:00", "2026-10-30T08:00:00Z"],
  ["friday", "2026-10-29T23:00:00Z"],
  ["2026-11-01", "2026-10-31T23:00:00Z"],
  ["2026-11-01T01:30", "2026-11-01T00:30:00Z"],
  ["2026-11-01t01:30:05z", "2026-11-01T01:30:05Z"],
])("'%s' is a coming time", (text, expected) => {
  expect(new Date(parseComing(text, context) ?? 0).toISOString()).toBe(new Date(expected).toISOString());
});

test.each([
  "",
  "now",
  "yesterday",
  "today",
  "today 09:00",
  "last friday",
  "2h",
  "2h ago",
  "25:00",
  "9",
  "2026-10-22",
  "fridayish",
  "x".repeat(99),
])("'%s' is none", (text) => expect(parseComing(text, context)).toBeNull());

test("tomorrow is the next day also when a day has 25 hours", () => {
  const now = Date.parse("2026-10-24T22:30:00Z");
  expect(new Date(parseComing("tomorrow", { ...context, now }) ?? 0).toISOString()).toBe("2026-10-25T23:00:00.000Z");
});

test.each([
  ["2h", { for_ms: 7_200_000 }],
  [" 1h30m ", { for_ms: 5_400_000 }],
  ["2w", { for_ms: 14 * 86_400_000 }],
  ["18:00", { until: Date.parse("2026-10-23T16:00:00Z") }],
  ["0s", null],
  ["soon", null],
])("a snooze of '%s' is %p", (text, expected) => {
  expect(parseSnooze(text, context)).toEqual(expected);
});
