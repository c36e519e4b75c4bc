import type { BackfillReason, BackfillRuns, BackfillStatus, ExistingRule } from "../../backfill/backfill.ts";

/** What each status of a backfill means. */
export const BACKFILL_STATUS_TEXT = {
  running: "it makes runs, as many at once as `parallel` allows",
  paused: "it makes no runs until it is resumed",
  completed: "all its runs have completed",
  failed: "all its runs have ended, and at least one did not complete",
  cancelled: "it makes no more runs",
} as const satisfies Record<BackfillStatus, string>;

/** Why petit itself has paused or cancelled a backfill, as a clause. */
export const BACKFILL_REASON_TEXT = {
  invalid_params: "its params don't fit the job any more",
  restored: "the database was restored from an older copy, so it may have made runs that petit does not know",
  job_gone: "no job file defines the job any more",
} as const satisfies Record<BackfillReason, string>;

/** Which occurrences get another run. */
export const EXISTING_TEXT = {
  skip: "none that has a run",
  failed: "those whose newest run has ended and not completed",
  all: "all",
} as const satisfies Record<ExistingRule, string>;

/** Returns how far a backfill is, such as `12 of 30 done, 1 running, 2 failed`. */
export const progressText = ({ total, running, completed, failed, cancelled }: BackfillRuns): string => {
  const parts = [`${completed + failed + cancelled} of ${total} done`];
  if (running > 0) parts.push(`${running} running`);
  if (failed > 0) parts.push(`${failed} failed`);
  if (cancelled > 0) parts.push(`${cancelled} cancelled`);
  return parts.join(", ");
};

/** Returns the status of a backfill with why petit decided it, such as `paused: its params don't fit the job any more`. */
export const backfillText = ({
  status,
  reason,
}: {
  readonly status: BackfillStatus;
  readonly reason: BackfillReason | null;
}): string => (reason === null ? status : `${status}: ${BACKFILL_REASON_TEXT[reason]}`);
