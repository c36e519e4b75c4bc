import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PetitError } from "../../../src/domain/errors.ts";
import { localTime, zoneOf } from "../../../src/domain/schedule/local-time.ts";
import { compileSchedule, type Schedule, type ScheduleSpec } from "../../../src/domain/schedule/schedule.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const at = (iso: string): number => Date.parse(iso);

const specOf = (expressions: string | readonly string[], timezone: string | null): ScheduleSpec => ({
  expressions: typeof expressions === "string" ? [expressions] : expressions,
  timezone,
  catchup: "latest",
  catchupWindowMs: HOUR,
  jitterMs: 0,
});

const schedule = (expressions: string | readonly string[], timezone: string | null = "UTC"): Schedule =>
  compileSchedule(specOf(expressions, timezone), "UTC");

/** All occurrences with `from` ≤ t < `until`. */
const between = (asked: Schedule, from: number, until: number): number[] => {
  const found: number[] = [];
  for (let next = asked.next(from - 1); next !== null && next < until; next = asked.next(next)) found.push(next);
  return found;
};

/** The occurrences of a local day (or more), as local times without the date. */
const onDay = (expression: string, zone: string, day: string, days = 1): string => {
  const start = zoneOf(zone).toInstant(at(`${day}T00:00Z`));
  const end = zoneOf(zone).toInstant(at(`${day}T00:00Z`) + days * DAY);
  const times = between(schedule(expression, zone), start, end).map((time) => localTime(time, zone));
  return times.map((text) => (days === 1 ? text.slice(11) : text)).join(" ");
};

describe("a schedule of New York, when the clock goes from 02:00 to 03:00 on 2026-03-08,", () => {
  test.each([
    ["30 2 * * *", "03:00:00-04:00"],
    ["0 2 * * *", "03:00:00-04:00"],
    ["59 2 * * *", "03:00:00-04:00"],
    ["0 30 2 * * *", "03:00:00-04:00"],
    ["0,20,40 2 * * *", "03:00:00-04:00"],
    ["0-59/20 2 * * *", "03:00:00-04:00"],
    ["30 1,2,3 * * *", "01:30:00-05:00 03:00:00-04:00 03:30:00-04:00"],
    ["0 2,3 * * *", "03:00:00-04:00"],
    ["0 3 * * *", "03:00:00-04:00"],
    ["59 1 * * *", "01:59:00-05:00"],
    ["*/20 2 * * *", ""],
    ["30 0-4 * * *", "00:30:00-05:00 01:30:00-05:00 03:00:00-04:00 03:30:00-04:00 04:30:00-04:00"],
    ["* 30 2 * * *", "03:00:00-04:00"],
  ])("%p is due at %s", (expression, expected) => {
    expect(onDay(expression, "America/New_York", "2026-03-08")).toBe(expected);
  });

  test("follows real time if the minute or hour is a wildcard", () => {
    expect(onDay("0 * * * *", "America/New_York", "2026-03-08").split(" ")).toHaveLength(23);
    expect(
      between(schedule("*/15 * * * *", "America/New_York"), at("2026-03-08T06:00Z"), at("2026-03-08T08:00Z")),
    ).toEqual(Array.from({ length: 8 }, (_, quarter) => at("2026-03-08T06:00Z") + quarter * 15 * MINUTE));
  });

  test("is due at its normal time on the next day", () => {
    expect(onDay("30 2 * * *", "America/New_York", "2026-03-07", 3)).toBe(
      "2026-03-07T02:30:00-05:00 2026-03-08T03:00:00-04:00 2026-03-09T02:30:00-04:00",
    );
  });
});

describe("a schedule of New York, when the clock goes from 02:00 back to 01:00 on 2026-11-01,", () => {
  test.each([
    ["30 1 * * *", "01:30:00-04:00"],
    ["0 1 * * *", "01:00:00-04:00"],
    ["0,20,40 1 * * *", "01:00:00-04:00 01:20:00-04:00 01:40:00-04:00"],
    ["0 2 * * *", "02:00:00-05:00"],
    ["30 0-2 * * *", "00:30:00-04:00 01:30:00-04:00 02:30:00-05:00"],
    ["*/30 1 * * *", "01:00:00-04:00 01:30:00-04:00 01:00:00-05:00 01:30:00-05:00"],
  ])("%p is due at %s", (expression, expected) => {
    expect(onDay(expression, "America/New_York", "2026-11-01")).toBe(expected);
  });

  test("follows real time if the minute or hour is a wildcard", () => {
    expect(onDay("0 * * * *", "America/New_York", "2026-11-01").split(" ")).toHaveLength(25);
    expect(onDay("30 * * * *", "America/New_York", "2026-11-01")).toContain(
      "01:30:00-04:00 01:30:00-05:00 02:30:00-05:00",
    );
  });

  test("does not fire again in the second pass", () => {
    expect(schedule("30 1 * * *", "America/New_York").next(at("2026-11-01T06:10Z"))).toBe(at("2026-11-02T06:30Z"));
  });
});

describe("daylight saving in other zones", () => {
  test.each([
    ["Europe/Paris", "2026-03-29", "30 2 * * *", "03:00:00+02:00"],
    ["Europe/Paris", "2026-10-25", "30 2 * * *", "02:30:00+02:00"],
    ["Europe/Paris", "2026-10-25", "*/30 2 * * *", "02:00:00+02:00 02:30:00+02:00 02:00:00+01:00 02:30:00+01:00"],
    // Half an hour.
    ["Australia/Lord_Howe", "2026-10-04", "15 2 * * *", "02:30:00+11:00"],
    ["Australia/Lord_Howe", "2026-10-04", "0,15,45 2 * * *", "02:30:00+11:00 02:45:00+11:00"],
    ["Australia/Lord_Howe", "2026-04-05", "45 1 * * *", "01:45:00+11:00"],
    [
      "Australia/Lord_Howe",
      "2026-04-05",
      "*/15 1 * * *",
      "01:00:00+11:00 01:15:00+11:00 01:30:00+11:00 01:45:00+11:00 01:30:00+10:30 01:45:00+10:30",
    ],
    // At midnight, so that a day begins at one.
    ["America/Asuncion", "2023-10-01", "0 0 * * *", "01:00:00-03:00"],
  ])("in %s on %s: %p is due at %s", (zone, day, expression, expected) => {
    expect(onDay(expression, zone, day)).toBe(expected);
  });

  test("fires once for a day that a zone skipped", () => {
    expect(onDay("0 12 * * *", "Pacific/Apia", "2011-12-29", 3)).toBe(
      "2011-12-29T12:00:00-10:00 2011-12-31T00:00:00+14:00 2011-12-31T12:00:00+14:00",
    );
  });
});

describe("the calendar", () => {
  test.each([
    ["day 13 or a Friday", "0 0 13 * 5", "2026-02-01", "2026-02-28", ["06", "13", "20", "27"]],
    ["day 13 or a Friday", "0 0 13 * FRI", "2026-03-01", "2026-03-31", ["06", "13", "20", "27"]],
    ["an odd day that is a Monday", "0 0 */2 * 1", "2026-03-01", "2026-03-31", ["09", "23"]],
    ["Sunday as 0", "0 0 * * 0", "2026-03-01", "2026-03-31", ["01", "08", "15", "22", "29"]],
    ["Sunday as 7", "0 0 * * 7", "2026-03-01", "2026-03-31", ["01", "08", "15", "22", "29"]],
    ["Monday as 1", "0 0 * * 1", "2026-03-01", "2026-03-12", ["02", "09"]],
    ["the last day", "0 0 L * *", "2028-02-01", "2028-03-31", ["29", "31"]],
    ["the last weekday", "0 0 LW * *", "2026-05-01", "2026-06-01", ["29"]],
    ["the weekday nearest to the 15th", "0 0 15W * *", "2026-02-01", "2026-03-31", ["16", "16"]],
    ["the second Monday", "0 0 * * MON#2", "2026-03-01", "2026-04-30", ["09", "13"]],
    ["the last Friday", "0 0 * * 5L", "2026-03-01", "2026-04-30", ["27", "24"]],
    ["@weekly", "@weekly", "2026-03-01", "2026-03-16", ["01", "08", "15"]],
    ["@monthly", "@monthly", "2026-03-01", "2026-05-02", ["01", "01", "01"]],
  ] as const)("%s: %p between %s and %s", (_name, expression, from, until, days) => {
    const found = between(schedule(expression), at(`${from}T00:00Z`), at(`${until}T00:00Z`) + DAY);
    expect(found.map((time) => new Date(time).toISOString().slice(8, 10))).toEqual([...days]);
  });

  test("has leap days, but not in 2100", () => {
    const years = between(schedule("0 0 29 2 *"), at("2092-01-01T00:00Z"), at("2109-01-01T00:00Z"));
    expect(years.map((time) => new Date(time).getUTCFullYear())).toEqual([2092, 2096, 2104, 2108]);
  });
});

describe("@every", () => {
  test("is aligned to the Unix epoch, independent of zone and start", () => {
    const every = schedule("@every 1h30m", "America/New_York");
    expect(between(every, 0, 6 * HOUR)).toEqual([0, 1.5 * HOUR, 3 * HOUR, 4.5 * HOUR]);
    expect(every.next(0)).toBe(1.5 * HOUR);
    expect(every.next(-1)).toBe(0);
    expect(every.next(1.5 * HOUR - 1)).toBe(1.5 * HOUR);
  });
});

describe("a schedule", () => {
  test("uses its own zone, otherwise the default zone", () => {
    const inParis = compileSchedule(specOf("0 9 * * *", null), "Europe/Paris");
    expect(inParis.timezone).toBe("Europe/Paris");
    expect(inParis.next(at("2026-01-01T00:00Z"))).toBe(at("2026-01-01T08:00Z"));
    expect(compileSchedule(specOf("0 9 * * *", "Asia/Tokyo"), "Europe/Paris").timezone).toBe("Asia/Tokyo");
  });

  test("with several expressions is due once at a common instant", () => {
    const both = schedule(["0 * * * *", "*/30 * * * *", "@every 30m"]);
    expect(between(both, 0, HOUR)).toEqual([0, 30 * MINUTE]);
  });

  test("is not due before its second", () => {
    expect(schedule("* * * * * *").next(at("2026-01-01T00:00:00.001Z"))).toBe(at("2026-01-01T00:00:01Z"));
    expect(schedule("* * * * * *").next(at("2026-01-01T00:00:00.999Z"))).toBe(at("2026-01-01T00:00:01Z"));
  });

  test("returns null for an expression that never fires, also next to one that fires", () => {
    expect(schedule("0 0 30 2 *", "Europe/Paris").next(0)).toBeNull();
    expect(schedule("*/5 * 30 2 *", "Europe/Paris").next(0)).toBeNull();
    expect(schedule(["0 0 30 2 *", "@every 1h"]).next(0)).toBe(HOUR);
  });

  test("throws for an invalid expression and says why", () => {
    const failure = (expressions: string, zone: string): unknown => {
      try {
        return schedule(expressions, zone);
      } catch (error) {
        return error;
      }
    };
    expect(failure("0 25 * * *", "UTC")).toBeInstanceOf(PetitError);
    expect(failure("0 25 * * *", "UTC")).toMatchObject({
      code: "invalid_request",
      message: "'0 25 * * *' is not a schedule: '25' is out of range in the hour field; expected 0 to 23",
    });
    expect(failure("0 0 * * *", "Mars/Olympus")).toMatchObject({ code: "invalid_request" });
  });

  test("works with more expressions than the cache holds", () => {
    const many = Array.from({ length: 300 }, (_, index) => schedule(`${index % 60} ${Math.floor(index / 60)} * * *`));
    for (const round of [0, 1]) {
      many.forEach((each, index) => {
        expect(each.next(round * DAY - 1)).toBe(round * DAY + index * MINUTE);
      });
    }
  });
});

/** A field of up to three values. */
const field = (min: number, max: number) =>
  fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: 3 }).map((values) => values.join(","));
const step = fc.integer({ min: 1, max: 30 }).map((size) => `*/${size}`);
const orStar = (values: fc.Arbitrary<string>) => fc.oneof(values, fc.constant("*"));

const expressions = fc.oneof(
  fc
    .tuple(
      fc.oneof(field(0, 59), step),
      orStar(field(0, 23)),
      orStar(field(1, 31)),
      orStar(field(1, 12)),
      orStar(field(0, 7)),
    )
    .map((fields) => fields.join(" ")),
  fc.integer({ min: 1, max: 200_000 }).map((seconds) => `@every ${seconds}s`),
);
const zones = fc.constantFrom("UTC", "America/New_York", "Europe/Paris", "Australia/Lord_Howe", "Africa/Casablanca");
const instants = fc.integer({ min: at("2020-01-01T00:00Z"), max: at("2032-01-01T00:00Z") });

describe("occurrences", () => {
  test("increase strictly and are after the start", () => {
    fc.assert(
      fc.property(fc.array(expressions, { minLength: 1, maxLength: 3 }), zones, instants, (list, zone, start) => {
        const asked = schedule(list, zone);
        let last = start;
        for (let count = 0; count < 20; count++) {
          const next = asked.next(last);
          if (next === null) break;
          expect(next).toBeGreaterThan(last);
          last = next;
        }
      }),
    );
  });

  test("do not depend on the start", () => {
    fc.assert(
      fc.property(
        expressions,
        zones,
        instants,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (expression, zone, start, part) => {
          const asked = schedule(expression, zone);
          const next = asked.next(start);
          if (next === null) return;
          const within = Math.floor(start + (next - 1 - start) * part);
          expect(asked.next(within)).toBe(next);
          expect(asked.next(next - 1)).toBe(next);
        },
      ),
    );
  });
});

/** What cronie would do, minute by minute, with lists of minutes and hours: the slow way. */
const occurrencesOf = (
  minutes: readonly number[],
  hours: readonly number[] | null,
  zone: string,
  from: number,
  until: number,
) => {
  const matches = (wall: number): boolean => {
    const date = new Date(wall);
    return minutes.includes(date.getUTCMinutes()) && (hours?.includes(date.getUTCHours()) ?? true);
  };
  const found = new Set<number>();
  for (let time = from; time < until; time += MINUTE) {
    const wall = zoneOf(zone).toWall(time);
    const before = zoneOf(zone).toWall(time - MINUTE);
    if (hours === null) {
      if (matches(wall)) found.add(time);
      continue;
    }
    const isRepeated = zoneOf(zone).toInstant(wall) !== time;
    if (matches(wall) && !isRepeated) found.add(time);
    for (let skipped = before + MINUTE; skipped < wall; skipped += MINUTE) if (matches(skipped)) found.add(time);
  }
  return [...found];
};

describe("on the days when a clock changes", () => {
  const changes = fc.constantFrom(
    ...([
      ["America/New_York", "2026-03-08"],
      ["America/New_York", "2026-11-01"],
      ["Europe/Paris", "2026-03-29"],
      ["Europe/Paris", "2026-10-25"],
      ["Australia/Lord_Howe", "2026-10-04"],
      ["Australia/Lord_Howe", "2026-04-05"],
      ["Africa/Casablanca", "2026-02-15"],
      ["Atlantic/Azores", "2026-10-25"],
    ] as const),
  );
  const values = (max: number) => fc.uniqueArray(fc.integer({ min: 0, max }), { minLength: 1, maxLength: 4 });

  test("occurrences equal those of a minute-by-minute simulation", () => {
    fc.assert(
      fc.property(changes, values(59), fc.option(values(4), { nil: null }), ([zone, day], minutes, hours) => {
        const [from, until] = [at(`${day}T00:00Z`) - DAY, at(`${day}T00:00Z`) + 2 * DAY];
        const asked = schedule(`${minutes.join(",")} ${hours?.join(",") ?? "*"} * * *`, zone);
        expect(between(asked, from, until)).toEqual(occurrencesOf(minutes, hours, zone, from, until));
      }),
      { numRuns: 60 },
    );
  });
});

describe("exceptions", () => {
  const paris = compileSchedule(
    {
      expressions: ["0 */6 * * *"],
      timezone: "Europe/Paris",
      except: { dates: ["2026-03-29", "2026-03-30", "2026-12-25"], files: [] },
    },
    "UTC",
  );

  test("are dates in the zone of the schedule", () => {
    expect(paris.excludes(at("2026-12-24T22:59:59Z"))).toBe(false);
    expect(paris.excludes(at("2026-12-24T23:00:00Z"))).toBe(true);
    expect(paris.excludes(at("2026-12-25T22:59:59Z"))).toBe(true);
    expect(paris.excludes(at("2026-12-25T23:00:00Z"))).toBe(false);
  });

  test("are occurrences, but start nothing", () => {
    const before = at("2026-12-24T17:00:00Z");
    expect(paris.next(before)).toBe(at("2026-12-24T23:00:00Z"));
    expect(paris.nextStart(before)).toBe(at("2026-12-25T23:00:00Z"));
    expect(paris.nextStart(at("2026-12-24T16:59:59Z"))).toBe(before);
  });

  test("can follow each other, over a change of the clocks", () => {
    expect(paris.nextStart(at("2026-03-28T17:00:00Z"))).toBe(at("2026-03-30T22:00:00Z"));
  });

  test("are found quickly if the schedule is due each second for years of them", () => {
    const dates = Array.from({ length: 4_000 }, (_, day) => new Date(day * 86_400_000).toISOString().slice(0, 10));
    const each = compileSchedule(
      { expressions: ["* * * * * *"], timezone: "UTC", except: { dates, files: [] } },
      "UTC",
    );
    expect(each.nextStart(0)).toBe(4_000 * 86_400_000);
  });
});

describe("the previous occurrence", () => {
  const previous = (expressions: string | readonly string[], zone: string, before: string): string | null => {
    const found = schedule(expressions, zone).previousStart(at(before));
    return found === null ? null : localTime(found, zone);
  };

  test.each([
    ["0 6 * * *", "UTC", "2026-03-02T06:00Z", "2026-03-01T06:00:00+00:00"],
    // The day on which the clock goes forward has 23 hours, and the one on which it goes back has 25.
    ["0 6 * * *", "America/New_York", "2026-03-08T10:00Z", "2026-03-07T06:00:00-05:00"],
    ["0 6 * * *", "America/New_York", "2026-11-01T11:00Z", "2026-10-31T06:00:00-04:00"],
    ["30 2 * * *", "America/New_York", "2026-03-08T07:00Z", "2026-03-07T02:30:00-05:00"],
    ["30 2 * * *", "America/New_York", "2026-03-09T06:30Z", "2026-03-08T03:00:00-04:00"],
    ["30 1 * * *", "America/New_York", "2026-11-02T06:30Z", "2026-11-01T01:30:00-04:00"],
    ["0 * * * *", "America/New_York", "2026-11-01T06:00Z", "2026-11-01T01:00:00-04:00"],
    ["0 * * * *", "America/New_York", "2026-11-01T07:00Z", "2026-11-01T01:00:00-05:00"],
    ["0 * * * *", "America/New_York", "2026-03-08T07:00Z", "2026-03-08T01:00:00-05:00"],
    ["0 0 29 2 *", "UTC", "2028-02-29T00:00Z", "2024-02-29T00:00:00+00:00"],
    ["* * * * * 1", "UTC", "2026-03-02T00:00Z", "2026-02-23T23:59:59+00:00"],
    ["@every 7m", "UTC", "2026-03-02T00:00Z", "2026-03-01T23:54:00+00:00"],
    ["0 0 * * 1-5", "UTC", "2026-03-02T00:00Z", "2026-02-27T00:00:00+00:00"],
  ])("of %p in %s before %s is %s", (expression, zone, before, expected) => {
    expect(previous(expression, zone, before)).toBe(expected);
  });

  test("counts neither boots of the machine nor excepted dates", () => {
    const except = { dates: ["2026-03-01"], files: [] };
    const spec = { ...specOf(["0 6 * * *", "@reboot"], null), except };
    const asked = compileSchedule(spec, "UTC", at("2026-03-02T05:00Z"));
    expect(asked.previousStart(at("2026-03-02T06:00Z"))).toBe(at("2026-02-28T06:00Z"));
    expect(compileSchedule(specOf("@reboot", null), "UTC", 5).previousStart(at("2026-03-02T06:00Z"))).toBeNull();
  });

  test("is the one after which the schedule is next due", () => {
    const field = fc.constantFrom("*", "*/20", "0", "30", "15,45");
    const hour = fc.constantFrom("*", "*/5", "1", "2", "3", "0-6");
    const zone = fc.constantFrom("America/New_York", "Australia/Lord_Howe", "UTC");
    const start = fc.constantFrom("2026-03-07T00:00Z", "2026-10-31T00:00Z", "2026-04-04T00:00Z", "2026-10-03T00:00Z");
    const minutes = fc.integer({ min: 0, max: 3 * 24 * 60 });
    fc.assert(
      fc.property(field, hour, zone, start, minutes, (minute, hours, name, from, offset) => {
        const asked = schedule(`${minute} ${hours} * * *`, name);
        const before = at(from) + offset * MINUTE;
        const all = between(asked, at(from) - 2 * DAY, before);
        expect(asked.previousStart(before)).toBe(all.at(-1) ?? null);
      }),
    );
  });
});
