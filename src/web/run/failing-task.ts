import type { AttemptData, RunDetail, TaskRunData } from "../data/shapes.ts";
import { shownStatus } from "../ui/status/task-status.ts";

/**
 * Returns the tasks that failed by themselves, except where the job allows it: `first`, which explains the failure of the run, then the others
 * in the order in which they failed.
 */
export const failedTasks = (tasks: readonly TaskRunData[], first: string | null = null): readonly TaskRunData[] =>
  tasks
    .filter((task) => shownStatus(task) === "failed")
    .toSorted(
      (a, b) =>
        Number(b.task_id === first) - Number(a.task_id === first) ||
        (a.ended_at ?? Number.MAX_SAFE_INTEGER) - (b.ended_at ?? Number.MAX_SAFE_INTEGER),
    );

/** Returns the task to blame for a failed run; null if none failed. */
export const failingTask = (
  { failure }: Pick<RunDetail, "failure">,
  tasks: readonly TaskRunData[],
): TaskRunData | null => failedTasks(tasks, failure?.task_id)[0] ?? null;

/** Describes how a task ended: `exit code 3`, `SIGKILL` or `timeout`. */
export const endText = (task: TaskRunData): string | null => {
  const last: AttemptData | undefined = task.attempt_list.at(-1);
  if (task.reason === "timeout") return "timeout";
  if (last?.signal != null) return last.signal;
  const code = last?.exit_code ?? task.exit_code;
  return code === null ? null : `exit code ${code}`;
};
