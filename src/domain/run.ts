import type { JobId, RunId } from "./ids.ts";

/**
 * Where a run is. Only the engine moves it on, each step in one transaction:
 * - `pending`: admitted and stored, waiting for a place under a limit. A crash leaves it; the next start goes on with it.
 * - `running`: at least one task may be running. A crash leaves it; the next start adopts it.
 * - `completed`: every task completed or was skipped. Final.
 * - `failed`: some task failed, or the run's own timeout passed. Final.
 * - `cancelled`: somebody asked for its end. Final.
 * - `interrupted`: an attempt was lost with the machine or with petit, or petit ended it while stopping. Final.
 */
export const RUN_STATUSES = ["pending", "running", "completed", "failed", "cancelled", "interrupted"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

const FINAL = {
  pending: false,
  running: false,
  completed: true,
  failed: true,
  cancelled: true,
  interrupted: true,
} as const satisfies Record<RunStatus, boolean>;

export const isFinal = (status: RunStatus): boolean => FINAL[status];

/** Why a run exists. */
export const TRIGGERS = ["schedule", "catchup", "manual", "retry"] as const;
export type Trigger = (typeof TRIGGERS)[number];

/**
 * Why a run, a task or an attempt ended as it did:
 * `exit_code` it exited with another status than 0 · `signal` a signal ended it · `timeout` its time was up ·
 * `spawn_failed` no process could be made · `cancelled` somebody asked · `shutdown` petit was stopping ·
 * `upstream_failed` a task before it failed · `condition_not_met` what it waits for can't happen any more ·
 * `interrupted` it was lost with the machine or with petit.
 */
export const REASONS = [
  "exit_code",
  "signal",
  "timeout",
  "spawn_failed",
  "cancelled",
  "shutdown",
  "upstream_failed",
  "condition_not_met",
  "interrupted",
] as const;
export type Reason = (typeof REASONS)[number];

/** The param values of a run, defaults filled in. */
export type ParamValues = { readonly [name: string]: string };

/** One execution of a job. Times are ms since the epoch. */
export type Run = {
  readonly id: RunId;
  readonly jobId: JobId;
  /** Which stored definition it runs by, whatever the job file says by now. */
  readonly versionId: number;
  readonly status: RunStatus;
  readonly reason: Reason | null;
  readonly error: string | null;
  readonly trigger: Trigger;
  /** The occurrence it runs for; null for a manual one. */
  readonly scheduledFor: number | null;
  readonly params: ParamValues;
  readonly retryOf: RunId | null;
  /** When it was admitted. */
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Why it is being ended, from the moment somebody asked: survives a crash in the middle of it. */
  readonly ending: EndingReason | null;
  /** Whether it has lost an attempt: it will then end `interrupted`. */
  readonly lost: boolean;
};

/** What can end a run before its tasks do; the first one wins. */
export const ENDING_REASONS = ["cancelled", "timeout", "shutdown"] as const;
export type EndingReason = (typeof ENDING_REASONS)[number];

/** How a run ended: what `finishRun` stores. */
export type RunOutcome = {
  readonly status: "completed" | "failed" | "cancelled" | "interrupted";
  readonly reason: Reason | null;
  readonly error: string | null;
};
