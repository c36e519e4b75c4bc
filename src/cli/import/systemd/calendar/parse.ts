import { isTimezone } from "../../../../domain/schedule/local-time.ts";
import { TIMEZONE_FORM } from "../../../../domain/schedule/schedule.ts";
import { NAMED_CALENDARS } from "./named.ts";

/** An item of a list: `start`, every `repeat` up to `stop`. Without a repetition it is a single value. */
export type CalendarItem = { readonly start: number; readonly stop: number | null; readonly repeat: number | null };

/** The items of a component, or null if any value matches. */
export type CalendarItems = readonly CalendarItem[] | null;

/** A calendar event of systemd.time(7). All components must match. */
export type CalendarEvent = {
  /** Weekdays from 0, Sunday, to 6; null for all. */
  readonly weekdays: ReadonlySet<number> | null;
  readonly years: CalendarItems;
  readonly months: CalendarItems;
  readonly days: CalendarItems;
  /** Whether the days count from the end of the month: 1 is its last day. */
  readonly fromEnd: boolean;
  readonly hours: CalendarItems;
  readonly minutes: CalendarItems;
  readonly seconds: CalendarItems;
  /** The time zone at the end, or null for that of the system. */
  readonly timezone: string | null;
};

type Problem = { readonly problem: string };

const WEEKDAYS = "sunday monday tuesday wednesday thursday friday saturday".split(" ");

const FORM = "expected a calendar event of systemd.time(7), such as Mon..Fri 02:30";

/** Reads the value of `OnCalendar=`, by the grammar of systemd.time(7). */
export const parseCalendar = (text: string): CalendarEvent | Problem => {
  const { body, timezone } = splitZone(text.trim());
  const named = Object.hasOwn(NAMED_CALENDARS, body.toLowerCase()) ? NAMED_CALENDARS[body.toLowerCase()] : undefined;
  const words = (named ?? body).split(/ +/).filter((word) => word !== "");
  const unclear: Problem = { problem: `'${text}' is not understood; ${FORM}` };
  if (/^@\d+$/.test(body)) return { problem: `'${text}' is a single point in time; a schedule of petit has none` };
  if (timezone !== null && !isTimezone(timezone))
    return { problem: `'${timezone}' is not a time zone that petit knows; ${TIMEZONE_FORM}` };
  if (words.length === 0) return unclear;
  const hasWeekdays = /^[a-z]/i.test(words[0] ?? "");
  const weekdays = hasWeekdays ? readWeekdays(words[0] ?? "") : null;
  if (weekdays === undefined) return unclear;
  const rest = hasWeekdays ? words.slice(1) : words;
  const [date, time, ...more] = rest[0]?.includes(":") === true ? ["*-*-*", ...rest] : rest;
  if (more.length > 0) return unclear;
  const dates = readDate(date ?? "*-*-*");
  const times = readTime(time ?? "0:0:0");
  return dates === null || times === null ? unclear : { weekdays, ...dates, ...times, timezone };
};

/** Splits the zone off: a name that is no weekday, such as `UTC` or `Europe/Berlin`, after a blank. */
const splitZone = (text: string): { readonly body: string; readonly timezone: string | null } => {
  const [, body, zone] = /^(.*\S)\s+([A-Z][A-Za-z0-9_+\-/]*)$/i.exec(text) ?? [];
  if (body === undefined || zone === undefined || readWeekdays(zone) !== undefined)
    return { body: text, timezone: null };
  return { body, timezone: zone.toUpperCase() === "UTC" ? "UTC" : zone };
};

/** Reads `Mon..Fri,Sun`. Returns null for all weekdays, and undefined if it is something else. */
const readWeekdays = (text: string): ReadonlySet<number> | null | undefined => {
  const days = new Set<number>();
  for (const part of text.replace(/,$/, "").split(",")) {
    const [from = "", to, ...more] = part.split(/\.\.|-/);
    const first = weekdayOf(from);
    const last = to === undefined ? first : weekdayOf(to);
    if (first === null || last === null || first > last || more.length > 0) return undefined;
    for (let day = first; day <= last; day++) days.add(day % 7);
  }
  return days.size === 7 ? null : days;
};

/** Returns the number of a weekday, from 1 for Monday to 7 for Sunday. */
const weekdayOf = (text: string): number | null => {
  const word = text.toLowerCase();
  const index = WEEKDAYS.findIndex((name) => name === word || name.slice(0, 3) === word);
  return index === -1 ? null : index === 0 ? 7 : index;
};

type Dates = Pick<CalendarEvent, "years" | "months" | "days" | "fromEnd">;

const readDate = (text: string): Dates | null => {
  const [, year, month = "", separator, day = ""] = /^(?:([^-~]+)-)?([^-~]+)([-~])([^-~]+)$/.exec(text) ?? [];
  const fromEnd = separator === "~";
  const years = year === undefined ? null : readItems(year, { min: 1970, max: 2199, toValue: yearOf });
  const months = readItems(month, { min: 1, max: 12 });
  const days = readItems(day, { min: 1, max: fromEnd ? 28 : 31, countsBack: fromEnd });
  return years === undefined || months === undefined || days === undefined ? null : { years, months, days, fromEnd };
};

/** Two digits are a year of 1970 to 2069. */
const yearOf = (number: number): number => (number >= 100 ? number : number + (number < 70 ? 2000 : 1900));

type Times = Pick<CalendarEvent, "hours" | "minutes" | "seconds">;

const readTime = (text: string): Times | null => {
  const [hour = "", minute = "", second = "0", ...more] = text.split(":");
  const hours = readItems(hour, { min: 0, max: 23 });
  const minutes = readItems(minute, { min: 0, max: 59 });
  const seconds = readItems(second, { min: 0, max: 59.999999, fractions: true });
  if (more.length > 0 || hours === undefined || minutes === undefined || seconds === undefined) return null;
  return { hours, minutes, seconds };
};

type Bounds = {
  readonly min: number;
  readonly max: number;
  readonly fractions?: boolean;
  /** Whether a repetition leads to smaller values. */
  readonly countsBack?: boolean;
  readonly toValue?: (number: number) => number;
};

/** Reads `1..5,10/2`. Returns null for `*`, and undefined if it is something else. */
const readItems = (text: string, bounds: Bounds): CalendarItems | undefined => {
  if (text === "*") return null;
  const items = text.split(",").map((part) => readItem(part, bounds));
  return items.includes(undefined) ? undefined : items.flatMap((item) => item ?? []);
};

const readItem = (text: string, { min, max, fractions, countsBack, toValue }: Bounds): CalendarItem | undefined => {
  const [, start, stop, repeat] = /^([\d.]+?)(?:\.\.([\d.]+))?(?:\/([\d.]+))?$/.exec(text) ?? [];
  const number = (digits: string): number =>
    (fractions ? /^\d+(?:\.\d+)?$/ : /^\d+$/).test(digits) ? Number(digits) : Number.NaN;
  const value = (digits: string): number => (toValue ?? Number)(number(digits));
  if (start === undefined) return undefined;
  const from = value(start);
  const to = stop === undefined ? null : value(stop);
  const step = repeat === undefined ? null : number(repeat);
  const isIn = (each: number): boolean => each >= min && each <= max;
  if (!isIn(from) || (to !== null && (!isIn(to) || to < from))) return undefined;
  if (step !== null && !(step > 0)) return undefined;
  const second = countsBack ? from - (step ?? 0) : from + (step ?? 0);
  if (to === null && !isIn(second)) return undefined;
  return { start: from, stop: to, repeat: step ?? (to === null ? null : 1) };
};
