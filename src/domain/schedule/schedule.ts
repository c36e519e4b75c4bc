import { Cron } from "croner";
import { PetitError } from "../errors.ts";
import { nextOfClock, nextOfRealTime } from "./daylight-saving.ts";
import { parseExpression } from "./expression.ts";
import { isTimezone, type Zone, zoneOf } from "./local-time.ts";

/** What to do about occurrences that passed while petit was down or asleep. */
export const CATCHUP_POLICIES = ["latest", "all", "none"] as const;
export type CatchupPolicy = (typeof CATCHUP_POLICIES)[number];

/** A schedule as a job file gives it. */
export type ScheduleSpec = {
  /** At least one; an instant that several are due at is one occurrence. */
  readonly expressions: readonly string[];
  /** An IANA name; null is the setting's, else the system's. */
  readonly timezone: string | null;
  readonly catchup: CatchupPolicy;
  readonly catchupWindowMs: number;
  /** Each occurrence starts up to this much later. */
  readonly jitterMs: number;
};

/** Whether two are due at the same instants, whatever they do about them; null is no schedule. */
export const isDueAlike = (a: ScheduleSpec | null, b: ScheduleSpec | null): boolean =>
  JSON.stringify([a?.expressions, a?.timezone]) === JSON.stringify([b?.expressions, b?.timezone]);

/** A schedule that can be asked. */
export interface Schedule {
  /** The first occurrence strictly after `after`, both ms since the epoch; null where none comes. */
  next(after: number): number | null;
  /** The zone it is read in. */
  readonly timezone: string;
}

/**
 * Makes a schedule that can be asked, in its own zone or else `defaultTimezone`. Throws `invalid_request` where an
 * expression or the zone can't be read.
 */
export const compileSchedule = (spec: ScheduleSpec, defaultTimezone: string): Schedule => {
  const timezone = spec.timezone ?? defaultTimezone;
  if (!isTimezone(timezone))
    throw new PetitError("invalid_request", `'${timezone}' is not a timezone; ${TIMEZONE_FORM}`);
  const rules = spec.expressions.map((expression) => compileRule(expression, zoneOf(timezone)));
  return { timezone, next: (after) => earliest(rules, after) };
};

/** Null where an expression can be read, and is due some day; else what is wrong, and what was expected. */
export const whyUnusable = (text: string): string | null => {
  const expression = parseExpression(text);
  if (expression.kind === "wrong") return `'${text}' is not a schedule: ${expression.problem}`;
  if (expression.kind === "every" || firesEver(expression.pattern)) return null;
  return `'${text}' never fires; expected a day that some year has`;
};

const everFiring = new Set<string>();

/**
 * Only certain days of certain months may never come; asking takes long. Remembers those that do: many jobs share an
 * expression.
 */
const firesEver = (pattern: string): boolean => {
  const [, , , day, month] = pattern.split(" ");
  if (day === "*" || month === "*") return true;
  const fires = everFiring.has(pattern) || wallClock(pattern)(0) !== null;
  if (fires && everFiring.size < PATTERNS_KEPT) everFiring.add(pattern);
  return fires;
};

/** What a timezone looks like, for messages. */
export const TIMEZONE_FORM = 'expected an IANA name such as "Europe/Paris" or "UTC"';

/** Answers the first occurrence strictly after an instant, or null. */
type Rule = (after: number) => number | null;

const earliest = (rules: readonly Rule[], after: number): number | null => {
  let first: number | null = null;
  for (const rule of rules) {
    const at = rule(after);
    if (at !== null && (first === null || at < first)) first = at;
  }
  return first;
};

const compileRule = (text: string, zone: Zone): Rule => {
  const expression = parseExpression(text);
  switch (expression.kind) {
    case "every":
      return (after) => (Math.floor(after / expression.periodMs) + 1) * expression.periodMs;
    case "cron": {
      const nextWall = wallClock(expression.pattern);
      const next = expression.realTime ? nextOfRealTime : nextOfClock;
      return (after) => next(nextWall, zone, after);
    }
    case "wrong":
      throw new PetitError("invalid_request", `'${text}' is not a schedule: ${expression.problem}`);
  }
};

/**
 * The readings of a clock that a pattern matches: answers the first strictly after `wall`. The clock here knows no
 * daylight saving; `schedule-clock.ts` does.
 */
export const wallClock = (pattern: string): ((wall: number) => number | null) => {
  patternOf(pattern);
  return (wall) => patternOf(pattern).nextRun(new Date(wall))?.getTime() ?? null;
};

/** A parsed pattern weighs 80 KB and takes 25 µs to make: those in use lately are kept. */
const PATTERNS_KEPT = 128;
const patterns = new Map<string, Cron>();

const patternOf = (pattern: string): Cron => {
  const cron = patterns.get(pattern) ?? new Cron(pattern, { mode: "6-part", utcOffset: 0, paused: true });
  patterns.delete(pattern);
  patterns.set(pattern, cron);
  const oldest = patterns.size > PATTERNS_KEPT ? patterns.keys().next().value : undefined;
  if (oldest !== undefined) patterns.delete(oldest);
  return cron;
};
