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

/** What each status of a run means. */
export const RUN_STATUS_TEXT = {
  pending: "stored, and waiting for a free slot under a limit",
  running: "started",
  completed: "every task completed or was skipped",
  failed: "a task failed, or the timeout of the run passed",
  cancelled: "somebody cancelled it",
  interrupted: "an attempt was lost with petit or the machine, or petit ended the run while stopping",
} as const satisfies Record<RunStatus, string>;

/** What each status of a task means. */
export const TASK_STATUS_TEXT = {
  pending: "waiting for its dependencies, for a free slot, for a worker, or for a retry",
  running: "an attempt is running",
  completed: "an attempt exited with status 0",
  failed: "the last attempt failed or was ended",
  skipped: "not started, because its condition can no longer hold or the run is ending",
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
  items_failed: "too many of its items failed",
  invalid_items: "its items could not be read",
  invalid_condition: "its condition, its prompt, or an output of its job could not be evaluated",
  rejected: "a person rejected it",
  artifacts_failed: "its artifacts could not be kept",
  skipped_by_exit: "it exited with a status that means that there was nothing to do",
  child_failed: "the run of another job that it started did not complete",
  worker_lost: "the worker that ran it was out of reach for too long",
  internal_error: "petit itself failed at it",
  out_of_memory: "it needed more memory than its limit allows",
} as const satisfies Record<Reason, string>;

/** The error of a run or an attempt that was lost, or that petit ended while stopping. */
export const INTERRUPTED_ERROR = "Run was interrupted";

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
  job: "as a child of another run",
  webhook: "by a webhook",
  files: "by a new file",
  run: "after a run of another job",
  nats: "by a message",
  backfill: "by a backfill",
} as const satisfies Record<Trigger, string>;

/** Returns the line of output that says most about a failure: the one that explains it, or else the last one. Null if there is none. */
export const decisiveLine = <Line>({
  cause,
  last_line,
}: {
  readonly cause: Line | null;
  readonly last_line: Line | null;
}): Line | null => cause ?? last_line;
