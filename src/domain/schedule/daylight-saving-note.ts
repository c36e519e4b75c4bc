import { parseExpression } from "./expression.ts";
import { type ZoneChange, zoneOf } from "./local-time.ts";
import { type ScheduleSpec, wallClock } from "./schedule.ts";

/** A sentence on what daylight saving does to an occurrence. */
export type ScheduleNote = string;

/** Says what a change of the clock does to the occurrence of a schedule at `at`, read in `timezone`; null where nothing. */
export const scheduleNote = (spec: ScheduleSpec, at: number, timezone: string): ScheduleNote | null => {
  const change = zoneOf(timezone).changeNear(zoneOf(timezone).toWall(at));
  if (change === null) return null;
  return change.afterMs > change.beforeMs ? noteOfGap(spec, at, change) : noteOfRepeat(at, change);
};

/** Right after a gap stands what was due in it. */
const noteOfGap = (spec: ScheduleSpec, at: number, change: ZoneChange): ScheduleNote | null => {
  if (at !== change.at) return null;
  const [start, end] = [at + change.beforeMs, at + change.afterMs];
  const skipped = spec.expressions.flatMap((text) => firstInGap(text, start, end) ?? []);
  if (skipped.length === 0) return null;
  return `clock went forward: due at ${formatWall(Math.min(...skipped))}, which did not exist`;
};

/** The first reading in the gap that an expression means; those that follow real time mean none. */
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

/** `02:30`, or `02:30:15` where it has seconds. */
const formatWall = (wall: number): string => {
  const text = new Date(wall).toISOString();
  return text.slice(11, wall % 60_000 === 0 ? 16 : 19);
};
