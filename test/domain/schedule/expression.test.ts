import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseExpression } from "../../../src/domain/schedule/expression.ts";
import { whyUnusable } from "../../../src/domain/schedule/schedule.ts";
import { measureCpu } from "../../support/cpu-time.ts";

const pattern = (text: string): string => {
  const expression = parseExpression(text);
  return expression.kind === "cron" ? expression.pattern : JSON.stringify(expression);
};

const problem = (text: string): string => {
  const expression = parseExpression(text);
  return expression.kind === "wrong" ? expression.problem : "";
};

describe("a cron expression", () => {
  test.each([
    ["5 4 * * *", "0 5 4 * * *"],
    ["30 5 4 * * *", "30 5 4 * * *"],
    ["  0   9 *\t* * ", "0 0 9 * * *"],
    ["0 9 ? * ?", "0 0 9 * * *"],
    ["*/15 9-17 * * MON-FRI", "0 */15 9-17 * * 1-5"],
    ["0 0 1 jan,Jul *", "0 0 0 1 1,7 *"],
    ["0 0 1 January *", "0 0 0 1 1 *"],
    ["0 0 * * sunday", "0 0 0 * * 0"],
    ["0 0 * * 7", "0 0 0 * * 7"],
    ["0 0 * * FRI-SUN", "0 0 0 * * 5-7"],
    ["0 0 * * sun-tue", "0 0 0 * * 0-2"],
    ["10-40/10 * * * *", "0 10,20,30,40 * * * *"],
    ["5/20 * * * *", "0 5,25,45 * * * *"],
    ["0 0 * * 7/2", "0 0 0 * * 0,2,4,6"],
    ["0 0 * * sun/3", "0 0 0 * * 0,3,6"],
    ["0/5 * * * * *", "0,5,10,15,20,25,30,35,40,45,50,55 * * * * *"],
    ["0 0 L * *", "0 0 0 L * *"],
    ["0 0 lw * *", "0 0 0 LW * *"],
    ["0 0 15w * *", "0 0 0 15W * *"],
    ["0 0 * * MON#2", "0 0 0 * * 1#2"],
    ["0 0 * * 7#1", "0 0 0 * * 0#1"],
    ["0 0 * * friL", "0 0 0 * * 5L"],
    ["0 0 13 * 5", "0 0 0 13 * 5"],
    ["0 0 */2 * 1", "0 0 0 */2 * +1"],
    ["0 0 1 * */2", "0 0 0 1 * +*/2"],
    ["0 0 13 * +fri", "0 0 0 13 * +5"],
    ["0 0 L * +mon-wed", "0 0 0 L * +1-3"],
    ["0 0 * * +fri", "0 0 0 * * 5"],
    ["0 0 13 * +*", "0 0 0 13 * *"],
    ["0 *,3 * * *", "0 0 * * * *"],
  ])("%p is understood as %p", (text, expected) => {
    expect(pattern(text)).toBe(expected);
    expect(whyUnusable(text)).toBeNull();
  });

  test.each([
    ["@yearly", "0 0 0 1 1 *"],
    ["@annually", "0 0 0 1 1 *"],
    ["@monthly", "0 0 0 1 * *"],
    ["@weekly", "0 0 0 * * 0"],
    ["@daily", "0 0 0 * * *"],
    ["@midnight", "0 0 0 * * *"],
    ["@hourly", "0 0 * * * *"],
    ["@Hourly ", "0 0 * * * *"],
  ])("%p stands for %p", (text, expected) => {
    expect(pattern(text)).toBe(expected);
  });

  test.each([
    ["0 2 * * *", false],
    ["0-59/15 2 * * *", false],
    ["* 30 2 * * *", false],
    ["*/15 2 * * *", true],
    ["30 * * * *", true],
    ["0 ? * * *", true],
    ["@hourly", true],
    ["@daily", false],
  ])("%p follows real time: %p", (text, expected) => {
    expect(parseExpression(text)).toMatchObject({ kind: "cron", realTime: expected });
  });
});

describe("any expression", () => {
  const words = [
    "*",
    "?",
    "0",
    "1",
    "5",
    "7",
    "L",
    "LW",
    "15W",
    "31W",
    "MON",
    "JAN",
    "5L",
    "MON#2",
    "7#5",
    "*/2",
    "*/31",
  ];
  const ranges = [
    "1-5",
    "1-5/2",
    "5/3",
    "7/2",
    "MON-FRI",
    "FRI-SUN",
    "0-7",
    "6-7",
    "L-3",
    "-1",
    "5-",
    "",
    "99",
    "x",
    "1#9",
  ];
  const field = fc
    .array(fc.constantFrom(...words, ...ranges), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join(","));
  const fields = fc.array(fc.oneof(field, fc.constantFrom("0", "*")), { minLength: 5, maxLength: 6 });

  test("is either usable or reports a problem", () => {
    fc.assert(
      fc.property(fields, (parts) => {
        const text = parts.join(" ");
        const problem = whyUnusable(text);
        if (parseExpression(text).kind === "wrong") expect(problem).toContain("is not a schedule: ");
        else expect(problem ?? "never fires").toContain("never fires");
      }),
      { numRuns: 500 },
    );
  });

  test("with any characters never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(whyUnusable(text)).toBeString();
      }),
    );
  });
});

describe("a period", () => {
  test.each([
    ["@every 1s", 1_000],
    ["@every 1h30m", 5_400_000],
    ["@EVERY 2D", 172_800_000],
    ["@every 1h 30m", 5_400_000],
  ])("%p is %p ms", (text, periodMs) => {
    expect(parseExpression(text)).toEqual({ kind: "every", periodMs });
  });

  test.each([
    "@every",
    "@every 5",
    "@every -1m",
    "@every 500ms",
    "@every 1m500ms",
    "@every 0s",
    "@every 1w",
    "@every 1M",
    "@every 1h30M",
  ])("can't be %p", (text) => {
    expect(problem(text)).toMatch(/^'@every/);
  });
});

describe("a wrong expression says what is wrong with it:", () => {
  test.each([
    ["", "it has 0 fields"],
    ["* * * *", "it has 4 fields; expected 5 fields (minute hour day month weekday), 6 (second first)"],
    ["0 0 0 1 1 * 2026", "a seventh field, for the year"],
    ["0 0 0 1 1 * 2026 x", "it has 8 fields"],
    ["0 25 * * *", "'25' is out of range in the hour field; expected 0 to 23"],
    ["60 * * * *", "'60' is out of range in the minute field; expected 0 to 59"],
    ["0 0 0 * *", "'0' is out of range in the day of month field; expected 1 to 31"],
    ["0 0 * 13 *", "'13' is out of range in the month field"],
    ["0 0 * * 8", "'8' is out of range in the day of week field; expected 0 to 7"],
    ["0 0 * * MOM", "'MOM' is not understood in the day of week field; did you mean 'MON'?"],
    ["0 0 * janury *", "'janury' is not understood in the month field; did you mean 'JANUARY'?"],
    ["0 17-9 * * *", "'17-9' in the hour field runs backwards; expected two ranges: '17-23,0-9'"],
    ["0 0 * dec-jan *", "'dec-jan' in the month field runs backwards; expected two ranges: 'dec-12,1-jan'"],
    ["*/0 * * * *", "'*/0' in the minute field has no step"],
    ["*/90 * * * *", "the step of '*/90' exceeds the minute field; expected at most 60"],
    ["1- * * * *", "'1-' is not understood in the minute field"],
    ["1-2-3 * * * *", "'1-2-3' is not understood"],
    ["/5 * * * *", "'/5' is not understood"],
    ["5/ * * * *", "'5/' is not understood"],
    ["1/2/3 * * * *", "'1/2/3' is not understood"],
    ["0 0 LW,15 * *", "'LW' can't be in a list; expected it alone"],
    ["1,,2 * * * *", "'1,,2' is not understood in the minute field"],
    ["L * * * *", "'L' is not understood in the minute field"],
    ["0 0 32W * *", "'32' is out of range in the day of month field"],
    ["0 0 * * 1#6", "'1#6' is not understood in the day of week field"],
    ["0 0 * * 9L", "'9' is out of range in the day of week field"],
    ["0 0 * * L", "'L' is not understood in the day of week field"],
    ["2026-01-01T00:00:00", "it has 1 field"],
    ["10:30 * * * *", "'10:30' is not understood in the minute field"],
    ["@fortnightly", "'@fortnightly' is not known"],
    ["@reboot x", "'@reboot x' is not known"],
    ["@toString", "'@toString' is not known"],
    ["TZ=UTC 0 0 * * *", "the time zone is a separate field"],
    ["CRON_TZ=Europe/Paris 0 0 * * *", "expected `schedule: {cron: …, timezone: …}`"],
  ])("%p: %s", (text, expected) => {
    expect(problem(text)).toContain(expected);
    expect(whyUnusable(text)).toContain(`'${text}' is not a schedule: `);
  });

  test.each(["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 2 *", "0 0 30W 2 *"])("%p never fires", (text) => {
    expect(whyUnusable(text)).toContain("never fires");
  });

  test("detects quickly that an expression never fires", () => {
    const cpuMs = measureCpu();
    for (let day = 0; day < 10; day++) whyUnusable(`${day} 0 30 2 *`);
    expect(cpuMs()).toBeLessThan(500);
  });
});
