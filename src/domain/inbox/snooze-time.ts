import { parseDuration } from "../../lib/duration.ts";
import { zoneOf } from "../schedule/local-time.ts";
import { MAX_MOMENT_LENGTH, parseIso } from "../time-span.ts";

/** Now, and the zone of texts that name none. */
type TimeContext = { readonly now: number; readonly zone: string };

/** Description of what `parseComing` accepts, for messages. */
export const COMING_FORM = "a coming time such as 18:00, tomorrow, 'monday 09:00' or 2026-03-08T01:30";

/** Description of what `parseSnooze` accepts, for messages. */
export const SNOOZE_FORM = `a duration such as 2h or 3d, or ${COMING_FORM}`;

/** How long to snooze something, in ms, or until when, in ms since the Unix epoch. */
type Snooze = { readonly for_ms: number } | { readonly until: number };

/** Parses a duration or a coming time. Returns null for any other text. */
export const parseSnooze = (text: string, context: TimeContext): Snooze | null => {
  const words = text.trim().toLowerCase();
  const weeks = /^(\d{1,2})w$/.exec(words)?.[1];
  const forMs = weeks === undefined ? parseDuration(words) : Number(weeks) * 7 * DAY_MS;
  if (forMs !== null) return forMs === 0 ? null : { for_ms: forMs };
  const until = parseComing(words, context);
  return until === null ? null : { until };
};

const DAY_MS = 86_400_000;
const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;

const COMING = /^(?:(?<day>[a-z]{3,9})(?:[ t](?<time>\d{1,2}:\d\d(?::\d\d)?))?|(?<alone>\d{1,2}:\d\d(?::\d\d)?))$/;

/**
 * Parses a text that names a coming time to ms since the Unix epoch: a time of day, `today 18:00`, a day, which means its first instant in
 * the zone, or an ISO 8601 date or time. A day is `tomorrow` or the name of a weekday, the next one; a time of day may follow it. Returns
 * null for any other text, and for a time that is over.
 */
export const parseComing = (text: string, { now, zone: name }: TimeContext): number | null => {
  const words = text.trim().toLowerCase();
  if (words.length > MAX_MOMENT_LENGTH) return null;
  const iso = parseIso(words, name);
  if (iso !== null) return iso > now ? iso : null;
  const { day, time, alone } = COMING.exec(words)?.groups ?? {};
  const clock = (alone ?? time ?? "00:00").padStart(5, "0");
  const today = Math.floor(zoneOf(name).toWall(now) / DAY_MS);
  const days = alone === undefined ? daysUntil(day ?? "", new Date(today * DAY_MS).getUTCDay()) : [0, 1];
  for (const each of days) {
    const date = new Date((today + each) * DAY_MS).toISOString().slice(0, 10);
    const at = parseIso(`${date}T${clock.length === 7 ? `0${clock}` : clock}`, name);
    if (at !== null && at > now) return at;
  }
  return null;
};

/** Returns in how many days a named day may be, the nearest first. */
const daysUntil = (name: string, today: number): readonly number[] => {
  if (name === "today") return [0];
  if (name === "tomorrow") return [1];
  const day = WEEKDAYS.findIndex((weekday) => weekday === name || weekday.slice(0, 3) === name);
  const days = (day - today + 7) % 7;
  return day === -1 ? [] : [days, days + 7];
};
