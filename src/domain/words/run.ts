import type { EndingReason, Reason, RunStatus, Trigger } from "../run.ts";
import type { TaskStatus } from "../task-run.ts";

/** What a run with a status does or did, as the verb of a sentence: `the run failed`. */
export const RUN_STATUS_VERBS = {
  pending: "waits for a slot",
  running: "is running",
  completed: "completed",
  failed: "failed",
  cancelled: "was cancelled",
  interrupted: "was interrupted",
} as const satisfies Record<RunStatus, string>;

/** What a task with a status does or did, as the verb of a sentence. */
export const TASK_STATUS_VERBS = {
  pending: "waits",
  running: "is running",
  completed: "completed",
  failed: "failed",
  skipped: "was skipped",
} as const satisfies Record<TaskStatus, string>;

/** Why a run, a task or an attempt ended, as a clause. */
export const REASON_TEXT = {
  exit_code: "the process exited with another status than 0",
  signal: "a signal ended the process",
  timeout: "it took longer than its timeout",
  spawn_failed: "no process could be started",
  cancelled: "it was cancelled",
  shutdown: "petit was stopping",
  upstream_failed: "a task that it depends on failed",
  condition_not_met: "its condition could no longer hold",
  interrupted: "the process was lost with petit or the machine",
} as const satisfies Record<Reason, string>;

/** Why a run is being ended, as a clause. */
export const ENDING_TEXT = {
  cancelled: "it is being cancelled",
  timeout: "it has exceeded its timeout",
  shutdown: "petit is stopping",
} as const satisfies Record<EndingReason, string>;

/** Why a run exists, as an adverbial phrase: `it started on schedule`. */
export const TRIGGER_TEXT = {
  schedule: "on schedule",
  catchup: "as catch-up, after petit was down or asleep",
  manual: "by hand",
  retry: "as a retry",
} as const satisfies Record<Trigger, string>;
