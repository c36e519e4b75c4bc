import { parseExpression } from "../../domain/schedule/expression.ts";
import { isTimezone, type ZoneChange, zoneOf } from "../../domain/schedule/local-time.ts";
import { wallClock } from "../../domain/schedule/schedule.ts";

type Clock = {
  readonly expression: string;
  readonly timezone: string;
  /** In ms since the Unix epoch. */
  readonly now: number;
};

/**
 * What a change of the clock does to an expression that is due there: `skipped`, a fixed time runs after the gap; `repeated`, it runs in
 * both passes of the hour; `once`, a fixed time runs in one of them.
 */
export type DueChange = "skipped" | "repeated" | "once";

/** Returns what happens to an expression where the clock of its time zone changes within a year. */
export const changesDue = ({ expression: text, timezone, now }: Clock): readonly DueChange[] => {
  const expression = parseExpression(text);
  if (expression.kind !== "cron" || !isTimezone(timezone)) return [];
  const nextWall = wallClock(expression.pattern);
  return clockChanges(timezone, now).flatMap(({ at, beforeMs, afterMs }): DueChange[] => {
    const [start, end] = [at + Math.min(beforeMs, afterMs), at + Math.max(beforeMs, afterMs)];
    const wall = nextWall(start - 1);
    if (wall === null || wall >= end) return [];
    if (beforeMs > afterMs) return [expression.realTime ? "repeated" : "once"];
    return expression.realTime ? [] : ["skipped"];
  });
};

const DAY_MS = 86_400_000;

/** Returns the changes of a zone's clock within a year. */
const clockChanges = (timezone: string, now: number): readonly ZoneChange[] => {
  const changes = new Map<number, ZoneChange>();
  for (let day = 0; day <= 366; day += 2) {
    const change = zoneOf(timezone).changeNear(now + day * DAY_MS);
    if (change !== null) changes.set(change.at, change);
  }
  return [...changes.values()];
};
