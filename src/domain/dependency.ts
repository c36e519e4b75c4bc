import { assertNever } from "../lib/never.ts";
import type { JobId } from "./ids.ts";
import type { RunStatus } from "./run.ts";

/**
 * What a gate requires of the other job: `last_success` requires its newest run to be completed, `last_complete` to be
 * completed or failed; `within_window` requires some completed run that ended within the window.
 */
export const DEPENDENCY_CONDITIONS = ["last_success", "last_complete", "within_window"] as const;
export type DependencyCondition = (typeof DEPENDENCY_CONDITIONS)[number];

/** A gate on another job. */
export type Dependency = {
  readonly jobId: JobId;
  readonly condition: DependencyCondition;
  /** Length of the window in ms; null unless the condition is `within_window`. */
  readonly windowMs: number | null;
};

/** State of the other job, as a gate sees it. */
export type Upstream = {
  /** Status of its newest run; null if it has never run. */
  readonly newest: RunStatus | null;
  /** When its newest completed run ended, in ms since the Unix epoch; null if none completed. */
  readonly lastCompletedAt: number | null;
};

/** A gate that does not hold, with the status of the other job's newest run; null if it has never run. */
export type ShutGate = Dependency & { readonly newestStatus: RunStatus | null };

/** Returns the gate with what it found if it is shut, else null. `now` is in ms since the Unix epoch. */
export const shutGate = (gate: Dependency, upstream: Upstream, now: number): ShutGate | null =>
  isOpen(gate, upstream, now) ? null : { ...gate, newestStatus: upstream.newest };

const isOpen = ({ condition, windowMs }: Dependency, { newest, lastCompletedAt }: Upstream, now: number): boolean => {
  switch (condition) {
    case "last_success":
      return newest === "completed";
    case "last_complete":
      return newest === "completed" || newest === "failed";
    case "within_window":
      return lastCompletedAt !== null && now - lastCompletedAt <= (windowMs ?? 0);
    default:
      return assertNever(condition);
  }
};
