import type { AttemptData, TaskRunData } from "../data/shapes.ts";
import { shownStatus } from "../ui/status/task-status.ts";

/** Returns the tasks that failed by themselves, except where the job allows it, in the order in which they failed. */
export const failedTasks = (tasks: readonly TaskRunData[]): readonly TaskRunData[] =>
  tasks
    .filter((task) => shownStatus(task) === "failed")
    .toSorted((a, b) => (a.ended_at ?? Number.MAX_SAFE_INTEGER) - (b.ended_at ?? Number.MAX_SAFE_INTEGER));

/** Returns the task to blame for a failed run: the first that failed; null if none failed. */
export const failingTask = (tasks: readonly TaskRunData[]): TaskRunData | null => failedTasks(tasks)[0] ?? null;

/** Describes how a task ended: `exit code 3`, `SIGKILL` or `timeout`. */
export const endText = (task: TaskRunData): string | null => {
  const last: AttemptData | undefined = task.attempt_list.at(-1);
  if (task.reason === "timeout") return "timeout";
  if (last?.signal != null) return last.signal;
  const code = last?.exit_code ?? task.exit_code;
  return code === null ? null : `exit code ${code}`;
};
