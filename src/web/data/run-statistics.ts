import type { RunStatus } from "../../domain/run.ts";
import type { TaskStatus } from "../../domain/task-run.ts";

type Ended = { readonly status: RunStatus | TaskStatus; readonly duration_ms: number | null };

/** Returns the median duration of completed runs or tasks in ms (the lower median for an even count), or null if there are none. */
export const usualDuration = (runs: readonly Ended[]): number | null => {
  const durations = runs.flatMap(({ status, duration_ms }) => (status === "completed" ? (duration_ms ?? []) : []));
  return durations.sort((a, b) => a - b)[(durations.length - 1) >> 1] ?? null;
};

/** Returns the share of completed runs among those that completed, failed or were interrupted, or null if there are none. */
export const successRate = (runs: readonly Ended[]): number | null => {
  const count = (status: RunStatus): number => runs.filter((run) => run.status === status).length;
  const total = count("completed") + count("failed") + count("interrupted");
  return total === 0 ? null : count("completed") / total;
};
