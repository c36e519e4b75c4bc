import type { Zone } from "./local-time.ts";

/** The dates on which a schedule starts no run. */
export type ExceptDates = {
  /** ISO dates, local to the zone of the schedule; sorted, each once. They include those of the files. */
  readonly dates: readonly string[];
  /** The files that name dates, as written. */
  readonly files: readonly string[];
};

/** Maximum number of dates of a schedule. */
export const MAX_EXCEPT_DATES = 4_000;

const DAY_MS = 86_400_000;

/** Returns whether a text is an ISO date that exists, such as `2026-12-25`. */
export const isDate = (text: string): boolean => {
  const [, year = "", month = "", day = ""] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  const at = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return year !== "" && at.toISOString().startsWith(text);
};

/** Returns the local date of an instant, such as `2026-12-25`. */
export const dateAt = (at: number, zone: Zone): string => new Date(zone.toWall(at)).toISOString().slice(0, 10);

/** Returns the first instant of the local date after that of `at`. */
export const nextDateStart = (at: number, zone: Zone): number =>
  dayStart(Math.floor(zone.toWall(at) / DAY_MS) + 1, zone);

/** Returns the first instant of a day, which is a number of days from 1970-01-01. */
export const dayStart = (day: number, zone: Zone): number => zone.toInstant(day * DAY_MS);

/** Returns a predicate that is true for instants on one of the dates. */
export const onDates = (dates: readonly string[], zone: Zone): ((at: number) => boolean) => {
  const days = new Set(dates.map((date) => Date.parse(`${date}T00:00:00Z`) / DAY_MS));
  return (at) => days.has(Math.floor(zone.toWall(at) / DAY_MS));
};
