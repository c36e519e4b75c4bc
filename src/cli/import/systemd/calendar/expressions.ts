import type { CalendarEvent, CalendarItem, CalendarItems } from "./parse.ts";

/** The cron expressions that are due at the same times together, or why there are none. */
export type CalendarExpressions = { readonly expressions: readonly string[] } | { readonly problem: string };

/** Translates a calendar event. `year` is the current year: what happened before it does not matter. */
export const calendarExpressions = (event: CalendarEvent, year: number): CalendarExpressions => {
  const yearProblem = whyNotYears(event.years, year);
  if (yearProblem !== null) return { problem: yearProblem };
  const seconds = valuesOf(event.seconds, 0, 59.999999);
  if (event.seconds !== null && seconds.some((second) => !Number.isInteger(second)))
    return { problem: "its second has a fraction; petit counts whole seconds" };
  const dates = datesOf(event);
  if ("problem" in dates) return dates;
  const time = [field(event.seconds, [0, 59]), field(event.minutes, [0, 59]), field(event.hours, [0, 23])];
  const clock = time[0] === "0" ? time.slice(1) : time;
  return { expressions: dates.expressions.map((date) => [...clock, date].join(" ")) };
};

/**
 * Returns whether systemd 252 skips an occurrence: it looks for the next value of a repetition past the end of the minute, hour, day or
 * month, and goes on from there, which can be after the first value.
 */
export const skipsPastEnd = ({ days, fromEnd, hours, minutes, seconds }: CalendarEvent): boolean =>
  (!fromEnd && [28, 29, 30, 31].some((length) => passes(days, 1, length))) ||
  passes(hours, 0, 23) ||
  passes(minutes, 0, 59) ||
  passes(seconds, 0, 59);

const passes = (items: CalendarItems, min: number, max: number): boolean => {
  if (items === null) return false;
  const beyond = items.flatMap(({ start, stop, repeat }) =>
    stop === null && repeat !== null && start <= max ? [start + repeat * (Math.floor((max - start) / repeat) + 1)] : [],
  );
  return Math.min(...beyond) - (max - min + 1) > Math.min(...items.map(({ start }) => start)) && beyond.length > 0;
};

/** Years are no field of petit, so each year from now on has to match. */
const whyNotYears = (items: CalendarItems, year: number): string | null => {
  if (items === null) return null;
  const years = new Set(valuesOf(items, 1970, 2199));
  const coming = Array.from({ length: 2199 - year + 1 }, (_, index) => year + index);
  if (coming.every((each) => years.has(each))) return null;
  if (coming.every((each) => !years.has(each))) return "its years have passed";
  return "it is limited to some years; a schedule of petit has none";
};

type Dates = { readonly expressions: readonly string[] } | { readonly problem: string };

/** Translates the date: day of month, month and weekday. */
const datesOf = (event: CalendarEvent): Dates => {
  const month = field(event.months, [1, 12]);
  const weekday = weekdayField(event.weekdays);
  if (event.days === null) return { expressions: [`* ${month} ${weekday}`] };
  if (event.fromEnd) return fromEndOf(event, event.days, { month, weekday });
  const days = valuesOf(event.days, 1, 31);
  return { expressions: [dateField(days, month, weekday)] };
};

/** Formats day of month, month and weekday. With `+`, weekday and day of month must both match. */
const dateField = (days: readonly number[], month: string, weekday: string): string => {
  const day = list(days, [1, 31]);
  return [day, month, day === "*" || weekday === "*" ? weekday : `+${weekday}`].join(" ");
};

type Fields = { readonly month: string; readonly weekday: string };

/** Days that count from the end of the month: `L` is its last day, and `1L` its last Monday. Others depend on the length of the month. */
const fromEndOf = (event: CalendarEvent, items: readonly CalendarItem[], { month, weekday }: Fields): Dates => {
  const fromEnd = daysFromEnd(items);
  if (fromEnd.join() === "1") return { expressions: [`L ${month} ${weekday === "*" ? "*" : `+${weekday}`}`] };
  if (event.weekdays !== null && fromEnd.join() === "1,2,3,4,5,6,7")
    return {
      expressions: [
        `* ${month} ${[...event.weekdays]
          .sort()
          .map((day) => `${day}L`)
          .join(",")}`,
      ],
    };
  const months = valuesOf(event.months, 1, 12);
  if (months.includes(2))
    return {
      problem:
        "it counts days from the end of February, whose length changes; petit only knows the last day of a month (L)",
    };
  const ofLength = Map.groupBy(months, (each) => ([4, 6, 9, 11].includes(each) ? 30 : 31));
  return {
    expressions: [...ofLength].map(([length, some]) =>
      dateField(fromEnd.map((day) => length + 1 - day).reverse(), list(some, [1, 12]), weekday),
    ),
  };
};

/** Returns the days, counted from the end of a month. A repetition without an end counts towards the end of the month. */
const daysFromEnd = (items: readonly CalendarItem[]): readonly number[] => {
  const days = items.flatMap(({ start, stop, repeat }) => {
    if (stop !== null) return count(start, stop, repeat ?? 1);
    return repeat === null ? [start] : count(0, start - 1, repeat).map((passed) => start - passed);
  });
  return [...new Set(days)].sort((a, b) => a - b);
};

const WEEKDAY_NAMES = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** Formats weekdays such as `mon-fri,sun`. */
const weekdayField = (weekdays: ReadonlySet<number> | null): string => {
  if (weekdays === null) return "*";
  const days = [...weekdays].map((day) => (day === 0 ? 7 : day)).sort((a, b) => a - b);
  const name = (day: number): string => WEEKDAY_NAMES[day % 7] ?? "";
  return runsOf(days)
    .map(([from, to]) => (to - from >= 2 ? `${name(from)}-${name(to)}` : count(from, to, 1).map(name).join(",")))
    .join(",");
};

type Bounds = readonly [min: number, max: number];

const field = (items: CalendarItems, bounds: Bounds): string =>
  items === null ? "*" : list(valuesOf(items, ...bounds), bounds);

/** Returns the values of a list in ascending order. */
const valuesOf = (items: CalendarItems, min: number, max: number): readonly number[] => {
  if (items === null) return count(min, max, 1);
  const values = items.flatMap(({ start, stop, repeat }) =>
    count(start, stop ?? (repeat === null ? start : max), repeat ?? 1),
  );
  return [...new Set(values)].sort((a, b) => a - b);
};

/** Fractions of a second are rounded to a microsecond, as systemd counts them. */
const count = (from: number, to: number, step: number): number[] =>
  Array.from(
    { length: Math.floor((to - from) / step + 1e-9) + 1 },
    (_, index) => Math.round((from + index * step) * 1e6) / 1e6,
  );

/** Formats values as a field: `*`, a step, or a list with ranges. */
const list = (values: readonly number[], [min, max]: Bounds): string => {
  if (values.length === max - min + 1) return "*";
  const [first = 0, second = 0] = values;
  const step = second - first;
  if (values.length > 2 && values.join() === count(first, max, step).join()) {
    if (first === min && step > 1) return `*/${step}`;
    if (step > 1) return `${first}-${max}/${step}`;
  }
  return runsOf(values)
    .map(([from, to]) => (to - from >= 2 ? `${from}-${to}` : count(from, to, 1).join(",")))
    .join(",");
};

/** Returns the ends of successive values. */
const runsOf = (values: readonly number[]): readonly (readonly [from: number, to: number])[] => {
  const runs: [number, number][] = [];
  for (const value of values) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === value - 1) run[1] = value;
    else runs.push([value, value]);
  }
  return runs;
};
