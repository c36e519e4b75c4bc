import { orderFailures } from "../../../domain/first-failure.ts";
import { isAllowedFailure, type Job } from "../../../domain/job.ts";
import type { EndingReason, Reason, RunOutcome } from "../../../domain/run.ts";
import type { TaskRun } from "../../../domain/task-run.ts";
import { INTERRUPTED_ERROR } from "../../../domain/words/run.ts";
import { formatDuration } from "../../../lib/duration.ts";
import { assertNever } from "../../../lib/never.ts";
import type { NodeKey } from "./node.ts";
import type { TaskProgress } from "./progress.ts";

export type FinishedTasks = {
  readonly job: Job;
  readonly tasks: ReadonlyMap<NodeKey, TaskProgress>;
  readonly ending: EndingReason | null;
  /** True if the process of an attempt was lost. */
  readonly isLost: boolean;
  /** Reads the tasks as they are stored. */
  readonly listTaskRuns: () => readonly Pick<TaskRun, "taskId" | "endedAt" | "reused">[];
};

/**
 * Returns the outcome of a run whose tasks have all ended. A request to end it wins, then a lost attempt, then a
 * failed task.
 */
export const outcomeOfRun = (run: FinishedTasks): RunOutcome => {
  if (run.ending !== null) return outcomeOfEnding(run.ending, run.job);
  if (run.isLost) return { status: "interrupted", reason: "interrupted", error: INTERRUPTED_ERROR };
  return outcomeOfTasks(run);
};

const outcomeOfTasks = ({ job, tasks, listTaskRuns }: FinishedTasks): RunOutcome => {
  const unsuccessful = job.tasks.flatMap((task) => {
    const progress = tasks.get(task.id);
    return progress !== undefined && (progress.status === "failed" || wasNeverStarted(progress))
      ? [{ id: task.id, isAllowed: isAllowedFailure(task, progress), ...progress }]
      : [];
  });
  const failed = unsuccessful.filter(({ isAllowed }) => !isAllowed);
  const warnings = unsuccessful.length - failed.length;
  const started = failed.filter((each) => !wasNeverStarted(each));
  const [first] = started.length === 0 ? failed : inOrder(started, job, listTaskRuns);
  if (first === undefined) return { status: "completed", reason: null, error: null, warnings };
  const { id, reason, error } = first;
  const others = failed.length === 1 ? "" : ` (and ${failed.length - 1} more)`;
  const what = wasNeverStarted(first)
    ? `was skipped in the run that this one retries: ${reason}`
    : `failed: ${error ?? reason}`;
  return { status: "failed", reason, error: `task '${id}' ${what}${others}`, warnings };
};

type UnsuccessfulTask = TaskProgress & Pick<Job["tasks"][number], "id"> & { readonly isAllowed: boolean };

/** Returns failed tasks in the order in which they explain the failure of the run. */
const inOrder = (
  failed: readonly UnsuccessfulTask[],
  job: Job,
  listTaskRuns: FinishedTasks["listTaskRuns"],
): readonly UnsuccessfulTask[] => {
  if (failed.length < 2) return failed;
  const stored = new Map(listTaskRuns().map((each) => [each.taskId, each]));
  return orderFailures(
    failed.map((each) => {
      const { endedAt = null, reused = false } = stored.get(each.id) ?? {};
      return { ...each, taskId: each.id, endedAt, reused };
    }),
    job,
  );
};

/** A retry of one task takes over the results of others. One that was skipped because the run was ended is no success. */
const wasNeverStarted = ({ status, reason }: TaskProgress): boolean =>
  status === "skipped" && reason !== null && RUN_WAS_ENDED.has(reason);

const RUN_WAS_ENDED: ReadonlySet<Reason> = new Set([
  "cancelled",
  "timeout",
  "shutdown",
  "interrupted",
  "worker_lost",
  "internal_error",
]);

/** Returns the outcome of a run that was ended before its tasks did. */
export const outcomeOfEnding = (ending: EndingReason, job: Job): RunOutcome => {
  switch (ending) {
    case "cancelled":
      return { status: "cancelled", reason: "cancelled", error: "cancelled" };
    case "timeout":
      return { status: "failed", reason: "timeout", error: `timed out after ${formatDuration(job.timeoutMs ?? 0)}` };
    case "shutdown":
      return { status: "interrupted", reason: "shutdown", error: INTERRUPTED_ERROR };
    default:
      return assertNever(ending);
  }
};
