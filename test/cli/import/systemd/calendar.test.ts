import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { calendarExpressions } from "../../../../src/cli/import/systemd/calendar/expressions.ts";
import { parseCalendar } from "../../../../src/cli/import/systemd/calendar/parse.ts";
import { parseTimeSpan } from "../../../../src/cli/import/systemd/time-span.ts";
import { compileSchedule, whyUnusable } from "../../../../src/domain/schedule/schedule.ts";

const YEAR = 2026;

/** Returns the expressions of a calendar event with its time zone, or what is wrong with it. */
const translate = (text: string): string => {
  const event = parseCalendar(text);
  if ("problem" in event) return event.problem;
  const result = calendarExpressions(event, YEAR);
  if ("problem" in result) return result.problem;
  return [...result.expressions, ...(event.timezone === null ? [] : [event.timezone])].join(" | ");
};

const EXPRESSIONS: readonly (readonly [calendar: string, expected: string])[] = [
  ["minutely", "* * * * *"],
  ["Weekly", "0 0 * * mon"],
  ["quarterly", "0 0 1 */3 *"],
  ["biannually", "0 0 1 1,7 *"],
  ["Mon", "0 0 * * mon"],
  ["monday, 10:00", "0 10 * * mon"],
  ["Mon..Wed,Sat *-*-* 1,2:3", "3 1,2 * * mon-wed,sat"],
  ["Mon..Sun 5:5", "5 5 * * *"],
  ["12-24", "0 0 24 12 *"],
  ["*:0/15", "*/15 * * * *"],
  ["*:5/10:0,30", "0,30 5-59/10 * * * *"],
  ["*:*:*", "* * * * * *"],
  ["*:0..10/3", "0,3,6,9 * * * *"],
  ["Fri *-*-13", "0 0 13 * +fri"],
  ["Mon *-*-1..7", "0 0 1-7 * +mon"],
  ["*-*~01", "0 0 L * *"],
  ["Mon *-*~01", "0 0 L * +mon"],
  ["Mon,Fri *-*~07/1", "0 0 * * 1L,5L"],
  ["*-01,04~3/1", "0 0 29-31 1 * | 0 0 28-30 4 *"],
  ["2018/1-*-* 4:00", "0 4 * * *"],
  ["*:00,30 Europe/Berlin", "0,30 * * * * | Europe/Berlin"],
  ["daily utc", "0 0 * * * | UTC"],
  ["2027-*-*", "it is limited to some years; a schedule of petit has none"],
  ["25-1-1", "its years have passed"],
  ["*:0:0.5", "its second has a fraction; petit counts whole seconds"],
];

const INVALID = [
  "Mon..",
  "Sat..Mon 1:00",
  "*-*-* 10",
  "*:*/5",
  "*-*~29",
  "0/24:00",
  "*:*:60",
  "*-*-5..1",
  "1:2:3:4",
  "*-13-1",
  "",
];

describe("a calendar event", () => {
  test.each(EXPRESSIONS)("%j becomes %j", (calendar, expected) => {
    expect(translate(calendar)).toBe(expected);
  });

  test.each(INVALID)("%j is not understood", (calendar) => {
    expect(translate(calendar)).toContain(
      "is not understood; expected a calendar event of systemd.time(7), such as Mon..Fri 02:30",
    );
  });
});

const START = Date.UTC(YEAR, 0, 2, 3, 4, 5);
const COUNT = 20;

const hasAnalyze = spawnSync("systemd-analyze", ["calendar", "daily"]).status === 0;

/** Returns the times that systemd computes, or null if it does not understand the event. */
const systemdTimes = (calendar: string): readonly string[] | null => {
  const args = ["calendar", `--iterations=${COUNT}`, `--base-time=${iso(START)} UTC`, "--", calendar];
  const { stdout, status } = spawnSync("systemd-analyze", args, {
    encoding: "utf8",
    env: { PATH: process.env.PATH, TZ: "UTC" },
  });
  if (status !== 0) return null;
  return [...stdout.matchAll(/(?:Next elapse|Iter\. #\d+): \w+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC/g)].map(
    ([, time = ""]) => time,
  );
};

const iso = (at: number): string => new Date(at).toISOString().slice(0, 19).replace("T", " ");

const item = (min: number, max: number) =>
  fc.oneof(
    fc.integer({ min, max }).map(String),
    fc
      .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
      .map(([a, b]) => `${Math.min(a, b)}..${Math.max(a, b)}`),
    fc.tuple(fc.integer({ min, max }), fc.integer({ min: 1, max: max - min })).map(([from, step]) => `${from}/${step}`),
  );

const items = (min: number, max: number) =>
  fc.oneof(
    fc.constant("*"),
    fc.array(item(min, max), { minLength: 1, maxLength: 3 }).map((parts) => parts.join(",")),
  );

const WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split(" ");

const calendars = fc
  .record({
    weekdays: fc.oneof(
      fc.constant(""),
      fc.subarray(WEEKDAYS, { minLength: 1 }).map((days) => `${days.join(",")} `),
      fc.tuple(fc.nat(6), fc.nat(6)).map(([a, b]) => `${WEEKDAYS[Math.min(a, b)]}..${WEEKDAYS[Math.max(a, b)]} `),
    ),
    months: items(1, 12),
    days: fc.oneof(
      items(1, 31).map((text) => `-${text}`),
      items(1, 28).map((text) => `~${text}`),
    ),
    hours: items(0, 23),
    minutes: items(0, 59),
    seconds: fc.oneof(fc.constant("0"), items(0, 59)),
  })
  .map(
    ({ weekdays, months, days, hours, minutes, seconds }) =>
      `${weekdays}*-${months}${days} ${hours}:${minutes}:${seconds}`,
  );

describe("any calendar event without a year", () => {
  test.skipIf(!hasAnalyze)("is due when systemd says so, or is named", () => {
    fc.assert(
      fc.property(calendars, (calendar) => {
        const expected = systemdTimes(calendar);
        const event = parseCalendar(calendar);
        // systemd refuses some ranges of one day from the end of the month.
        if (expected === null) return true;
        if ("problem" in event) return false;
        const result = calendarExpressions(event, YEAR);
        if ("problem" in result) return result.problem.includes("February");
        if (result.expressions.some((expression) => whyUnusable(expression) !== null)) return expected.length === 0;
        const schedule = compileSchedule({ expressions: result.expressions, timezone: "UTC" }, "UTC");
        const times: string[] = [];
        for (let at = schedule.next(START); at !== null && times.length < expected.length; at = schedule.next(at))
          times.push(iso(at));
        return times.join() === expected.join();
      }),
      { numRuns: 100 },
    );
  });
});

describe("a time span", () => {
  test.each([
    ["15min", 900_000],
    ["1h 30min", 5_400_000],
    ["2days 4hr", 187_200_000],
    ["90", 90_000],
    ["1.5h", 5_400_000],
    ["500ms", 500],
    ["1M", 2_629_800_000],
    ["infinity", "infinity"],
    ["soon", null],
    ["5 parsecs", null],
    ["", null],
  ] as const)("%j is %j ms", (text, expected) => {
    expect(parseTimeSpan(text)).toBe(expected);
  });
});
