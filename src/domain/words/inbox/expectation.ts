import { formatDuration } from "../../../lib/duration.ts";

/** What is expected of a job, as the API returns it. Times are in ms since the Unix epoch. */
export type ExpectationFacts = {
  readonly success_within_ms: number;
  readonly last_success_at: number | null;
  /** From when the time counts. */
  readonly expected_from: number;
  readonly stale_since: number | null;
};

type StaleFacts = Pick<ExpectationFacts, "success_within_ms" | "last_success_at">;

/** Returns that no run of a job has completed in time, as a clause. `waited` is how long that is. */
export const staleText = ({ success_within_ms: withinMs, last_success_at: last }: StaleFacts, waited: string): string =>
  `no run has completed ${last === null ? "yet" : `for ${waited}`}, although one is expected within ${formatDuration(withinMs)}`;

type TimeText = (at: number) => string;

/** Returns until when a run is expected to complete, as a clause. */
export const expectedText = (facts: ExpectationFacts, timeText: TimeText): string => {
  const { success_within_ms: withinMs, last_success_at: last, expected_from: from } = facts;
  const counted = last === null ? "petit first read this" : "the last one";
  return `a run completes by ${timeText(from + withinMs)}, ${formatDuration(withinMs)} after ${counted}`;
};

/** Returns since when a job is stale, and why, to follow that it is; null if it is not stale. */
export const staleSinceText = (facts: Omit<ExpectationFacts, "expected_from">, timeText: TimeText): string | null => {
  const { success_within_ms: withinMs, last_success_at: last, stale_since: since } = facts;
  if (since === null) return null;
  const completed = last === null ? "no run has completed yet" : `the last completed run ended at ${timeText(last)}`;
  return `since ${timeText(since)}: ${completed}, although one is expected within ${formatDuration(withinMs)}`;
};
