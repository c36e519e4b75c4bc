import { shownMs, shownRoughMs } from "../../../domain/words/duration.ts";
import { PAGE_ZONE } from "../display.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Formats ms as `43 ms`, `1.2 s`, `4m 05s`, `2h 03m` or `3d 04h`: as the command line does, with more space. */
export const durationText = (durationMs: number): string => {
  const ms = shownMs(durationMs);
  if (ms < SECOND_MS) return `${ms} ms`;
  return ms < MINUTE_MS ? `${(ms / SECOND_MS).toFixed(1)} s` : longText(ms);
};

/** Formats ms in whole seconds, for durations that change: `0 s`, `59 s`, `4m 05s`. */
export const roughText = (durationMs: number): string => {
  const ms = shownRoughMs(durationMs);
  return ms < MINUTE_MS ? `${ms / SECOND_MS} s` : longText(ms);
};

const longText = (ms: number): string => {
  if (ms < HOUR_MS) return pair(ms, [MINUTE_MS, "m"], [SECOND_MS, "s"]);
  if (ms < DAY_MS) return pair(ms, [HOUR_MS, "h"], [MINUTE_MS, "m"]);
  return pair(ms, [DAY_MS, "d"], [HOUR_MS, "h"]);
};

type DisplayUnit = readonly [ms: number, name: string];

const pair = (ms: number, [large, largeName]: DisplayUnit, [small, smallName]: DisplayUnit): string =>
  `${Math.floor(ms / large)}${largeName} ${String(Math.floor((ms % large) / small)).padStart(2, "0")}${smallName}`;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Returns a cached format: creating one costs more than using it a hundred times. */
const format = (fields: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
  const key = JSON.stringify(fields);
  const known = formats.get(key) ?? new Intl.DateTimeFormat(undefined, { timeZone: PAGE_ZONE, ...fields });
  formats.set(key, known);
  return known;
};

const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;

const YEAR = { year: "numeric" } as const;
const DAY = { year: "numeric", month: "numeric", day: "numeric" } as const;

/** Formats a local time: `14:03:09` today, `Mon 24 Nov 14:03:09` in this year, else with the year. */
export const timeText = (at: number, now: number): string => {
  const [day, today] = [at, now].map((time) => format(DAY).format(time));
  if (day === today) return format(CLOCK).format(at);
  const isSameYear = format(YEAR).format(at) === format(YEAR).format(now);
  const year = isSameYear ? {} : { year: "numeric" as const };
  return format({ weekday: "short", day: "numeric", month: "short", ...year, ...CLOCK }).format(at);
};

/** Formats a time in full, in `timeZone` or the local zone: `Mon 24 Nov 2026, 14:03:09.123 CET`. */
export const fullTimeText = (at: number, timeZone?: string): string =>
  format({
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    ...CLOCK,
    fractionalSecondDigits: 3,
    timeZoneName: "short",
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(at);

/** Formats a time with its date and zone, whatever the date is: `Mon, Nov 24, 2026, 14:03 CET`. */
export const dateTimeText = (at: number): string =>
  format({
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    ...MINUTES,
    timeZoneName: "short",
  }).format(at);

/** Formats the days from one time to another in a zone: `Nov 24, 2026`, `Nov 24 – 28, 2026`. */
export const dateRangeText = (from: number, to: number, timeZone: string): string =>
  format({ day: "numeric", month: "short", year: "numeric", timeZone }).formatRange(from, to);

/** Formats whole days of a zone as days: `Nov 24 – 28, 2026`. Null if the period, whose end is included, does not begin and end with a day. */
export const wholeDaysText = (from: number, to: number, timeZone: string): string | null => {
  const isMidnight = (at: number): boolean => format({ ...CLOCK, timeZone }).format(at) === "00:00:00";
  return isMidnight(from) && isMidnight(to + 1) ? dateRangeText(from, to, timeZone) : null;
};

const MINUTES = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;

/**
 * Returns the time in the zone of a schedule if clocks show another one there than here: `01:45 Europe/Berlin`, with the day
 * if that differs, too. Null if the zone is the reader's or shows the same time.
 */
export const zonedText = (at: number, timeZone: string | null): string | null => {
  if (timeZone === null) return null;
  const day = { weekday: "short", day: "numeric", month: "short" } as const;
  const [dayHere, dayThere] = [format(day).format(at), format({ ...day, timeZone }).format(at)];
  const [here, there] = [format(MINUTES).format(at), format({ ...MINUTES, timeZone }).format(at)];
  if (dayHere === dayThere && here === there) return null;
  return `${dayHere === dayThere ? "" : `${dayThere} `}${there} ${timeZone}`;
};

/** Returns both times of a schedule in another zone, without the day: `01:45 Europe/Berlin, 00:45 yours`. Null where `zonedText` is. */
export const bothTimesText = (at: number, timeZone: string | null): string | null => {
  if (timeZone === null || zonedText(at, timeZone) === null) return null;
  return `${format({ ...MINUTES, timeZone }).format(at)} ${timeZone}, ${format(MINUTES).format(at)}\u00a0yours`;
};

/** Maximum length of a value in a sentence. */
const MAX_VALUE = 80;

/** Shortens a value for a sentence. Returns `empty` for an empty value. */
export const valueText = (value: string): string => {
  if (value === "") return "empty";
  return value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value;
};

/** Returns a text of several lines as a screen reader should say it: line breaks are no pauses. */
export const spoken = (text: string): string => text.replaceAll("\n", ", ");

/** Formats a count with its noun: `1 run`, `3 runs`. */
export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString()} ${noun}${count === 1 ? "" : "s"}`;

/** Lists names: `a`, `a and b`, `a, b, c` or `a, b and 7 more`. */
export const listText = (names: readonly string[]): string =>
  names.length <= 3
    ? names.join(names.length === 2 ? " and " : ", ")
    : `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;

/** Makes the first letter a capital, unless the text begins with petit or with the name of a field, such as `max_concurrency`. */
export const capital = (text: string): string =>
  /^(?:petit\b|[a-z]+_)/.test(text) ? text : `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
