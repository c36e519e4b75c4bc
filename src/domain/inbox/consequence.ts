import type { JobId, RunId } from "../ids.ts";

/**
 * Why something is the consequence of an entry:
 * - `gate`: occurrences are skipped, or runs wait, because a gate on the job of the entry is shut.
 * - `overlap`: occurrences are skipped because the run of the entry has not ended.
 * - `limit`: runs wait for a place that the run of the entry has.
 * - `child`: runs wait for the run of the entry, or for one that waits for it, because they started it.
 * - `late`: runs are late by `warn_after`, because they are what the entry is about, or wait for it.
 */
export const CONSEQUENCE_REASONS = ["gate", "overlap", "limit", "child", "late"] as const;

/** Something that waits, or needs attention, because of something else, and is listed with it. */
export type Consequence = {
  readonly reason: (typeof CONSEQUENCE_REASONS)[number];
  readonly jobId: JobId;
  readonly runId: RunId | null;
  /** Number of runs or occurrences. */
  readonly count: number;
};
