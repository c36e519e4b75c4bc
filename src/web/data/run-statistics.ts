import type { RunStatus } from "../../domain/run.ts";

type EndedRun = { readonly status: RunStatus; readonly duration_ms: number | null };

/** Returns the median duration of completed runs in ms (the lower median for an even count), or null if there are none. */
export const usualDuration = (runs: readonly EndedRun[]): number | null => {
  const durations = runs.flatMap(({ status, duration_ms }) => (status === "completed" ? (duration_ms ?? []) : []));
  return durations.sort((a, b) => a - b)[(durations.length - 1) >> 1] ?? null;
};

/** Returns the share of completed runs among those that completed, failed or were interrupted, or null if there are none. */
export const successRate = (runs: readonly EndedRun[]): number | null => {
  const count = (status: RunStatus): number => runs.filter((run) => run.status === status).length;
  const total = count("completed") + count("failed") + count("interrupted");
  return total === 0 ? null : count("completed") / total;
};
