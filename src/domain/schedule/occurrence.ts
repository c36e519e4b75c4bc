import type { JobId, RunId } from "../ids.ts";

/**
 * What became of an instant at which a schedule was due; decided once:
 * - `fired`: a run was stored for it, in the same transaction.
 * - `skipped`: petit was there, and decided against a run; the reason says why.
 * - `missed`: petit was down or asleep, or busy beyond the tolerance, and catch-up did not cover it.
 */
export const OUTCOMES = ["fired", "skipped", "missed"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Why an occurrence was skipped. */
export const SKIP_REASONS = ["paused", "dependency", "overlap", "disabled", "queue_full"] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** Why an occurrence was missed. */
export const MISS_REASONS = ["down", "late", "superseded"] as const;
export type MissReason = (typeof MISS_REASONS)[number];

/** A row of the ledger. Times are ms since the epoch. */
export type Occurrence = {
  readonly jobId: JobId;
  readonly scheduledFor: number;
  readonly outcome: Outcome;
  /** Null when fired. */
  readonly reason: SkipReason | MissReason | null;
  readonly runId: RunId | null;
  readonly decidedAt: number;
  /** What jitter added to its time. */
  readonly jitterMs: number;
};
