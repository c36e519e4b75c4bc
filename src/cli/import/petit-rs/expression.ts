import { NICKNAMES, tidyExpression } from "../../../domain/schedule/expression.ts";
import { DAY, HOUR, isFull, MINUTE, MONTH, type ParsedField, parseField, SECOND, WEEKDAY } from "./cron-field.ts";
import { joinDays } from "./days.ts";

/** What a schedule expression of the Rust petit becomes. */
export type Translation =
  /** An expression that fires at the same times. `notes` say what is written in another way. */
  | { readonly kind: "expression"; readonly expression: string; readonly notes: readonly string[] }
  /** There is no such expression, or the Rust petit never fires it. */
  | { readonly kind: "left_out"; readonly reason: string }
  /** The Rust petit refuses it. */
  | { readonly kind: "wrong"; readonly problem: string };

/** Translates a schedule expression of the Rust petit. */
export const translateExpression = (text: string): Translation => {
  const tidy = tidyExpression(text);
  if (tidy.startsWith("@")) return translateNickname(tidy);
  const fields = tidy.split(" ");
  if (fields.length === 5) return translateFields(tidy, ["0", ...fields]);
  if (fields.length === 6) return translateFields(tidy, fields);
  return wrong(tidy, `it has ${fields.length} field${fields.length === 1 ? "" : "s"}; expected 5 or 6`);
};

const wrong = (text: string, problem: string): Translation => ({
  kind: "wrong",
  problem: `'${text}' is not a schedule of the Rust petit: ${problem}`,
});

const leftOut = (reason: string): Translation => ({ kind: "left_out", reason });

const translateNickname = (text: string): Translation => {
  const name = text.toLowerCase();
  if (Object.hasOwn(NICKNAMES, name)) return { kind: "expression", expression: text, notes: [] };
  if (name.startsWith("@every ")) return translateInterval(text, name.slice("@every ".length));
  return wrong(text, `expected "@every 5m", or one of ${Object.keys(NICKNAMES).join(" ")}`);
};

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/**
 * The Rust petit looks at its schedules every second, and counts an interval from its last look. So an interval of more
 * than a second never ends. It ignores digits without a unit at the end.
 */
const translateInterval = (text: string, interval: string): Translation => {
  if (!/^(\d+[smhd])+\d*$/.test(interval)) return wrong(text, 'expected a sum of d, h, m and s such as "@every 1h30m"');
  const parts = [...interval.matchAll(/(\d+)([smhd])/g)];
  const seconds = parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (UNIT_SECONDS[unit] ?? 0), 0);
  if (seconds === 0) return wrong(text, "the interval has no length");
  if (seconds > 1)
    return leftOut(
      `'${text}' never fires in the Rust petit, which counts from its last look at the clock, a second ago`,
    );
  return { kind: "expression", expression: "@every 1s", notes: ["the Rust petit leaves out some of the seconds"] };
};

const translateFields = (text: string, texts: readonly string[]): Translation => {
  const fields: ParsedField[] = [];
  for (const [index, field] of [SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY].entries()) {
    const parsed = parseField(texts[index] ?? "", field);
    if (typeof parsed === "string") return wrong(text, parsed);
    fields.push(parsed);
  }
  const [, , , day, month, weekday] = fields;
  if (day === undefined || month === undefined || weekday === undefined) return wrong(text, "a day is missing");
  if (!isDate(day.values, month.values)) return leftOut(`'${text}' never fires: there is no such date`);
  const days = joinDays(day, weekday);
  if (days === null)
    return leftOut(`'${text}' requires both day of month and weekday to match, which can't be expressed here`);
  const given = text.split(" ");
  const expression = [...given.slice(0, -3), days.day, ...given.slice(-2, -1), days.weekday].join(" ");
  return {
    kind: "expression",
    expression,
    notes: expression === text ? [] : [noteOf(text, expression, { day, weekday })],
  };
};

/** Returns whether a month has one of the days. */
const isDate = (days: ReadonlySet<number>, months: ReadonlySet<number>): boolean =>
  [...months].some((month) => Math.min(...days) <= new Date(Date.UTC(2000, month, 0)).getUTCDate());

type DayFields = { readonly day: ParsedField; readonly weekday: ParsedField };

const noteOf = (text: string, expression: string, { day, weekday }: DayFields): string => {
  const why = isFull(day, DAY) || isFull(weekday, WEEKDAY) ? "its weekday 1 is Sunday" : "both days must match";
  return `'${text}' is '${expression}' here (${why})`;
};
