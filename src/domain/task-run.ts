import type { RunId, TaskId } from "./ids.ts";
import type { Reason } from "./run.ts";

/**
 * Where a task of a run is:
 * - `pending`: waits for its upstreams, or for a place. A crash leaves it; the next start goes on with it.
 * - `running`: an attempt is being made, or waited for. A crash leaves it; the next start adopts the attempt.
 * - `completed`: an attempt exited with 0. Final.
 * - `failed`: the last attempt failed, or was ended. Final.
 * - `skipped`: never started, since its condition could not hold any more or the run was being ended. Final.
 */
export const TASK_STATUSES = ["pending", "running", "completed", "failed", "skipped"] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** What a task told through `$PETIT_OUTPUT`. */
export type Outputs = { readonly [key: string]: string };

/** A task of a run. Times are ms since the epoch. */
export type TaskRun = {
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly status: TaskStatus;
  readonly reason: Reason | null;
  readonly error: string | null;
  /** How many attempts were made. */
  readonly attempts: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Of the last attempt; null where it had none (a signal, no process). */
  readonly exitCode: number | null;
  readonly outputs: Outputs;
  /** When the next attempt is due, ms since the epoch; null where none waits. */
  readonly retryAt: number | null;
  /** True where a retry of a run took the task over from the run before. */
  readonly reused: boolean;
};

export const ATTEMPT_STATUSES = ["running", "completed", "failed"] as const;
export type AttemptStatus = (typeof ATTEMPT_STATUSES)[number];

/** One try at a task, from 1. */
export type Attempt = {
  readonly id: number;
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly attempt: number;
  readonly status: AttemptStatus;
  readonly reason: Reason | null;
  readonly error: string | null;
  readonly exitCode: number | null;
  /** Name of the signal that ended it, such as `SIGKILL`. */
  readonly signal: string | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly process: ProcessIdentity | null;
};

/** What tells a process from every other that ever had its pid. */
export type ProcessIdentity = {
  readonly pid: number;
  /** Clock ticks since boot at which it started (field 22 of /proc/PID/stat); empty where the system has no such thing. */
  readonly startTime: string;
  /** Identity of the boot; empty where the system has no such thing. */
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
