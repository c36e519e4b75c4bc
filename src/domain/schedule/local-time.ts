const SECOND_MS = 1000;
const DAY_MS = 86_400_000;

/** An interval with a constant offset: `start` ≤ t < `end`, at most one UTC day long, in ms since the Unix epoch. */
type ZoneSpan = { readonly start: number; readonly end: number; readonly offsetMs: number };

/** Converts between instants and wall times of a zone. A wall time is the local time in ms, encoded as if it were UTC. */
export interface Zone {
  readonly name: string;
  /** Returns the interval that contains `at`. */
  spanAt(at: number): ZoneSpan;
  /** Returns the wall time at the instant `at`. */
  toWall(at: number): number;
  /** Returns the first instant with that wall time. For a wall time in a gap, returns the instant of the change. */
  toInstant(wall: number): number;
  /** Returns the offset change within a day of `wall`, or null. */
  changeNear(wall: number): ZoneChange | null;
}

/** An offset change: the wall time jumps from `at + beforeMs` to `at + afterMs`. */
export type ZoneChange = { readonly at: number; readonly beforeMs: number; readonly afterMs: number };

/** Returns whether the system knows a time zone such as `Europe/Paris` or `UTC`. */
export const isTimezone = (name: string): boolean => {
  try {
    zoneOf(name);
    return true;
  } catch {
    return false;
  }
};

const zones = new Map<string, Zone>();

/** Returns the zone with a name, from a cache. Throws a RangeError if it is unknown. */
export const zoneOf = (name: string): Zone => {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const zone = makeZone(name);
  zones.set(name, zone);
  return zone;
};

const makeZone = (name: string): Zone => {
  const spanAt = rememberSpans(offsetReader(name));
  const toWall = (at: number): number => at + spanAt(at).offsetMs;
  const changeNear = (wall: number): ZoneChange | null => {
    let span = spanAt(wall - DAY_MS);
    while (span.end <= wall + DAY_MS) {
      const next = spanAt(span.end);
      if (next.offsetMs !== span.offsetMs) return { at: next.start, beforeMs: span.offsetMs, afterMs: next.offsetMs };
      span = next;
    }
    return null;
  };
  const toInstant = (wall: number): number => {
    const change = changeNear(wall);
    if (change === null) return wall - spanAt(wall).offsetMs;
    if (wall - change.beforeMs < change.at) return wall - change.beforeMs;
    return Math.max(wall - change.afterMs, change.at);
  };
  return { name, spanAt, toWall, toInstant, changeNear };
};

/** Number of cached days of a zone: 11 years, about 200 KB. */
const DAYS_CACHED = 4096;

/** A day in a zone: one or two intervals. */
type Day = { readonly first: ZoneSpan; readonly second: ZoneSpan | null };

/** Caches the intervals of days. No zone ever changed twice in a day, so two offsets are enough to detect a change. */
const rememberSpans = (readOffset: (at: number) => number): ((at: number) => ZoneSpan) => {
  const days = new Map<number, Day>();
  const readDay = (number: number): Day => {
    const [start, end] = [number * DAY_MS, (number + 1) * DAY_MS];
    const [before, after] = [readOffset(start), readOffset(end)];
    if (before === after) return { first: { start, end, offsetMs: before }, second: null };
    const change = findChange(readOffset, start, end);
    return {
      first: { start, end: change, offsetMs: before },
      second: change < end ? { start: change, end, offsetMs: after } : null,
    };
  };
  return (at) => {
    const number = Math.floor(at / DAY_MS);
    let day = days.get(number);
    if (day === undefined) {
      if (days.size >= DAYS_CACHED) days.clear();
      day = readDay(number);
      days.set(number, day);
    }
    return day.second !== null && at >= day.second.start ? day.second : day.first;
  };
};

/** Returns the first whole second in (`start`, `end`] with another offset than `start`. */
const findChange = (readOffset: (at: number) => number, start: number, end: number): number => {
  const before = readOffset(start);
  let [low, high] = [start / SECOND_MS, end / SECOND_MS];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (readOffset(middle * SECOND_MS) === before) low = middle;
    else high = middle;
  }
  return high * SECOND_MS;
};

/** Returns a function that reads a zone's offset (ms east of UTC) at a whole second. */
const offsetReader = (name: string): ((at: number) => number) => {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (at) => {
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] =
      format.format(at).match(/\d+/g)?.map(Number) ?? [];
    return Date.UTC(year, month - 1, day, hour, minute, second) - at;
  };
};

/** Formats an instant as ISO 8601 with the zone's offset, such as `2026-03-08T03:00:00-04:00`. */
export const localTime = (at: number, timezone: string): string => {
  const wall = zoneOf(timezone).toWall(at);
  const text = new Date(wall).toISOString().slice(0, -1);
  return `${text.endsWith(".000") ? text.slice(0, -4) : text}${formatOffset(wall - at)}`;
};

const formatOffset = (offsetMs: number): string => {
  const minutes = Math.floor(Math.abs(offsetMs) / 60_000);
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, "0"));
  return `${offsetMs < 0 ? "-" : "+"}${hour}:${minute}`;
};
