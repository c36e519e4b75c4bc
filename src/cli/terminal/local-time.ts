import { localTime, zoneOf } from "../../domain/schedule/local-time.ts";

/** `2026-03-08 03:00:00 EDT`, for people. */
export const readableLocal = (at: number, timezone: string): string =>
  `${localTime(at, timezone).slice(0, 19).replace("T", " ")} ${zoneName(at, timezone)}`;

/** `EDT` where the zone has such a name in English, else `GMT+2`. */
const zoneName = (at: number, timezone: string): string =>
  nameFormat(timezone)
    .formatToParts(at)
    .find(({ type }) => type === "timeZoneName")?.value ?? timezone;

const nameFormats = new Map<string, Intl.DateTimeFormat>();

/** Making one costs more than a hundred uses of it. */
const nameFormat = (timezone: string): Intl.DateTimeFormat => {
  const known = nameFormats.get(timezone);
  const format = known ?? new Intl.DateTimeFormat("en-US", { timeZone: timezone, timeZoneName: "short" });
  nameFormats.set(timezone, format);
  return format;
};

/** Of years from 1000 on: for earlier ones no zone is known, and `Date` takes the first century for another. */
const ISO =
  /^(?<date>[1-9]\d{3}-\d\d-\d\d)(?:[Tt ](?<time>\d\d:\d\d(?::\d\d)?)(?:(?<=:..:..)[.,](?<fraction>\d+))?(?<offset>[Zz]|[+-]\d\d(?::?\d\d)?)?)?$/;

/**
 * Reads an ISO 8601 date, or date and time, as ms since the epoch; one without an offset is what the clocks of `timezone`
 * show. Less than a millisecond doesn't count. Null where the text is neither.
 */
export const parseIso = (text: string, timezone: string): number | null => {
  const { date, time = "00:00", fraction = "0", offset } = ISO.exec(text)?.groups ?? {};
  const local = `${date}T${time.padEnd(8, ":00")}.${fraction.slice(0, 3)}`;
  const wall = Date.parse(`${local}Z`);
  // `2026-02-30` is no date, but would be read as one in March.
  if (Number.isNaN(wall) || new Date(wall).toISOString().slice(0, 10) !== date) return null;
  if (offset === undefined) return zoneOf(timezone).toInstant(wall);
  const at = Date.parse(
    local + offset.toUpperCase().replace(/^(...):?(..)?$/, (_, hour, minute = "00") => `${hour}:${minute}`),
  );
  return Number.isNaN(at) ? null : at;
};
