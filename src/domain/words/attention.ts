import { pluralize, shorten } from "../../lib/text.ts";
import type { AttentionKind, FailingTrigger } from "../attention.ts";
import type { BackupFault } from "../backup/state.ts";
import { BACKUP_ADVICE, failedBackupMessage } from "../backup/words.ts";
import type { Urgency } from "../inbox/order.ts";
import { MAX_NEAR_LIMIT_RUNS, NEAR_LIMIT } from "../limits/near-limit.ts";
import { RECENT } from "../limits/retention.ts";
import type { WaitsFor } from "../limits/waits-for.ts";
import { INDEX_ADVICE, type IndexFault } from "../search/index-fault.ts";
import type { Blocked } from "../workers/waiting.ts";
import type { RefusedHello, WaitsForWorker } from "../workers/worker.ts";
import { roughText } from "./duration.ts";
import { failureText, failureWords, moreText, type ShownFailure } from "./failure.ts";
import { internalErrorMessage } from "./health.ts";
import { type ExpectationFacts, staleText } from "./inbox/expectation.ts";
import { byText, type UnfiredFacts, unfiredText } from "./inbox/unfired.ts";
import { sizeOfLimitText } from "./limits/usage.ts";
import { REASON_TEXT } from "./run.ts";
import { paramsText } from "./run-facts.ts";
import { type ExplainedFailure, failurePath, runPath, shortRunId } from "./run-path.ts";
import { taskLabel, unenforcedText } from "./task.ts";
import {
  failedRepositoryMessage,
  refusedJobsMessage,
  refusedJobsText,
  refusedProblemText,
  shortCommit,
  usedMeanwhileText,
  usedUntilMendedText,
} from "./versions/repository.ts";
import { waitsForText } from "./waits-for.ts";
import { WORKER_REFUSAL_TEXT } from "./worker.ts";

/** What is said of something that needs attention. The displays only lay it out. */
export type AttentionWords = {
  /** All of it as a sentence. */
  readonly message: string;
  readonly subject: AttentionSubject;
  /** What is wrong in a few words, for a cell of a table. */
  readonly state: string;
  /** Why, in the line below. */
  readonly why: string;
  /** What is wrong and why in one line, where there is no cell for the state. Missing if `why` is enough. */
  readonly line?: string;
  /** What is wrong, to complete a sentence that begins with the subject. */
  readonly what: string;
  /** Why, to follow `what`. */
  readonly details: readonly AttentionDetail[];
  /** What to do or to look at. The last one that leads somewhere is the main one. */
  readonly actions: readonly AttentionAction[];
};

/** What an item is about. */
export type AttentionSubject =
  | { readonly kind: "job"; readonly jobId: string }
  | { readonly kind: "worker"; readonly worker: string }
  | { readonly kind: "file"; readonly file: string; readonly line: number; readonly column: number }
  /** petit itself, or a part of it. */
  | { readonly kind: "petit"; readonly part: string };

/** A part of an explanation. `name`: the id or name of something. `line`: text of a program or a person. `output`: a line that a task wrote. */
export type AttentionDetail = {
  readonly kind: "text" | "name" | "line" | "output";
  readonly text: string;
  /** Where it is on petit's page. */
  readonly path?: string;
};

/** `retry`, `cancel` and `decide` change a run; the others lead to a view. */
export type AttentionAction =
  | { readonly kind: "retry" | "cancel"; readonly jobId: string; readonly runId: string }
  | { readonly kind: "decide"; readonly task: AskingTask }
  | { readonly kind: "log"; readonly jobId: string; readonly runId: string; readonly path: string }
  | { readonly kind: "run"; readonly jobId: string | null; readonly runId: string; readonly taskId: string | null }
  | { readonly kind: "waiting_runs" | "schedule"; readonly jobId: string }
  | { readonly kind: "worker"; readonly worker: string }
  | { readonly kind: "workers" | "notifications" | "problems" | "repository" | "tokens" };

/** A task that waits for approval. */
export type AskingTask = {
  readonly jobId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly taskName: string;
  readonly prompt: string | null;
  /** The params of the run, such as `a=1 b=2`; empty if it has none. */
  readonly params: string;
};

/** The facts of each kind that its words need, named as in the API. An older petit does not send the optional ones. */
type Facts = {
  readonly job_failing: OfRun & Results & { readonly count: number; readonly flapping: boolean };
  readonly job_flapping: OfRun & Results;
  readonly not_run_as_expected: UnfiredFacts & { readonly job_id: string | null; readonly jobs: number };
  readonly job_stale: Pick<ExpectationFacts, "success_within_ms" | "last_success_at"> & {
    readonly job_id: string;
    readonly waited_ms: number;
  };
  readonly run_stuck: OfRun & {
    readonly elapsed_ms: number;
    readonly usual_ms: number;
    readonly task_id: string | null;
  };
  readonly memory_near_limit: OfRun & {
    readonly task_id: string;
    readonly count: number;
    readonly memory_peak_bytes: number;
    readonly memory_limit_bytes: number;
  };
  readonly run_late: OfRun & {
    readonly cause?: "slot" | "warn_after";
    readonly count: number;
    readonly waited_ms: number;
    readonly waits_for?: WaitsFor | WaitsForWorker | null;
  };
  readonly approval_needed: OfRun & {
    readonly task_id: string;
    readonly task_name?: string;
    readonly prompt: string | null;
    readonly params?: Readonly<Record<string, string>>;
    readonly differing_params?: readonly string[];
  };
  readonly worker_unreachable: {
    readonly worker: string;
    readonly lost: boolean;
    readonly running: readonly (OfRun & { readonly task_id: string })[];
  };
  readonly worker_refused: { readonly worker: string; readonly reason: RefusedHello; readonly detail: string | null };
  readonly no_worker: OfRun &
    Pick<WaitsForWorker, "labels" | "type" | "refused" | "drained"> & {
      readonly task_id: string;
      readonly count: number;
    };
  readonly nats_unreachable: { readonly url: string; readonly error: string | null };
  readonly transfer_blocked: {
    readonly by: Blocked["by"];
    readonly error: string;
    readonly count: number;
    readonly job_id: string | null;
    readonly run_id: string | null;
    readonly task_id: string | null;
  };
  readonly notifications_undelivered: {
    /** Null for digests. */
    readonly job_id: string | null;
    readonly type: string;
    readonly target: string;
    readonly count: number;
    readonly error: string;
  };
  readonly heartbeat_failing: { readonly url: string; readonly error: string };
  readonly traces_failing: { readonly url: string; readonly error: string; readonly dropped: number };
  readonly backup_failed: {
    readonly folder: string;
    readonly fault: BackupFault;
    readonly error: string;
    readonly last_at: number | null;
  };
  readonly search_index_failing: { readonly fault: IndexFault; readonly error: string };
  readonly trigger_failing: {
    readonly job_id: string;
    readonly trigger: string | null;
    readonly fault: FailingTrigger["fault"];
    readonly count: number;
    readonly problem: string;
  };
  readonly internal_error: {
    readonly job_id: string | null;
    readonly run_id: string | null;
    readonly error: string;
  };
  readonly retention_undecided: { readonly runs: number };
  readonly open_to_users: { readonly accounts: number };
  readonly lost_processes: {
    readonly count: number;
    readonly processes: readonly { readonly pid: number; readonly job_id: string | null }[];
  };
  readonly limits_not_enforced: {
    readonly count: number;
    readonly job_ids: readonly string[];
    readonly limits: readonly string[];
    readonly reason: string;
    readonly advice: string;
  };
  readonly job_file_broken: {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly path: string;
    readonly problem: string;
    readonly problems: number;
  };
  readonly jobs_commit_refused: {
    readonly commit: string;
    readonly author: string;
    readonly in_use: string | null;
    readonly problem: string;
    readonly problems: number;
  };
  readonly jobs_repository_failed: { readonly in_use: string | null; readonly error: string };
  readonly commit_files_changed: { readonly commit: string; readonly count: number };
  readonly token_expiring: {
    readonly token: string;
    readonly expires_in_ms: number;
    readonly last_used_from: string | null;
  };
  readonly secret_unreadable: { readonly key: string; readonly problem: string };
  readonly token_expired: { readonly token: string; readonly count: number; readonly last_refused_from: string | null };
};

type OfRun = { readonly job_id: string; readonly run_id: string };

type Results = {
  readonly recent_runs: number;
  readonly recent_failures: number;
  readonly failure: ShownFailure & ExplainedFailure;
};

/** An item as the API returns it, of one of some kinds. */
type Item<Kind extends AttentionKind> = { readonly [K in Kind]: { readonly kind: K } & Facts[K] }[Kind];

/** Formats a duration in ms. */
type Format = (ms: number) => string;

/** Returns the sentence for an item. */
export const attentionMessage = <Kind extends AttentionKind>(item: Item<Kind>): string =>
  WORDS[item.kind](item, roughText).message;

/** Returns what to say of an item that petit returned. A newer petit can return other kinds; each has a sentence. */
export const attentionWords = <Kind extends AttentionKind>(
  item: Item<Kind> & { readonly message: string; readonly job_id: string | null },
  format: Format = roughText,
): AttentionWords => {
  if (Object.hasOwn(WORDS, item.kind)) return WORDS[item.kind](item, format);
  const { message, job_id: jobId } = item;
  const subject = jobId === null ? PETIT : ({ kind: "job", jobId } as const);
  return { subject, message, state: "", why: message, what: message, details: [], actions: [] };
};

const WORDS: { readonly [Kind in AttentionKind]: (item: Item<Kind>, format: Format) => AttentionWords } = {
  job_failing: (item) => {
    const { job_id: jobId, run_id: runId, count, flapping } = item;
    const times = count === 1 ? "failed" : `failed ${count} times in a row`;
    return {
      ...resultWords(item),
      message: `job '${jobId}' ${times}: ${failureClause(item.failure)}`,
      state: flapping ? flappingState(item) : count === 1 ? "failed" : `${count} in a row`,
      what: flapping ? `failed, as did ${recentText(item)}` : times,
      actions: [{ kind: "retry", jobId, runId }, logOf(item, failurePath(item.run_id, item.failure))],
    };
  },
  job_flapping: (item) => ({
    ...resultWords(item),
    message: `job '${item.job_id}' failed in ${item.recent_failures} of its last ${item.recent_runs} runs: ${failureClause(item.failure)}`,
    state: flappingState(item),
    what: `fails on and off: ${recentText(item)}`,
    actions: [logOf(item, failurePath(item.run_id, item.failure))],
  }),
  not_run_as_expected: (item) => {
    const { job_id: jobId, jobs, reason } = item;
    const { what, why } = unfiredText(item);
    const state = reason === "paused" || reason === "disabled" ? reason : "not run";
    if (jobId === null) {
      const those = pluralize(jobs, "job");
      return {
        subject: { kind: "petit", part: "Scheduler" },
        message: `the scheduler is paused: ${those} ${jobs === 1 ? "does" : "do"} not run${byText(item.paused_by)}`,
        state,
        why: `${those} ${jobs === 1 ? "does" : "do"} not run${byText(item.paused_by)}; 'petit resume' continues`,
        what: `is paused: ${those} ${jobs === 1 ? "does" : "do"} not run`,
        details: item.paused_by === null ? [] : [text(`paused by ${item.paused_by}`)],
        actions: [],
      };
    }
    return {
      subject: { kind: "job", jobId },
      message: `job '${jobId}' has not run as expected: ${what}: ${why}`,
      state,
      why: `${what}: ${why}`,
      what: `not run as expected: ${what}`,
      details: [text(why)],
      actions: [{ kind: "schedule", jobId }],
    };
  },
  job_stale: (item, format) => {
    const { job_id: jobId, waited_ms: waitedMs, success_within_ms: withinMs } = item;
    // After the clock was set back it would be less than what has passed for certain.
    const why = staleText(item, format(Math.max(waitedMs, withinMs)));
    return {
      subject: { kind: "job", jobId },
      message: `job '${jobId}' is stale: ${why}`,
      state: "stale",
      why,
      what: "is stale",
      details: [text(why)],
      actions: [],
    };
  },
  run_stuck: (item, format) => {
    const { job_id: jobId, run_id: runId, task_id: taskId } = item;
    const elapsed = format(item.elapsed_ms);
    const usual = item.usual_ms < 1_000 ? "less than a second" : format(item.usual_ms);
    const why = `runs for ${elapsed}, usually ${usual}${taskId === null ? "" : `; now in task ${taskId}`}`;
    return {
      subject: { kind: "job", jobId },
      message: `run ${shortRunId(runId)} of job '${jobId}' has been running for ${elapsed}; it usually takes ${usual}`,
      state: "stuck",
      why,
      line: `run ${shortRunId(runId)} ${why}`,
      what: `has been running for ${elapsed}, usually ${usual}`,
      details: [text(`run ${shortRunId(runId)}${taskId === null ? "" : `, waiting for ${taskId}`}`)],
      actions: [{ kind: "cancel", jobId, runId }, logOf(item, runPath(runId, { taskId }))],
    };
  },
  memory_near_limit: (item) => {
    const { job_id: jobId, run_id: runId, task_id: taskId, count } = item;
    const used = `${sizeOfLimitText(item.memory_peak_bytes, item.memory_limit_bytes)} of memory`;
    const runs = `${count >= MAX_NEAR_LIMIT_RUNS ? "at least " : ""}${count} runs in a row`;
    const limit = `at least ${NEAR_LIMIT * 100} % of its limit of memory`;
    return {
      subject: { kind: "job", jobId },
      message: `task '${taskId}' of job '${jobId}' used ${limit} in ${runs}, in the last one ${used}`,
      state: "near its limit",
      why: `task ${taskId} used ${used}, and ${limit} in ${runs}`,
      what: `used ${limit} in ${runs}`,
      details: [{ ...name(taskId), path: runPath(runId, { taskId }) }, text(`last ${used}`)],
      actions: [{ kind: "run", jobId, runId, taskId }],
    };
  },
  run_late: (item, format) => (item.cause === "warn_after" ? overdueWords : waitingWords)(item, format(item.waited_ms)),
  approval_needed: (item) => {
    const { job_id: jobId, run_id: runId, task_id: taskId, task_name: taskName = taskId, prompt } = item;
    const params = decidingParams(item);
    const label = taskLabel(taskName, taskId);
    const run = `in run ${shortRunId(runId)}${params === "" ? "" : ` (${params})`}`;
    const asks = `waits for approval ${run}${prompt === null ? "" : `: ${prompt}`}`;
    return {
      subject: { kind: "job", jobId },
      message: `task '${taskId}' of job '${jobId}' ${asks}`,
      state: "approval",
      why: `${label} ${asks}`,
      what: "waits for approval",
      details: [
        { ...name(label), path: runPath(runId, { taskId }) },
        text(prompt === null ? run : `${run}:`),
        ...(prompt === null ? [] : [text(prompt)]),
      ],
      actions: [
        { kind: "decide", task: { jobId, runId, taskId, taskName, prompt, params: paramsText(item.params ?? {}) } },
        { kind: "run", jobId, runId, taskId: null },
      ],
    };
  },
  worker_unreachable: ({ worker, lost, running: [first, ...others] }) => {
    const what = `unreachable${lost ? " for longer than lost_after" : ""}`;
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    const runs = `${others.length === 0 ? "runs" : "run"} there`;
    const why = first === undefined ? "nothing runs there" : `${first.task_id} of ${first.job_id}${more} ${runs}`;
    const whyLong = first === undefined ? why : `task '${first.task_id}' of job '${first.job_id}'${more} ${runs}`;
    return {
      subject: { kind: "worker", worker },
      message: `worker '${worker}' is ${what}; ${whyLong}`,
      state: lost ? "lost" : "unreachable",
      why,
      line: `${what}; ${why}`,
      what,
      details:
        first === undefined
          ? [text(why)]
          : [
              { ...name(first.task_id), path: runPath(first.run_id, { taskId: first.task_id }) },
              text(`of ${first.job_id}${more} ${runs}`),
            ],
      actions: [{ kind: "worker", worker }],
    };
  },
  worker_refused: ({ worker, reason, detail }) => {
    const why = `${WORKER_REFUSAL_TEXT[reason]}${detail === null ? "" : `: ${detail}`}`;
    return {
      subject: { kind: "worker", worker },
      message: `worker '${worker}' gets no work: ${why}`,
      state: "gets no work",
      why,
      line: `gets no work: ${why}`,
      what: `gets no work: ${WORKER_REFUSAL_TEXT[reason]}`,
      details: detail === null ? [] : [text(detail)],
      actions: [{ kind: "worker", worker }],
    };
  },
  no_worker: (item) => {
    const { job_id: jobId, run_id: runId, task_id: taskId, count } = item;
    const worker = waitsForText({ ...item, code: "worker", connected: 0 });
    const more = count === 1 ? "" : pluralize(count - 1, "more task");
    return {
      subject: { kind: "job", jobId },
      message: `task '${taskId}' of job '${jobId}'${count === 1 ? "" : ` (and ${count - 1} more)`} waits for ${worker}`,
      state: "no worker",
      why: `${taskId} waits for ${worker}${more === "" ? "" : `, and ${more}`}`,
      what: `waits for ${worker}`,
      details: [name(taskId), ...(more === "" ? [] : [text(`and ${more}`)])],
      actions: [{ kind: "workers" }, { kind: "run", jobId, runId, taskId }],
    };
  },
  nats_unreachable: ({ url, error }) => {
    const where = `${url}${error === null ? "" : `: ${error}`}`;
    return {
      subject: { kind: "petit", part: "NATS" },
      message: `petit does not reach NATS at ${where}; nothing new starts on workers`,
      state: "NATS unreachable",
      why: `nothing new starts on workers; ${where}`,
      line: `does not reach NATS at ${where}`,
      what: "unreachable, so nothing new starts on workers",
      details: [text(url), ...(error === null ? [] : [line(error)])],
      actions: [{ kind: "workers" }],
    };
  },
  transfer_blocked: ({ by, error, count, job_id: jobId, run_id: runId, task_id: taskId }) => {
    const waits = count === 1 ? " waits" : ` and ${count - 1} more wait`;
    const tasks = taskId === null ? "" : `; task '${taskId}' of job '${jobId}'${waits}`;
    return {
      subject: jobId === null ? { kind: "petit", part: "Workers" } : { kind: "job", jobId },
      message: `${BLOCKED_TEXT[by]}${tasks}: ${error}`,
      state: "blocked",
      why: `${BLOCKED_TEXT[by]}: ${error}`,
      what: BLOCKED_TEXT[by],
      details: [line(error)],
      actions: [{ kind: "workers" }, ...(runId === null ? [] : [{ kind: "run", jobId, runId, taskId: null } as const])],
    };
  },
  notifications_undelivered: ({ job_id: jobId, type, target, count, error }) => ({
    subject: jobId === null ? { kind: "petit", part: "Digest" } : { kind: "job", jobId },
    message:
      jobId === null
        ? `${pluralize(count, "digest")} could not be delivered to ${target}: ${error}`
        : `${pluralize(count, "notification")} of job '${jobId}' could not be delivered to ${target}: ${error}`,
    state: jobId === null ? `${pluralize(count, "digest")} undelivered` : `${count} undelivered`,
    why: `${target}: ${error}`,
    line: `not delivered to ${target}: ${error}`,
    what: `${pluralize(count, jobId === null ? "digest" : "notification")} not delivered`,
    details: [text(`${type} ${target}`), line(error)],
    actions: [{ kind: "notifications" }],
  }),
  heartbeat_failing: ({ url, error }) => ({
    subject: { kind: "petit", part: "Heartbeat" },
    message: `the heartbeat to ${url} fails: ${error}; petit itself works`,
    state: "heartbeat fails",
    why: `${url}: ${error}`,
    line: `the heartbeat to ${url} fails: ${error}`,
    what: "fails, although petit works",
    details: [text(url), line(error)],
    actions: [],
  }),
  traces_failing: ({ url, error, dropped }) => {
    const lost = dropped === 0 ? "" : `; ${pluralize(dropped, "span")} given up`;
    return {
      subject: { kind: "petit", part: "Traces" },
      message: `traces can't be sent to ${url}: ${error}${lost}; runs go on`,
      state: "traces not sent",
      why: `${url}: ${error}${lost}`,
      what: "can’t be sent",
      details: [text(url), line(error), ...(dropped === 0 ? [] : [text(`${pluralize(dropped, "span")} given up`)])],
      actions: [],
    };
  },
  backup_failed: ({ folder, fault, error, last_at: lastAt }) => {
    const last = lastAt === null ? null : new Date(lastAt).toISOString();
    return {
      subject: { kind: "petit", part: "Backups" },
      message: failedBackupMessage({ folder, fault, error, last }),
      state: "no backup",
      why: `${error}; ${BACKUP_ADVICE[fault]}`,
      what: last === null ? "failed, and there is no good one" : "failed",
      details: [line(error), text(BACKUP_ADVICE[fault])],
      actions: [],
    };
  },
  search_index_failing: ({ fault, error }) => ({
    subject: { kind: "petit", part: "Search" },
    message: `the index for searches can't be written: ${error}; ${INDEX_ADVICE[fault]}`,
    state: "index not written",
    why: `${error}; ${INDEX_ADVICE[fault]}`,
    what: "has an index that can’t be written",
    details: [line(error), text(INDEX_ADVICE[fault])],
    actions: [],
  }),
  trigger_failing: ({ job_id: jobId, trigger, fault, count, problem }) => {
    const name = trigger === null ? "" : ` '${trigger}'`;
    const times = count === 1 || isAboutFiles(fault) ? "" : ` (${count} times)`;
    const words = TRIGGER_FAULT_WORDS[fault];
    return {
      subject: { kind: "job", jobId },
      message: `${words.message(`the trigger${name} of job '${jobId}'`, times)}: ${problem}`,
      state: words.state,
      why: `trigger${name}${times}: ${problem}`,
      what: words.what(times),
      details: [...(trigger === null ? [] : [text(trigger)]), line(problem)],
      actions: [],
    };
  },
  internal_error: ({ job_id: jobId, run_id: runId, error }) => {
    const message = internalErrorMessage({ jobId, runId, error });
    const about =
      jobId === null
        ? { state: "internal error", what: "failed at something", message }
        : {
            ...(runId === null
              ? { state: "can't start", what: "can’t start on schedule" }
              : { state: "can't go on", what: "has a run that can’t go on" }),
            message: `${message}; it can't go on, and petit tries it again`,
          };
    return {
      ...about,
      subject: jobId === null ? PETIT : { kind: "job", jobId },
      why: error,
      details: [line(error)],
      actions: runId === null ? [] : [{ kind: "run", jobId, runId, taskId: null }],
    };
  },
  retention_undecided: ({ runs }) =>
    aboutPetit({
      message: `petit keeps ${pluralize(runs, "run")} that the default of a new database would delete: ${defaultRetention()}; choose with --retention-runs: default, all, or a number`,
      state: "old runs kept",
      what: `keeps ${pluralize(runs, "old run")}`,
    }),
  open_to_users: ({ accounts }) =>
    aboutPetit({
      message: `${openAccessMessage(accounts)}; ${OPEN_ACCESS_HINT}`,
      state: "open to users",
      what: "runs as root and requires no token",
    }),
  lost_processes: ({ count, processes: [first] }) => {
    const more = count === 1 ? "" : ` and ${count - 1} more`;
    const of = first?.job_id == null ? "" : ` of job '${first.job_id}'`;
    const runs = count === 1 ? "runs" : "run";
    return aboutPetit({
      message: `process ${first?.pid}${of}${more} still ${runs}, but the restored database does not know ${count === 1 ? "its run" : "their runs"}; ${LOST_PROCESSES_HINT}`,
      state: `${count} lost`,
      what: `does not know ${pluralize(count, "process group")} that still ${runs}`,
    });
  },
  limits_not_enforced: ({ count, job_ids: jobIds, limits, reason, advice }) => {
    const message = unenforcedText({ count, jobIds, limits, reason });
    return {
      ...aboutPetit({ message: `${message}; ${advice}`, state: "limits not enforced", what: message }),
      details: [text(advice)],
    };
  },
  job_file_broken: ({ file, line: row, column, path, problem, problems }) => {
    const first = `${path === "" ? "" : `${path}: `}${problem}`;
    const why = `${first}${problems === 1 ? "" : ` (and ${problems - 1} more)`}`;
    return {
      subject: { kind: "file", file, line: row, column },
      message: `job file is broken: ${file}:${row}:${column}: ${why}`,
      state: "broken file",
      why,
      line: `${row}:${column}: ${why}`,
      what: `has ${pluralize(problems, "problem")}`,
      details: [line(first)],
      actions: [{ kind: "problems" }],
    };
  },
  jobs_commit_refused: ({ in_use: inUse, ...item }) => {
    const { commit, author } = item;
    return {
      subject: JOB_FILES,
      message: refusedJobsMessage({ ...item, inUse }),
      state: "commit refused",
      why: refusedJobsText(item),
      what: `commit ${shortCommit(commit)} by ${author} is refused`,
      details: [text(usedUntilMendedText({ inUse })), line(refusedProblemText(item))],
      actions: [{ kind: "repository" }],
    };
  },
  jobs_repository_failed: ({ in_use: inUse, error }) => {
    const message = failedRepositoryMessage({ error, inUse });
    return {
      subject: JOB_FILES,
      message,
      state: "repository fails",
      why: message,
      what: "can’t be fetched from the repository",
      details: [text(usedMeanwhileText({ inUse })), line(error)],
      actions: [{ kind: "repository" }],
    };
  },
  commit_files_changed: ({ commit, count }) => {
    const times = count === 1 ? "" : ` ${count} times`;
    const changed = `files of commit ${shortCommit(commit)} were changed${times}, perhaps by a task`;
    return {
      subject: JOB_FILES,
      message: `${changed}; ${WRITTEN_AGAIN}`,
      state: "files changed",
      why: `${changed}; ${WRITTEN_AGAIN}`,
      what: changed,
      details: [text(WRITTEN_AGAIN)],
      actions: [{ kind: "repository" }],
    };
  },
  token_expiring: ({ token, expires_in_ms: expiresInMs, last_used_from: from }, format) => {
    const what = `expires in ${format(expiresInMs)}`;
    const use = `it is in use${from === null ? "" : `, last from ${from}`}`;
    return tokenWords({ token, what, why: `${use}; 'petit tokens rotate ${token}' replaces it`, state: "expires" });
  },
  token_expired: ({ token, count, last_refused_from: from }) => {
    const times = count === 1 ? "once" : `${count} times`;
    const what = `has expired, and was sent ${times} since`;
    const why = `${from === null ? "" : `last from ${from}; `}create another one, or 'petit tokens revoke ${token}'`;
    return tokenWords({ token, what, why, state: "expired" });
  },
  secret_unreadable: ({ key, problem }) => ({
    subject: { kind: "petit", part: key },
    message: `${key} can't be read again; ${LAST_IN_USE}: ${problem}`,
    state: "secret unreadable",
    why: `can't be read again; ${LAST_IN_USE}: ${problem}`,
    what: `can’t be read again; ${LAST_IN_USE}`,
    details: [line(problem)],
    actions: [],
  }),
};

const tokenWords = (words: Readonly<Record<"token" | "what" | "why" | "state", string>>): AttentionWords => {
  const { token, what, why, state } = words;
  return {
    subject: { kind: "petit", part: `Token ${token}` },
    message: `the token '${token}' ${what}; ${why}`,
    state,
    why: `${what}; ${why}`,
    what,
    details: [text(why)],
    actions: [{ kind: "tokens" }],
  };
};

const LAST_IN_USE = "the last one stays in use, but petit can't start without it";

const WRITTEN_AGAIN = "petit wrote them again before they were used";

const text = (content: string): AttentionDetail => ({ kind: "text", text: content });
const name = (content: string): AttentionDetail => ({ kind: "name", text: content });
const line = (content: string): AttentionDetail => ({ kind: "line", text: content });

const PETIT: AttentionSubject = { kind: "petit", part: "petit" };
const JOB_FILES: AttentionSubject = { kind: "petit", part: "Job files" };

/** Returns the words about petit itself. The sentence explains them. */
const aboutPetit = ({ message, state, what }: Pick<AttentionWords, "message" | "state" | "what">): AttentionWords => ({
  subject: PETIT,
  message,
  state,
  why: message,
  what,
  details: [line(message)],
  actions: [],
});

const logOf = ({ job_id: jobId, run_id: runId }: OfRun, path: string): AttentionAction => ({
  kind: "log",
  jobId,
  runId,
  path,
});

const flappingState = ({ recent_failures, recent_runs }: Results): string =>
  `flapping, ${recent_failures} of ${recent_runs}`;

const recentText = ({ recent_failures, recent_runs }: Results): string =>
  `${recent_failures} of the last ${recent_runs} runs`;

/** Returns why a run failed, as a clause. */
const failureClause = ({ task_id, more_tasks, reason, error }: Results["failure"]): string => {
  const why = error ?? (reason === null ? "for an unknown reason" : REASON_TEXT[reason]);
  return task_id === null ? why : `task '${task_id}' failed: ${why}${moreText(more_tasks ?? 0)}`;
};

/** Returns the words about a failed run: its task, how that ended, and the last line that it wrote, which explains no error of petit. */
const resultWords = ({
  job_id: jobId,
  run_id: runId,
  failure,
}: OfRun & Results): Pick<AttentionWords, "subject" | "why" | "line" | "details"> => {
  const path = failurePath(runId, failure);
  const words = failureWords(failure);
  const { task, line } = words;
  const end = `${words.reason}${words.more}`;
  return {
    subject: { kind: "job", jobId },
    why: `${task === null ? "" : `${task}: `}${end}${line === null ? "" : ` │ ${line}`}`,
    line: failureText(words),
    details: [
      ...(task === null ? [] : [{ ...name(task), path }]),
      text(end),
      ...(line === null ? [] : [{ kind: "output", text: line, path } as const]),
    ],
  };
};

const MAX_PARAMS = 100;

/** Returns the params that differ from those of other runs that wait for a person; if none differ, all params of the run. */
const decidingParams = ({ params = {}, differing_params: differing = [] }: Item<"approval_needed">): string => {
  const all = Object.entries(params);
  const chosen = differing.length === 0 ? all : all.filter(([key]) => differing.includes(key));
  return shorten(paramsText(Object.fromEntries(chosen)), MAX_PARAMS);
};

type LateItem = Item<"run_late">;

/** Returns the words about runs that have not ended within `warn_after`. */
const overdueWords = (item: LateItem, waited: string): AttentionWords => {
  const { job_id: jobId, run_id: runId, count } = item;
  const one = `a run of job '${jobId}' is late: it was due ${waited} ago`;
  const several = `${count} runs of job '${jobId}' are late, the first was due ${waited} ago`;
  const more = count === 1 ? "" : `, and ${pluralize(count - 1, "more late run")}`;
  return {
    ...lateWords(item, count === 1 ? one : several),
    why: `was due ${waited} ago and has not ended${more}`,
    what: `${pluralize(count, "run")} late, ${count === 1 ? "" : "the first "}due ${waited} ago`,
    actions: [{ kind: "cancel", jobId, runId }, logOf(item, runPath(runId))],
  };
};

/** Returns the words about runs that have been waiting to start for too long. */
const waitingWords = (item: LateItem, waited: string): AttentionWords => {
  const { job_id: jobId, count, waits_for: waitsFor } = item;
  const one = `a run of job '${jobId}' has been waiting to start for ${waited}`;
  const several = `${count} runs of job '${jobId}' are waiting to start, the first for ${waited}`;
  const more = count === 1 ? "" : `, and ${pluralize(count - 1, "more run")}`;
  return {
    ...lateWords(item, count === 1 ? one : several),
    why: `has waited ${waited} ${waitsFor == null ? "to start" : `for ${waitsForText(waitsFor)}`}${more}`,
    what: `${pluralize(count, "run")} waiting${count === 1 ? "" : ", the first"} for ${waited}`,
    actions: [{ kind: "waiting_runs", jobId }],
  };
};

const lateWords = ({ job_id: jobId, waits_for: waitsFor }: LateItem, what: string) => {
  const waits = waitsFor == null ? null : `waits for ${waitsForText(waitsFor)}`;
  return {
    subject: { kind: "job", jobId },
    message: `${what}${waits === null ? "" : `; it ${waits}`}`,
    state: "late",
    details: waits === null ? [] : [text(waits)],
  } as const satisfies Partial<AttentionWords>;
};

/** What the default of a new database deletes. */
/** Formatted when it is needed: the first number that a browser formats takes it 20 ms. */
const defaultRetention = (): string =>
  `older than ${RECENT.days} days and beyond the newest ${RECENT.runs.toLocaleString("en-US")} of their job`;

/** Returns what is wrong with a petit of root that requires no token. */
export const openAccessMessage = (accounts: number): string =>
  `petit runs as root and requires no token: ${pluralize(accounts, "other user")} of this machine can run programs as root`;

/** How to change that. */
export const OPEN_ACCESS_HINT = "create a token with 'petit token FILE' and start petit with --token-file FILE";

/** What to do about processes that outlived a restore. */
const LOST_PROCESSES_HINT = "wait for the end, or end what runs with 'petit doctor --end-strays --db FILE'";

/** What can keep attempts from reaching a worker, or from ending, as a clause. */
export const BLOCKED_TEXT = {
  nats: "NATS does not store what goes to workers or comes from them",
  disk: "petit's disk has no room for artifacts that workers have",
} as const satisfies Record<Blocked["by"], string>;

/** The count of such a fault is that of folders or files. */
const isAboutFiles = (fault: FailingTrigger["fault"]): boolean =>
  fault === "folder_missing" ||
  fault === "folder_unreadable" ||
  fault === "file_unreadable" ||
  fault === "too_many_files";

type TriggerFaultWords = {
  readonly message: (which: string, times: string) => string;
  readonly state: string;
  readonly what: (times: string) => string;
};

const TRIGGER_FAULT_WORDS = {
  secret_unreadable: {
    message: (which, times) => `webhooks of ${which} are refused${times}: its secret can't be read`,
    state: "no secret",
    what: (times) => `refuses webhooks${times}, because a secret can’t be read`,
  },
  invalid_params: {
    message: (which, times) => `deliveries to ${which} start no run${times}`,
    state: "invalid params",
    what: (times) => `gets events that start no run${times}`,
  },
  folder_missing: {
    message: (which) => `${which} may miss files`,
    state: "no folder",
    what: () => "may miss files, because a folder is missing",
  },
  folder_unreadable: {
    message: (which) => `${which} may miss files`,
    state: "unreadable folder",
    what: () => "may miss files, because a folder can’t be read",
  },
  file_unreadable: {
    message: (which) => `${which} does not start for all files`,
    state: "unreadable file",
    what: () => "starts no run for a file, because it can’t be read or its name is not UTF-8",
  },
  too_many_files: {
    message: (which) => `${which} does not see all files`,
    state: "too many files",
    what: () => "does not see all files, because there are too many",
  },
  stream_missing: {
    message: (which) => `${which} receives no messages`,
    state: "no stream",
    what: () => "receives no messages, because their stream is missing",
  },
  nats_refused: {
    message: (which) => `${which} receives no messages, because NATS refuses it`,
    state: "refused by NATS",
    what: () => "receives no messages, because NATS refuses it",
  },
  nats_disconnected: {
    message: (which) => `${which} receives no messages`,
    state: "no NATS",
    what: () => "receives no messages, because NATS does not answer",
  },
} as const satisfies Record<FailingTrigger["fault"], TriggerFaultWords>;

/** What can be wrong with a trigger. */
export const TRIGGER_FAULT_TEXT = {
  secret_unreadable: "the secret of the webhook is missing, empty or can't be read",
  invalid_params: "the params do not fit those of the job",
  folder_missing: "a folder that is watched for files is missing",
  folder_unreadable: "a folder that is watched for files can't be read",
  file_unreadable:
    "a file can't be read whose content identifies it (`identity: content`), or the name of a file or folder is not UTF-8",
  too_many_files: "the patterns match more files or folders than petit watches",
  stream_missing: "NATS has no such stream",
  nats_refused: "NATS does not allow petit to receive the messages of the stream",
  nats_disconnected: "petit has not been connected to NATS, or the stream has not answered, for more than 10 seconds",
} as const satisfies Record<FailingTrigger["fault"], string>;

/** What each urgency means. */
export const URGENCY_TEXT = {
  decision: "a run waits for a person",
  critical: "it is about a job with the tag `critical`",
  problem: "anything else",
  low: "a person decided it: a job is paused or disabled",
} as const satisfies Record<Urgency, string>;

/** What each kind means, as a sentence without its full stop. */
export const ATTENTION_TEXT = {
  job_failing:
    "The newest ended run of a job failed or was interrupted, cancelled runs aside; ends when a run completes or the job is removed",
  job_flapping:
    "The newest run of a job completed, but its last 10 results changed between success and failure at least 4 times",
  not_run_as_expected:
    "The last 3 occurrences of a job or more were skipped or missed, or the job or the scheduler (`job_id` is null) has been paused for more than a day; occurrences on excepted dates do not count. Ends when an occurrence starts a run, or when the job is resumed or enabled",
  job_stale:
    "No run of a job has completed within the time of its `expect`; ends when a run completes, or when the job no longer expects it",
  run_stuck:
    "A run has been running for more than three times the usual duration of its job, and for a minute longer than nearly all of its last 20 completed runs",
  memory_near_limit:
    "A task used at least 90 % of its limit of memory in 3 runs in a row; ends when it uses less in a run, or has no limit there",
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
    "Notifications of a job, or digests (`job_id` is null), could not be delivered to a receiver; ends when one arrives, when the job no longer names the receiver, or an hour after the last one was given up",
  heartbeat_failing:
    "The URL of `heartbeat` in the configuration file does not accept the last ping; ends when it accepts one",
  traces_failing:
    "The receiver of traces has been away, or has refused what it gets, for 5 minutes or more; ends when it accepts spans",
  backup_failed:
    "The last backup of the database failed; petit tries again. Ends with the next good one, also of `petit backup`",
  search_index_failing:
    "The index for searches in the output can't be written; searches still find everything, but take longer. petit tries again soon",
  trigger_failing:
    "A trigger starts no runs, or not all: the secret of its webhook can't be read, or the params of its deliveries do not fit those of the job, until the next one is accepted; or a folder that it watches is missing or can't be read, or has too many files, a file can't be read, or a name is not UTF-8, or NATS sends it no messages, until that is over",
  internal_error:
    "A run, or the occurrences of a job, can't go on because of an error of petit itself; petit tries it again, and a run can be cancelled. Or nothing handled an error of petit in the last hour (`job_id` is null)",
  retention_undecided:
    "The database was made when petit kept all runs, and has some that the default would delete today; ends when `retention_runs` or `retention_days` is set, also to `all` or `default`",
  open_to_users:
    "petit runs as root and its API requires no token, on a machine that other users can log in to; ends when petit requires a token",
  lost_processes:
    "Processes still run whose runs the database does not know, because it was restored from an older copy; they keep the places of their runs. Ends with them, also by `petit doctor --end-strays`",
  limits_not_enforced:
    "Jobs have limits of memory, processors or processes that this machine does not enforce; their tasks run without them. Ends when petit is started where it can create cgroups, or when no job has such limits, or only with `enforce: best_effort`",
  job_file_broken: "A job file has problems; its jobs keep their last good version",
  jobs_commit_refused:
    "A commit of the repository of the job files has problems; the commit in use stays. Ends with a commit that has none, or when another one is chosen",
  jobs_repository_failed:
    "The repository of the job files can't be read; the commit in use stays. Ends when it can be read",
  commit_files_changed:
    "Somebody, perhaps a task, changed files of a commit in petit's folder, and petit wrote them again. Ends an hour after the last time",
  token_expiring:
    "A stored token that was used in the last 30 days expires within 7 days. Ends when it has expired, or was rotated or revoked. Only admins see it",
  token_expired:
    "A stored token has expired, and somebody still sends it. Ends a day after the last time, or when it is revoked. Only admins see it",
  secret_unreadable:
    "A secret of `auth` in the configuration file can't be read again; the last one stays in use. Ends when it can be read. Only admins see it",
} as const satisfies Record<AttentionKind, string>;
