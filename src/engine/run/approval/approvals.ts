import type { TaskId } from "../../../domain/ids.ts";
import { taskOf } from "../../../domain/job.ts";
import type { TaskRun } from "../../../domain/task-run.ts";
import { expandTemplate } from "../../../jobfile/template.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import type { TaskProgress } from "../plan/progress.ts";
import { type RunState, scopeOfState } from "../task/run-scope.ts";

/** An approval that waits for a person. `since` is in ms since the Unix epoch. */
export type OpenApproval = {
  readonly taskId: TaskId;
  readonly name: string;
  readonly prompt: string | null;
  readonly since: number;
};

/** Returns the tasks that wait for a person. */
export const askingTasks = (progress: Iterable<TaskProgress>): readonly TaskId[] => {
  const found: TaskId[] = [];
  for (const { phase, node } of progress) if (phase === "asking") found.push(node.taskId);
  return found;
};

/** Returns the approvals of a run that wait, with what they ask and since when. */
export const openApprovals = (state: RunState, listTaskRuns: () => readonly TaskRun[]): readonly OpenApproval[] => {
  const asking = askingTasks(state.progress.values());
  if (asking.length === 0) return [];
  const taskRuns = new Map(listTaskRuns().map((each) => [each.taskId, each]));
  return asking.map((taskId) => ({
    taskId,
    name: taskOf(state.job, taskId).name,
    prompt: promptOf(state, taskId),
    since: taskRuns.get(taskId)?.startedAt ?? state.run.createdAt,
  }));
};

/** Returns why the prompt of an approval can't be evaluated, or null. */
export const whyNoPrompt = (state: RunState, taskId: TaskId): string | null => {
  try {
    promptOf(state, taskId);
    return null;
  } catch (error) {
    return `prompt: ${errorMessage(error)}`;
  }
};

/** Returns what an approval asks, or null if it has only a name. */
export const promptOf = (state: RunState, taskId: TaskId): string | null => {
  const { program } = taskOf(state.job, taskId);
  if (program.type !== "approval" || program.prompt === null) return null;
  return expandTemplate(program.prompt, scopeOfState(state, { taskId, item: null }));
};
