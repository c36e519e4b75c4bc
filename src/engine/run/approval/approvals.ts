import type { TaskId } from "../../../domain/ids.ts";
import { taskOf } from "../../../domain/job.ts";
import type { TaskRun } from "../../../domain/task-run.ts";
import { expandTemplate } from "../../../jobfile/template.ts";
import { type Clock, sleep } from "../../../lib/clock.ts";
import type { TaskProgress } from "../progress.ts";
import { type RunState, scopeOfState } from "../task/run-scope.ts";
import type { ApprovalDecision } from "./decision.ts";

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
    return `prompt: ${error instanceof Error ? error.message : String(error)}`;
  }
};

/** Returns what an approval asks, or null if it has only a name. */
export const promptOf = (state: RunState, taskId: TaskId): string | null => {
  const { program } = taskOf(state.job, taskId);
  if (program.type !== "approval" || program.prompt === null) return null;
  return expandTemplate(program.prompt, scopeOfState(state, { taskId, item: null }));
};

export type ApprovalTimeoutsOptions = Pick<RunState, "job"> & {
  readonly clock: Clock;
  /** The clock of the run. */
  readonly now: () => number;
  /** Aborted when the run is over or the engine detaches. */
  readonly signal: AbortSignal;
  readonly listTaskRuns: () => readonly TaskRun[];
  readonly decide: (taskId: TaskId, decision: ApprovalDecision) => Promise<void>;
  /** Called if petit itself fails at it. */
  readonly onError: (error: unknown) => void;
};

/** Decides about approvals whose timeout is reached. */
export class ApprovalTimeouts {
  readonly #options: ApprovalTimeoutsOptions;
  readonly #watched = new Set<TaskId>();

  constructor(options: ApprovalTimeoutsOptions) {
    this.#options = options;
  }

  /** Watches the tasks that wait for a person, once each. */
  watch(asking: readonly TaskId[]): void {
    for (const taskId of asking) {
      if (this.#watched.has(taskId)) continue;
      this.#watched.add(taskId);
      this.#watch(taskId).catch(this.#options.onError);
    }
  }

  async #watch(taskId: TaskId): Promise<void> {
    const { job, clock, now, signal, listTaskRuns, decide } = this.#options;
    const { timeoutMs, program } = taskOf(job, taskId);
    if (timeoutMs === null || program.type !== "approval") return;
    const stored = listTaskRuns().find((taskRun) => taskRun.taskId === taskId);
    await sleep(clock, (stored?.startedAt ?? now()) + timeoutMs - now(), signal);
    if (!signal.aborted) await decide(taskId, { kind: "timeout", onTimeout: program.onTimeout, timeoutMs });
  }
}
