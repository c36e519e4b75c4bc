import { formatDuration } from "../../lib/duration.ts";
import { assertNever } from "../../lib/never.ts";
import type { Attention, AttentionKind, LostProcessGroups, RunFailure } from "../attention.ts";
import { RECENT } from "../limits/retention.ts";
import { receiverText } from "../notification.ts";
import type { Blocked } from "../workers/waiting.ts";
import type { WorkerAttempt } from "../workers/worker.ts";
import { internalErrorMessage } from "./health.ts";
import { REASON_TEXT } from "./run.ts";
import { waitsForText } from "./waits-for.ts";
import { WORKER_REFUSAL_TEXT } from "./worker.ts";

/** Returns the sentence for something that needs attention. */
export const attentionMessage = (item: Attention): string => {
  switch (item.kind) {
    case "job_failing":
      return `job '${item.jobId}' ${item.count === 1 ? "failed" : `failed ${item.count} times in a row`}: ${failureText(item.failure)}`;
    case "job_flapping":
      return `job '${item.jobId}' failed in ${item.recent.failed} of its last ${item.recent.runs} runs: ${failureText(item.failure)}`;
    case "run_stuck":
      return `a run of job '${item.jobId}' has been running for ${roughly(item.elapsedMs)}; it usually takes ${roughly(item.usualMs)}`;
    case "run_late":
      return lateMessage(item);
    case "approval_needed":
      return `task '${item.taskId}' of job '${item.jobId}' waits for approval${item.prompt === null ? "" : `: ${item.prompt}`}`;
    case "worker_unreachable":
      return `worker '${item.worker}' is unreachable${item.isLost ? " for longer than lost_after" : ""}${whatRuns(item.attempts)}`;
    case "no_worker": {
      const others = item.count === 1 ? "" : ` (and ${item.count - 1} more)`;
      const { kind: _, ...wait } = item;
      return `task '${item.taskId}' of job '${item.jobId}'${others} waits for ${waitsForText({ ...wait, code: "worker", connected: 0 })}`;
    }
    case "worker_refused":
      return `worker '${item.worker}' gets no work: ${WORKER_REFUSAL_TEXT[item.reason]}${item.detail === null ? "" : `: ${item.detail}`}`;
    case "transfer_blocked":
      return `${BLOCKED_TEXT[item.by]}${blockedTasks(item)}: ${item.error}`;
    case "nats_unreachable":
      return `petit does not reach NATS at ${item.url}${item.error === null ? "" : `: ${item.error}`}; nothing new starts on workers`;
    case "notifications_undelivered":
      return `${item.count === 1 ? "1 notification" : `${item.count} notifications`} of job '${item.jobId}' could not be delivered to ${receiverText(item.target)}: ${item.error}`;
    case "internal_error":
      return item.jobId === null
        ? internalErrorMessage(item)
        : `${internalErrorMessage(item)}; it can't go on, and petit tries it again`;
    case "retention_undecided":
      return `petit keeps ${item.runs === 1 ? "1 run" : `${item.runs} runs`} that the default of a new database would delete: ${DEFAULT_RETENTION}; choose with --retention-runs: default, all, or a number`;
    case "open_to_users":
      return `${openAccessMessage(item.accounts)}; ${OPEN_ACCESS_HINT}`;
    case "lost_processes":
      return `${lostProcessesText(item)}; ${LOST_PROCESSES_HINT}`;
    case "job_file_broken": {
      const { file, line, column, path, problem, problems } = item;
      const more = problems === 1 ? "" : ` (and ${problems - 1} more)`;
      return `job file is broken: ${file}:${line}:${column}: ${path === "" ? "" : `${path}: `}${problem}${more}`;
    }
    default:
      return assertNever(item);
  }
};

/** Returns what is wrong with a petit of root that requires no token. */
export const openAccessMessage = (accounts: number): string =>
  `petit runs as root and requires no token: ${accounts === 1 ? "1 other user" : `${accounts} other users`} of this machine can run programs as root`;

/** How to change that. */
export const OPEN_ACCESS_HINT = "create a token with 'petit token FILE' and start petit with --token-file FILE";

/** Returns what outlived a restore. */
const lostProcessesText = ({ processes }: LostProcessGroups): string => {
  const [first, ...others] = processes;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  const of = first?.jobId == null ? "" : ` of job '${first.jobId}'`;
  return `process ${first?.pid}${of}${more} still ${others.length === 0 ? "runs" : "run"}, but the restored database does not know ${others.length === 0 ? "its run" : "their runs"}`;
};

/** What to do about it. */
const LOST_PROCESSES_HINT = "wait for the end, or end what runs with 'petit doctor --end-strays --db FILE'";

const lateMessage = ({
  cause,
  jobId,
  count,
  waitedMs,
  waitsFor,
}: Extract<Attention, { readonly kind: "run_late" }>): string => {
  const place = waitsFor === null ? "" : `; it waits for ${waitsForText(waitsFor)}`;
  if (cause === "warn_after")
    return count === 1
      ? `a run of job '${jobId}' is late: it was due ${roughly(waitedMs)} ago${place}`
      : `${count} runs of job '${jobId}' are late, the first was due ${roughly(waitedMs)} ago${place}`;
  return count === 1
    ? `a run of job '${jobId}' has been waiting to start for ${roughly(waitedMs)}${place}`
    : `${count} runs of job '${jobId}' are waiting to start, the first for ${roughly(waitedMs)}${place}`;
};

/** Returns what a worker runs, to complete a sentence about it. */
const whatRuns = (attempts: readonly WorkerAttempt[]): string => {
  const [first, ...others] = attempts;
  if (first === undefined) return "; nothing runs there";
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return `; task '${first.taskId}' of job '${first.jobId}'${more} ${others.length === 0 ? "runs" : "run"} there`;
};

/** Returns why a run failed, as a clause. */
const failureText = ({ taskId, reason, error }: RunFailure): string => {
  const why = error ?? (reason === null ? "for an unknown reason" : REASON_TEXT[reason]);
  return taskId === null ? why : `task '${taskId}' failed: ${why}`;
};

/** What can keep attempts from reaching a worker, or from ending, as a clause. */
export const BLOCKED_TEXT = {
  nats: "NATS does not store what goes to workers or comes from them",
  disk: "petit's disk has no room for artifacts that workers have",
} as const satisfies Record<Blocked["by"], string>;

/** Returns the tasks that are blocked, to follow why. */
const blockedTasks = ({ taskId, jobId, count }: Extract<Attention, { readonly kind: "transfer_blocked" }>): string => {
  if (taskId === null) return "";
  return `; task '${taskId}' of job '${jobId}'${count === 1 ? " waits" : ` and ${count - 1} more wait`}`;
};

/** Formats a duration without more detail than its two largest units show. */
const roughly = (ms: number): string => {
  const unit = ms < 1_000 ? 1 : ms < 3_600_000 ? 1_000 : 60_000;
  return formatDuration(Math.floor(ms / unit) * unit);
};

/** What the default of a new database deletes. */
const DEFAULT_RETENTION = `older than ${RECENT.days} days and beyond the newest ${RECENT.runs.toLocaleString("en-US")} of their job`;

/** What each kind means, as a sentence without its full stop. */
export const ATTENTION_TEXT = {
  job_failing:
    "The newest ended run of a job failed or was interrupted, cancelled runs aside; ends when a run completes or the job is removed",
  job_flapping:
    "The newest run of a job completed, but its last 10 results changed between success and failure at least 4 times",
  run_stuck:
    "A run has been running for more than three times the usual duration of its job, and for a minute longer than nearly all of its last 20 completed runs",
  run_late:
    "Runs of a job have been waiting to start for more than 10 minutes and three usual durations, or are unfinished for longer than `warn_after` of the job after they were due",
  approval_needed: "A task waits until a person approves or rejects it",
  worker_unreachable:
    "A worker that was not stopped sends no hellos; ends when it is back or `petit worker forget` removes it",
  worker_refused: "A worker says hello, and gets no work",
  no_worker: "Tasks wait for a worker, and no connected one has all of their labels and allows their types",
  nats_unreachable: "petit does not reach NATS, so that nothing new starts on workers; what runs there goes on",
  transfer_blocked:
    "NATS or petit's disk does not store what has to get to a worker or back, for example because a limit of JetStream is reached",
  notifications_undelivered:
    "Notifications of a job could not be delivered to a receiver; ends when one arrives, when the job no longer names the receiver, or an hour after the last one was given up",
  internal_error:
    "A run, or the occurrences of a job, can't go on because of an error of petit itself; petit tries it again, and a run can be cancelled. Or nothing handled an error of petit in the last hour (`job_id` is null)",
  retention_undecided:
    "The database was made when petit kept all runs, and has some that the default would delete today; ends when `retention_runs` or `retention_days` is set, also to `all` or `default`",
  open_to_users:
    "petit runs as root and its API requires no token, on a machine that other users can log in to; ends when petit requires a token",
  lost_processes:
    "Processes still run whose runs the database does not know, because it was restored from an older copy; they keep the places of their runs. Ends with them, also by `petit doctor --end-strays`",
  job_file_broken: "A job file has problems; its jobs keep their last good version",
} as const satisfies Record<AttentionKind, string>;
