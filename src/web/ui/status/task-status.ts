import { isLostReason, type Reason } from "../../../domain/run.ts";
import type { TaskStatus } from "../../../domain/task-run.ts";

/**
 * Status of a task as displayed: a task that was cancelled or interrupted did not fail by itself, and a failure that the job
 * allows is `allowed`.
 */
export type ShownTaskStatus = TaskStatus | "cancelled" | "interrupted" | "allowed";

/** Returns the status to display. The API calls every task that ended without completing `failed`, and adds the reason. */
export const shownStatus = <Status extends TaskStatus>({
  status,
  reason,
  allowed = false,
}: {
  readonly status: Status;
  readonly reason: Reason | null;
  readonly allowed?: boolean;
}): Status | "cancelled" | "interrupted" | "allowed" => {
  if (status !== "failed") return status;
  if (allowed) return "allowed";
  if (reason === "cancelled") return "cancelled";
  return reason === "shutdown" || isLostReason(reason) ? "interrupted" : status;
};
