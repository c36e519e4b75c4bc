import type { RunStatus } from "../../domain/run.ts";
import type { TaskStatus } from "../../domain/task-run.ts";

/** A run for display, from this process or from a running petit. Times are ms since the Unix epoch. */
export type RunView = {
  readonly id: string;
  readonly jobId: string;
  readonly status: RunStatus;
  readonly startedAt: number | null;
  /** What it waits for, to complete "waiting for"; null if for no limit, or not known. */
  readonly waitsFor: string | null;
  readonly tasks: readonly TaskView[];
};

/** A task of a `RunView`. */
export type TaskView = {
  readonly id: string;
  readonly status: TaskStatus;
  readonly reason: string | null;
  readonly error: string | null;
  /** Number of attempts so far. */
  readonly attempts: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** When the next attempt starts; null if no retry is pending. */
  readonly retryAt: number | null;
  /** Whether the result was reused from an earlier run. */
  readonly reused: boolean;
  /** The run of another job that its last attempt started; null if it started none. */
  readonly childRunId: string | null;
  /** Whether it starts runs of another job. */
  readonly runsJob: boolean;
  /** Whether it failed in a way that the job allows, so that the run did not fail because of it. */
  readonly allowed: boolean;
};

/** Returns whether a task has a final status. */
export const hasEnded = ({ status }: Pick<TaskView, "status">): boolean => status !== "pending" && status !== "running";

/** Returns the duration in ms, or null if the task has not ended or was reused from another run. */
export const durationOf = ({
  startedAt,
  endedAt,
  reused,
}: Pick<TaskView, "startedAt" | "endedAt" | "reused">): number | null =>
  startedAt === null || endedAt === null || reused ? null : Math.max(0, endedAt - startedAt);
