/** A wall clock's fields in a zone, and how far the zone is from UTC. */
type LocalFields = { readonly date: string; readonly time: string; readonly offsetMinutes: number };

const localFields = (at: number, timezone: string): LocalFields => {
  const offsetMinutes = zoneOffsetMinutes(at, timezone);
  const iso = new Date(at + offsetMinutes * 60_000).toISOString();
  return { date: iso.slice(0, 10), time: iso.slice(11, 19), offsetMinutes };
};

/** `2026-03-08T03:00:00-04:00` */
export const isoLocal = (at: number, timezone: string): string => {
  const { date, time, offsetMinutes } = localFields(at, timezone);
  return `${date}T${time}${offsetText(offsetMinutes)}`;
};

/** `2026-03-08 03:00:00 EDT`, for people. */
export const readableLocal = (at: number, timezone: string): string => {
  const { date, time } = localFields(at, timezone);
  return `${date} ${time} ${zoneName(at, timezone)}`;
};

/** `02:00:05`, for people who were there. */
export const readableTime = (at: number, timezone: string): string => localFields(at, timezone).time;

/**
 * Reads an ISO 8601 date, or date and time, as ms since the epoch; one without an offset is wall time in `timezone`.
 * Null where the text is neither.
 */
export const parseIso = (text: string, timezone: string): number | null => {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text);
  if (match === null) return null;
  const [, date, time = "00:00", offset] = match;
  const asUtc = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(asUtc) || new Date(asUtc).toISOString().slice(0, 10) !== date) return null;
  if (offset === undefined) return fromWallTime(asUtc, timezone);
  const exact = Date.parse(`${date}T${time}${offset.toUpperCase().replace(/(\d\d)(\d\d)$/, "$1:$2")}`);
  return Number.isNaN(exact) ? null : exact;
};

/** The second look finds the offset on the right side of a change. */
const fromWallTime = (asUtc: number, timezone: string): number => {
  const guess = asUtc - zoneOffsetMinutes(asUtc, timezone) * 60_000;
  return asUtc - zoneOffsetMinutes(guess, timezone) * 60_000;
};

const zoneOffsetMinutes = (at: number, timezone: string): number => {
  const name = part(at, { timeZone: timezone, timeZoneName: "longOffset" });
  const [, sign, hours, minutes] = /^GMT(?:([+-])(\d\d):(\d\d))?/.exec(name) ?? [];
  if (sign === undefined) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
};

/** `EDT` where the zone has such a name in English, else `GMT+2`. */
const zoneName = (at: number, timezone: string): string => part(at, { timeZone: timezone, timeZoneName: "short" });

const part = (at: number, options: Intl.DateTimeFormatOptions): string =>
  formatter(options)
    .formatToParts(at)
    .find(({ type }) => type === "timeZoneName")?.value ?? "";

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Making one costs more than a hundred uses of it. */
const formatter = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
  const key = JSON.stringify(options);
  const known = formatters.get(key) ?? new Intl.DateTimeFormat("en-US", options);
  formatters.set(key, known);
  return known;
};

const offsetText = (minutes: number): string => {
  const size = Math.abs(minutes);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
};
