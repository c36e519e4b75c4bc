import type { RunStatus } from "../../domain/run.ts";
import type { TaskStatus } from "../../domain/task-run.ts";
import { roughText } from "../ui/text/format.ts";

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

export type Progress = {
  /** Share of the usual duration, from 0 to 1; null if the run exceeds it. */
  readonly share: number | null;
  readonly text: string;
};

/** Compares the elapsed time of a run with the usual duration of its job. */
export const progressOf = (elapsedMs: number, usualMs: number): Progress =>
  elapsedMs < usualMs
    ? { share: elapsedMs / usualMs, text: `${roughText(elapsedMs)} of about ${roughText(usualMs)}` }
    : { share: null, text: `${roughText(elapsedMs)}, usually ${roughText(usualMs)}` };
