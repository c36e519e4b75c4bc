import type { JobId } from "../ids.ts";
import type { ParamValues, RunStatus } from "../run.ts";

/**
 * Statuses of a backfill:
 * - `running`: it makes runs, as many at once as `parallel` allows. Also after a restart.
 * - `paused`: it makes no runs until a person resumes it. Those that it has made go on.
 * - `completed`: all its runs have completed. Final.
 * - `failed`: all its runs have ended, and at least one did not complete. Final.
 * - `cancelled`: a person cancelled it, or its job is gone. It makes no more runs. Final; it has ended when its last run has.
 *
 * A run that ends moves `running` and `paused` on, in the transaction that stores the end.
 */
export const BACKFILL_STATUSES = ["running", "paused", "completed", "failed", "cancelled"] as const;
export type BackfillStatus = (typeof BACKFILL_STATUSES)[number];

/**
 * Why petit itself has paused or cancelled a backfill:
 * - `invalid_params`: its params don't fit the job any more.
 * - `restored`: the database was restored from a copy, so runs may have been made that it does not know.
 * - `job_gone`: no job file defines the job any more.
 */
export const BACKFILL_REASONS = ["invalid_params", "restored", "job_gone"] as const;
export type BackfillReason = (typeof BACKFILL_REASONS)[number];

/** Which occurrences get another run of those that have one: none, those whose newest run has ended and not completed, or all. */
export const EXISTING_RULES = ["skip", "failed", "all"] as const;
export type ExistingRule = (typeof EXISTING_RULES)[number];

/** Maximum of occurrences in the range of a backfill. */
export const MAX_BACKFILL_OCCURRENCES = 10_000;

/** Limits of `parallel`. */
export const PARALLEL = { min: 1, max: 100, default: 1 } as const;

/** Runs for occurrences of the past that a person has asked for. Times are in ms since the Unix epoch. */
export type Backfill = {
  readonly id: string;
  readonly jobId: JobId;
  readonly status: BackfillStatus;
  /** Null if a person decided it. */
  readonly reason: BackfillReason | null;
  /** The occurrences are in this range; both are included. */
  readonly from: number;
  readonly to: number;
  readonly existing: ExistingRule;
  /** Maximum of its runs that are pending or running at once. */
  readonly parallel: number;
  /** The given params, without defaults. */
  readonly params: ParamValues;
  readonly newestFirst: boolean;
  readonly runs: BackfillRuns;
  readonly createdAt: number;
  /** The person who asked for it: the name of a token, otherwise an address. Null if that is unknown. */
  readonly createdBy: string | null;
  readonly cancelledBy: string | null;
  /** When its last run ended. */
  readonly endedAt: number | null;
};

/** How many runs a backfill has. `pending` has those that it has not made yet, and `cancelled` those that it will not make. */
export type BackfillRuns = {
  readonly total: number;
  readonly pending: number;
  readonly running: number;
  readonly completed: number;
  /** Interrupted ones included. */
  readonly failed: number;
  readonly cancelled: number;
};

/** An occurrence that a backfill makes a run for. */
export type BackfillOccurrence = {
  readonly scheduledFor: number;
  /** The occurrence before it; null if there is none. */
  readonly intervalStart: number | null;
};

/** What is known about an occurrence when a backfill is created. */
export type KnownOccurrence = {
  /** The status of its newest run; null if it has none, or if its runs were deleted. */
  readonly newest: RunStatus | null;
  /** True if it has, or had, a run, or if another backfill will make one. */
  readonly hasRun: boolean;
};

/** Returns whether a backfill makes a run for an occurrence. */
export const isChosen = (rule: ExistingRule, { newest, hasRun }: KnownOccurrence): boolean => {
  if (rule === "all" || !hasRun) return true;
  return rule === "failed" && (newest === "failed" || newest === "cancelled" || newest === "interrupted");
};
