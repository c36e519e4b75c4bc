import type { WaitingCode } from "../../../domain/limits/waiting-for.ts";
import { isLostReason, type Reason } from "../../../domain/run.ts";
import type { TaskStatus } from "../../../domain/task-run.ts";
import { shownStatusOf } from "../../../domain/words/waiting-for.ts";

/**
 * Status of a task as displayed: a task that was cancelled or interrupted did not fail by itself, and a failure that the job
 * allows is `allowed`. One that has started and only waits is `waiting`.
 */
export type ShownTaskStatus = TaskStatus | "cancelled" | "interrupted" | "allowed" | "waiting";

/** Returns the status to display. The API calls every task that ended without completing `failed`, and adds the reason. */
export const shownStatus = <Status extends TaskStatus>({
  status,
  reason,
  allowed = false,
  waiting_for = null,
}: {
  readonly status: Status;
  readonly reason: Reason | null;
  readonly allowed?: boolean;
  readonly waiting_for?: WaitingCode | null;
}): Status | "cancelled" | "interrupted" | "allowed" | "waiting" => {
  if (status !== "failed") return shownStatusOf({ status, waiting_for });
  if (allowed) return "allowed";
  if (reason === "cancelled") return "cancelled";
  return reason === "shutdown" || isLostReason(reason) ? "interrupted" : status;
};
