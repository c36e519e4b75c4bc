import { MAX_DUE } from "../schedule/due.ts";
import { MISS_REASONS } from "../schedule/occurrence.ts";

/** After so many occurrences in a row that started no run, a job has not run as expected. */
export const UNFIRED_IN_A_ROW = 3;

/** After so long, a pause is no longer expected. */
export const PAUSED_TOO_LONG_MS = 86_400_000;

/** Maximum of occurrences that are counted: the ledger has no more of a job. */
export const MAX_UNFIRED = MAX_DUE;

/** Why an occurrence started no run. One on an excepted date is as expected. */
export const UNFIRED_REASONS = ["paused", "dependency", "overlap", "disabled", "queue_full", ...MISS_REASONS] as const;
export type UnfiredReason = (typeof UNFIRED_REASONS)[number];

export type ReasonCount = { readonly reason: UnfiredReason; readonly count: number };

/** The newest occurrences of a job, all of which were skipped or missed. */
export type UnfiredStreak = {
  /** When the first of them was due, in ms since the Unix epoch. */
  readonly since: number;
  /** How many there are, at most `MAX_UNFIRED`. */
  readonly count: number;
  /** Why the newest one started no run. */
  readonly newest: UnfiredReason;
  /** The most frequent one first. */
  readonly reasons: readonly ReasonCount[];
};

/** Returns whether a person decided that no run starts. */
export const isDeliberate = (reason: UnfiredReason): boolean => reason === "paused" || reason === "disabled";
