import type { TaskId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import type { EndingReason, RunOutcome } from "../../domain/run.ts";
import { formatDuration } from "../../lib/duration.ts";
import { assertNever } from "../../lib/never.ts";
import type { TaskProgress } from "./progress.ts";

export type FinishedTasks = {
  readonly job: Job;
  readonly tasks: ReadonlyMap<TaskId, TaskProgress>;
  readonly ending: EndingReason | null;
  /** True if the process of an attempt was lost. */
  readonly isLost: boolean;
};

/**
 * Returns the outcome of a run whose tasks have all ended. A request to end it wins, then a lost attempt, then a
 * failed task.
 */
export const outcomeOfRun = (run: FinishedTasks): RunOutcome => {
  if (run.ending !== null) return outcomeOfEnding(run.ending, run.job);
  if (run.isLost) return { status: "interrupted", reason: "interrupted", error: "Run was interrupted" };
  const failed = run.job.tasks.filter(({ id }) => run.tasks.get(id)?.status === "failed");
  const [first] = failed;
  if (first === undefined) return { status: "completed", reason: null, error: null };
  const { reason, error } = run.tasks.get(first.id) ?? { reason: null, error: null };
  const others = failed.length === 1 ? "" : ` (and ${failed.length - 1} more)`;
  return { status: "failed", reason, error: `task '${first.id}' failed: ${error ?? reason}${others}` };
};

const outcomeOfEnding = (ending: EndingReason, job: Job): RunOutcome => {
  switch (ending) {
    case "cancelled":
      return { status: "cancelled", reason: "cancelled", error: "cancelled" };
    case "timeout":
      return { status: "failed", reason: "timeout", error: `timed out after ${formatDuration(job.timeoutMs ?? 0)}` };
    case "shutdown":
      return { status: "interrupted", reason: "shutdown", error: "Run was interrupted" };
    default:
      return assertNever(ending);
  }
};
