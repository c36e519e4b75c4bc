import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { translateExpression } from "../../../../src/cli/import/petit-rs/expression.ts";
import { compileSchedule } from "../../../../src/domain/schedule/schedule.ts";

const translated = (text: string): string => {
  const result = translateExpression(text);
  switch (result.kind) {
    case "expression":
      return result.expression;
    case "left_out":
      return `left out: ${result.reason}`;
    case "wrong":
      return `wrong: ${result.problem}`;
  }
};

describe("a schedule of the Rust petit", () => {
  test.each([
    ["its weekdays count from Sunday, which is 1", "* * * * * 5", "* * * * * 4"],
    ["a range of weekdays", "0 9 * * 2-6", "0 9 * * 1-5"],
    ["a list of weekdays", "0 9 * * 1,7", "0 9 * * 0,6"],
    ["a step from a weekday on", "0 9 * * 2/2", "0 9 * * 1/2"],
    ["a range of weekdays with a step", "0 0 9 * * 2-6/2", "0 0 9 * * 1-5/2"],
    ["steps of all weekdays begin with Sunday in both", "0 9 * * */2", "0 9 * * */2"],
    ["names have the same meaning", "0 9 * JAN mon-FRI", "0 9 * JAN mon-FRI"],
    ["names that petit does not know", "0 9 * * Tues,thurs", "0 9 * * TUE,THU"],
    ["all weekdays restrict nothing", "0 9 13 * 1-7", "0 9 13 * *"],
    ["all days of the month restrict nothing", "0 9 1-31 * 2", "0 9 * * 1"],
    ["all weekdays in parts restrict nothing", "0 9 13 * */2,2/1", "0 9 13 * *"],
    ["? is any day", "0 9 ? * 2", "0 9 ? * 1"],
    ["white space", " 0\t9  * * 2 ", "0 9 * * 1"],
    ["nicknames", "@Daily", "@Daily"],
    ["@every 1s", "@every 1s", "@every 1s"],
  ])("%s: '%s' is '%s'", (_, text, expected) => {
    expect(translated(text)).toBe(expected);
  });

  test.each([
    ["the first day of the month", "0 9 1,15 * 2", "0 9 */31,15 * 1"],
    ["Sundays", "0 9 13 * SUN,3", "0 9 13 * */7,2"],
    ["weeks of the month", "0 9 8-21 * 2", "0 9 * * 1#2,1#3"],
    ["the first week", "0 9 1-7 * TUE", "0 9 * * 2#1"],
    ["the days from the 29th on", "0 9 29-31 * 6", "0 9 * * 5#5"],
    ["steps of all days", "0 9 */2 * 2", "0 9 */2 * 1"],
    ["steps of all days at the end", "0 9 15,*/10 * 2", "0 9 */10,15 * 1"],
    ["steps of all weekdays at the end", "0 9 15 * 3,*/3", "0 9 15 * */3,2"],
  ])("requires both days where both are given, with %s: '%s' is '%s'", (_, text, expected) => {
    expect(translated(text)).toBe(expected);
  });

  test.each([
    ["0 9 13 * 6", "'0 9 13 * 6' requires both day of month and weekday to match, which can't be expressed here"],
    ["0 9 30 2 *", "'0 9 30 2 *' never fires: there is no such date"],
    ["0 9 31 4,6 *", "'0 9 31 4,6 *' never fires: there is no such date"],
    [
      "@every 5m",
      "'@every 5m' never fires in the Rust petit, which counts from its last look at the clock, a second ago",
    ],
  ])("'%s' is left out", (text, reason) => {
    expect(translated(text)).toBe(`left out: ${reason}`);
  });

  test.each([
    ["0 9 * *", "it has 4 fields; expected 5 or 6"],
    ["0 0 9 * * 2 2026", "it has 7 fields; expected 5 or 6"],
    [
      "0 9 * * 0",
      "'0' is not understood in the day of week field; expected 1 to 7, a name, '*', a range, a list or a step",
    ],
    ["0 24 * * *", "'24' is not understood in the hour field; expected 0 to 23, '*', a range, a list or a step"],
    [
      "0 9 * * 6-2",
      "'6-2' is not understood in the day of week field; expected 1 to 7, a name, '*', a range, a list or a step",
    ],
    ["? 9 * * *", "'?' is not understood in the minute field; expected 0 to 59, '*', a range, a list or a step"],
    ["0 9 L * *", "'L' is not understood in the day of month field; expected 1 to 31, '*', a range, a list or a step"],
    [
      "0 9 * * mon/2",
      "'mon/2' is not understood in the day of week field; expected 1 to 7, a name, '*', a range, a list or a step",
    ],
    ["@reboot", 'expected "@every 5m", or one of @yearly @annually @monthly @weekly @daily @midnight @hourly'],
    ["@every 90", 'expected a sum of d, h, m and s such as "@every 1h30m"'],
    ["@every 0s", "the interval has no length"],
  ])("'%s' is refused, as there", (text, problem) => {
    expect(translated(text)).toBe(`wrong: '${text}' is not a schedule of the Rust petit: ${problem}`);
  });

  test("fires on the same days, unless it is left out", () => {
    fc.assert(
      fc.property(listOf(1, 31), listOf(1, 12), listOf(1, 7), (day, month, weekday) => {
        const result = translateExpression(`0 9 ${day.text} ${month.text} ${weekday.text}`);
        if (result.kind === "left_out") return;
        const days = allDays.filter(
          (at) =>
            day.values.has(at.getUTCDate()) &&
            month.values.has(at.getUTCMonth() + 1) &&
            weekday.values.has(at.getUTCDay() + 1),
        );
        expect(result.kind === "expression" ? firingDays(result.expression) : result).toEqual(days.map(toDay));
      }),
      { numRuns: 200 },
    );
  });
});

type Values = { readonly text: string; readonly values: ReadonlySet<number> };

/** Generates a field with its values. */
const listOf = (min: number, max: number): fc.Arbitrary<Values> => {
  const range = fc
    .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  const step = fc.integer({ min: 1, max });
  const part = fc.oneof(
    fc.integer({ min, max }).map((value) => ({ text: `${value}`, values: [value] })),
    range.map(([from, to]) => ({ text: `${from}-${to}`, values: steps(from, to, 1) })),
    fc.tuple(range, step).map(([[from, to], by]) => ({ text: `${from}-${to}/${by}`, values: steps(from, to, by) })),
    fc
      .tuple(fc.integer({ min, max }), step)
      .map(([from, by]) => ({ text: `${from}/${by}`, values: steps(from, max, by) })),
    step.map((by) => ({ text: `*/${by}`, values: steps(min, max, by) })),
    fc.constant({ text: "*", values: steps(min, max, 1) }),
  );
  return fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => ({
    text: parts.map(({ text }) => text).join(","),
    values: new Set(parts.flatMap(({ values }) => values)),
  }));
};

const steps = (from: number, to: number, by: number): number[] =>
  Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, index) => from + index * by);

const DAY_MS = 86_400_000;
const [START, DAYS] = [Date.UTC(2026, 0, 1), 365];
const allDays = Array.from({ length: DAYS }, (_, index) => new Date(START + index * DAY_MS));

const toDay = (at: Date): string => at.toISOString().slice(0, 10);

const firingDays = (expression: string): readonly string[] => {
  const spec = {
    expressions: [expression],
    timezone: "UTC",
    catchup: "none",
    catchupWindowMs: 0,
    jitterMs: 0,
  } as const;
  const schedule = compileSchedule(spec, "UTC");
  const days: string[] = [];
  for (let at = schedule.next(START); at !== null && at < START + DAYS * DAY_MS; at = schedule.next(at))
    days.push(toDay(new Date(at)));
  return days;
};
