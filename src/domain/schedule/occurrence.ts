import type { JobId, RunId } from "../ids.ts";

/**
 * Outcomes of an occurrence, each decided once:
 * - `fired`: a run was stored in the same transaction.
 * - `skipped`: petit decided against a run; the reason says why.
 * - `missed`: petit was down, asleep or too busy, and catch-up did not cover the occurrence. Or the database was restored from a copy
 *   that does not say what happened.
 */
export const OUTCOMES = ["fired", "skipped", "missed"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Why an occurrence was skipped. */
export const SKIP_REASONS = ["paused", "dependency", "overlap", "disabled", "queue_full", "excluded"] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** Why an occurrence was missed. */
export const MISS_REASONS = ["down", "late", "superseded", "restored"] as const;
export type MissReason = (typeof MISS_REASONS)[number];

/** A row of the ledger. Times are in ms since the Unix epoch. */
export type Occurrence = {
  readonly jobId: JobId;
  readonly scheduledFor: number;
  readonly outcome: Outcome;
  /** Null if fired. */
  readonly reason: SkipReason | MissReason | null;
  readonly runId: RunId | null;
  /** The newest run that a backfill has made for it. If nothing else had started one, `runId` is the same. */
  readonly backfillRunId: RunId | null;
  readonly decidedAt: number;
  /** Delay that jitter added. */
  readonly jitterMs: number;
};
