import type { JobId, RunId, TaskId } from "./ids.ts";
import type { Item } from "./item.ts";
import type { Reason } from "./run.ts";
import type { Usage } from "./usage.ts";

/**
 * Statuses of a task run. Only the engine changes them:
 * - `pending`: waits for its upstreams or for a free slot. After a crash the next start continues it.
 * - `running`: an attempt is running, or a retry is due later. After a crash the next start adopts the attempt.
 * - `completed`: an attempt exited with 0. Final.
 * - `failed`: the last attempt failed or was ended. Final.
 * - `skipped`: never started, because its condition could no longer hold or the run was being ended. Final.
 */
export const TASK_STATUSES = ["pending", "running", "completed", "failed", "skipped"] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** The outputs that a task wrote to `$PETIT_OUTPUT`. */
export type Outputs = { readonly [key: string]: string };

/** A task of a run. Times are in ms since the Unix epoch. */
export type TaskRun = {
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly status: TaskStatus;
  readonly reason: Reason | null;
  readonly error: string | null;
  /** Number of attempts so far. */
  readonly attempts: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Exit code of the last attempt; null if it had none (no process, or a signal whose 128 + n the task does not list). */
  readonly exitCode: number | null;
  readonly outputs: Outputs;
  /** When the next attempt is due; null if no retry is scheduled. */
  readonly retryAt: number | null;
  /**
   * True if a retry of a run reused the result of the previous run. A pending task with items will reuse the completed items of
   * the previous run, and one that starts a run will retry the run that failed.
   */
  readonly reused: boolean;
  /** How many items the task was expanded into; null for a task without items, and until then. */
  readonly items: number | null;
  /** The run of another job that its last attempt started, which may have been deleted since; null if it started none. */
  readonly childRunId: RunId | null;
};

/** An item of a task of a run. Times are in ms since the Unix epoch. */
export type ItemRun = Item & Omit<TaskRun, "runId" | "taskId" | "items">;

/** How many items of a task have each status. */
export type ItemCounts = { readonly [Status in TaskStatus | "total"]: number };

export const ATTEMPT_STATUSES = ["running", "completed", "failed"] as const;
type AttemptStatus = (typeof ATTEMPT_STATUSES)[number];

/** One attempt of a task. Attempts are numbered from 1. */
export type Attempt = {
  readonly id: number;
  readonly runId: RunId;
  readonly taskId: TaskId;
  /** Position of the item, from 0; null in a task without items. */
  readonly item: number | null;
  readonly attempt: number;
  readonly status: AttemptStatus;
  readonly reason: Reason | null;
  readonly error: string | null;
  readonly exitCode: number | null;
  /** The signal that ended it, such as `SIGKILL`. */
  readonly signal: string | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly process: ProcessIdentity | null;
  /** The run of another job that it started, which may have been deleted since; null if it started none. */
  readonly childRunId: RunId | null;
  /** The worker that claimed it; null for an attempt on petit's own machine, and until then. */
  readonly worker: string | null;
  /** The line of its output that explains why it failed; null if it did not fail, or no line does. */
  readonly cause: FailureCause | null;
} & AttemptUsage;

/** What an attempt used and was allowed to use. All three are null until it has ended. */
export type AttemptUsage = {
  /** Null if it was not measured. */
  readonly usage: Usage | null;
  /** The limit of memory that was enforced; null if there was none. */
  readonly memoryLimitBytes: number | null;
  /** Whether its limits of memory, CPUs and processes were enforced; null if it had none of these. */
  readonly limitsEnforced: boolean | null;
};

/** A line of output that explains a failure, as a terminal shows it. */
export type FailureCause = {
  /** Number of the line in the output of the run that wrote it. */
  readonly seq: number;
  readonly stream: OutputStream;
  /** At most 500 characters. */
  readonly text: string;
  /**
   * At most four lines that belong to it, in their order, each with at most 500 characters: those of the same stream that follow it, or, if
   * it only says that something failed, those before it.
   */
  readonly context: readonly string[];
  /** What wrote it, if the attempt ran another job; null if the attempt itself did. */
  readonly child: FailedChild | null;
};

/** The task of a child run that failed: of the innermost run, if that ran another job, too. */
export type FailedChild = {
  readonly runId: RunId;
  readonly jobId: JobId;
  readonly taskId: TaskId | null;
  /** Position of the failed item of the task; null if it has none. */
  readonly item: number | null;
  /** What went wrong with the task, as a sentence. Missing if its line says it. */
  readonly error?: string;
};

/** Distinguishes a process from all others that ever had the same pid. */
export type ProcessIdentity = {
  readonly pid: number;
  /** Start time in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)); empty if the system has none. */
  readonly startTime: string;
  /** Id of the boot; empty if the system has none. */
  readonly bootId: string;
};

/** How an attempt ended. */
export type AttemptOutcome = {
  readonly status: "completed" | "failed";
  readonly reason: Reason | null;
  readonly error: string | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
};

/** How a task ended. */
export type TaskOutcome = {
  readonly status: "completed" | "failed" | "skipped";
  readonly reason: Reason | null;
  readonly error: string | null;
  readonly exitCode: number | null;
  readonly outputs: Outputs;
};

/** The output streams of a process that petit stores. */
export const STREAMS = ["stdout", "stderr"] as const;
export type OutputStream = (typeof STREAMS)[number];
