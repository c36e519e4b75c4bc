import type { Reason } from "../../../domain/run.ts";
import type { TaskStatus } from "../../../domain/task-run.ts";

/** Status of a task as displayed: a task that was cancelled or interrupted did not fail by itself. */
export type ShownTaskStatus = TaskStatus | "cancelled" | "interrupted";

/** Returns the status to display. The API calls every task that ended without completing `failed`, and adds the reason. */
export const shownStatus = <Status extends TaskStatus>({
  status,
  reason,
}: {
  readonly status: Status;
  readonly reason: Reason | null;
}): Status | "cancelled" | "interrupted" => {
  if (status !== "failed") return status;
  if (reason === "cancelled") return "cancelled";
  return reason === "shutdown" || reason === "interrupted" ? "interrupted" : status;
};
