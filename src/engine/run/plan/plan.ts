import { type GraphNodeState, isDone, judge } from "../../../domain/graph.ts";
import type { TaskId } from "../../../domain/ids.ts";
import { type ItemsSpec, isTooManyFailures } from "../../../domain/item.ts";
import { exitCodeOfItems, hasProcess, isAllowedFailure, type Task } from "../../../domain/job.ts";
import type { EndingReason, Reason } from "../../../domain/run.ts";
import { assertNever } from "../../../lib/never.ts";
import { Upstreams } from "../task/upstreams.ts";
import { itemKey, type NodeKey } from "./node.ts";

/**
 * Phase of a task:
 * - `idle`: it is not running.
 * - `attempting`: an attempt is running. Its end moves the task on; after a crash the next start adopts the attempt.
 * - `waiting`: it waits for the time of its next attempt. The run moves it to `due` at that time, also after a crash.
 * - `due`: its next attempt can start. The plan starts it when `max_tasks` allows.
 * - `awaiting`: its attempt has started a run, and waits for its end. After a crash the next start waits for it again.
 * - `asking`: it waits for a person. A decision or its timeout ends it.
 * - `items`: it was expanded into items, which run. It ends when all of them have ended.
 */
type TaskPhase = "idle" | "attempting" | "awaiting" | "waiting" | "due" | "asking" | "items";

export type TaskState = GraphNodeState & {
  readonly phase: TaskPhase;
  /** Number of items, if the task was expanded into items. */
  readonly items?: number;
  readonly exitCode?: number | null;
};

/** The next step of a task, or of an item of a task. `item` is the position of the item, from 0. */
export type RunStep =
  /** Start the first attempt of a pending task. */
  | { readonly kind: "start"; readonly taskId: TaskId; readonly item?: number }
  /** Start the next attempt of a running task. */
  | { readonly kind: "retry"; readonly taskId: TaskId; readonly item?: number }
  /** Ask a person about a pending task. */
  | { readonly kind: "ask"; readonly taskId: TaskId }
  /** Skip a pending task. */
  | { readonly kind: "skip"; readonly taskId: TaskId; readonly item?: number; readonly reason: Reason }
  /** Fail a running task without its next attempt. */
  | { readonly kind: "give_up"; readonly taskId: TaskId; readonly item?: number; readonly reason: EndingReason }
  /** Fail a pending task without an attempt. */
  | {
      readonly kind: "fail";
      readonly taskId: TaskId;
      readonly item?: number;
      readonly reason: "invalid_condition";
      readonly error: string;
    }
  /** Expand a pending task into its items. A new plan is needed afterwards. */
  | { readonly kind: "expand"; readonly taskId: TaskId }
  /** End a task whose items have all ended. */
  | {
      readonly kind: "finish_items";
      readonly taskId: TaskId;
      /** Null if the task completes. */
      readonly reason: Reason | null;
      readonly exitCode: number | null;
    };

export type RunPlan = {
  readonly steps: readonly RunStep[];
  /** Tasks whose running items are to be ended, because too many items have failed. */
  readonly failFast: readonly TaskId[];
  /** True if the run must be planned again once these steps are stored, because an `if` refers to what they change. */
  readonly isPartial: boolean;
  /** True if the run must be planned again soon, after other work: the items of a task were too much work at once. */
  readonly isCut: boolean;
  /** True if every task has ended after these steps. */
  readonly isOver: boolean;
};

/** Why a run is being ended. `all`: its clean-up tasks end too. */
export type Ending = { readonly reason: EndingReason; readonly all: boolean };

export type PlanInput = {
  /** In topological order. */
  readonly tasks: readonly PlannedTask[];
  /** The states of the tasks and of their items. */
  readonly states: ReadonlyMap<NodeKey, TaskState>;
  readonly ending: Ending | null;
  /** Maximum of concurrent attempts. */
  readonly maxTasks: number;
  /** True if no process may start now. Tasks that start other runs may. Default: false. */
  readonly withholdsProcesses?: boolean;
  /** Evaluates the `if` of a task, or of an item of it, that could start now. Default: it is true. */
  readonly evaluateIf?: (taskId: TaskId, item: number | null) => IfResult;
  /** Returns the upstream tasks to whose results a task refers, in its `if` or in templates. Default: none. */
  readonly refersTo?: (taskId: TaskId) => Iterable<TaskId>;
};

type PlannedTask = Pick<Task, "id" | "dependsOn" | "condition" | "items" | "if" | "allowFailure"> & {
  readonly program?: Pick<Task["program"], "type">;
};

/** Whether a task may start; for an item also that this is decided later, by another plan; or why that can't be said. */
export type IfResult = boolean | "later" | { readonly error: string };

/** Returns the steps that can follow from the current states. */
export const planRun = (input: PlanInput): RunPlan => {
  const { tasks, states, ending, maxTasks } = input;
  const isWithheld = ({ program }: PlannedTask): boolean =>
    input.withholdsProcesses === true && (program === undefined || hasProcess(program.type));
  const after = new Map<NodeKey, TaskState>(states);
  const upstreams = new Upstreams(states, after);
  const context = {
    tasks: new Map(tasks.map((task) => [task.id, task])),
    ending,
    evaluateIf: input.evaluateIf ?? (() => true),
    refersTo: input.refersTo ?? (() => []),
    upstreams,
  };
  let isPartial = false;
  let isCut = false;
  let free = maxTasks - [...states.values()].filter(hasAttempt).length;
  const steps: RunStep[] = [];
  const failFast: TaskId[] = [];
  const planTask = (task: PlannedTask): void => {
    const state = after.get(task.id);
    if (state?.phase === "items" && task.items !== undefined) {
      const items = itemStates(task.id, state.items ?? 0, after);
      const planned = planItems({
        task,
        spec: task.items,
        items,
        ending,
        evaluateIf: context.evaluateIf,
        free: isWithheld(task) ? 0 : free,
      });
      free -= planned.started;
      isCut ||= planned.isCut;
      if (planned.isFailingFast) failFast.push(task.id);
      steps.push(...planned.steps);
      for (const step of planned.steps) {
        const key = step.item === undefined ? step.taskId : itemKey(step.taskId, step.item);
        after.set(key, stateAfter(step, after.get(key)));
      }
      const finish = finishItems(task, itemStates(task.id, state.items ?? 0, after), ending);
      if (finish === null) return;
      steps.push(finish);
      after.set(task.id, stateAfter(finish, state));
      return;
    }
    const step = nextStep(task, after, context);
    if (step === "later") {
      isPartial = true;
      return;
    }
    const needsSlot = step?.kind === "start" || step?.kind === "retry";
    if (step === null || (needsSlot && (free <= 0 || isWithheld(task)))) return;
    if (needsSlot) free--;
    steps.push(step);
    after.set(task.id, stateAfter(step, state));
  };
  for (const task of tasks) {
    planTask(task);
    upstreams.add(task);
  }
  const isOver = [...after.values()].every(isDone);
  return { steps, failFast, isPartial, isCut, isOver };
};

const hasAttempt = ({ phase }: TaskState): boolean => phase === "attempting" || phase === "awaiting";

const itemStates = (taskId: TaskId, count: number, states: ReadonlyMap<NodeKey, TaskState>): readonly TaskState[] =>
  Array.from({ length: count }, (_, item) => states.get(itemKey(taskId, item)) ?? { ...UNKNOWN });

/** Every item of an expanded task has a state. */
const UNKNOWN = { status: "skipped", reason: "cancelled", phase: "idle" } as const;

type PlanContext = {
  readonly tasks: ReadonlyMap<TaskId, PlannedTask>;
  readonly ending: Ending | null;
  readonly evaluateIf: NonNullable<PlanInput["evaluateIf"]>;
  readonly refersTo: NonNullable<PlanInput["refersTo"]>;
  readonly upstreams: Upstreams;
};

type ItemsPlanInput = Pick<PlanContext, "ending" | "evaluateIf"> & {
  readonly task: PlannedTask;
  readonly spec: ItemsSpec;
  readonly items: readonly TaskState[];
  /** Maximum of attempts that may start. */
  readonly free: number;
};

type ItemStep = Extract<RunStep, { readonly item?: number }>;

type ItemsPlan = {
  readonly steps: readonly ItemStep[];
  readonly started: number;
  readonly isFailingFast: boolean;
  readonly isCut: boolean;
};

const planItems = ({ task, spec, items, ending, free, evaluateIf }: ItemsPlanInput): ItemsPlan => {
  const running = items.filter(hasAttempt).length;
  const isFailingFast = spec.failFast && hasTooManyFailures(spec, items);
  const slots = Math.min(free, (spec.maxParallel ?? Number.POSITIVE_INFINITY) - running);
  const taskId = task.id;
  const steps: ItemStep[] = [];
  let started = 0;
  let isCut = false;
  for (const [item, state] of items.entries()) {
    const isPending = state.status === "pending";
    if (!isPending && state.phase !== "waiting" && state.phase !== "due") continue;
    if (isEnded(task, ending) || isFailingFast) {
      const reason = isEnded(task, ending) ? ending.reason : "cancelled";
      steps.push(isPending ? { kind: "skip", taskId, item, reason } : { kind: "give_up", taskId, item, reason });
    } else if (state.phase !== "waiting" && started < slots) {
      const refused = isPending ? refusedByIf(task, item, evaluateIf) : null;
      if (refused === "later") {
        isCut = true;
        break;
      }
      if (refused !== null) {
        steps.push({ ...refused, item });
        continue;
      }
      started++;
      steps.push({ kind: isPending ? "start" : "retry", taskId, item });
    }
  }
  return { steps, started, isFailingFast: isFailingFast && running > 0, isCut };
};

const hasTooManyFailures = (spec: ItemsSpec, items: readonly TaskState[]): boolean =>
  isTooManyFailures(items.filter(({ status }) => status === "failed").length, items.length, spec.maxFailures);

/** Returns the step that ends a task if all of its items have ended, otherwise null. A task without items completes. */
const finishItems = (
  task: PlannedTask,
  items: readonly TaskState[],
  ending: Ending | null,
): Extract<RunStep, { readonly kind: "finish_items" }> | null => {
  if (items.some(({ status }) => status === "pending" || status === "running")) return null;
  const isEndedEarly = isEnded(task, ending) && items.some(({ status }) => status !== "completed");
  const isFailed = task.items !== undefined && hasTooManyFailures(task.items, items);
  const reason = isEndedEarly ? ending.reason : isFailed ? "items_failed" : null;
  const exitCode = reason === null ? null : exitCodeOfItems(task, items);
  return { kind: "finish_items", taskId: task.id, reason, exitCode };
};

/** Returns whether a request to end the run ends this task. Clean-up tasks ignore the first request. */
export const isEnded = (task: Pick<Task, "condition">, ending: Ending | null): ending is Ending =>
  ending !== null && (ending.all || task.condition !== "all_done");

const nextStep = (
  task: PlannedTask,
  states: ReadonlyMap<NodeKey, TaskState>,
  context: PlanContext,
): RunStep | "later" | null => {
  const { ending } = context;
  const state = states.get(task.id);
  if (state?.status === "pending") return pendingStep(task, states, context);
  if (state?.phase !== "waiting" && state?.phase !== "due" && state?.phase !== "asking") return null;
  if (isEnded(task, ending)) return { kind: "give_up", taskId: task.id, reason: ending.reason };
  return state.phase === "due" ? { kind: "retry", taskId: task.id } : null;
};

const pendingStep = (
  task: PlannedTask,
  states: ReadonlyMap<NodeKey, TaskState>,
  { tasks, ending, evaluateIf, refersTo, upstreams }: PlanContext,
): RunStep | "later" | null => {
  const { id: taskId, dependsOn } = task;
  if (isEnded(task, ending)) return { kind: "skip", taskId, reason: ending.reason };
  const verdict = judge(
    task,
    dependsOn.flatMap((id) => withAllowance(states.get(id), tasks.get(id)) ?? []),
  );
  switch (verdict.kind) {
    case "wait":
      return null;
    case "skip":
      return { kind: "skip", taskId, reason: verdict.reason };
    case "start":
      if (!dependsOn.every((id) => upstreams.isSettled(id))) return null;
      if (!upstreams.areComplete(dependsOn) && ![...refersTo(taskId)].every((id) => upstreams.hasEnded(id)))
        return null;
      if (task.if !== undefined && upstreams.isAnyChanged(dependsOn)) return "later";
      return refusedByIf(task, null, evaluateIf) ?? { kind: startKind(task), taskId };
    default:
      return assertNever(verdict);
  }
};

const startKind = ({ items, program }: PlannedTask): "start" | "expand" | "ask" => {
  if (program?.type === "approval") return "ask";
  return items === undefined ? "start" : "expand";
};

const withAllowance = (state: TaskState | undefined, task: PlannedTask | undefined): GraphNodeState | undefined =>
  state === undefined || task === undefined || task.allowFailure === undefined
    ? state
    : { ...state, isAllowed: isAllowedFailure(task, { exitCode: null, ...state }) };

/** Returns the step for a task or an item whose `if` does not hold, otherwise null. */
const refusedByIf = (
  task: PlannedTask,
  item: number | null,
  evaluateIf: PlanContext["evaluateIf"],
): Extract<RunStep, { readonly kind: "skip" | "fail" }> | "later" | null => {
  if (task.if === undefined) return null;
  const result = evaluateIf(task.id, item);
  if (result === true) return null;
  if (result === "later") return result;
  if (result === false) return { kind: "skip", taskId: task.id, reason: "condition_not_met" };
  return { kind: "fail", taskId: task.id, reason: "invalid_condition", error: result.error };
};

/** Returns the state of a task or an item after a step. It agrees with what the run stores for the step. */
const stateAfter = (step: RunStep, before: TaskState | undefined): TaskState => {
  switch (step.kind) {
    case "skip":
      return { ...before, status: "skipped", reason: step.reason, phase: "idle" };
    case "give_up":
    case "fail":
      return { ...before, status: "failed", reason: step.reason, phase: "idle" };
    case "ask":
      return { ...before, status: "running", reason: null, phase: "asking" };
    case "expand":
      return { ...before, status: "running", reason: null, phase: "items" };
    case "finish_items": {
      const { reason, exitCode } = step;
      return { ...before, status: reason === null ? "completed" : "failed", reason, exitCode, phase: "idle" };
    }
    case "start":
    case "retry":
      return { ...before, status: "running", reason: null, phase: "attempting" };
    default:
      return assertNever(step);
  }
};
