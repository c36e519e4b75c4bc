import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isTimezone, localTime, zoneOf } from "../../../src/domain/schedule/local-time.ts";

const at = (iso: string): number => Date.parse(iso);
const ZONES = ["UTC", "America/New_York", "Europe/Paris", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"];
const instants = fc.integer({ min: at("1995-01-01T00:00Z"), max: at("2045-01-01T00:00Z") });

describe("isTimezone", () => {
  test("accepts all names of the system", () => {
    expect(["UTC", "Europe/Paris", "America/New_York"].map(isTimezone)).toEqual([true, true, true]);
    expect(["Europe/Pariss", "", "Mars/Olympus", "../etc/passwd"].map(isTimezone)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("localTime", () => {
  test.each([
    ["2026-03-08T06:59:59Z", "America/New_York", "2026-03-08T01:59:59-05:00"],
    ["2026-03-08T07:00:00Z", "America/New_York", "2026-03-08T03:00:00-04:00"],
    ["2026-11-01T05:30:00Z", "America/New_York", "2026-11-01T01:30:00-04:00"],
    ["2026-11-01T06:30:00Z", "America/New_York", "2026-11-01T01:30:00-05:00"],
    ["2026-10-03T15:29:59Z", "Australia/Lord_Howe", "2026-10-04T01:59:59+10:30"],
    ["2026-10-03T15:30:00Z", "Australia/Lord_Howe", "2026-10-04T02:30:00+11:00"],
    ["2026-01-01T00:00:00.250Z", "UTC", "2026-01-01T00:00:00.250+00:00"],
    ["1960-01-01T00:00:00Z", "Africa/Monrovia", "1959-12-31T23:15:30-00:44"],
  ])("of %p in %p is %p", (iso, zone, expected) => {
    expect(localTime(at(iso), zone)).toBe(expected);
  });

  test("agrees with the system's calendar", () => {
    const field = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number);
    fc.assert(
      fc.property(instants, fc.constantFrom(...ZONES), (ms, zone) => {
        const [month, day, year, hour, minute, second] = field(
          new Intl.DateTimeFormat("en-US", {
            timeZone: zone,
            hourCycle: "h23",
            dateStyle: "short",
            timeStyle: "medium",
          }).format(ms),
        );
        const [y = 0, mo, d, h, mi, s] = field(localTime(ms - (ms % 1000), zone));
        expect([mo, d, y % 100, h, mi, s]).toEqual([month, day, year, hour, minute, second]);
      }),
    );
  });
});

describe("a zone", () => {
  test("throws for an unknown name", () => {
    expect(() => zoneOf("Mars/Olympus")).toThrow(RangeError);
  });

  test("maps a wall time to its first instant", () => {
    fc.assert(
      fc.property(instants, fc.constantFrom(...ZONES), (ms, name) => {
        const zone = zoneOf(name);
        const wall = zone.toWall(ms);
        const first = zone.toInstant(wall);
        expect(first).toBeLessThanOrEqual(ms);
        expect(zone.toWall(first)).toBe(wall);
      }),
    );
  });

  test("maps a wall time in a gap to the end of the gap", () => {
    expect(zoneOf("America/New_York").toInstant(at("2026-03-08T02:30Z"))).toBe(at("2026-03-08T07:00Z"));
    // Samoa went over the date line, and had no 30 December 2011.
    expect(zoneOf("Pacific/Apia").toInstant(at("2011-12-30T12:00Z"))).toBe(at("2011-12-30T10:00Z"));
  });

  test("maps a repeated wall time to the first of two instants", () => {
    expect(zoneOf("America/New_York").toInstant(at("2026-11-01T01:30Z"))).toBe(at("2026-11-01T05:30Z"));
  });

  test("has a constant offset in each interval, and intervals are contiguous", () => {
    fc.assert(
      fc.property(instants, fc.constantFrom(...ZONES), (ms, name) => {
        const zone = zoneOf(name);
        const span = zone.spanAt(ms);
        expect(span.start <= ms && ms < span.end).toBe(true);
        expect(zone.spanAt(span.start)).toEqual(span);
        expect(zone.spanAt(span.end - 1)).toEqual(span);
        expect(zone.spanAt(span.end).start).toBe(span.end);
      }),
    );
  });

  test("evicts old days from its cache and recomputes them", () => {
    const zone = zoneOf("Europe/Paris");
    const first = zone.toWall(0);
    for (let day = 0; day < 5_000; day++) zone.toWall(day * 86_400_000);
    expect(zone.toWall(0)).toBe(first);
  });
});
