import { startsAtBoot } from "./boot.ts";
import { zoneOf } from "./local-time.ts";
import { compileSchedule, type Schedule, type ScheduleSpec } from "./schedule.ts";

/** Days of the week, the first one first as in the fields of cron. */
export const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/**
 * How the occurrences of a changed schedule move, as far as that is true of all that were compared:
 * - `scheduled`: before, there was none.
 * - `unscheduled`: there is none any more.
 * - `same`: they stay.
 * - `shifted`: each is earlier or later by the same time.
 * - `interval`: they are equally far apart, but by another time.
 * - `weekdays`: those on some days of the week go, those on others are new; on the other days they stay.
 */
export type ScheduleMove =
  | { readonly kind: "scheduled" }
  | { readonly kind: "unscheduled" }
  | { readonly kind: "same"; readonly count: number }
  | {
      readonly kind: "shifted";
      /** One, or two where the clocks of only one of two zones change. By time. */
      readonly shifts: readonly Shift[];
      readonly timezone: string;
    }
  | { readonly kind: "interval"; readonly beforeMs: number; readonly afterMs: number }
  | { readonly kind: "weekdays"; readonly removed: readonly Weekday[]; readonly added: readonly Weekday[] };

/** By how much occurrences move. */
export type Shift = {
  /** Negative: earlier. */
  readonly byMs: number;
  /** The first occurrence that it is true of, in ms since the Unix epoch; null if it is true from the first one on. */
  readonly from: number | null;
  /** False if occurrences before `from` are on the same local date. */
  readonly startsDay: boolean;
};

type Scheduled = { readonly schedule: ScheduleSpec | null; readonly enabled: boolean };

type MoveOptions = {
  /** In ms since the Unix epoch. */
  readonly now: number;
  /** The time zone of schedules that name none. */
  readonly timezone: string;
};

const DAY_MS = 86_400_000;

/**
 * What is compared: at least so many occurrences, and those of two weeks; but only the first ones of a schedule that has as many in a day, equally
 * far apart, and never more than the maximum.
 */
const MIN_COMPARED = 20;
const COMPARED_MS = 14 * DAY_MS;
const DENSE = 100;
const MAX_COMPARED = 14 * DENSE;

/** The ways to pair occurrences that are tried. */
const MAX_ALIGNMENTS = 100;

/** Fewer pairs say nothing about a shift. */
const MIN_PAIRS = 10;

/** Fewer occurrences say nothing about a distance. */
const MIN_EVIDENCE = 4;

/** Returns whether two definitions have the same occurrences, because nothing differs that they follow from. */
export const hasSameTimes = (a: Scheduled, b: Scheduled): boolean =>
  a.enabled === b.enabled && JSON.stringify(timesOf(a.schedule)) === JSON.stringify(timesOf(b.schedule));

const timesOf = (schedule: ScheduleSpec | null) =>
  schedule === null ? null : [schedule.expressions, schedule.timezone, schedule.except?.dates];

/** Compares the next occurrences of two schedules. Returns null if they have none, or if nothing simple is true of all of them. */
export const scheduleMove = (
  before: Scheduled,
  after: Scheduled,
  { now, timezone }: MoveOptions,
): ScheduleMove | null => {
  const [old, current] = [readOccurrences(before, now, timezone), readOccurrences(after, now, timezone)];
  if (old === null || current === null) {
    if (old === current) return null;
    return { kind: old === null ? "scheduled" : "unscheduled" };
  }
  if (old.startsAtBoot || current.startsAtBoot) return null;
  const shift = shiftOf(old, current, now);
  const isShort = shift?.shifts.every(({ byMs }) => Math.abs(byMs) < DAY_MS) === true;
  return (
    sameOf(old, current) ??
    (isShort ? shift : null) ??
    intervalOf(old, current) ??
    weekdaysOf(old, current, now) ??
    shift
  );
};

/** Occurrences of a schedule, in ms since the Unix epoch. */
type Occurrences = {
  readonly schedule: Schedule;
  /** At least one. */
  readonly next: readonly number[];
  readonly startsAtBoot: boolean;
};

/** Returns null if the job is never due. */
const readOccurrences = ({ schedule: spec, enabled }: Scheduled, now: number, timezone: string): Occurrences | null => {
  if (spec === null || !enabled) return null;
  const schedule = compileSchedule(spec, timezone);
  const next: number[] = [];
  const isEnough = (at: number): boolean =>
    next.length >= MAX_COMPARED ||
    (next.length === DENSE && at <= now + DAY_MS && constantStep(next) !== null) ||
    (next.length >= MIN_COMPARED && at > now + COMPARED_MS);
  for (let at = schedule.nextStart(now); at !== null && !isEnough(at); at = schedule.nextStart(at)) next.push(at);
  const atBoot = startsAtBoot(spec.expressions);
  return next.length === 0 && !atBoot ? null : { schedule, next, startsAtBoot: atBoot };
};

const sameOf = ({ next: old }: Occurrences, { next: current }: Occurrences): ScheduleMove | null => {
  const count = Math.min(old.length, current.length);
  const isSame = current.slice(0, count).every((at, index) => at === old[index]);
  return isSame ? { kind: "same", count } : null;
};

const shiftOf = (
  old: Occurrences,
  current: Occurrences,
  now: number,
): Extract<ScheduleMove, { readonly kind: "shifted" }> | null => {
  const { timezone } = current.schedule;
  let best: readonly Shift[] | null = null;
  for (const alignment of alignments(old, current, now)) {
    const shifts = shiftsOf(alignment, timezone);
    if (shifts.length === 1) return { kind: "shifted", shifts, timezone };
    // The clocks of one of the zones change: the difference of the local times stays.
    if (best === null && shifts.length === 2 && hasSameWalls(alignment, old, current)) best = shifts;
  }
  return best === null ? null : { kind: "shifted", shifts: best, timezone };
};

/** Pairs each new occurrence with an old one. */
type Alignment = {
  /** The old occurrences from the one of the first new one on. There may be fewer of them than new ones. */
  readonly old: readonly number[];
  readonly current: readonly number[];
  /** The last old occurrence before these that the new schedule leaves out, or null. */
  readonly leftOut: number | null;
};

/** Returns the ways to pair occurrences, the smallest shift first, and of two equal ones the later. The first old one may have passed. */
const alignments = (old: Occurrences, { next: current }: Occurrences, now: number): readonly Alignment[] => {
  const [first = now] = current;
  const passed = readPassed(old, now);
  const known = [...passed, ...old.next];
  const sizeOf = (start: number): number => Math.abs(first - start) + (first < start ? 0.5 : 0);
  return known
    .map((start, index) => ({ start, index, leftOut: index > passed.length ? (known[index - 1] ?? null) : null }))
    .filter(({ index }) => Math.min(current.length, known.length - index) >= MIN_PAIRS)
    .filter(({ start, leftOut }) => {
      const byMs = first - start;
      // What is left out would have run before now; otherwise it is more than a shift.
      return leftOut === null || (leftOut + byMs <= now && byMs > -DAY_MS);
    })
    .toSorted((a, b) => sizeOf(a.start) - sizeOf(b.start))
    .slice(0, MAX_ALIGNMENTS)
    .map(({ index, leftOut }) => ({ old: known.slice(index, index + current.length), current, leftOut }));
};

/** Returns the occurrences of the past day, or as many as are compared of a schedule that has more in a day; at least the last one. */
const readPassed = ({ schedule, next }: Occurrences, now: number): readonly number[] => {
  const last = schedule.previousStart(now + 1) ?? now;
  const spanMs = Math.min(DAY_MS, next.length < DENSE ? DAY_MS : (next.at(-1) ?? now) - now);
  const from = Math.min(last, now - spanMs) - 1;
  const passed: number[] = [];
  for (let at = schedule.nextStart(from); at !== null && at <= now; at = schedule.nextStart(at)) passed.push(at);
  return passed;
};

const shiftsOf = ({ old, current, leftOut }: Alignment, timezone: string): readonly Shift[] => {
  const zone = zoneOf(timezone);
  const dayOf = (at: number): number => Math.floor(zone.toWall(at) / DAY_MS);
  const shifts: Shift[] = [];
  let last = leftOut;
  for (const [from, to] of pairsOf(old, current)) {
    const byMs = to - from;
    if (shifts.at(-1)?.byMs !== byMs) {
      shifts.push({ byMs, from: last === null ? null : to, startsDay: last === null || dayOf(last) < dayOf(to) });
      // More of them are nothing to say.
      if (shifts.length > 2) break;
    }
    last = Math.max(from, to);
  }
  return shifts;
};

function* pairsOf(old: readonly number[], current: readonly number[]): Iterable<readonly [from: number, to: number]> {
  for (const [index, to] of current.entries()) {
    const from = old[index];
    if (from === undefined) return;
    yield [from, to];
  }
}

const hasSameWalls = ({ old, current }: Alignment, before: Occurrences, after: Occurrences): boolean => {
  const [zone, other] = [zoneOf(before.schedule.timezone), zoneOf(after.schedule.timezone)];
  return new Set([...pairsOf(old, current)].map(([from, to]) => other.toWall(to) - zone.toWall(from))).size === 1;
};

const intervalOf = (old: Occurrences, current: Occurrences): ScheduleMove | null => {
  const [beforeMs, afterMs] = [distanceOf(old), distanceOf(current)];
  return beforeMs === null || afterMs === null || beforeMs === afterMs ? null : { kind: "interval", beforeMs, afterMs };
};

/** Returns how far apart the occurrences are, in time or by the clock; null if that varies. */
const distanceOf = ({ schedule, next }: Occurrences): number | null => {
  const zone = zoneOf(schedule.timezone);
  return constantStep(next) ?? constantStep(next.map((at) => zone.toWall(at)));
};

const constantStep = (times: readonly number[]): number | null => {
  const steps = new Set(times.slice(1).map((at, index) => at - (times[index] ?? at)));
  const [step] = steps;
  return times.length < MIN_EVIDENCE || steps.size !== 1 || step === undefined ? null : step;
};

const weekdaysOf = (old: Occurrences, current: Occurrences, now: number): ScheduleMove | null => {
  const { timezone } = current.schedule;
  const end = Math.min(old.next.at(-1) ?? now, current.next.at(-1) ?? now);
  if (old.schedule.timezone !== timezone || end < now + COMPARED_MS - DAY_MS) return null;
  const zone = zoneOf(timezone);
  const dayOf = (at: number): number => Math.floor(zone.toWall(at) / DAY_MS);
  // The days that are compared as a whole.
  const days = Array.from({ length: dayOf(end) - dayOf(now) - 1 }, (_, index) => dayOf(now) + 1 + index);
  const timesByDay = (next: readonly number[]) => Map.groupBy(next, dayOf);
  const [before, after] = [timesByDay(old.next), timesByDay(current.next)];
  const removed: Weekday[] = [];
  const added: Weekday[] = [];
  for (const [index, weekday] of WEEKDAYS.entries()) {
    // 1970-01-01 was a Thursday.
    const own = days.filter((day) => (day + 4) % 7 === index);
    const textsOf = (times: ReadonlyMap<number, readonly number[]>) => own.map((day) => times.get(day)?.join() ?? "");
    const [olds, currents] = [textsOf(before), textsOf(after)];
    if (olds.join(" ") === currents.join(" ")) continue;
    if (currents.every((text) => text === "") && olds.every((text) => text !== "")) removed.push(weekday);
    else if (olds.every((text) => text === "") && currents.every((text) => text !== "")) added.push(weekday);
    else return null;
  }
  return removed.length + added.length === 0 ? null : { kind: "weekdays", removed, added };
};
