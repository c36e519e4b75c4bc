import { removeEscapes, shortenMiddle } from "../lib/text.ts";
import type { ShutGate } from "./dependency.ts";
import type { FailedRepository, InternalError, MissingBackup, RefusedJobs } from "./health.ts";
import type { JobId, RunId, TaskId } from "./ids.ts";
import type { UnfiredStreak } from "./inbox/unfired.ts";
import type { Pause } from "./job.ts";
import type { NearLimit } from "./limits/near-limit.ts";
import type { UnenforcedLimits } from "./limits/unenforced.ts";
import type { WaitsFor } from "./limits/waits-for.ts";
import type { NotifyTarget } from "./notification.ts";
import type { FailureGroup } from "./output/failure-groups.ts";
import type { Role } from "./people/role.ts";
import type { ParamValues, Reason } from "./run.ts";
import type { IndexFault } from "./search/index-fault.ts";
import type { FailureCause } from "./task-run.ts";
import type { Blocked } from "./workers/waiting.ts";
import type { RefusedHello, RefusedWorker, WaitsForWorker, WorkerAttempt } from "./workers/worker.ts";

/** Something that a person should look at, as a code with data: `ATTENTION_TEXT` says what each kind means. Kinds may be added. */
export type Attention =
  | ({ readonly kind: "job_failing" } & FailingJob)
  | ({ readonly kind: "job_flapping" } & FlappingJob)
  | ({ readonly kind: "not_run_as_expected" } & UnrunSchedule)
  | ({ readonly kind: "job_stale" } & StaleJob)
  | ({ readonly kind: "run_stuck" } & StuckRun)
  | ({ readonly kind: "run_late" } & LateRun)
  | ({ readonly kind: "memory_near_limit" } & NearLimit)
  | ({ readonly kind: "approval_needed" } & AskingTask)
  | ({ readonly kind: "worker_unreachable" } & UnreachableWorker)
  | ({ readonly kind: "worker_refused" } & RefusedWorkerItem)
  | ({ readonly kind: "no_worker" } & UnservedLabels)
  | ({ readonly kind: "nats_unreachable" } & UnreachableNats)
  | ({ readonly kind: "transfer_blocked" } & BlockedTransfer)
  | ({ readonly kind: "notifications_undelivered" } & UndeliveredTarget)
  | ({ readonly kind: "heartbeat_failing" } & FailingHeartbeat)
  | ({ readonly kind: "traces_failing" } & FailingTraces)
  | ({ readonly kind: "backup_failed" } & MissingBackup)
  | ({ readonly kind: "search_index_failing" } & FailingIndex)
  | ({ readonly kind: "trigger_failing" } & FailingTrigger)
  | ({ readonly kind: "internal_error" } & InternalError)
  | ({ readonly kind: "retention_undecided" } & OldRuns)
  | ({ readonly kind: "open_to_users" } & OpenAccess)
  | ({ readonly kind: "lost_processes" } & LostProcessGroups)
  | ({ readonly kind: "limits_not_enforced" } & LimitsNotEnforced)
  | ({ readonly kind: "job_file_broken" } & BrokenJobFile)
  | ({ readonly kind: "jobs_commit_refused" } & RefusedJobs)
  | ({ readonly kind: "jobs_repository_failed" } & FailedRepository)
  | ({ readonly kind: "commit_files_changed" } & ChangedCommitFiles)
  | ({ readonly kind: "token_expiring" } & ExpiringToken)
  | ({ readonly kind: "token_expired" } & ExpiredToken)
  | ({ readonly kind: "secret_unreadable" } & UnreadableSecret);

/** A token that is in use, and expires within a week. */
type ExpiringToken = {
  readonly token: string;
  readonly role: Role;
  readonly expiresAt: number;
  readonly expiresInMs: number;
  readonly lastUsedAt: number;
  /** The address that used it last; null if that is not known. */
  readonly lastUsedFrom: string | null;
  /** A week before it expires, or when it was created. */
  readonly since: number;
};

/** A token that has expired, and is still sent. */
type ExpiredToken = {
  readonly token: string;
  readonly role: Role;
  readonly expiresAt: number;
  /** How often it was refused since. */
  readonly count: number;
  readonly lastRefusedAt: number;
  readonly lastRefusedFrom: string | null;
  /** When it expired. */
  readonly since: number;
};

/** A secret of the configuration file that can't be read again. The last one stays in use. */
export type UnreadableSecret = {
  /** Its key in the configuration file. */
  readonly key: string;
  readonly problem: string;
  /** When petit noticed it first, in ms since the Unix epoch. */
  readonly since: number;
};

/** What only admins are told. */
export const ADMIN_KINDS: ReadonlySet<AttentionKind> = new Set<AttentionKind>([
  "token_expiring",
  "token_expired",
  "secret_unreadable",
]);

/** Somebody changed the files of a commit, and petit wrote them again. */
export type ChangedCommitFiles = {
  readonly commit: string;
  /** When petit noticed it first, in ms since the Unix epoch. */
  readonly since: number;
  /** How often it has noticed it since. */
  readonly count: number;
};

export type AttentionKind = Attention["kind"];

/** `error`: something does not work. `warning`: something may not work, or not in time. */
export const ATTENTION_SEVERITIES = ["error", "warning"] as const;
export type AttentionSeverity = (typeof ATTENTION_SEVERITIES)[number];

export const ATTENTION_SEVERITY = {
  job_failing: "error",
  job_flapping: "warning",
  not_run_as_expected: "warning",
  job_stale: "error",
  run_stuck: "warning",
  run_late: "warning",
  memory_near_limit: "warning",
  approval_needed: "warning",
  worker_unreachable: "error",
  worker_refused: "error",
  no_worker: "warning",
  nats_unreachable: "error",
  transfer_blocked: "error",
  notifications_undelivered: "error",
  heartbeat_failing: "error",
  traces_failing: "warning",
  backup_failed: "error",
  search_index_failing: "warning",
  trigger_failing: "error",
  internal_error: "error",
  retention_undecided: "warning",
  open_to_users: "warning",
  lost_processes: "warning",
  limits_not_enforced: "warning",
  job_file_broken: "error",
  jobs_commit_refused: "error",
  jobs_repository_failed: "error",
  commit_files_changed: "warning",
  token_expiring: "warning",
  token_expired: "warning",
  secret_unreadable: "warning",
} as const satisfies Record<AttentionKind, AttentionSeverity>;

const ATTENTION_KINDS = Object.keys(ATTENTION_SEVERITY) as AttentionKind[];

/** Returns an object with a value for each kind. */
export const byAttentionKind = <Value>(make: (kind: AttentionKind) => Value) =>
  Object.fromEntries(ATTENTION_KINDS.map((kind) => [kind, make(kind)])) as Record<AttentionKind, Value>;

/** Times are in ms since the Unix epoch. */
type FailingJob = {
  readonly jobId: JobId;
  /** The newest failed run. */
  readonly runId: RunId;
  /** End of the first failed run in a row. */
  readonly since: number;
  /** Number of failed runs in a row. */
  readonly count: number;
  readonly flapping: boolean;
  readonly recent: RecentResults;
  readonly failure: RunFailure;
};

type FlappingJob = {
  readonly jobId: JobId;
  /** The newest failed run. */
  readonly runId: RunId;
  /** End of the first failed run among the recent ones. */
  readonly since: number;
  readonly recent: RecentResults;
  readonly failure: RunFailure;
};

/** The results of the newest runs that ended and were not cancelled. */
type RecentResults = { readonly runs: number; readonly failed: number };

type UnrunSchedule = UnfiredStreak & {
  /** Null for all jobs together that do not run because the scheduler is paused. */
  readonly jobId: JobId | null;
  /** How many jobs those are; 1 for a job. */
  readonly jobs: number;
  /** The pause of the job or the scheduler; null if it is not paused. */
  readonly pause: Pause | null;
  /** The gates that are shut now. */
  readonly gates: readonly ShutGate[];
};

type StaleJob = {
  readonly jobId: JobId;
  /** When petit noticed that no run had completed in time. */
  readonly since: number;
  /** The time of its `expect`. */
  readonly withinMs: number;
  /** End of the last completed run; null if none is known. */
  readonly lastSuccessAt: number | null;
  /** How long ago that was, or how long one has been expected. */
  readonly waitedMs: number;
};

type StuckRun = {
  readonly jobId: JobId;
  readonly runId: RunId;
  /** When the run exceeded the duration after which it counts as stuck. */
  readonly since: number;
  readonly elapsedMs: number;
  /** Median duration of the newest completed runs. */
  readonly usualMs: number;
  /** The running task that started first; null if none is running. */
  readonly taskId: TaskId | null;
};

export const LATE_CAUSES = ["slot", "warn_after"] as const;

type LateRun = {
  readonly jobId: JobId;
  /** The run that has waited longest. */
  readonly runId: RunId;
  /** `slot`: runs have been waiting to start for too long. `warn_after`: runs have not ended within `warn_after` of when they were due. */
  readonly cause: (typeof LATE_CAUSES)[number];
  /** When it began to wait, or became late. */
  readonly since: number;
  /** How long it has waited, or how long ago it was due. */
  readonly waitedMs: number;
  /** Number of such runs of the job. */
  readonly count: number;
  /** What the run waits for; null if it waits for nothing. */
  readonly waitsFor: WaitsFor | null;
};

type AskingTask = {
  readonly jobId: JobId;
  readonly runId: RunId;
  readonly taskId: TaskId;
  /** Name of the task. */
  readonly name: string;
  /** When it began to wait. */
  readonly since: number;
  /** What it asks; null if it only has a name. */
  readonly prompt: string | null;
  /** The params of the run. */
  readonly params: ParamValues;
  /** The names of those that have another value in another run of the job that waits for a person. */
  readonly differing: readonly string[];
};

type UnreachableWorker = {
  readonly worker: string;
  /** When petit last heard of it. */
  readonly since: number;
  /** Whether it is out of reach for longer than `lost_after`. */
  readonly isLost: boolean;
  /** What it has claimed, oldest first. */
  readonly attempts: readonly WorkerAttempt[];
};

type RefusedWorkerItem = {
  readonly worker: string;
  readonly reason: RefusedHello;
  /** Since when it gets no work for this reason. */
  readonly since: number;
  /** What the worker says about it; null if nothing. */
  readonly detail: string | null;
};

/** Attempts with the same labels. Job, run and task are those of the one that waits longest. */
type UnservedLabels = Pick<WorkerAttempt, "jobId" | "runId" | "taskId"> & {
  readonly labels: readonly string[];
  /** The type of the tasks, if a connected worker has the labels but does not allow it. */
  readonly type: WaitsForWorker["type"];
  /** The workers that would fit, and get no work. Missing if there are none. */
  readonly refused?: readonly RefusedWorker[];
  /** The connected workers that would fit, and are drained. Missing if there are none. */
  readonly drained?: readonly string[];
  readonly since: number;
  /** Number of attempts. */
  readonly count: number;
};

type UnreachableNats = {
  readonly url: string;
  /** Since when petit is not connected. */
  readonly since: number;
  readonly error: string | null;
};

/** Attempts that the same thing keeps from reaching a worker, or from ending. Job, run and task are those of the oldest; null without any. */
type BlockedTransfer = {
  readonly by: Blocked["by"];
  readonly since: number;
  /** What NATS or the system says. */
  readonly error: string;
  /** Number of attempts. */
  readonly count: number;
  readonly jobId: JobId | null;
  readonly runId: RunId | null;
  readonly taskId: TaskId | null;
};

/** The URL that petit pings does not accept that. */
type FailingHeartbeat = {
  readonly since: number;
  /** The URL as it may be displayed. */
  readonly url: string;
  /** Why the last ping failed. */
  readonly error: string;
};

/** The receiver of traces has been failing for a while. */
type FailingTraces = {
  readonly since: number;
  /** The URL as it may be displayed. */
  readonly url: string;
  /** Why the last attempt failed. */
  readonly error: string;
  /** Number of spans that were given up since the start of petit. */
  readonly dropped: number;
};

/** A receiver of traces that is away for less than this needs no attention, because spans wait for it. In ms. */
export const TRACES_FAIL_AFTER_MS = 5 * 60_000;

export const TRIGGER_FAULTS = [
  "secret_unreadable",
  "invalid_params",
  "folder_missing",
  "folder_unreadable",
  "file_unreadable",
  "too_many_files",
  "stream_missing",
  "nats_refused",
  "nats_disconnected",
] as const;

/** A trigger of a job that starts no runs, or not all, because something about it is wrong. */
export type FailingTrigger = {
  readonly jobId: JobId;
  /** The name that distinguishes it from other triggers of the job; null if it has none. */
  readonly trigger: string | null;
  /**
   * `secret_unreadable`: webhooks are refused. `invalid_params`: deliveries have params that do not fit those of the job.
   * `folder_missing`, `folder_unreadable`: a folder that is watched for files. `file_unreadable`: a file whose content must be compared, or whose name is not UTF-8. `too_many_files`: more match than petit watches.
   * `stream_missing`, `nats_refused`, `nats_disconnected`: no messages arrive.
   */
  readonly fault: (typeof TRIGGER_FAULTS)[number];
  readonly since: number;
  /** Number of webhooks or deliveries in a row, those of a secret since the start of petit; of folders or files, how many. */
  readonly count: number;
  /** The last problem, as a sentence. */
  readonly problem: string;
};

/** A receiver of a job that can't be given its notifications. */
export type UndeliveredTarget = {
  /** Null for digests. */
  readonly jobId: JobId | null;
  readonly target: NotifyTarget;
  /** When the oldest of them was queued. */
  readonly since: number;
  readonly count: number;
  /** The error of the last attempt that failed. */
  readonly error: string;
};

/** Runs that the default rule would delete. */
export type OldRuns = {
  /** When petit first found some since its start. */
  readonly since: number;
  /** How many; of each job, about the first 5,000 are counted. */
  readonly runs: number;
};

/** The index for searches in the output can't be written. */
export type FailingIndex = {
  /** In ms since the Unix epoch. */
  readonly since: number;
  readonly fault: IndexFault;
  readonly error: string;
};

/** A petit of root whose API requires no token. */
export type OpenAccess = {
  /** When petit was started. */
  readonly since: number;
  /** How many other accounts of the machine people can log in with. */
  readonly accounts: number;
};

/** What outlived the replacement of the database by an older copy. */
export type LostProcessGroups = {
  /** When petit was started. */
  readonly since: number;
  /** The process groups. There is at least one. */
  readonly processes: readonly LostProcessGroup[];
};

/** A process group that runs an attempt of a run that the database does not know. */
export type LostProcessGroup = {
  /** The id of the group, which is the pid of its first process. */
  readonly pid: number;
  /** Job and run are null if the environment of the process does not name them. */
  readonly jobId: JobId | null;
  readonly runId: RunId | null;
};

/** Limits of jobs that this machine does not enforce. */
export type LimitsNotEnforced = UnenforcedLimits & {
  /** When petit was started. */
  readonly since: number;
};

type BrokenJobFile = {
  /** When petit first read the file with problems; the start of petit at the earliest. */
  readonly since: number;
  /** Path of the file, relative to JOBS_DIR. */
  readonly file: string;
  /** Position of the first problem; both count from 1. */
  readonly line: number;
  readonly column: number;
  /** Path of the field that the first problem is about; empty for the file as a whole. */
  readonly path: string;
  /** The first problem, as a sentence. */
  readonly problem: string;
  /** How many problems the file has. */
  readonly problems: number;
};

/** Why a run failed: the failed task that explains it best; see `orderFailures`. Of a run without a failed task, the run's own reason. */
export type RunFailure = {
  readonly taskId: TaskId | null;
  /** How many more tasks failed; those whose failure the job allows only count if there are no others. */
  readonly moreTasks: number;
  /** Position of the item of the task that failed first; null if it has none. */
  readonly item: number | null;
  /** How many items of the task failed. */
  readonly failedItems: number;
  /** The failed items by the line that explains them; see `explainingGroups`. */
  readonly groups: readonly FailureGroup[];
  /** Why the item that failed first ended; null if the task has none. */
  readonly itemReason: Reason | null;
  /** The last attempt of the task, or of the item. */
  readonly attempt: number | null;
  readonly reason: Reason | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The error of the task as a sentence. */
  readonly error: string | null;
  /** The line of its output that explains the failure; null if none does. */
  readonly cause: FailureCause | null;
  /** The last line of the attempt's stderr that is not empty, or else of its stdout; null if it wrote none. */
  readonly lastLine: FailureLine | null;
};

export type FailureLine = {
  /** Number of the line in the output of the run. */
  readonly seq: number;
  readonly stream: "stdout" | "stderr";
  /** At most 500 characters, without escape sequences. */
  readonly text: string;
};

/** Number of results that `isFlapping` looks at. */
export const RECENT_RESULTS = 10;

const FLAPPING_CHANGES = 4;

/** Returns whether the results of a job, in order, change between success and failure at least four times. */
export const isFlapping = (failed: readonly boolean[]): boolean =>
  failed.filter((each, index) => index > 0 && each !== failed[index - 1]).length >= FLAPPING_CHANGES;

const MINUTE_MS = 60_000;

/** Minimum of completed runs that say how long a job usually takes. */
const MIN_DURATIONS = 3;

/** No run counts as stuck before this time. */
export const MIN_STUCK_MS = MINUTE_MS;

/** How long a job usually takes, in ms. */
export type UsualDuration = {
  /** Median; of an even number of durations, the lower of the two in the middle. */
  readonly medianMs: number;
  /** After this time a run counts as stuck. */
  readonly stuckAfterMs: number;
};

/**
 * Returns how long a job usually takes, from the durations of its newest completed runs; null if there are fewer than three.
 * A run counts as stuck after three times the median, but not before a minute more than the 95th percentile.
 */
export const usualDuration = (durationsMs: readonly number[]): UsualDuration | null => {
  if (durationsMs.length < MIN_DURATIONS) return null;
  const sorted = durationsMs.toSorted((a, b) => a - b);
  const medianMs = sorted[(sorted.length - 1) >> 1] ?? 0;
  const percentile95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
  return { medianMs, stuckAfterMs: Math.max(3 * medianMs, percentile95 + MINUTE_MS) };
};

/** No pending run counts as late before this time. */
const MIN_LATE_MS = 10 * MINUTE_MS;

/** Returns how long a run may wait to start before it counts as late: 10 minutes, or three usual durations of its job. */
export const lateAfterMs = (usual: UsualDuration | null): number => Math.max(MIN_LATE_MS, 3 * (usual?.medianMs ?? 0));

const MAX_LINE = 500;

/** Returns the last line of a text that is not empty, and its index; null if there is none. Text before a carriage return was overwritten. */
export const lastLineOf = (output: string): { readonly index: number; readonly text: string } | null => {
  const lines = removeEscapes(output).split("\n");
  for (let index = lines.length - 1; index >= 0; index--) {
    const text = (lines[index] ?? "").trimEnd().split("\r").at(-1)?.trim() ?? "";
    if (text !== "") return { index, text: shortenMiddle(text, MAX_LINE) };
  }
  return null;
};
