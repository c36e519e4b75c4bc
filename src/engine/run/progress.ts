import type { TaskId } from "../../domain/ids.ts";
import type { InterruptPolicy, Task } from "../../domain/job.ts";
import { isRetried, retryDelayMs } from "../../domain/retry.ts";
import type { EndingReason, Reason } from "../../domain/run.ts";
import type { Attempt, Outputs, TaskOutcome, TaskRun } from "../../domain/task-run.ts";
import type { AttemptResult } from "../attempt/run-attempt.ts";
import type { TaskState } from "./plan.ts";

/** What a run knows of one of its tasks while it goes on; replaced, never changed. */
export type TaskProgress = TaskState & {
  /** Attempts that failed by themselves: those that count for `max_attempts`. */
  readonly failures: number;
  readonly outputs: Outputs;
  readonly error: string | null;
  readonly exitCode: number | null;
  /** When the next attempt is due, by the clock of the run; null where none waits. */
  readonly retryAt: number | null;
};

/** What a run knows of all its tasks, while a change of it is being stored. */
export type Draft = Map<TaskId, TaskProgress>;

export const stateOf = (draft: ReadonlyMap<TaskId, TaskProgress>, taskId: TaskId): TaskProgress => {
  const state = draft.get(taskId);
  if (state === undefined) throw new Error(`the run has no task '${taskId}'`);
  return state;
};

/** As it is stored, with the attempts of its run: the start of a run, or what an earlier petit left. */
export const progressOf = (taskRun: TaskRun, attempts: readonly Attempt[]): TaskProgress => {
  const own = attempts.filter(({ taskId }) => taskId === taskRun.taskId);
  const isAttempting = own.some(({ status }) => status === "running");
  return {
    status: taskRun.status,
    reason: taskRun.reason,
    phase: phaseOf(taskRun, isAttempting),
    failures: own.filter(({ status, reason }) => status === "failed" && reason !== "interrupted").length,
    outputs: taskRun.outputs,
    error: taskRun.error,
    exitCode: taskRun.exitCode,
    retryAt: taskRun.retryAt,
  };
};

const phaseOf = (taskRun: TaskRun, isAttempting: boolean): TaskState["phase"] => {
  if (taskRun.status !== "running") return "idle";
  if (isAttempting) return "attempting";
  return taskRun.retryAt === null ? "due" : "waiting";
};

export const attempting = (progress: TaskProgress): TaskProgress => ({
  ...progress,
  status: "running",
  phase: "attempting",
  retryAt: null,
});

export const ended = (progress: TaskProgress, outcome: TaskOutcome): TaskProgress => ({
  ...progress,
  ...outcome,
  phase: "idle",
  retryAt: null,
});

/** The end of a task that no attempt decided. */
export const endedWithout = (progress: TaskProgress, status: "failed" | "skipped", reason: Reason): TaskOutcome => ({
  status,
  reason,
  error: status === "failed" ? (progress.error ?? `ended while it waited: ${reason}`) : null,
  exitCode: progress.exitCode,
  outputs: progress.outputs,
});

export type AttemptContext = {
  readonly task: Task;
  readonly now: number;
  /** 0 ≤ x < 1. */
  readonly random: number;
  readonly onInterrupt: InterruptPolicy;
  /** Why this task is being ended; null where it isn't. */
  readonly ending: EndingReason | null;
};

export type AfterAttempt = {
  readonly progress: TaskProgress;
  /** Null where another attempt follows. */
  readonly outcome: TaskOutcome | null;
};

/** What an attempt's end means for its task: done, or another attempt at `progress.retryAt`. */
export const afterAttempt = (before: TaskProgress, result: AttemptResult, context: AttemptContext): AfterAttempt => {
  const { outcome, outputs, transient } = result;
  const isLost = outcome.reason === "interrupted";
  const failures = before.failures + (outcome.status === "failed" && !isLost ? 1 : 0);
  const progress = { ...before, failures, error: outcome.error, exitCode: outcome.exitCode };
  if (outcome.status === "failed" && context.ending === null) {
    const delayMs = nextDelayMs({ isLost, transient, failures, context });
    if (delayMs !== null)
      return { progress: { ...progress, phase: "waiting", retryAt: context.now + delayMs }, outcome: null };
  }
  const { status, reason, error, exitCode } = outcome;
  const end = { status, reason, error, exitCode, outputs };
  return { progress: ended(progress, end), outcome: end };
};

type NextAttempt = {
  readonly isLost: boolean;
  readonly transient: boolean;
  readonly failures: number;
  readonly context: AttemptContext;
};

/** Null where no attempt follows. */
const nextDelayMs = ({ isLost, transient, failures, context }: NextAttempt): number | null => {
  const { task, onInterrupt, random } = context;
  if (isLost) return onInterrupt === "rerun" ? 0 : null;
  if (task.retry === null || !isRetried(task.retry, { attempt: failures, transient })) return null;
  return retryDelayMs(task.retry, failures, random);
};
