import { assertNever } from "../lib/never.ts";
import type { JobId } from "./ids.ts";
import type { RunStatus } from "./run.ts";

/**
 * What a gate asks of the newest run of the other job: `last_success` wants it completed, `last_complete` completed or
 * failed; `within_window` wants some completed run that ended within the window.
 */
export const DEPENDENCY_CONDITIONS = ["last_success", "last_complete", "within_window"] as const;
export type DependencyCondition = (typeof DEPENDENCY_CONDITIONS)[number];

/** A gate on another job. */
export type Dependency = {
  readonly jobId: JobId;
  readonly condition: DependencyCondition;
  /** Only with `within_window`. */
  readonly windowMs: number | null;
};

/** What is known of the other job. */
export type Upstream = {
  /** Status of its newest run; null where it never ran. */
  readonly newest: RunStatus | null;
  /** When its newest completed run ended, ms since the epoch; null where none did. */
  readonly lastCompletedAt: number | null;
};

/** Null where the gate is open, else why it is shut. */
export const whyShut = (gate: Dependency, upstream: Upstream, now: number): string | null => {
  switch (gate.condition) {
    case "last_success":
      return upstream.newest === "completed"
        ? null
        : `'${gate.jobId}' ${lastRun(upstream)}, but its last run must be completed`;
    case "last_complete":
      return upstream.newest === "completed" || upstream.newest === "failed"
        ? null
        : `'${gate.jobId}' ${lastRun(upstream)}, but its last run must be completed or failed`;
    case "within_window": {
      const windowMs = gate.windowMs ?? 0;
      const open = upstream.lastCompletedAt !== null && now - upstream.lastCompletedAt <= windowMs;
      return open ? null : `'${gate.jobId}' has no completed run in the last ${windowMs / 1000} seconds`;
    }
    default:
      return assertNever(gate.condition);
  }
};

const lastRun = (upstream: Upstream): string =>
  upstream.newest === null ? "has never run" : `has a last run that is ${upstream.newest}`;
