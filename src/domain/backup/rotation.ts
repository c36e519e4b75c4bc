import { zoneOf } from "../schedule/local-time.ts";

/** Which copies of a backup folder are kept. */
export type Keep = {
  /** For so many days, the newest copy of each day. */
  readonly days: number;
  /** For so many weeks after these days, the newest copy of each week. */
  readonly weeks: number;
};

export const DEFAULT_KEEP: Keep = { days: 14, weeks: 8 };

export type RotationOptions = {
  readonly keep: Keep;
  /** In ms since the Unix epoch. */
  readonly now: number;
  /** The zone in which days begin. */
  readonly timezone: string;
};

const DAY_MS = 86_400_000;
const DAYS_OF_WEEK = 7;

/** 1970-01-01 was a Thursday, and weeks begin on Monday. */
const FIRST_MONDAY = 4;

/**
 * Returns the copies to delete. Kept are the newest copy, all of today and those of the future, the newest of each of the last `days`
 * days, counting today, and of each week of the `weeks` weeks before these.
 */
export const expiredCopies = <Copy extends { readonly at: number }>(
  copies: readonly Copy[],
  { keep, now, timezone }: RotationOptions,
): readonly Copy[] => {
  const zone = zoneOf(timezone);
  const dayOf = (at: number): number => Math.floor(zone.toWall(at) / DAY_MS);
  const weekOf = (day: number): number => Math.floor((day - FIRST_MONDAY) / DAYS_OF_WEEK);
  const today = dayOf(now);
  const firstDay = today - Math.max(1, keep.days) + 1;
  const firstWeekDay = firstDay - keep.weeks * DAYS_OF_WEEK;
  const taken = new Set<string>();
  return copies
    .toSorted((a, b) => b.at - a.at)
    .filter(({ at }, index) => {
      const day = dayOf(at);
      if (index === 0 || day >= today) return false;
      if (day < firstWeekDay) return true;
      const period = day >= firstDay ? `day ${day}` : `week ${weekOf(day)}`;
      if (taken.has(period)) return true;
      taken.add(period);
      return false;
    });
};
