import type { RunId, TaskId } from "../../../domain/ids.ts";
import type { InterruptPolicy, Job, Task } from "../../../domain/job.ts";
import { isRetried, retryDelayMs } from "../../../domain/retry.ts";
import { type EndingReason, isLostReason, type Reason } from "../../../domain/run.ts";
import type { Attempt, AttemptOutcome, ItemRun, Outputs, TaskOutcome, TaskRun } from "../../../domain/task-run.ts";
import type { TaskNode } from "../../../store/runs/task-runs.ts";
import type { AttemptResult } from "../../attempt/run-attempt.ts";
import { type NodeKey, nodeKey } from "./node.ts";
import type { TaskState } from "./plan.ts";

/** Progress of a task, or of an item of a task, in a running run. Immutable. */
export type TaskProgress = TaskState & {
  readonly node: TaskNode;
  /** Failed attempts that count for `max_attempts`; lost attempts do not. */
  readonly failures: number;
  readonly outputs: Outputs;
  readonly error: string | null;
  readonly exitCode: number | null;
  /** The run that its last attempt started; null if it started none. */
  readonly childRunId: RunId | null;
  /** When the next attempt is due, by the clock of the run. Null if the task does not wait for one. */
  readonly retryAt: number | null;
};

/** Progress of all tasks of a run, and of their items. */
export type RunProgress = Map<NodeKey, TaskProgress>;

/** Returns the progress of a task or an item. Throws if the run has no such task. */
export const stateOf = (progress: ReadonlyMap<NodeKey, TaskProgress>, node: TaskNode): TaskProgress => {
  const state = progress.get(nodeKey(node));
  if (state === undefined) throw new Error(`the run has no task '${nodeKey(node)}'`);
  return state;
};

type StoredRun = {
  readonly job: Pick<Job, "tasks">;
  readonly taskRuns: readonly TaskRun[];
  readonly items: ReadonlyMap<TaskId, readonly ItemRun[]>;
  readonly attempts: readonly Attempt[];
};

/** Returns the progress of a stored run. */
export const progressOfRun = ({ job, taskRuns, items, attempts }: StoredRun): RunProgress => {
  const asking = new Set(job.tasks.flatMap(({ id, program }) => (program.type === "approval" ? [id] : [])));
  const byNode = Map.groupBy(attempts, nodeKey);
  const entry = (node: TaskNode, stored: TaskRun | ItemRun) =>
    [nodeKey(node), progressOf(node, stored, byNode.get(nodeKey(node)) ?? [])] as const;
  return new Map(
    taskRuns.flatMap((taskRun) => [
      asking.has(taskRun.taskId)
        ? toAsking(entry({ taskId: taskRun.taskId, item: null }, taskRun))
        : entry({ taskId: taskRun.taskId, item: null }, taskRun),
      ...(items.get(taskRun.taskId) ?? []).map((item) => entry({ taskId: taskRun.taskId, item: item.index }, item)),
    ]),
  );
};

/** A running approval has no attempt; it still asks. */
const toAsking = ([key, progress]: readonly [NodeKey, TaskProgress]): readonly [NodeKey, TaskProgress] => [
  key,
  progress.status === "running" ? { ...progress, phase: "asking" } : progress,
];

/** Returns the progress of a stored task run or item, given its attempts. */
const progressOf = (node: TaskNode, taskRun: TaskRun | ItemRun, own: readonly Attempt[]): TaskProgress => {
  const running = own.find(({ status }) => status === "running") ?? null;
  const items = "items" in taskRun ? taskRun.items : null;
  return {
    node,
    ...(items !== null && { items }),
    // A task whose first attempt waits for a worker is stored as pending.
    status: running === null ? taskRun.status : "running",
    reason: taskRun.reason,
    phase: phaseOf(taskRun, running),
    failures: own.filter(({ status, reason }) => status === "failed" && !isLostReason(reason)).length,
    outputs: taskRun.outputs,
    error: taskRun.error,
    exitCode: taskRun.exitCode,
    childRunId: taskRun.childRunId,
    retryAt: taskRun.retryAt,
  };
};

const phaseOf = (taskRun: TaskRun | ItemRun, running: Attempt | null): TaskState["phase"] => {
  if (running !== null) return running.childRunId === null ? "attempting" : "awaiting";
  if (taskRun.status !== "running") return "idle";
  if ("items" in taskRun && taskRun.items !== null) return "items";
  return taskRun.retryAt === null ? "due" : "waiting";
};

/** Returns the progress of a new item: completed if it has `outputs`, otherwise pending. */
export const newProgress = (
  node: TaskNode,
  {
    outputs,
    exitCode,
    childRunId,
  }: Pick<TaskProgress, "exitCode" | "childRunId"> & { readonly outputs: Outputs | null },
): TaskProgress => ({
  node,
  status: outputs === null ? "pending" : "completed",
  reason: null,
  phase: "idle",
  failures: 0,
  outputs: outputs ?? {},
  error: null,
  exitCode,
  childRunId,
  retryAt: null,
});

/** Returns the progress after an attempt has started a run. */
export const awaiting = (progress: TaskProgress, childRunId: RunId): TaskProgress => ({
  ...attempting(progress),
  phase: "awaiting",
  childRunId,
});

/** Returns the progress after an attempt has started. */
export const attempting = (progress: TaskProgress): TaskProgress => ({
  ...progress,
  status: "running",
  phase: "attempting",
  retryAt: null,
});

/** Returns the progress after the task has ended. */
export const ended = (progress: TaskProgress, outcome: TaskOutcome): TaskProgress => ({
  ...progress,
  ...outcome,
  phase: "idle",
  retryAt: null,
});

/** Returns the outcome of a task that ends without another attempt. */
export const endedWithoutAttempt = (
  progress: TaskProgress,
  status: "failed" | "skipped",
  reason: Reason,
): TaskOutcome => ({
  status,
  reason,
  error: status === "failed" ? (progress.error ?? `ended while waiting for ${awaited(progress)}: ${reason}`) : null,
  exitCode: progress.exitCode,
  outputs: progress.outputs,
});

const awaited = ({ phase }: TaskProgress): string => (phase === "asking" ? "an approval" : "a retry");

export type RetryContext = {
  readonly task: Task;
  readonly now: number;
  /** 0 ≤ x < 1. */
  readonly random: number;
  readonly onInterrupt: InterruptPolicy;
  /** Why this task is being ended; null if it is not. */
  readonly ending: EndingReason | null;
};

export type AfterAttempt = {
  readonly progress: TaskProgress;
  /** Null if another attempt follows. */
  readonly outcome: TaskOutcome | null;
};

/** Returns what follows for the task when an attempt has ended: its end, or another attempt at `progress.retryAt`. */
export const afterAttempt = (before: TaskProgress, result: AttemptResult, context: RetryContext): AfterAttempt => {
  const { outcome, outputs, transient } = result;
  const isLost = isLostReason(outcome.reason);
  const failures = before.failures + (outcome.status === "failed" && !isLost ? 1 : 0);
  const progress = { ...before, failures, error: outcome.error, exitCode: outcome.exitCode };
  if (outcome.status === "failed" && context.ending === null) {
    const delayMs = nextDelayMs({ outcome, transient, failures, context, askedMs: result.retryAfterMs ?? 0 });
    if (delayMs !== null)
      return { progress: { ...progress, phase: "waiting", retryAt: context.now + delayMs }, outcome: null };
  }
  const { status, reason, error, exitCode } = outcome;
  const end: TaskOutcome =
    result.skips === true
      ? { status: "skipped", reason: "skipped_by_exit", error, exitCode, outputs }
      : { status, reason, error, exitCode, outputs };
  return { progress: ended(progress, end), outcome: end };
};

type RetryDecision = {
  readonly outcome: AttemptOutcome;
  readonly transient: boolean;
  readonly failures: number;
  readonly context: RetryContext;
  /** How long a server asks to wait, in ms. */
  readonly askedMs: number;
};

/** Returns the delay before the next attempt, or null if none follows. */
const nextDelayMs = ({ outcome, transient, failures, context, askedMs }: RetryDecision): number | null => {
  const { task, onInterrupt, random } = context;
  if (isLostReason(outcome.reason)) return onInterrupt === "rerun" ? 0 : null;
  // The process did its work. Only petit could not use what it left.
  if (outcome.reason === "internal_error" && outcome.exitCode !== null) return null;
  if (task.retry === null || !isRetried(task.retry, { attempt: failures, transient })) return null;
  return Math.max(retryDelayMs(task.retry, failures, random), Math.min(askedMs, task.retry.maxDelayMs));
};
