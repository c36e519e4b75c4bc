import type { RunStatus } from "../../domain/run.ts";
import type { TaskStatus } from "../../domain/task-run.ts";

/** A run as it is shown, be it of this process or of another. Times are ms since the epoch. */
export type RunView = {
  readonly id: string;
  readonly jobId: string;
  readonly status: RunStatus;
  readonly startedAt: number | null;
  readonly tasks: readonly TaskView[];
};

export type TaskView = {
  readonly id: string;
  readonly status: TaskStatus;
  readonly reason: string | null;
  readonly error: string | null;
  /** How many were made. */
  readonly attempts: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** When the next attempt is due. */
  readonly retryAt: number | null;
  /** Whether it was taken over, completed, from the run before. */
  readonly reused: boolean;
};

export const hasEnded = ({ status }: Pick<TaskView, "status">): boolean => status !== "pending" && status !== "running";

/** Null until it has ended, and where the time was another run's. */
export const tookMs = ({
  startedAt,
  endedAt,
  reused,
}: Pick<TaskView, "startedAt" | "endedAt" | "reused">): number | null =>
  startedAt === null || endedAt === null || reused ? null : Math.max(0, endedAt - startedAt);
