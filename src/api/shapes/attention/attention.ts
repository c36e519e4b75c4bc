import { type TSchema, t } from "elysia";
import {
  ATTENTION_SEVERITIES,
  ATTENTION_SEVERITY,
  type AttentionKind,
  byAttentionKind,
  LATE_CAUSES,
  type LostProcessGroup,
  TRIGGER_FAULTS,
} from "../../../domain/attention.ts";
import { BACKUP_FAULTS } from "../../../domain/backup/state.ts";
import type { AttentionEntry, AttentionList } from "../../../domain/inbox/entry.ts";
import { URGENCIES } from "../../../domain/inbox/order.ts";
import { TASK_TYPES } from "../../../domain/job.ts";
import { CGROUP_LIMITS } from "../../../domain/limits/task-limits.ts";
import { NOTIFY_TYPES, receiverText } from "../../../domain/notification.ts";
import { ROLES } from "../../../domain/people/role.ts";
import { INDEX_FAULTS } from "../../../domain/search/index-fault.ts";
import {
  ATTENTION_TEXT,
  attentionMessage,
  BLOCKED_TEXT,
  TRIGGER_FAULT_TEXT,
  URGENCY_TEXT,
} from "../../../domain/words/attention.ts";
import { WORKER_REFUSAL_TEXT } from "../../../domain/words/worker.ts";
import { BLOCKERS } from "../../../domain/workers/waiting.ts";
import { REFUSED_HELLOS } from "../../../domain/workers/worker.ts";
import { assertNever } from "../../../lib/never.ts";
import {
  DrainedWorkersBody,
  drainedBody,
  RefusedWorkersBody,
  refusedBody,
  WaitsForOrNull,
  waitsForBody,
} from "../limits/waits-for.ts";
import {
  Count,
  exactly,
  instant,
  instantOrNull,
  integer,
  JobIdText,
  meanings,
  nullable,
  RunIdText,
  TaskIdText,
  word,
} from "../schemas.ts";
import { WorkerAttemptBody, workerAttemptBody } from "../workers/worker.ts";
import { ConsequencesBody, consequencesBody } from "./consequences.ts";
import { MARK_EXAMPLE, markBody, markFields } from "./mark.ts";
import { RunFailureBody, runFailureBody } from "./run-failure.ts";
import { ShutGatesBody, shutGatesBody, unfiredBody, unfiredFields } from "./unfired.ts";

const positive = (description: string) => integer({ minimum: 1, description });
const duration = (description: string) => integer({ minimum: 0, description: `${description}, in ms` });

/** The schema of one kind. Every kind has the same first fields. */
const kindOf = <const Kind extends AttentionKind, const Fields extends Record<string, TSchema>>(
  kind: Kind,
  since: string,
  fields: Fields,
  documentation: { readonly title: string; readonly examples?: readonly unknown[] },
) =>
  exactly(
    {
      id: t.String({ description: "Stays the same as long as it needs attention, also over a restart" }),
      kind: t.Literal(kind),
      urgency: word(URGENCIES, meanings(URGENCY_TEXT)),
      severity: word(
        ATTENTION_SEVERITIES,
        "`error`: something does not work · `warning`: something may not work, or not in time",
      ),
      since: instant(since),
      message: t.String({ description: "What is wrong, as a sentence" }),
      ...markFields,
      consequences: ConsequencesBody,
      consequence_count: integer({
        minimum: 0,
        description: "Number of consequences, also of those that are not listed",
      }),
      ...fields,
    },
    { description: ATTENTION_TEXT[kind], ...documentation },
  );

const resultFields = {
  job_id: JobIdText,
  run_id: RunIdText,
  recent_runs: positive("Number of the newest runs that ended and were not cancelled, at most 10"),
  recent_failures: positive("How many of those failed or were interrupted"),
  failure: RunFailureBody,
  child_jobs: t.Array(JobIdText, {
    description: "Failing jobs that have no entry of their own, because this one failed because of theirs",
  }),
};

const RESULT_EXAMPLE = {
  job_id: "data_pipeline",
  run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
  recent_runs: 10,
  recent_failures: 3,
  child_jobs: [],
  failure: {
    task_id: "extract",
    item: null,
    attempt: 1,
    reason: "exit_code",
    exit_code: 1,
    signal: null,
    error: "exit code 1",
    cause: {
      seq: 42,
      stream: "stderr",
      text: "ConnectionError: db.example.com refused the connection",
      context: [],
      child: null,
    },
    last_line: { seq: 44, stream: "stderr", text: "rolled back" },
  },
};

const JobFailing = kindOf(
  "job_failing",
  "End of the first failed run in a row",
  {
    ...resultFields,
    count: positive("Number of failed runs in a row that are still stored, at most 20,000"),
    flapping: t.Boolean({
      description: "True if the last 10 results changed between success and failure at least 4 times",
    }),
  },
  {
    title: "JobFailing",
    examples: [
      {
        id: "job_failing:data_pipeline",
        kind: "job_failing",
        urgency: "problem",
        severity: "error",
        since: 1767225600042,
        message: "job 'data_pipeline' failed 3 times in a row: task 'extract' failed: exit code 1",
        ...MARK_EXAMPLE,
        consequences: [],
        consequence_count: 0,
        ...RESULT_EXAMPLE,
        count: 3,
        flapping: false,
      },
    ],
  },
);

const JobFlapping = kindOf("job_flapping", "End of the first failed run among the recent ones", resultFields, {
  title: "JobFlapping",
});

const NotRunAsExpected = kindOf(
  "not_run_as_expected",
  "When the first of these occurrences was due; of a pause without occurrences, when it began",
  {
    job_id: nullable(JobIdText, "The job; null for all that do not run because the scheduler is paused"),
    run_id: t.Null({ description: "Always null" }),
    jobs: integer({ minimum: 0, description: "Number of jobs: 1, or those that do not run because of the scheduler" }),
    ...unfiredFields,
    gates: ShutGatesBody,
  },
  { title: "NotRunAsExpected" },
);

const JobStale = kindOf(
  "job_stale",
  "When petit noticed that no run had completed in time",
  {
    job_id: JobIdText,
    run_id: t.Null({ description: "Always null" }),
    success_within_ms: positive("The time of `expect`, in ms"),
    last_success_at: instantOrNull("End of the last completed run; null if none is known"),
    waited_ms: duration("How long ago that was; without a completed run, how long one has been expected"),
  },
  { title: "JobStale" },
);

const RunStuck = kindOf(
  "run_stuck",
  "When the run exceeded the duration after which it counts as stuck",
  {
    job_id: JobIdText,
    run_id: RunIdText,
    task_id: nullable(TaskIdText, "The running task that started first; null if none is running"),
    elapsed_ms: duration("How long the run has been running"),
    usual_ms: duration("Median duration of the last 20 completed runs of the job"),
  },
  { title: "RunStuck" },
);

const MemoryNearLimit = kindOf(
  "memory_near_limit",
  "When the first of these runs ended",
  {
    job_id: JobIdText,
    run_id: RunIdText,
    task_id: TaskIdText,
    count: positive("Number of runs in a row, at most 20; `run_id` is the newest"),
    memory_peak_bytes: integer({
      minimum: 0,
      description: "The peak of memory of an attempt of the task in that run, in bytes",
    }),
    memory_limit_bytes: integer({ minimum: 1, description: "The limit of memory of that attempt, in bytes" }),
  },
  { title: "MemoryNearLimit" },
);

const RunLate = kindOf(
  "run_late",
  "When the run began to wait, or became late",
  {
    job_id: JobIdText,
    run_id: RunIdText,
    cause: word(LATE_CAUSES, "`slot`: it waits to start · `warn_after`: it is unfinished for so long after it was due"),
    count: positive("Number of such runs of the job; `run_id` is the first"),
    waited_ms: duration("How long that run has waited, or how long ago it was due"),
    waits_for: WaitsForOrNull,
  },
  { title: "RunLate" },
);

const ApprovalNeeded = kindOf(
  "approval_needed",
  "When it began to wait",
  {
    job_id: JobIdText,
    run_id: RunIdText,
    task_id: TaskIdText,
    task_name: t.String({ description: "Name of the task; its id if it has none" }),
    prompt: nullable(t.String(), "What it asks"),
    params: t.Record(t.String(), t.String(), { description: "Values of the params of the run" }),
    differing_params: t.Array(t.String(), {
      description: "Names of the params that have another value in another run of the job that waits for a person",
    }),
  },
  { title: "ApprovalNeeded" },
);

const WorkerUnreachable = kindOf(
  "worker_unreachable",
  "When petit last heard of it",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    worker: t.String({ description: "Name of the worker" }),
    lost: t.Boolean({ description: "True if it is unreachable for longer than `lost_after`" }),
    running: t.Array(WorkerAttemptBody, { description: "The attempts that it has claimed, oldest first" }),
  },
  { title: "WorkerUnreachable" },
);

const NoWorker = kindOf(
  "no_worker",
  "When the first of these attempts began to wait",
  {
    job_id: JobIdText,
    run_id: RunIdText,
    task_id: TaskIdText,
    labels: t.Array(t.String(), { description: "The labels that a worker must have, sorted" }),
    type: nullable(
      word(TASK_TYPES),
      "The type of the tasks, if a connected worker has the labels but does not allow it; otherwise null",
    ),
    refused: RefusedWorkersBody,
    drained: DrainedWorkersBody,
    count: positive("Number of attempts that wait for such a worker; job, run and task are of the first"),
  },
  { title: "NoWorker" },
);

const WorkerRefused = kindOf(
  "worker_refused",
  "Since when it gets no work for this reason",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    worker: t.String({ description: "Name of the worker" }),
    reason: word(REFUSED_HELLOS, meanings(WORKER_REFUSAL_TEXT)),
    detail: nullable(t.String(), "What the worker says about it; null if nothing"),
  },
  { title: "WorkerRefused" },
);

const TransferBlocked = kindOf(
  "transfer_blocked",
  "Since when nothing is stored",
  {
    job_id: nullable(JobIdText, "The job of the attempt that waits longest; null if none waits"),
    run_id: nullable(RunIdText, "Its run"),
    task_id: nullable(TaskIdText, "Its task"),
    by: word(BLOCKERS, meanings(BLOCKED_TEXT)),
    error: t.String({ description: "What NATS or the system says" }),
    count: integer({ minimum: 0, description: "Number of attempts that wait for it" }),
  },
  { title: "TransferBlocked" },
);

const NatsUnreachable = kindOf(
  "nats_unreachable",
  "When petit lost the connection",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    url: t.String({ description: "Address of NATS, without a password" }),
    error: nullable(t.String(), "Why petit is not connected; null if that is unknown"),
  },
  { title: "NatsUnreachable" },
);

const TargetUndelivered = kindOf(
  "notifications_undelivered",
  "When the oldest of these notifications was queued",
  {
    job_id: nullable(JobIdText, "The job; null for digests"),
    run_id: t.Null({ description: "Always null" }),
    type: word(NOTIFY_TYPES, "Protocol of the receiver"),
    target: t.String({ description: "Receiver, with secrets hidden, as in `notify` of the job" }),
    count: positive("Number of notifications that wait or were given up"),
    error: t.String({ description: "Error of the last attempt that failed" }),
  },
  { title: "TargetUndelivered" },
);

const HeartbeatFailing = kindOf(
  "heartbeat_failing",
  "When the first of these pings failed",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    url: t.String({ description: "The URL, with secrets hidden" }),
    error: t.String({ description: "Why the last ping failed" }),
  },
  { title: "HeartbeatFailing" },
);

const TracesFailing = kindOf(
  "traces_failing",
  "When the first of these attempts failed",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    url: t.String({ description: "Where traces are sent, without what may be secret" }),
    error: t.String({ description: "Why the last attempt failed" }),
    dropped: integer({ minimum: 0, description: "Number of spans that were given up since the start of petit" }),
  },
  { title: "TracesFailing" },
);

const BackupFailed = kindOf(
  "backup_failed",
  "When the first of these backups failed",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    folder: t.String({ description: "Folder of the backups" }),
    fault: word(BACKUP_FAULTS, "What is wrong"),
    error: t.String({ description: "Why the last backup failed" }),
    last_at: instantOrNull("When the last good backup was made; null if there is none"),
  },
  { title: "BackupFailed" },
);

const SearchIndexFailing = kindOf(
  "search_index_failing",
  "When it failed first",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    fault: word(INDEX_FAULTS, "What is wrong"),
    error: t.String({ description: "Why it could not be written" }),
  },
  { title: "SearchIndexFailing" },
);

const TriggerFailing = kindOf(
  "trigger_failing",
  "When the first one of these webhooks or deliveries came, or when petit noticed it",
  {
    job_id: JobIdText,
    run_id: t.Null({ description: "Always null" }),
    trigger: nullable(
      t.String(),
      "Name of the trigger, or the job that it follows, or its stream; null if it has none",
    ),
    fault: word(TRIGGER_FAULTS, meanings(TRIGGER_FAULT_TEXT)),
    count: positive(
      "Number of webhooks or deliveries in a row; for `secret_unreadable` since the start of petit; of folders or files, how many; of NATS always 1",
    ),
    problem: t.String({ description: "What is wrong with the last one, as a sentence" }),
  },
  { title: "TriggerFailing" },
);

const InternalErrorBody = kindOf(
  "internal_error",
  "When the error happened first; if it is about no job, when the last one happened",
  {
    job_id: nullable(JobIdText, "Job at which petit failed; null if it failed at something else"),
    run_id: nullable(
      RunIdText,
      "Run that can't go on; null if it is about the occurrences of the job, or about no job",
    ),
    error: t.String({ description: "The error, as a sentence" }),
  },
  { title: "InternalErrorAttention" },
);

const RetentionUndecided = kindOf(
  "retention_undecided",
  "When petit first found such runs since its start",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    runs: positive("How many runs; of each job, about the first 5,000 are counted"),
  },
  { title: "RetentionUndecided" },
);

const OpenToUsers = kindOf(
  "open_to_users",
  "When petit was started",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    accounts: positive("How many other accounts of the machine people can log in with"),
  },
  { title: "OpenToUsers" },
);

const LostProcessBody = exactly(
  {
    pid: positive("Id of the process group, which is the pid of its first process"),
    job_id: nullable(JobIdText, "Its job; null if that is unknown"),
    run_id: nullable(RunIdText, "Its run, which petit does not know; null if that is unknown"),
  },
  { title: "LostProcess", description: "A process group of a run that the database does not know" },
);

const LostProcessesBody = kindOf(
  "lost_processes",
  "When petit was started",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    count: positive("Number of process groups"),
    processes: t.Array(LostProcessBody, { description: "At most 100 of them, the oldest first" }),
  },
  { title: "LostProcesses" },
);

const LimitsNotEnforcedBody = kindOf(
  "limits_not_enforced",
  "When petit was started",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    count: positive("Number of jobs with such limits"),
    job_ids: t.Array(JobIdText, { description: "At most 100 of them" }),
    limits: t.Array(word(CGROUP_LIMITS), { description: "The limits that are not enforced" }),
    reason: t.String({ description: "Why, in words that follow `because`" }),
    advice: t.String({ description: "What to do about it" }),
  },
  { title: "LimitsNotEnforced" },
);

const FileBroken = kindOf(
  "job_file_broken",
  "When petit first read the file with problems; the start of petit at the earliest",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    file: t.String({ description: "Path of the file, relative to JOBS_DIR" }),
    line: positive("Line of the first problem, from 1"),
    column: positive("Column of the first problem, from 1"),
    path: t.String({ description: "Path of the field that the first problem is about; empty for the file as a whole" }),
    problem: t.String({ description: "The first problem, as a sentence" }),
    problems: positive("Number of problems in the file"),
  },
  { title: "FileBroken" },
);

const inUse = nullable(t.String(), "The commit that is in use; null if there is none");

const JobsCommitRefused = kindOf(
  "jobs_commit_refused",
  "When petit refused the commit; the start of petit at the earliest",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    commit: t.String({ description: "Id of the commit" }),
    author: t.String({ description: "Who made the commit" }),
    in_use: inUse,
    problem: t.String({ description: "The first problem, with its place" }),
    problems: positive("Number of problems; `/api/job-repository` lists them"),
  },
  { title: "CommitRefused" },
);

const JobsRepositoryFailed = kindOf(
  "jobs_repository_failed",
  "When it failed first; the start of petit at the earliest",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    in_use: inUse,
    error: t.String({ description: "Why it failed, as a sentence" }),
  },
  { title: "RepositoryFailed" },
);

const CommitFilesChanged = kindOf(
  "commit_files_changed",
  "When petit noticed it first; the start of petit at the earliest",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    commit: t.String({ description: "Id of the commit" }),
    count: positive("How often petit has noticed it since"),
  },
  { title: "CommitFilesChanged" },
);

const ofToken = {
  job_id: t.Null({ description: "Always null" }),
  run_id: t.Null({ description: "Always null" }),
  token: t.String({ description: "Name of the token" }),
  role: word(ROLES, "Role of the token"),
};

const TokenExpiring = kindOf(
  "token_expiring",
  "A week before it expires, or when it was created",
  {
    ...ofToken,
    expires_at: instant("When it expires"),
    expires_in_ms: positive("How long it is still valid, in ms"),
    last_used_at: instant("When it was last used, to within a minute"),
    last_used_from: nullable(t.String(), "The address that used it last; null if that is not known"),
  },
  { title: "TokenExpiring" },
);

const TokenExpired = kindOf(
  "token_expired",
  "When it expired",
  {
    ...ofToken,
    expires_at: instant("When it expired"),
    count: positive("How often it was refused since, to within a minute"),
    last_refused_at: instant("When it was refused last, to within a minute"),
    last_refused_from: nullable(t.String(), "The address that sent it last; null if that is not known"),
  },
  { title: "TokenExpired" },
);

const SecretUnreadable = kindOf(
  "secret_unreadable",
  "When petit noticed it",
  {
    job_id: t.Null({ description: "Always null" }),
    run_id: t.Null({ description: "Always null" }),
    key: t.String({ description: "Its key in the configuration file", examples: ["auth.proxy.secret"] }),
    problem: t.String({ description: "Why it can't be read" }),
  },
  { title: "SecretUnreadable" },
);

export const AttentionBody = t.Union(
  [
    JobFailing,
    JobFlapping,
    NotRunAsExpected,
    JobStale,
    RunStuck,
    MemoryNearLimit,
    RunLate,
    ApprovalNeeded,
    WorkerUnreachable,
    WorkerRefused,
    NoWorker,
    NatsUnreachable,
    TransferBlocked,
    TargetUndelivered,
    HeartbeatFailing,
    TracesFailing,
    BackupFailed,
    SearchIndexFailing,
    TriggerFailing,
    InternalErrorBody,
    RetentionUndecided,
    OpenToUsers,
    LostProcessesBody,
    LimitsNotEnforcedBody,
    FileBroken,
    JobsCommitRefused,
    JobsRepositoryFailed,
    CommitFilesChanged,
    TokenExpiring,
    TokenExpired,
    SecretUnreadable,
  ],
  {
    title: "Attention",
    description: `Something that a person should look at; clients should show kinds that they don't know by their \`message\`. ${meanings(ATTENTION_TEXT)}`,
  },
);

export const AttentionCounts = exactly(
  byAttentionKind((kind) => integer({ minimum: 0, description: `Number of \`${kind}\`` })),
  { title: "AttentionCounts", description: "How much there is of each kind, also of what is not among the items" },
);

export const AttentionListBody = exactly(
  {
    items: t.Array(AttentionBody, {
      description:
        "Decisions first, the oldest first; then critical jobs; then the rest. Errors before warnings, then by priority of the job, failed runs in a row, and the newest first",
    }),
    count: Count,
    counts: AttentionCounts,
    handled: integer({ minimum: 0, description: "How many are acknowledged or snoozed; these come last" }),
  },
  { title: "AttentionList" },
);

export const attentionList = ({ items, counts, handled }: AttentionList): typeof AttentionListBody.static => ({
  items: items.map(attentionEntry),
  count: items.length,
  counts: { ...counts },
  handled,
});

export const attentionEntry = (item: AttentionEntry): typeof AttentionBody.static => {
  const body = attentionBody(item);
  return { ...body, message: attentionMessage(body) };
};

/** Returns an item without its sentence, which is made from the other fields. */
const attentionBody = (item: AttentionEntry): typeof AttentionBody.static => {
  const { id, urgency } = item;
  const common = {
    id,
    urgency,
    ...markBody(item),
    ...consequencesBody(item),
    severity: ATTENTION_SEVERITY[item.kind],
    since: item.since,
    message: "",
  };
  switch (item.kind) {
    case "job_failing":
      return { kind: item.kind, ...common, ...resultBody(item), count: item.count, flapping: item.flapping };
    case "job_flapping":
      return { kind: item.kind, ...common, ...resultBody(item) };
    case "not_run_as_expected": {
      const { kind, jobId, jobs, pause, gates } = item;
      const why = {
        ...unfiredBody(item, { pause, isOfScheduler: jobId === null || pause === null }),
        gates: shutGatesBody(gates),
      };
      return { kind, ...common, job_id: jobId, run_id: null, jobs, ...why };
    }
    case "job_stale": {
      const { kind, jobId, withinMs, lastSuccessAt, waitedMs } = item;
      const expected = { success_within_ms: withinMs, last_success_at: lastSuccessAt, waited_ms: Math.round(waitedMs) };
      return { kind, ...common, job_id: jobId, run_id: null, ...expected };
    }
    case "run_stuck":
      return {
        kind: item.kind,
        ...common,
        job_id: item.jobId,
        run_id: item.runId,
        task_id: item.taskId,
        elapsed_ms: Math.round(item.elapsedMs),
        usual_ms: item.usualMs,
      };
    case "memory_near_limit":
      return {
        kind: item.kind,
        ...common,
        job_id: item.jobId,
        run_id: item.runId,
        task_id: item.taskId,
        count: item.count,
        memory_peak_bytes: item.peakBytes,
        memory_limit_bytes: item.limitBytes,
      };
    case "run_late":
      return {
        kind: item.kind,
        ...common,
        job_id: item.jobId,
        run_id: item.runId,
        cause: item.cause,
        count: item.count,
        waited_ms: Math.round(item.waitedMs),
        waits_for: waitsForBody(item.waitsFor),
      };
    case "approval_needed": {
      const { kind, jobId, runId, taskId, name, prompt, params, differing } = item;
      const which = { params: { ...params }, differing_params: [...differing] };
      return { kind, ...common, job_id: jobId, run_id: runId, task_id: taskId, task_name: name, prompt, ...which };
    }
    case "worker_unreachable": {
      const { kind, worker, isLost, attempts } = item;
      return { kind, ...common, ...NOTHING, worker, lost: isLost, running: attempts.map(workerAttemptBody) };
    }
    case "no_worker": {
      const { kind, jobId, runId, taskId, labels, type, refused, drained, count } = item;
      const wait = { labels: [...labels], type, ...refusedBody(refused), ...drainedBody(drained), count };
      return { kind, ...common, job_id: jobId, run_id: runId, task_id: taskId, ...wait };
    }
    case "worker_refused": {
      const { kind, worker, reason, detail } = item;
      return { kind, ...common, ...NOTHING, worker, reason, detail };
    }
    case "transfer_blocked": {
      const { kind, jobId, runId, taskId, by, error, count } = item;
      return { kind, ...common, job_id: jobId, run_id: runId, task_id: taskId, by, error, count };
    }
    case "nats_unreachable": {
      const { kind, url, error } = item;
      return { kind, ...common, ...NOTHING, url, error };
    }
    case "notifications_undelivered":
      return {
        kind: item.kind,
        ...common,
        job_id: item.jobId,
        run_id: null,
        type: item.target.type,
        target: receiverText(item.target),
        count: item.count,
        error: item.error,
      };
    case "heartbeat_failing": {
      const { kind, url, error } = item;
      return { kind, ...common, ...NOTHING, url, error };
    }
    case "traces_failing": {
      const { kind, url, error, dropped } = item;
      return { kind, ...common, ...NOTHING, url, error, dropped };
    }
    case "backup_failed": {
      const { kind, folder, fault, error, lastAt } = item;
      return { kind, ...common, ...NOTHING, folder, fault, error, last_at: lastAt };
    }
    case "search_index_failing": {
      const { kind, fault, error } = item;
      return { kind, ...common, ...NOTHING, fault, error };
    }
    case "trigger_failing": {
      const { kind, jobId, trigger, fault, count, problem } = item;
      return { kind, ...common, job_id: jobId, run_id: null, trigger, fault, count, problem };
    }
    case "internal_error": {
      const { kind, jobId, runId, error } = item;
      return { kind, ...common, job_id: jobId, run_id: runId, error };
    }
    case "retention_undecided": {
      const { kind, runs } = item;
      return { kind, ...common, ...NOTHING, runs };
    }
    case "open_to_users": {
      const { kind, accounts } = item;
      return { kind, ...common, ...NOTHING, accounts };
    }
    case "lost_processes": {
      const { kind, processes } = item;
      return { kind, ...common, ...NOTHING, count: processes.length, processes: lostProcesses(processes) };
    }
    case "limits_not_enforced": {
      const { kind, jobs, reason, advice } = item;
      const limits = CGROUP_LIMITS.filter((limit) => jobs.some((job) => job.limits.includes(limit)));
      const jobIds = jobs.slice(0, MAX_UNENFORCED_JOBS).map(({ jobId }) => jobId);
      return { kind, ...common, ...NOTHING, count: jobs.length, job_ids: jobIds, limits, reason, advice };
    }
    case "job_file_broken": {
      const { kind, file, line, column, path, problem, problems } = item;
      return { kind, ...common, ...NOTHING, file, line, column, path, problem, problems };
    }
    case "jobs_commit_refused": {
      const { kind, commit, author, inUse, problem, problems } = item;
      return { kind, ...common, ...NOTHING, commit, author, in_use: inUse, problem, problems };
    }
    case "jobs_repository_failed": {
      const { kind, inUse, error } = item;
      return { kind, ...common, ...NOTHING, in_use: inUse, error };
    }
    case "commit_files_changed": {
      const { kind, commit, count } = item;
      return { kind, ...common, ...NOTHING, commit, count };
    }
    case "token_expiring": {
      const { kind, token, role, expiresAt, expiresInMs, lastUsedAt, lastUsedFrom } = item;
      const used = { last_used_at: lastUsedAt, last_used_from: lastUsedFrom };
      return { kind, ...common, ...NOTHING, token, role, expires_at: expiresAt, expires_in_ms: expiresInMs, ...used };
    }
    case "token_expired": {
      const { kind, token, role, expiresAt, count, lastRefusedAt, lastRefusedFrom } = item;
      const refused = { count, last_refused_at: lastRefusedAt, last_refused_from: lastRefusedFrom };
      return { kind, ...common, ...NOTHING, token, role, expires_at: expiresAt, ...refused };
    }
    case "secret_unreadable": {
      const { kind, key, problem } = item;
      return { kind, ...common, ...NOTHING, key, problem };
    }
    default:
      return assertNever(item);
  }
};

const MAX_LOST_PROCESSES = 100;
const MAX_UNENFORCED_JOBS = 100;

const lostProcesses = (processes: readonly LostProcessGroup[]): (typeof LostProcessBody.static)[] =>
  processes.slice(0, MAX_LOST_PROCESSES).map(({ pid, jobId, runId }) => ({ pid, job_id: jobId, run_id: runId }));

/** The fields of an item that is not about a job. */
const NOTHING = { job_id: null, run_id: null } as const;

const resultBody = ({
  jobId,
  runId,
  recent,
  failure,
  childJobs,
}: Extract<AttentionEntry, { readonly kind: "job_failing" | "job_flapping" }>) => ({
  job_id: jobId,
  run_id: runId,
  recent_runs: recent.runs,
  recent_failures: recent.failed,
  failure: runFailureBody(failure),
  child_jobs: [...childJobs],
});
