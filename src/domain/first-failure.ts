import { upstreamsOf } from "./graph.ts";
import { isAllowedFailure, type Task } from "./job.ts";
import type { TaskRun } from "./task-run.ts";

type FailedTask = Pick<TaskRun, "taskId" | "status" | "reason" | "exitCode" | "endedAt" | "reused">;
type JobTasks = { readonly tasks: readonly Pick<Task, "id" | "dependsOn" | "condition" | "allowFailure">[] };

/**
 * Returns the failed tasks of a run in the order in which they explain its failure: those that the job allows last, and before these the ones
 * that a retry took over. Tasks that only run after others, whatever happened, and those downstream of another failed task explain less
 * than the others. Of the rest, the first to end comes first. Ties keep the given order.
 */
export const orderFailures = <Failed extends FailedTask>(
  failed: readonly Failed[],
  { tasks }: JobTasks,
): readonly Failed[] => {
  if (failed.length < 2) return failed;
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const isAllowed = (each: Failed): boolean => {
    const task = byId.get(each.taskId);
    return task !== undefined && isAllowedFailure(task, each);
  };
  const edges = new Map(tasks.map(({ id, dependsOn }) => [id, dependsOn]));
  const counted = new Set(failed.filter((each) => !isAllowed(each)).map(({ taskId }) => taskId));
  const isConsequence = ({ taskId }: Failed): boolean =>
    (byId.get(taskId)?.condition ?? "all_success") !== "all_success" ||
    !upstreamsOf(edges, taskId).isDisjointFrom(counted);
  const weights = new Map(
    failed.map((each) => [
      each.taskId,
      4 * Number(isAllowed(each)) + 2 * Number(each.reused) + Number(isConsequence(each)),
    ]),
  );
  const weightOf = ({ taskId }: Failed): number => weights.get(taskId) ?? 0;
  const endOf = ({ endedAt }: Failed): number => endedAt ?? Number.MAX_SAFE_INTEGER;
  return failed.toSorted((a, b) => weightOf(a) - weightOf(b) || endOf(a) - endOf(b));
};
