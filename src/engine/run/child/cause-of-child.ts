import type { RunId } from "../../../domain/ids.ts";
import type { Reason } from "../../../domain/run.ts";
import type { FailureCause } from "../../../domain/task-run.ts";
import type { Store } from "../../../store/store.ts";

/**
 * Returns the line that says most about the failure of a child run, or of the innermost run that it has started. Null if that wrote nothing,
 * or was deleted, or if somebody has cancelled it. `reason` says why the attempt failed that started it.
 */
export const causeOfChild = (runId: RunId, reason: Reason, { runs }: Pick<Store, "runs">): FailureCause | null => {
  const run = runs.find(runId);
  if (run === null || (run.status === "cancelled" && reason !== "timeout")) return null;
  const { cause, lastLine, taskId, item } = runs.describeFailure(runId);
  if (cause !== null && cause.child !== null) return cause;
  const line = cause ?? (lastLine === null ? null : { ...lastLine, context: [] });
  return line === null ? null : { ...line, child: { runId, jobId: run.jobId, taskId, item } };
};
