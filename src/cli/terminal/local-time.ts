import { localTime, zoneOf } from "../../domain/schedule/local-time.ts";

/** Formats an instant (ms since the Unix epoch) for people: `2026-03-08 03:00:00 EDT`. */
export const readableLocal = (at: number, timezone: string): string =>
  `${localTime(at, timezone).slice(0, 19).replace("T", " ")} ${zoneName(at, timezone)}`;

const DAY_MS = 86_400_000;
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

type ShortLocalOptions = {
  readonly now: number;
  /** The zone of the result. */
  readonly zone: string;
  /** The reader's zone. Where the other has another time, the result names it. */
  readonly home: string;
};

/**
 * Formats an instant (ms since the Unix epoch) for the cell of a table, without what is evident from now: `14:30`,
 * `14:30:05`, `Sat 14:30`, `Dec 1 14:30`, `2028-02-29 14:30`.
 */
export const shortLocal = (at: number, { now, zone, home }: ShortLocalOptions): string => {
  const text = localTime(at, zone);
  const time = text.slice(11, 19).replace(/:00$/, "");
  const name = zoneOf(zone).toWall(at) === zoneOf(home).toWall(at) ? "" : ` ${zoneName(at, zone)}`;
  return `${dayText(text.slice(0, 10), localTime(now, zone).slice(0, 10))}${time}${name}`;
};

/** Returns the day with a space behind it, or an empty string for today. Both days are ISO dates. */
const dayText = (day: string, today: string): string => {
  if (day === today) return "";
  const date = new Date(day);
  const distance = Math.round((date.getTime() - Date.parse(today)) / DAY_MS);
  if (distance > 0 && distance < 7) return `${WEEKDAYS[date.getUTCDay()]} `;
  if (Math.abs(distance) < 300) return `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()} `;
  return `${day} `;
};

/** Returns the zone's English abbreviation, such as `EDT`, or its offset, such as `GMT+2`. */
const zoneName = (at: number, timezone: string): string =>
  nameFormat(timezone)
    .formatToParts(at)
    .find(({ type }) => type === "timeZoneName")?.value ?? timezone;

const nameFormats = new Map<string, Intl.DateTimeFormat>();

/** Returns a cached format, because creating one costs more than a hundred uses of it. */
const nameFormat = (timezone: string): Intl.DateTimeFormat => {
  const cached = nameFormats.get(timezone);
  const format = cached ?? new Intl.DateTimeFormat("en-US", { timeZone: timezone, timeZoneName: "short" });
  nameFormats.set(timezone, format);
  return format;
};
