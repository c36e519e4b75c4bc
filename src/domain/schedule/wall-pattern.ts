import type { NextWall } from "./daylight-saving.ts";

const DAY_S = 86_400;

/** The Gregorian calendar repeats after this many years, so a date that does not occur in them never does. */
const CYCLE_YEARS = 400;

/** Times of later years have no ISO 8601 form of four digits, so schedules end with this year. */
const MAX_YEAR = 9999;

/**
 * Compiles a pattern of six fields that consist of numbers, ranges and `*` with or without a step, as `parseExpression`
 * returns it. Returns null if the pattern has `L`, `W` or `#`. A compiled pattern takes few bytes, because equal fields are
 * shared, so each of thousands of schedules can keep its own.
 */
export const compileWallPattern = (pattern: string): NextWall | null => {
  if (/[LW#]/.test(pattern)) return null;
  const [second = "", minute = "", hour = "", day = "", month = "", weekday = ""] = pattern.split(" ");
  const time = { seconds: valuesOf(second, 0, 59), minutes: valuesOf(minute, 0, 59), hours: valuesOf(hour, 0, 23) };
  const date: DatePattern = {
    days: valuesOf(day, 1, 31),
    months: valuesOf(month, 1, 12),
    weekdays: weekdaysOf(weekday.replace("+", "")),
    // If both are restricted, either matches, unless the pattern requires both.
    isEither: day !== "*" && weekday !== "*" && !weekday.startsWith("+"),
  };
  return (wall) => {
    const from = Math.floor(wall / 1000) + 1;
    const today = Math.floor(from / DAY_S);
    const later = nextDay(date, today);
    if (later === null) return null;
    const timeOfDay = later === today ? nextTime(time, from - today * DAY_S) : nextTime(time, 0);
    if (timeOfDay !== null) return (later * DAY_S + timeOfDay) * 1000;
    const next = nextDay(date, today + 1);
    return next === null ? null : (next * DAY_S + (nextTime(time, 0) ?? 0)) * 1000;
  };
};

type TimePattern = { readonly seconds: Values; readonly minutes: Values; readonly hours: Values };
type DatePattern = {
  readonly days: Values;
  readonly months: Values;
  readonly weekdays: Values;
  readonly isEither: boolean;
};

/** The values of a field in ascending order. */
type Values = readonly number[];

/** The values of fields by their bounds and text. */
const parsed = new Map<string, Values>();

/** Fields are few, but files may contain any number of them. */
const MAX_PARSED = 10_000;

const valuesOf = (text: string, min: number, max: number): Values => {
  const key = `${max} ${text}`;
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const values = parseField(text, min, max);
  if (parsed.size >= MAX_PARSED) parsed.clear();
  parsed.set(key, values);
  return values;
};

const parseField = (text: string, min: number, max: number): Values => {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [range = "", step = "1"] = part.split("/");
    const [first = "", last = first] = range.split("-");
    const [from, to] = range === "*" ? [min, max] : [Number(first), Number(last)];
    for (let value = from; value <= to; value += Number(step)) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
};

/** Sunday is 0 and 7. */
const weekdaysOf = (text: string): Values => {
  const values = valuesOf(text, 0, text.startsWith("*") ? 6 : 7);
  return values.at(-1) === 7 ? [...new Set(values.map((value) => value % 7))].sort((a, b) => a - b) : values;
};

/** Returns the first second of a day at or after `from` that matches, or null. */
const nextTime = ({ seconds, minutes, hours }: TimePattern, from: number): number | null => {
  const [hour, minute, second] = [Math.floor(from / 3600), Math.floor(from / 60) % 60, from % 60];
  const [firstSecond = 0, firstMinute = 0] = [seconds[0], minutes[0]];
  if (hours.includes(hour)) {
    if (minutes.includes(minute)) {
      const sameMinute = atOrAfter(seconds, second);
      if (sameMinute !== undefined) return hour * 3600 + minute * 60 + sameMinute;
    }
    const laterMinute = atOrAfter(minutes, minute + 1);
    if (laterMinute !== undefined) return hour * 3600 + laterMinute * 60 + firstSecond;
  }
  const laterHour = atOrAfter(hours, hour + 1);
  return laterHour === undefined ? null : laterHour * 3600 + firstMinute * 60 + firstSecond;
};

const atOrAfter = (values: Values, from: number): number | undefined => values.find((value) => value >= from);

/** Returns the first day at or after `from` that matches, in days since the Unix epoch, or null. */
const nextDay = (pattern: DatePattern, from: number): number | null => {
  const start = new Date(from * DAY_S * 1000);
  const [startYear, startMonth] = [start.getUTCFullYear(), start.getUTCMonth()];
  const end = Math.min(startMonth + 12 * CYCLE_YEARS, 12 * (MAX_YEAR - startYear) + 11);
  for (let index = startMonth; index <= end; index++) {
    if (!pattern.months.includes((index % 12) + 1)) continue;
    const firstDay = Date.UTC(startYear, index, 1) / (DAY_S * 1000);
    const length = Date.UTC(startYear, index + 1, 1) / (DAY_S * 1000) - firstDay;
    for (let day = Math.max(1, from - firstDay + 1); day <= length; day++) {
      if (matchesDay(pattern, day, weekdayOf(firstDay + day - 1))) return firstDay + day - 1;
    }
  }
  return null;
};

const matchesDay = ({ days, weekdays, isEither }: DatePattern, day: number, weekday: number): boolean => {
  const [isDay, isWeekday] = [days.includes(day), weekdays.includes(weekday)];
  return isEither ? isDay || isWeekday : isDay && isWeekday;
};

/** The epoch was a Thursday. */
const weekdayOf = (day: number): number => (((day + 4) % 7) + 7) % 7;
