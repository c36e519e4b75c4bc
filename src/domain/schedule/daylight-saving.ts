import type { Zone } from "./local-time.ts";

const DAY_MS = 86_400_000;

/** Returns the first wall time strictly after `wall` that matches an expression, or null. */
export type NextWall = (wall: number) => number | null;

/**
 * Returns the next occurrence of a fixed-time expression. As in cronie, a wall time in the gap fires right after the gap,
 * and a wall time in the repeated hour fires the first time only.
 */
export const nextOfClock = (nextWall: NextWall, zone: Zone, after: number): number | null => {
  let wall = nextWall(zone.toWall(after));
  while (wall !== null) {
    const at = zone.toInstant(wall);
    if (at > after) return at;
    wall = nextWall(wall);
  }
  return null;
};

/**
 * Returns the next occurrence of an expression that follows real time because its minute or hour is a wildcard. It never
 * fires for wall times in a gap, and it fires both times in a repeated hour.
 */
export const nextOfRealTime = (nextWall: NextWall, zone: Zone, after: number): number | null => {
  let from = after + 1;
  for (;;) {
    const span = zone.spanAt(from);
    const wall = nextWall(from - 1 + span.offsetMs);
    if (wall === null) return null;
    const at = wall - span.offsetMs;
    if (at < span.end) return at;
    from = span.end - after > DAY_MS ? Math.max(span.end, wall - DAY_MS) : span.end;
  }
};
