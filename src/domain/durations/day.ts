import type { Zone } from "../schedule/local-time.ts";

const DAY_MS = 86_400_000;

/** Returns the local date of an instant, as the number of days from 1970-01-01. */
export const dayAt = (at: number, zone: Zone): number => Math.max(0, Math.floor(zone.toWall(at) / DAY_MS));

/** Returns a day as an ISO date. */
export const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** How long the completed runs of a day took, in ms. */
export type DayFigures = {
  readonly day: number;
  readonly completed: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
};
