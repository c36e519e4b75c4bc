import type { RunStatus } from "../../domain/run.ts";

type EndedRun = { readonly status: RunStatus; readonly duration_ms: number | null };

/** The median of those that completed, in ms; of an even number, the lower one of the two in the middle. Null where there is none. */
export const usualDuration = (runs: readonly EndedRun[]): number | null => {
  const durations = runs.flatMap(({ status, duration_ms }) => (status === "completed" ? (duration_ms ?? []) : []));
  return durations.sort((a, b) => a - b)[(durations.length - 1) >> 1] ?? null;
};

/** The share that completed, of those that ended and were not cancelled; null where there was none. */
export const successRate = (runs: readonly EndedRun[]): number | null => {
  const count = (status: RunStatus): number => runs.filter((run) => run.status === status).length;
  const told = count("completed") + count("failed") + count("interrupted");
  return told === 0 ? null : count("completed") / told;
};
