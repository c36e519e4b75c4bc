import { parseExpression } from "./expression.ts";
import { type ZoneChange, zoneOf } from "./local-time.ts";
import { type ScheduleSpec, wallClock } from "./schedule.ts";

/** A sentence about the effect of a daylight saving change on an occurrence. */
export type ScheduleNote = string;

type Expressions = Pick<ScheduleSpec, "expressions">;

/** Describes the effect of a clock change in `timezone` on the occurrence at `at`, or returns null. */
export const scheduleNote = (spec: Expressions, at: number, timezone: string): ScheduleNote | null => {
  const change = zoneOf(timezone).changeNear(zoneOf(timezone).toWall(at));
  if (change === null) return null;
  return change.afterMs > change.beforeMs ? noteOfGap(spec, at, change) : noteOfRepeat(at, change);
};

/** Describes an occurrence right after a gap that was due in the gap. */
const noteOfGap = (spec: Expressions, at: number, change: ZoneChange): ScheduleNote | null => {
  if (at !== change.at) return null;
  const [start, end] = [at + change.beforeMs, at + change.afterMs];
  const skipped = spec.expressions.flatMap((text) => firstInGap(text, start, end) ?? []);
  if (skipped.length === 0) return null;
  return `clock went forward: due at ${formatWall(Math.min(...skipped))}, which did not exist`;
};

/** Returns the first wall time in the gap that matches an expression; null if it follows real time. */
const firstInGap = (text: string, start: number, end: number): number | null => {
  const expression = parseExpression(text);
  if (expression.kind !== "cron" || expression.realTime) return null;
  const wall = wallClock(expression.pattern)(start - 1);
  return wall !== null && wall < end ? wall : null;
};

const noteOfRepeat = (at: number, change: ZoneChange): ScheduleNote | null => {
  const repeatedMs = change.beforeMs - change.afterMs;
  if (at < change.at - repeatedMs || at >= change.at + repeatedMs) return null;
  const [wall, which] = at < change.at ? [at + change.beforeMs, "first"] : [at + change.afterMs, "second"];
  return `clock went back: ${formatWall(wall)} occurs twice, this is the ${which} time`;
};

/** Formats a wall time as `02:30`, or as `02:30:15` if it has seconds. */
const formatWall = (wall: number): string => {
  const text = new Date(wall).toISOString();
  return text.slice(11, wall % 60_000 === 0 ? 16 : 19);
};
