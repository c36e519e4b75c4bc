import { judge, type NodeState } from "../../domain/graph.ts";
import type { TaskId } from "../../domain/ids.ts";
import type { Task } from "../../domain/job.ts";
import type { EndingReason, Reason } from "../../domain/run.ts";

/**
 * What a task that is `running` is doing: an attempt is being made; it waits for the time of its next one; or that time
 * has come. `idle` for every other status.
 */
export type Phase = "idle" | "attempting" | "waiting" | "due";

export type TaskState = NodeState & { readonly phase: Phase };

/** What is to be done next in a run. */
export type Step =
  /** First attempt of a pending task. */
  | { readonly kind: "start"; readonly taskId: TaskId }
  /** Next attempt of a running one. */
  | { readonly kind: "retry"; readonly taskId: TaskId }
  /** A pending task that will not start. */
  | { readonly kind: "skip"; readonly taskId: TaskId; readonly reason: Reason }
  /** A running task whose next attempt will not be made. */
  | { readonly kind: "give_up"; readonly taskId: TaskId; readonly reason: EndingReason };

export type RunPlan = {
  readonly steps: readonly Step[];
  /** True where every task is done after these steps. */
  readonly isOver: boolean;
};

/** Why a run is being ended; `all` when its clean-up tasks end too. */
export type Ending = { readonly reason: EndingReason; readonly all: boolean };

export type PlanInput = {
  /** In topological order: each after those it depends on. */
  readonly tasks: readonly Pick<Task, "id" | "dependsOn" | "condition">[];
  readonly states: ReadonlyMap<TaskId, TaskState>;
  readonly ending: Ending | null;
  /** Attempts at once. */
  readonly maxTasks: number;
};

/** Decides, from the states alone, all that can happen next. */
export const planRun = ({ tasks, states, ending, maxTasks }: PlanInput): RunPlan => {
  const after = new Map<TaskId, TaskState>(states);
  let free = maxTasks - [...states.values()].filter(({ phase }) => phase === "attempting").length;
  const steps: Step[] = [];
  for (const task of tasks) {
    const step = nextStep(task, after, ending);
    const needsPlace = step?.kind === "start" || step?.kind === "retry";
    if (step === null || (needsPlace && free <= 0)) continue;
    if (needsPlace) free--;
    steps.push(step);
    after.set(task.id, stateAfter(step));
  }
  const isOver = [...after.values()].every(({ status }) => status !== "pending" && status !== "running");
  return { steps, isOver };
};

/** Clean-ups outlive the first request to end a run. */
export const isEnded = (task: Pick<Task, "condition">, ending: Ending | null): ending is Ending =>
  ending !== null && (ending.all || task.condition !== "all_done");

const nextStep = (
  task: PlanInput["tasks"][number],
  states: ReadonlyMap<TaskId, TaskState>,
  ending: Ending | null,
): Step | null => {
  const state = states.get(task.id);
  if (state?.status === "pending") return pendingStep(task, states, ending);
  if (state?.phase !== "waiting" && state?.phase !== "due") return null;
  if (isEnded(task, ending)) return { kind: "give_up", taskId: task.id, reason: ending.reason };
  return state.phase === "due" ? { kind: "retry", taskId: task.id } : null;
};

const pendingStep = (
  task: PlanInput["tasks"][number],
  states: ReadonlyMap<TaskId, TaskState>,
  ending: Ending | null,
): Step | null => {
  if (isEnded(task, ending)) return { kind: "skip", taskId: task.id, reason: ending.reason };
  const verdict = judge(
    task,
    task.dependsOn.flatMap((id) => states.get(id) ?? []),
  );
  if (verdict.kind === "wait") return null;
  return verdict.kind === "start"
    ? { kind: "start", taskId: task.id }
    : { kind: "skip", taskId: task.id, reason: verdict.reason };
};

const stateAfter = (step: Step): TaskState => {
  if (step.kind === "skip") return { status: "skipped", reason: step.reason, phase: "idle" };
  if (step.kind === "give_up") return { status: "failed", reason: step.reason, phase: "idle" };
  return { status: "running", reason: null, phase: "attempting" };
};
