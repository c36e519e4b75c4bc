import type { Zone } from "./local-time.ts";

const DAY_MS = 86_400_000;

/** The first reading of a clock, strictly after another, that an expression matches; null where none comes. */
export type NextWall = (wall: number) => number | null;

/**
 * The next occurrence of an expression that means readings of the clock. As in cronie: a reading that the clock skips is
 * due the moment after the gap, one that it shows twice is due the first time.
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
 * The next occurrence of an expression that follows real time (its minute or hour is a wildcard): due whenever the
 * clock shows a reading that matches, so not in a gap, and both times where the clock shows it twice.
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
