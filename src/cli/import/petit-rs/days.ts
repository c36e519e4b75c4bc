import { type CronPart, DAY, isFull, type ParsedField, WEEKDAY } from "./cron-field.ts";

/** The texts of the two day fields of a cron expression. */
type DayTexts = { readonly day: string; readonly weekday: string };

/**
 * Writes the day fields of the Rust petit such that both must match; returns null if that can't be written. If both are
 * given, petit requires both only if one of them begins with `*`. Whole weeks of the month are written as `1#2`, the second
 * Monday. A list with a step of `*` begins with it, and the first value of a field is written as a step as long as the
 * field: every 31st day is day 1.
 */
export const joinDays = (day: ParsedField, weekday: ParsedField): DayTexts | null => {
  const here: DayTexts = { day: day.text, weekday: weekday.parts.map(weekdayHere).join(",") };
  if (isFull(day, DAY)) return { ...here, day: openText(day) };
  if (isFull(weekday, WEEKDAY)) return { ...here, weekday: openText(weekday) };
  const weeks = weeksOf(day.values);
  if (weeks !== null && !hasStar(day) && !hasStar(weekday))
    return { day: "*", weekday: weekdaysOfWeeks(weekday.values, weeks) };
  const starredDay = beginWithStar(here.day, { first: /^0?1$/, star: "*/31", isGiven: day.values.has(DAY.min) });
  if (starredDay !== null) return { ...here, day: starredDay };
  const sunday = { first: /^(0|sun|sunday)$/i, star: "*/7", isGiven: weekday.values.has(WEEKDAY.min) };
  const starredWeekday = beginWithStar(here.weekday, sunday);
  return starredWeekday === null ? null : { ...here, weekday: starredWeekday };
};

/** Returns the text of a field that leaves no value out; only a `*` does not restrict the other day field. */
const openText = ({ text }: ParsedField): string => (text === "?" ? text : "*");

/** Writes a part of the weekday field with Sunday as 0. Names have the same meaning. */
const weekdayHere = ({ text, from, to, isAny, step, hasStep }: CronPart): string => {
  if (isAny) return text;
  const range = [from, to].flatMap((value) => {
    if (value === null) return [];
    return value.isName ? (WEEKDAY.names[value.number - 1] ?? "").slice(0, 3).toUpperCase() : `${value.number - 1}`;
  });
  const isKept = from.isName && !/tues(?!day)|thurs(?!day)/i.test(text);
  return isKept ? text : `${range.join("-")}${hasStep ? `/${step}` : ""}`;
};

type FirstValue = {
  /** Matches a part that is only the first value of the field. */
  readonly first: RegExp;
  /** The first value, written as a step. */
  readonly star: string;
  /** Whether the field contains the first value. */
  readonly isGiven: boolean;
};

const hasStar = ({ parts }: ParsedField): boolean => parts.some(({ isAny }) => isAny);

/** Returns the list with a part first that begins with `*`, or null if there can't be one. */
const beginWithStar = (text: string, { first, star, isGiven }: FirstValue): string | null => {
  const parts = text.split(",");
  const starred = parts.find((part) => /^[*?]/.test(part)) ?? (isGiven ? star : undefined);
  if (starred === undefined) return null;
  return [starred, ...parts.filter((part) => part !== starred && !(isGiven && first.test(part)))].join(",");
};

/** The days of the month in the first to the fifth week of it. */
const WEEKS = [1, 2, 3, 4, 5].map((week) => ({
  week,
  days: Array.from({ length: week === 5 ? 3 : 7 }, (_, index) => 7 * week - 6 + index),
}));

/** Returns the weeks that consist of the days, or null if there is only a part of a week. */
const weeksOf = (days: ReadonlySet<number>): readonly number[] | null => {
  const touched = WEEKS.filter((each) => each.days.some((day) => days.has(day)));
  return touched.every((each) => each.days.every((day) => days.has(day))) ? touched.map(({ week }) => week) : null;
};

/** Writes the weekdays of some weeks of the month, such as `1#2` for the second Monday. */
const weekdaysOfWeeks = (weekdays: ReadonlySet<number>, weeks: readonly number[]): string =>
  [...weekdays].flatMap((weekday) => weeks.map((week) => `${weekday - 1}#${week}`)).join(",");
