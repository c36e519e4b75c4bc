import type { JobId, RunId, TaskId } from "./ids.ts";

/**
 * Statuses of a run. Only the engine changes them, each change in one transaction:
 * - `pending`: admitted and stored, waiting for a free slot. After a crash the next start continues it.
 * - `running`: at least one task may be running. After a crash the next start adopts it.
 * - `completed`: every task completed or was skipped. Final.
 * - `failed`: a task failed, or the run's own timeout expired. Final.
 * - `cancelled`: a user cancelled it. Final.
 * - `interrupted`: an attempt was lost in a crash or reboot, or petit ended it while stopping. Final.
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

/** Why a run was created. */
export const TRIGGERS = [
  "schedule",
  "catchup",
  "manual",
  "retry",
  "job",
  "webhook",
  "files",
  "run",
  "nats",
  "backfill",
] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** How many levels of runs there can be below a run. */
export const MAX_NESTING = 10;

/** How many runs can start one another by `run` triggers, after the first. */
export const MAX_CHAIN = 20;

/**
 * Why a run, a task or an attempt ended:
 * - `exit_code`: it exited with a status other than 0.
 * - `signal`: a signal ended it.
 * - `timeout`: its timeout expired.
 * - `spawn_failed`: its process could not be started.
 * - `cancelled`: a user cancelled it.
 * - `shutdown`: petit was stopping.
 * - `upstream_failed`: an upstream task failed.
 * - `condition_not_met`: its condition can no longer hold.
 * - `interrupted`: its process was lost in a crash or reboot.
 * - `worker_lost`: the worker that ran it was out of reach for longer than `lost_after`.
 * - `items_failed`: more of its items failed than `max_failures` allows.
 * - `invalid_items`: `foreach` did not yield a usable list of items.
 * - `invalid_condition`: its `if`, its `prompt`, or an output of its job could not be evaluated.
 * - `child_failed`: the run that it started could not be started, or did not complete.
 * - `rejected`: a person rejected it.
 * - `artifacts_failed`: its artifacts could not be kept, because of a limit or a full disk.
 * - `skipped_by_exit`: it exited with one of its `skip_exit_codes`.
 * - `out_of_memory`: it exceeded its limit of memory.
 * - `internal_error`: petit itself failed at it, for example because the database refused a value.
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
  "items_failed",
  "invalid_items",
  "invalid_condition",
  "skipped_by_exit",
  "rejected",
  "artifacts_failed",
  "child_failed",
  "worker_lost",
  "internal_error",
  "out_of_memory",
] as const;
export type Reason = (typeof REASONS)[number];

/** Returns whether the reason means that the attempt was lost: its outcome is unknown, and `on_interrupt` decides what follows. */
export const isLostReason = (reason: Reason | null): boolean => reason === "interrupted" || reason === "worker_lost";

/** The param values of a run, including defaults. */
export type ParamValues = { readonly [name: string]: string };

/** One execution of a job. Times are in ms since the Unix epoch. */
export type Run = {
  readonly id: RunId;
  readonly jobId: JobId;
  /** The stored definition of this run, independent of later changes to the job file. */
  readonly versionId: number;
  readonly status: RunStatus;
  readonly reason: Reason | null;
  readonly error: string | null;
  readonly trigger: Trigger;
  /** The occurrence of the run; null for a manual run. */
  readonly scheduledFor: number | null;
  /** The occurrence of the schedule before that; null if there is none. */
  readonly intervalStart: number | null;
  readonly params: ParamValues;
  readonly retryOf: RunId | null;
  /** The attempt that started it; null if no run did. The parent may have been deleted since. */
  readonly parent: RunParent | null;
  /** How many runs are above it. */
  readonly nesting: number;
  /** The delivery that started it, or the run that it retries; null without an event. */
  readonly deliveryId: string | null;
  /** The backfill that has made it; null for other runs. */
  readonly backfillId: string | null;
  /** How many runs have started one another by `run` triggers before it. */
  readonly chain: number;
  /** What its job declares as outputs; empty until it has completed. */
  readonly outputs: { readonly [name: string]: string };
  /** Time of admission. */
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Why the run is being ended, from the request on. Stored, so that it survives a crash. */
  readonly ending: EndingReason | null;
  /** True if that also ends its clean-up tasks: it was cancelled twice, or petit was stopping. */
  readonly endsCleanUps: boolean;
  /** True if the run lost an attempt; it will end as `interrupted`. */
  readonly lost: boolean;
  /** When it became late by `warn_after` of its job; null if it did not. */
  readonly lateAt: number | null;
  /** How many of its tasks failed in a way that the job allows; 0 until the run has ended. */
  readonly warnings: number;
  /** The persons who requested the run and its end: the name of a token, otherwise an address. Null if petit decided it by itself. */
  readonly triggeredBy: string | null;
  readonly cancelledBy: string | null;
  /** The commit whose scripts and files the run uses; null for job files in a folder. */
  readonly commit: string | null;
};

/** The attempt of another run that started a run. */
export type RunParent = {
  readonly runId: RunId;
  readonly taskId: TaskId;
  /** Position of the item, from 0; null in a task without items. */
  readonly item: number | null;
  readonly attempt: number;
};

/** What can end a run before its tasks have ended; the first reason wins. */
export const ENDING_REASONS = ["cancelled", "timeout", "shutdown"] as const;
export type EndingReason = (typeof ENDING_REASONS)[number];

/** The stored outcome of a run. */
export type RunOutcome = {
  /** How many tasks failed in a way that the job allows. Default: 0. */
  readonly warnings?: number;
  readonly status: "completed" | "failed" | "cancelled" | "interrupted";
  readonly reason: Reason | null;
  readonly error: string | null;
  /** What its job declares as outputs. Default: none. */
  readonly outputs?: { readonly [name: string]: string };
};

/** The run with which a job recovered from a failed run, and when it ended. */
export type Recovery = {
  readonly runId: RunId;
  readonly at: number;
  /** True if its params are not those of the failed run. */
  readonly hasOtherParams: boolean;
};

/** Returns whether two runs were given the same params, in whatever order. */
export const haveSameParams = (a: ParamValues, b: ParamValues): boolean => {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
};

/** Returns when a run was due: its occurrence, or else its creation. A retry is not due when the first run was. */
export const dueAtOf = ({
  trigger,
  scheduledFor,
  createdAt,
}: Pick<Run, "trigger" | "scheduledFor" | "createdAt">): number =>
  trigger === "schedule" || trigger === "catchup" ? (scheduledFor ?? createdAt) : createdAt;

/** The types of the fields below. */
export type RunFieldTypes = {
  readonly run: string;
  readonly run_or_null: string | null;
  readonly job: string;
  readonly status: RunStatus;
  readonly reason: Reason | null;
  readonly trigger: Trigger;
  readonly parent: { readonly run_id: string; readonly task_id: string; readonly item: number | null } | null;
  readonly delivery: { readonly id: string } | null;
  readonly backfill: { readonly id: string } | null;
  readonly text_or_null: string | null;
  readonly person_or_null: string | null;
  readonly time: number;
  readonly time_or_null: number | null;
  readonly duration_or_null: number | null;
  readonly count: number;
  readonly values: { readonly [name: string]: string };
};

/**
 * The fields of a run in the API, in the order of its answers. All but `duration_ms` are columns with the same names. `text` describes a
 * field whose type does not say enough.
 */
export const RUN_FIELDS = {
  id: { type: "run" },
  job_id: { type: "job" },
  status: { type: "status" },
  reason: { type: "reason" },
  error: { type: "text_or_null", text: "What went wrong, as a sentence" },
  trigger: { type: "trigger" },
  scheduled_for: { type: "time_or_null", text: "The occurrence that it runs for; null for a manual run" },
  interval_start: {
    type: "time_or_null",
    text: "The occurrence of the schedule before that, where the interval of the run starts; null if there is none",
  },
  params: { type: "values", text: "Values of the params, including defaults" },
  retry_of: {
    type: "run_or_null",
    text: "The run that this one retries; in a backfill, the earlier run of the same occurrence",
  },
  parent: { type: "parent" },
  delivery: { type: "delivery" },
  backfill: { type: "backfill" },
  triggered_by: { type: "person_or_null" },
  cancelled_by: { type: "person_or_null" },
  commit: {
    type: "text_or_null",
    text: "Commit of the repository whose scripts and files it uses; null for job files in a folder",
  },
  created_at: { type: "time", text: "When it was created" },
  started_at: { type: "time_or_null", text: "When it started" },
  ended_at: { type: "time_or_null", text: "When it ended" },
  duration_ms: { type: "duration_or_null" },
  late_at: {
    type: "time_or_null",
    text: "When it became late, unfinished for longer than `warn_after` of its job; null if it did not",
  },
  warnings: { type: "count", text: "Number of tasks that failed in a way that the job allows" },
  outputs: { type: "values", text: "Values that the job declares as `outputs`; empty until it has completed" },
} as const satisfies Record<string, { readonly type: keyof RunFieldTypes; readonly text?: string }>;

export type RunFields = {
  readonly [Name in keyof typeof RUN_FIELDS]: RunFieldTypes[(typeof RUN_FIELDS)[Name]["type"]];
};

/** Returns the fields of a run, and what it waits for. A loop over the table would take five times as long. */
export const runFields = <Wait>(run: Run, waits: Wait): RunFields & Wait => ({
  id: run.id,
  job_id: run.jobId,
  status: run.status,
  reason: run.reason,
  error: run.error,
  trigger: run.trigger,
  scheduled_for: run.scheduledFor,
  interval_start: run.intervalStart,
  params: run.params,
  retry_of: run.retryOf,
  parent: run.parent === null ? null : { run_id: run.parent.runId, task_id: run.parent.taskId, item: run.parent.item },
  delivery: run.deliveryId === null ? null : { id: run.deliveryId },
  backfill: run.backfillId === null ? null : { id: run.backfillId },
  triggered_by: run.triggeredBy,
  cancelled_by: run.cancelledBy,
  commit: run.commit,
  created_at: run.createdAt,
  started_at: run.startedAt,
  ended_at: run.endedAt,
  duration_ms: durationMs(run.startedAt, run.endedAt),
  late_at: run.lateAt,
  warnings: run.warnings,
  outputs: run.outputs,
  ...waits,
});

/** Returns the time between two instants in ms, at least 0, or null if one is null. */
export const durationMs = (startedAt: number | null, endedAt: number | null): number | null =>
  startedAt === null || endedAt === null ? null : Math.max(0, endedAt - startedAt);
