import type { Schedule } from "../schedule/schedule.ts";
import { type BackfillOccurrence, MAX_BACKFILL_OCCURRENCES } from "./backfill.ts";
import type { BackfillRange } from "./range.ts";

/** Occurrences that are too many are counted up to this number. */
export const MAX_COUNTED = 1_000_000;

/** Number of occurrences in one step: 1 to 2 ms of work. */
const STEP = 1_000;

export type FoundOccurrences = {
  /** The first ones, oldest first; at most as many as a backfill can have. */
  readonly occurrences: readonly BackfillOccurrence[];
  /** How many there are in the range, at most `MAX_COUNTED`. */
  readonly count: number;
};

/**
 * Finds the occurrences of a schedule in a range, without those on excepted dates. Yields after each STEP, so that the caller can release
 * the thread.
 */
export function* occurrencesIn(
  schedule: Pick<Schedule, "nextStart" | "previousStart">,
  { from, to }: BackfillRange,
): Generator<void, FoundOccurrences> {
  const occurrences: BackfillOccurrence[] = [];
  let count = 0;
  let intervalStart: number | null = null;
  for (let at = schedule.nextStart(from - 1); at !== null && at <= to && count < MAX_COUNTED; ) {
    if (count === 0) intervalStart = schedule.previousStart(at);
    if (count < MAX_BACKFILL_OCCURRENCES) occurrences.push({ scheduledFor: at, intervalStart });
    count++;
    if (count % STEP === 0) yield;
    intervalStart = at;
    at = schedule.nextStart(at);
  }
  return { occurrences, count };
}
