import { Cron } from "croner";
import { forgetOldest } from "../../lib/forget-oldest.ts";
import { PetitError } from "../errors.ts";
import { startsAtBoot } from "./boot.ts";
import { type NextWall, nextOfClock, nextOfRealTime } from "./daylight-saving.ts";
import { type ExceptDates, nextDateStart, onDates } from "./except.ts";
import { parseExpression } from "./expression.ts";
import { isTimezone, type Zone, zoneOf } from "./local-time.ts";
import { compileWallPattern } from "./wall-pattern.ts";

/** What to do with occurrences that passed while petit was down or asleep. */
export const CATCHUP_POLICIES = ["latest", "all", "none"] as const;
export type CatchupPolicy = (typeof CATCHUP_POLICIES)[number];

/** The schedule of a job definition. */
export type ScheduleSpec = {
  /** At least one. An instant at which several are due is one occurrence. */
  readonly expressions: readonly string[];
  /** An IANA name. Null means the setting, then the system's zone. */
  readonly timezone: string | null;
  readonly catchup: CatchupPolicy;
  readonly catchupWindowMs: number;
  /** Maximum random delay of each occurrence. */
  readonly jitterMs: number;
  /** Missing if there are none, and in definitions stored by versions without exceptions. */
  readonly except?: ExceptDates;
};

/** Returns whether two schedules are due at the same instants, excepted or not. Null means no schedule. */
export const isDueAlike = (a: ScheduleSpec | null, b: ScheduleSpec | null): boolean =>
  a === b || JSON.stringify([a?.expressions, a?.timezone]) === JSON.stringify([b?.expressions, b?.timezone]);

/** A compiled schedule. */
export interface Schedule {
  /** Returns the first occurrence strictly after `after` (both in ms since the Unix epoch), or null. */
  next(after: number): number | null;
  /** Returns whether an occurrence is on a date that the schedule excepts. */
  excludes(at: number): boolean;
  /** Returns the first occurrence strictly after `after` that is not excepted, or null. */
  nextStart(after: number): number | null;
  /** Returns the last occurrence strictly before `before` that is not excepted, or null. Boots of the machine don't count. */
  previousStart(before: number): number | null;
  /** When the occurrence of `@reboot` for this boot of the machine is due; null if there is none any more. */
  readonly bootAt: number | null;
  /** The time zone of the expressions. */
  readonly timezone: string;
}

/**
 * Compiles a schedule in its own zone or `defaultTimezone`. Throws `invalid_request` if an expression or the zone is
 * invalid. `bootAt` is when the occurrence of `@reboot` is due; null if this boot has had it.
 */
export const compileSchedule = (
  spec: Pick<ScheduleSpec, "expressions" | "timezone" | "except">,
  defaultTimezone: string,
  bootAt: number | null = null,
): Schedule => {
  const timezone = spec.timezone ?? defaultTimezone;
  if (!isTimezone(timezone))
    throw new PetitError("invalid_request", `'${timezone}' is not a timezone; ${TIMEZONE_FORM}`);
  const zone = zoneOf(timezone);
  const due = startsAtBoot(spec.expressions) ? bootAt : null;
  const timed = spec.expressions.map((expression) => ruleOf(expression, zone));
  const own = due === null ? timed : [...timed, (after: number): number | null => (after < due ? due : null)];
  const next = (after: number): number | null => earliest(own, after);
  const excludes = spec.except === undefined ? NEVER : onDates(spec.except.dates, zone);
  const startOf =
    (rule: Rule): Rule =>
    (after) => {
      let at = rule(after);
      while (at !== null && excludes(at)) at = rule(Math.max(at, nextDateStart(at, zone) - 1));
      return at;
    };
  const nextTimed = startOf((after) => earliest(timed, after));
  return {
    timezone,
    bootAt: due,
    next,
    excludes,
    nextStart: spec.except === undefined ? next : startOf(next),
    previousStart: (before) => lastBefore(nextTimed, before),
  };
};

const NEVER = (): boolean => false;

/**
 * Returns the last instant before `before` that a rule yields, or null if there is none since the Unix epoch. A rule only looks ahead, so
 * this looks ahead from ever earlier instants until it finds one, and then for the last one after it.
 */
const lastBefore = (rule: Rule, before: number): number | null => {
  const nextBefore = (after: number): number | null => {
    const at = rule(after);
    return at === null || at >= before ? null : at;
  };
  let [low, high] = [0, before];
  let found: number | null = null;
  // Occurrences are usually as far from one another as the next one is.
  for (let back = Math.max(1, (rule(before) ?? before) - before + 1); found === null; back *= 2) {
    low = Math.max(before - back, -1);
    found = nextBefore(low);
    if (found === null && low === -1) return null;
    if (found === null) high = low;
  }
  // There is no occurrence after `high`.
  for (let later = nextBefore(found); later !== null; later = nextBefore(found)) {
    found = later;
    const middle = Math.floor((found + high) / 2);
    const jump = middle > found ? nextBefore(middle) : null;
    if (jump === null) high = Math.min(high, middle);
    else found = jump;
  }
  return found;
};

/** Returns what is wrong with an expression and what was expected, or null if it is valid and fires at some time. */
export const whyUnusable = (text: string): string | null => {
  const expression = parseExpression(text);
  if (expression.kind === "wrong") return `'${text}' is not a schedule: ${expression.problem}`;
  if (expression.kind !== "cron" || firesEver(expression.pattern)) return null;
  return `'${text}' never fires; expected a date that exists`;
};

const everFiring = new Set<string>();

/**
 * Returns whether a pattern ever fires. Only combinations of day and month can fail. The check is slow, so positive
 * results are cached; many jobs share an expression.
 */
const firesEver = (pattern: string): boolean => {
  const [, , , day, month] = pattern.split(" ");
  if (day === "*" || month === "*") return true;
  const fires = everFiring.has(pattern) || wallClock(pattern)(0) !== null;
  if (fires && everFiring.size < PATTERNS_CACHED) everFiring.add(pattern);
  return fires;
};

/** The expected form of a time zone, for messages. */
export const TIMEZONE_FORM = 'expected an IANA name such as "Europe/Paris" or "UTC"';

/** Returns the first occurrence strictly after an instant, or null. */
type Rule = (after: number) => number | null;

const earliest = (rules: readonly Rule[], after: number): number | null => {
  let first: number | null = null;
  for (const rule of rules) {
    const at = rule(after);
    if (at !== null && (first === null || at < first)) first = at;
  }
  return first;
};

/** Schedules share the rules of equal expressions. This is more than the number of minutes in a day. */
const RULES_CACHED = 4_096;
const rules = new Map<string, Rule>();

const ruleOf = (text: string, zone: Zone): Rule => {
  const key = `${zone.name} ${text}`;
  const known = rules.get(key);
  if (known !== undefined) return known;
  const rule = compileRule(text, zone);
  if (rules.size >= RULES_CACHED) rules.clear();
  rules.set(key, rule);
  return rule;
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
    case "boot":
      return () => null;
    case "wrong":
      throw new PetitError("invalid_request", `'${text}' is not a schedule: ${expression.problem}`);
  }
};

/**
 * Returns a function that finds the first wall time strictly after `wall` that matches a pattern. It ignores daylight
 * saving; see daylight-saving.ts.
 */
export const wallClock = (pattern: string): NextWall => compileWallPattern(pattern) ?? cronClock(pattern);

const cronClock = (pattern: string): NextWall => {
  patternOf(pattern);
  return (wall) => patternOf(pattern).nextRun(new Date(wall))?.getTime() ?? null;
};

/** A pattern that croner has parsed takes 80 KB and 25 µs, so recently used ones are cached. */
const PATTERNS_CACHED = 128;
const patterns = new Map<string, Cron>();

const patternOf = (pattern: string): Cron => {
  const cron = patterns.get(pattern) ?? new Cron(pattern, { mode: "6-part", utcOffset: 0, paused: true });
  patterns.delete(pattern);
  patterns.set(pattern, cron);
  forgetOldest(patterns, PATTERNS_CACHED);
  return cron;
};
