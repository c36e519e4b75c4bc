import { describe, expect, test } from "bun:test";
import { parseMoment, parseSpan } from "../../src/domain/time-span.ts";

/** A Monday, 09:00 in New York. */
const NOW = Date.parse("2026-03-09T13:00:00Z");
const NEW_YORK = { now: NOW, zone: "America/New_York" };

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

describe("parseMoment", () => {
  test.each([
    ["now", "2026-03-09T13:00:00.000Z"],
    ["1767225600000", "2026-01-01T00:00:00.000Z"],
    ["90m", "2026-03-09T11:30:00.000Z"],
    ["3d Ago", "2026-03-06T13:00:00.000Z"],
    ["3d ago", "2026-03-06T13:00:00.000Z"],
    ["2w", "2026-02-23T13:00:00.000Z"],
    ["today", "2026-03-09T04:00:00.000Z"],
    // The clocks went forward on that Sunday.
    ["yesterday", "2026-03-08T05:00:00.000Z"],
    ["sunday", "2026-03-08T05:00:00.000Z"],
    ["friday", "2026-03-06T05:00:00.000Z"],
    ["Fri", "2026-03-06T05:00:00.000Z"],
    [" last friday ", "2026-03-06T05:00:00.000Z"],
    ["tue", "2026-03-03T05:00:00.000Z"],
    // The name of today's weekday is a week ago.
    ["monday", "2026-03-02T05:00:00.000Z"],
    ["friday 18:00", "2026-03-06T23:00:00.000Z"],
    ["today 08:30:15", "2026-03-09T12:30:15.000Z"],
    // In the gap: the instant of the change.
    ["sunday 02:30", "2026-03-08T07:00:00.000Z"],
    ["2026-03-01", "2026-03-01T05:00:00.000Z"],
    ["2026-03-01T10:00", "2026-03-01T15:00:00.000Z"],
    ["2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000Z"],
    ["2026-03-01t10:00:00.5+01:00", "2026-03-01T09:00:00.500Z"],
    ["99999d", "1970-01-01T00:00:00.000Z"],
  ])("reads %j", (text, expected) => {
    expect(iso(parseMoment(text, NEW_YORK))).toBe(expected);
  });

  test.each([
    "",
    "tomorrow",
    "fr",
    "fridays",
    "10",
    "-5m",
    "friday 25:00",
    "2026-02-30",
    "1w2d",
    "1M",
    "2H ago",
    "3D",
    "1y",
    "constructor",
    `${"1h".padStart(100)}x`,
    "friday\u0000",
  ])("refuses %j", (text) => {
    expect(parseMoment(text, NEW_YORK)).toBeNull();
  });

  test.each([
    ["2026-03-09T03:59:59Z", "friday", "2026-03-06T05:00:00.000Z"],
    ["2026-03-09T03:59:59Z", "sunday", "2026-03-01T05:00:00.000Z"],
    ["2026-03-13T12:00:00Z", "friday", "2026-03-06T05:00:00.000Z"],
  ])("at %s, %s is %s, by the day in the zone", (now, text, expected) => {
    expect(iso(parseMoment(text, { now: Date.parse(now), zone: "America/New_York" }))).toBe(expected);
  });
});

describe("parseSpan", () => {
  test("ends now without an end", () => {
    expect(parseSpan({ since: "friday" }, NEW_YORK)).toEqual({ from: Date.parse("2026-03-06T05:00:00Z"), to: NOW });
  });

  test("ends at the beginning of a day that is its end", () => {
    const span = { from: Date.parse("2026-03-06T05:00:00Z"), to: Date.parse("2026-03-08T05:00:00Z") };
    expect(parseSpan({ since: "friday", until: "sunday" }, NEW_YORK)).toEqual(span);
  });

  test("names the text that can't be used", () => {
    expect(parseSpan({ since: "soon" }, NEW_YORK)).toMatchObject({ field: "since" });
    expect(parseSpan({ since: "1h", until: "never" }, NEW_YORK)).toMatchObject({ field: "until" });
    expect(parseSpan({ since: "1h", until: "2h" }, NEW_YORK)).toEqual({
      field: "since",
      problem: "is '1h', which is not before '2h'",
    });
    expect(parseSpan({ since: "2027-01-01" }, NEW_YORK)).toMatchObject({
      problem: "is '2027-01-01', which is not before now",
    });
  });
});
