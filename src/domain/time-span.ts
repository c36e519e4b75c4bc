import { parseDuration } from "../lib/duration.ts";
import { zoneOf } from "./schedule/local-time.ts";

/** A period: `from` ≤ t < `to`, in ms since the Unix epoch. */
export type TimeSpan = { readonly from: number; readonly to: number };

/** Now, and the zone of texts that name none. */
type TimeContext = { readonly now: number; readonly zone: string };

/** Description of what `parseMoment` accepts, for messages. */
export const MOMENT_FORM =
  'a duration such as 10m or 3d, a day such as today or friday, or a time such as 2026-03-08T01:30 or "friday 18:00"';

/** Maximum length of a text that names a time. */
export const MAX_MOMENT_LENGTH = 64;

/**
 * Parses a text that names a time to ms since the Unix epoch, at least 0. It is a duration before now (`2h`, `1h30m`, `2w`, `2h ago`),
 * `now`, a day, which means its first instant in the zone, or an ISO 8601 time. A day is `today`, `yesterday`, the name of a weekday
 * or a date; a time of day may follow it. A whole number of 11 to 15 digits is ms since the Unix epoch, as the API returns times. The name of a weekday is the last such day before today: on a Friday, `friday` is a week ago.
 * Returns null for any other text.
 */
export const parseMoment = (text: string, { now, zone }: TimeContext): number | null => {
  const given = text.trim();
  const words = given.toLowerCase();
  if (words.length > MAX_MOMENT_LENGTH) return null;
  if (words === "now") return now;
  if (EPOCH_MS.test(words)) return Number(words);
  // Units are lower case, as in job files: M could mean months.
  const durationMs = parseLongDuration(given.replace(/ ago$/i, ""));
  if (durationMs !== null) return Math.max(0, now - durationMs);
  const at = parseDay(words, { now, zone }) ?? parseIso(words, zone);
  return at === null ? null : Math.max(0, at);
};

const EPOCH_MS = /^\d{11,15}$/;

/** A period, or which of its two texts can't be used, and why. */
type ParsedSpan = TimeSpan | { readonly field: "since" | "until"; readonly problem: string };

/** Parses the texts of a period. Without `until` it ends now. */
export const parseSpan = (
  { since, until }: { readonly since: string; readonly until?: string | undefined },
  context: TimeContext,
): ParsedSpan => {
  const from = parseMoment(since, context);
  if (from === null) return { field: "since", problem: `is '${since}'; expected ${MOMENT_FORM}` };
  const to = until === undefined ? context.now : parseMoment(until, context);
  if (to === null) return { field: "until", problem: `is '${until}'; expected ${MOMENT_FORM}` };
  if (from < to) return { from, to };
  return {
    field: "since",
    problem: `is '${since}', which is not before ${until === undefined ? "now" : `'${until}'`}`,
  };
};

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

const parseLongDuration = (text: string): number | null => {
  const weeks = /^(\d{1,5})w$/.exec(text)?.[1];
  return weeks === undefined ? parseDuration(text) : Number(weeks) * WEEK_MS;
};

/** In the order of `Date.getUTCDay`. */
const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;

const NAMED_DAY = /^(?:last )?(?<name>[a-z]{3,9})(?:[ t](?<time>\d\d:\d\d(?::\d\d)?))?$/;

/** Parses `today`, `yesterday`, `fri`, `friday` or `friday 18:00`. */
const parseDay = (text: string, { now, zone: name }: TimeContext): number | null => {
  const groups = NAMED_DAY.exec(text)?.groups;
  const zone = zoneOf(name);
  const today = Math.floor(zone.toWall(now) / DAY_MS);
  const daysAgo = daysSince(groups?.name ?? "", new Date(today * DAY_MS).getUTCDay());
  if (daysAgo === null) return null;
  const date = new Date((today - daysAgo) * DAY_MS).toISOString().slice(0, 10);
  return parseIso(groups?.time === undefined ? date : `${date}t${groups.time}`, name);
};

/** Returns how many days before today a named day was, or null if there is no such day. */
const daysSince = (name: string, today: number): number | null => {
  if (name === "today") return 0;
  if (name === "yesterday") return 1;
  const day = WEEKDAYS.findIndex((weekday) => weekday === name || weekday.slice(0, 3) === name);
  return day === -1 ? null : ((today - day + 6) % 7) + 1;
};

/** Accepts years from 1000: zones are unknown for earlier years, and `Date` misreads the years 0 to 99. */
const ISO =
  /^(?<date>[1-9]\d{3}-\d\d-\d\d)(?:[Tt ](?<time>\d\d:\d\d(?::\d\d)?)(?:(?<=:..:..)[.,](?<fraction>\d+))?(?<offset>[Zz]|[+-]\d\d(?::?\d\d)?)?)?$/;

/**
 * Parses an ISO 8601 date, or date and time, to ms since the Unix epoch. A text without an offset is local time in `timezone`.
 * Digits below a millisecond are ignored. Returns null for any other text.
 */
export const parseIso = (text: string, timezone: string): number | null => {
  const { date, time = "00:00", fraction = "0", offset } = ISO.exec(text)?.groups ?? {};
  const local = `${date}T${time.padEnd(8, ":00")}.${fraction.slice(0, 3)}`;
  const wall = Date.parse(`${local}Z`);
  // `Date.parse` accepts `2026-02-30` as a date in March.
  if (Number.isNaN(wall) || new Date(wall).toISOString().slice(0, 10) !== date) return null;
  if (offset === undefined) return zoneOf(timezone).toInstant(wall);
  const at = Date.parse(
    local + offset.toUpperCase().replace(/^(...):?(..)?$/, (_, hour, minute = "00") => `${hour}:${minute}`),
  );
  return Number.isNaN(at) ? null : at;
};
