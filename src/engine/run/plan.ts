import { type GraphNodeState, judge } from "../../domain/graph.ts";
import type { TaskId } from "../../domain/ids.ts";
import type { Task } from "../../domain/job.ts";
import type { EndingReason, Reason } from "../../domain/run.ts";

/**
 * Phase of a task:
 * - `idle`: it is not running.
 * - `attempting`: an attempt is running. Its end moves the task on; after a crash the next start adopts the attempt.
 * - `waiting`: it waits for the time of its next attempt. The run moves it to `due` at that time, also after a crash.
 * - `due`: its next attempt can start. The plan starts it when `max_tasks` allows.
 */
type TaskPhase = "idle" | "attempting" | "waiting" | "due";

export type TaskState = GraphNodeState & { readonly phase: TaskPhase };

/** The next step of a task. */
export type RunStep =
  /** Start the first attempt of a pending task. */
  | { readonly kind: "start"; readonly taskId: TaskId }
  /** Start the next attempt of a running task. */
  | { readonly kind: "retry"; readonly taskId: TaskId }
  /** Skip a pending task. */
  | { readonly kind: "skip"; readonly taskId: TaskId; readonly reason: Reason }
  /** Fail a running task without its next attempt. */
  | { readonly kind: "give_up"; readonly taskId: TaskId; readonly reason: EndingReason };

export type RunPlan = {
  readonly steps: readonly RunStep[];
  /** True if every task has ended after these steps. */
  readonly isOver: boolean;
};

/** Why a run is being ended. `all`: its clean-up tasks end too. */
export type Ending = { readonly reason: EndingReason; readonly all: boolean };

export type PlanInput = {
  /** In topological order. */
  readonly tasks: readonly Pick<Task, "id" | "dependsOn" | "condition">[];
  readonly states: ReadonlyMap<TaskId, TaskState>;
  readonly ending: Ending | null;
  /** Maximum of concurrent attempts. */
  readonly maxTasks: number;
};

/** Returns the steps that can follow from the current states. */
export const planRun = ({ tasks, states, ending, maxTasks }: PlanInput): RunPlan => {
  const after = new Map<TaskId, TaskState>(states);
  let free = maxTasks - [...states.values()].filter(({ phase }) => phase === "attempting").length;
  const steps: RunStep[] = [];
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

/** Returns whether a request to end the run ends this task. Clean-up tasks ignore the first request. */
export const isEnded = (task: Pick<Task, "condition">, ending: Ending | null): ending is Ending =>
  ending !== null && (ending.all || task.condition !== "all_done");

const nextStep = (
  task: PlanInput["tasks"][number],
  states: ReadonlyMap<TaskId, TaskState>,
  ending: Ending | null,
): RunStep | null => {
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
): RunStep | null => {
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

const stateAfter = (step: RunStep): TaskState => {
  if (step.kind === "skip") return { status: "skipped", reason: step.reason, phase: "idle" };
  if (step.kind === "give_up") return { status: "failed", reason: step.reason, phase: "idle" };
  return { status: "running", reason: null, phase: "attempting" };
};
