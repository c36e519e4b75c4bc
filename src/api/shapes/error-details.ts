import { t } from "elysia";
import { BACKFILL_STATUSES, EXISTING_RULES } from "../../domain/backfill/backfill.ts";
import { DEPENDENCY_CONDITIONS } from "../../domain/dependency.ts";
import { type ErrorDetails, VALUE_PLACES } from "../../domain/errors.ts";
import { SESSION_ENDS } from "../../domain/people/login.ts";
import { RUN_STATUSES } from "../../domain/run.ts";
import { assertNever } from "../../lib/never.ts";
import { markBody, markFields } from "./attention/mark.ts";
import { StorageReasonBody, storageReasonBody } from "./health.ts";
import { ProblemBody, problemBody } from "./scheduler.ts";
import {
  exactly,
  instant,
  instantOrNull,
  integer,
  JobIdText,
  nullable,
  RunIdText,
  TaskIdText,
  word,
} from "./schemas.ts";

const ShutGateBody = exactly(
  {
    job_id: JobIdText,
    condition: word(DEPENDENCY_CONDITIONS, "What the gate requires of the other job"),
    window_ms: nullable(integer(), "Length of the window in ms; null unless the condition is `within_window`"),
    newest_status: nullable(word(RUN_STATUSES), "Status of the other job's newest run; null if it has never run"),
  },
  { title: "ShutGate", description: "A gate on another job that does not hold" },
);

export const GatesShut = exactly(
  {
    reason: t.Literal("gates_shut"),
    gates: t.Array(ShutGateBody, { description: "The gates that are shut, in the order of the job file" }),
  },
  { title: "GatesShut", description: "A gate on another job is shut" },
);

export const NotLoggedIn = exactly(
  {
    reason: t.Literal("not_logged_in"),
    provider: nullable(
      exactly({
        host: t.String({ description: "Its host" }),
        problem: nullable(t.String(), "Why nobody can log in there at the moment; null if that is not known"),
      }),
      "The OpenID provider at which people log in; null if there is none",
    ),
    proxy: t.Boolean({ description: "True if a proxy in front of petit identifies people" }),
    token: t.Boolean({ description: "True if there is any token" }),
    contact: nullable(t.String(), "Whom to ask for a role; null if that is not configured"),
    ended: nullable(
      word(
        SESSION_ENDS,
        "`expired`: the session was over; `no_role`: the person has lost the role; `unknown`: somebody ended it, or there was none",
      ),
      "Why the session of the request ended; null if it has none",
    ),
  },
  {
    title: "NotLoggedIn",
    description:
      "Nobody is behind the request. Only a petit with `auth` in its configuration file says what a person can log in with",
  },
);

export const KeyReused = exactly(
  {
    reason: t.Literal("idempotency_key_reused"),
    key: t.String({ description: "The key" }),
    run_id: RunIdText,
  },
  {
    title: "IdempotencyKeyReused",
    description:
      "The idempotency key belongs to an earlier request with other contents; `run_id` is the run of that request",
  },
);

export const RetryRefused = exactly(
  {
    reason: word(
      ["run_not_ended", "nothing_to_rerun"],
      "`run_not_ended`: the run must end before it can be retried; `nothing_to_rerun`: every task of it completed",
    ),
    run_id: RunIdText,
    status: word(RUN_STATUSES, "Status of the run"),
  },
  { title: "RetryRefused", description: "The run can't be retried" },
);

export const TaskBlocked = exactly(
  {
    reason: t.Literal("task_blocked"),
    run_id: RunIdText,
    task_id: TaskIdText,
    upstream: t.String({ description: "A task that it depends on, which did not complete in the run" }),
  },
  {
    title: "TaskBlocked",
    description: "The task can't be retried alone, because a task that it depends on did not complete",
  },
);

export const LimitReachedBody = exactly(
  {
    reason: t.Literal("limit_reached"),
    limit: word(
      ["max_concurrency", "max_jobs"],
      "`max_concurrency`: the limit of the job; `max_jobs`: the limit of all jobs together (`--max-jobs`)",
    ),
    job_id: JobIdText,
    max: integer({ minimum: 0, description: "The limit" }),
    running: integer({ minimum: 0, description: "Runs that count against it: those that run or wait for a slot" }),
  },
  { title: "LimitReached", description: "A limit of concurrent runs is reached" },
);

export const NoSuchJob = exactly(
  {
    reason: t.Literal("job_not_found"),
    job_id: t.String({ description: "The id that was asked for" }),
    suggestion: nullable(t.String(), "Id of a job that is spelled nearly the same; null if there is none"),
  },
  { title: "JobNotFound", description: "There is no such job" },
);

export const NoTaggedJob = exactly(
  {
    reason: t.Literal("no_job_has_tags"),
    tags: t.Array(t.String(), {
      description: "The tags that were asked for; only the first unknown one if there is one",
    }),
    suggestion: nullable(t.String(), "A tag that is spelled nearly the same; null if there is none"),
    known: t.Array(t.String(), { description: "Tags that jobs have, at most 20" }),
  },
  { title: "NoTaggedJob", description: "No job has the tags" },
);

export const GoneJob = exactly(
  {
    reason: t.Literal("job_gone"),
    job_id: JobIdText,
    gone_at: instantOrNull("When petit noticed that; null if it is unknown"),
  },
  { title: "JobGone", description: "No job file defines the job any more, so it can't run; its runs can be read" },
);

export const NoSuchRun = exactly(
  { reason: t.Literal("run_not_found"), run_id: t.String({ description: "The id that was asked for" }) },
  { title: "RunNotFound", description: "There is no such run, or the id is malformed" },
);

export const NoSuchDelivery = exactly(
  { reason: t.Literal("delivery_not_found"), delivery_id: t.String({ description: "The id that was asked for" }) },
  { title: "DeliveryNotFound", description: "There is no such delivery" },
);

export const NoSuchBackfill = exactly(
  { reason: t.Literal("backfill_not_found"), backfill_id: t.String({ description: "The id that was asked for" }) },
  { title: "BackfillNotFound", description: "There is no such backfill" },
);

export const NoSchedule = exactly(
  { reason: t.Literal("no_schedule"), job_id: JobIdText },
  { title: "NoSchedule", description: "The job has no schedule, so it has no occurrences to run it for" },
);

export const TooManyOccurrences = exactly(
  {
    reason: t.Literal("too_many_occurrences"),
    job_id: JobIdText,
    count: integer({ minimum: 0, description: "How many occurrences the range has" }),
    is_count_cut: t.Boolean({ description: "True if there are even more" }),
    max: integer({ minimum: 0, description: "How many a backfill has at most" }),
    last_fit: instant("The last occurrence that would fit"),
  },
  { title: "TooManyOccurrences", description: "The range has too many occurrences for one backfill" },
);

export const NothingToBackfill = exactly(
  {
    reason: t.Literal("nothing_to_backfill"),
    job_id: JobIdText,
    occurrences: integer({ minimum: 0, description: "How many occurrences the range has" }),
    existing: word(EXISTING_RULES, "The rule of the request for occurrences that have a run"),
  },
  { title: "NothingToBackfill", description: "No occurrence of the range is to get a run" },
);

export const BackfillEnded = exactly(
  {
    reason: t.Literal("backfill_ended"),
    backfill_id: t.String({ description: "The backfill" }),
    status: word(BACKFILL_STATUSES, "Its status"),
  },
  { title: "BackfillEnded", description: "The backfill has ended, so it can't be changed" },
);

export const HookRefused = exactly(
  {
    reason: word(
      ["no_webhook", "secret_unreadable"],
      "`no_webhook`: the job has no such webhook; `secret_unreadable`: its secret can't be read",
    ),
    job_id: JobIdText,
  },
  { title: "HookRefused", description: "The webhook can't be tested" },
);

export const ReplayRefused = exactly(
  {
    reason: word(
      ["event_deleted", "trigger_gone"],
      "`event_deleted`: its event is not stored any more; `trigger_gone`: the job has no such trigger any more",
    ),
    delivery_id: t.String({ description: "The delivery" }),
    job_id: JobIdText,
  },
  { title: "ReplayRefused", description: "The delivery can't be replayed, or its run retried" },
);

const ParamProblemBody = exactly(
  {
    name: t.String({ description: "Name of the param" }),
    problem: t.String({ description: "What is wrong, as a sentence that names the param" }),
  },
  { title: "ParamProblem", description: "A param that is invalid, unknown or missing" },
);

export const NotAsking = exactly(
  {
    reason: t.Literal("not_asking"),
    run_id: RunIdText,
    task_id: nullable(t.String(), "The task of the request; null if it named none"),
    asking: t.Array(TaskIdText, { description: "The tasks of the run that wait for approval" }),
  },
  { title: "NotAsking", description: "The task does not wait for approval" },
);

export const NoSuchEntry = exactly(
  {
    reason: t.Literal("entry_not_found"),
    entry_id: t.String({ description: "The id that was asked for" }),
  },
  { title: "EntryNotFound", description: "Nothing with this id needs attention, or no longer" },
);

export const MarkChanged = exactly(
  {
    reason: t.Literal("mark_changed"),
    entry_id: t.String({ description: "The entry" }),
    ...markFields,
  },
  { title: "MarkChanged", description: "Others have changed what is said about the entry; this is how it is now" },
);

export const NoSuchWorker = exactly(
  {
    reason: t.Literal("worker_not_found"),
    worker: t.String({ description: "The name that was asked for" }),
    suggestion: nullable(t.String(), "Name of a worker that is spelled nearly the same; null if there is none"),
  },
  { title: "WorkerNotFound", description: "There is no such worker" },
);

export const NoSuchToken = exactly(
  { reason: t.Literal("token_not_found"), name: t.String({ description: "The name that was asked for" }) },
  { title: "TokenNotFound", description: "There is no valid stored token of that name" },
);

export const TokenNameTaken = exactly(
  { reason: t.Literal("token_name_taken"), name: t.String({ description: "The name" }) },
  { title: "TokenNameTaken", description: "There is a valid token of that name already" },
);

export const NoWorkers = exactly(
  { reason: t.Literal("no_workers") },
  { title: "NoWorkers", description: "petit runs without workers; `--nats` starts it with them" },
);

export const NoDigest = exactly(
  { reason: t.Literal("no_digest") },
  { title: "NoDigest", description: "The configuration file declares no digest" },
);

export const WorkerInUse = exactly(
  {
    reason: t.Literal("worker_in_use"),
    worker: t.String({ description: "Name of the worker" }),
    attempts: integer({ minimum: 0, description: "Attempts that it holds; with 0, it is connected" }),
  },
  { title: "WorkerInUse", description: "The worker can't be forgotten: it is connected, or it holds attempts" },
);

export const InvalidValue = exactly(
  {
    reason: t.Literal("invalid_value"),
    in: word(VALUE_PLACES, "Where the request carries the value; `params` are the params of the job"),
    name: t.String({
      description:
        "Name of the parameter, header or param, or path of the field in the body; empty for the body as a whole",
    }),
    problem: t.String({ description: "What is wrong, as a clause" }),
    params: t.Optional(
      t.Array(ParamProblemBody, {
        description: "With `in: params`: every param that is wrong, each with a sentence that names it",
      }),
    ),
  },
  { title: "InvalidValue", description: "A value of the request is invalid, unknown or missing" },
);

export const EditingOff = exactly(
  {
    reason: word(
      ["editing_off", "files_in_git"],
      "`editing_off`: petit runs without `--edit`; `files_in_git`: the job files are edited in their repository",
    ),
  },
  { title: "EditingOff", description: "Job files can't be edited through petit" },
);

export const SearchOff = exactly(
  { reason: t.Literal("search_off") },
  { title: "SearchOff", description: "petit runs with `search_limit: 0`, or with a database in memory" },
);

const FilePath = t.String({ description: "Path of the file, relative to JOBS_DIR" });

export const FileChanged = exactly(
  {
    reason: t.Literal("file_changed"),
    path: FilePath,
    base: nullable(t.String(), "SHA-256 that the request expects; null if there was to be no file"),
    digest: nullable(t.String(), "SHA-256 of the present file; null if there is none, or if it can't be read"),
    modified_at: instantOrNull("When it was modified last; null if there is none"),
    by: nullable(t.String(), "Who brought it into use; null if that is unknown"),
  },
  { title: "FileChanged", description: "The file is not the one that the request was made for" },
);

export const FileIsLink = exactly(
  { reason: t.Literal("file_is_link"), path: FilePath },
  { title: "FileIsLink", description: "A part of the path is a symbolic link, which petit does not edit through" },
);

export const FileNotWritable = exactly(
  {
    reason: t.Literal("file_not_writable"),
    path: FilePath,
    problem: t.String({ description: "Why, as a clause" }),
    system_code: nullable(t.String(), "Code of the system's error, such as `ENOSPC`; null if there is none"),
  },
  { title: "FileNotWritable", description: "The file can't be written, and is as it was" },
);

export const JobFileProblems = exactly(
  {
    reason: t.Literal("job_file_problems"),
    path: FilePath,
    problems: t.Array(ProblemBody, { description: "What is wrong with the text, or would be in other files" }),
  },
  { title: "JobFileProblems", description: "The text has problems, or causes some in other files" },
);

export const NotRunning = exactly(
  {
    reason: t.Literal("not_running"),
    state: word(["starting", "stopping"], "What petit is doing instead"),
  },
  { title: "NotRunning", description: "petit is starting or stopping" },
);

export const StorageFailed = exactly(
  { reason: t.Literal("storage_failed"), storage: StorageReasonBody },
  {
    title: "StorageFailed",
    description: "The database can't be written; `storage` is the reason that `/api/health` gives",
  },
);

/** The `details` of any failure. */
export type DetailsBody = (
  | typeof GatesShut
  | typeof KeyReused
  | typeof RetryRefused
  | typeof TaskBlocked
  | typeof NotAsking
  | typeof NotLoggedIn
  | typeof LimitReachedBody
  | typeof NoSuchJob
  | typeof NoTaggedJob
  | typeof GoneJob
  | typeof NoSuchRun
  | typeof NoSuchEntry
  | typeof MarkChanged
  | typeof NoSuchDelivery
  | typeof ReplayRefused
  | typeof HookRefused
  | typeof NoSuchBackfill
  | typeof NoSchedule
  | typeof TooManyOccurrences
  | typeof NothingToBackfill
  | typeof BackfillEnded
  | typeof NoSuchWorker
  | typeof NoSuchToken
  | typeof TokenNameTaken
  | typeof NoWorkers
  | typeof NoDigest
  | typeof WorkerInUse
  | typeof InvalidValue
  | typeof EditingOff
  | typeof SearchOff
  | typeof FileChanged
  | typeof FileIsLink
  | typeof FileNotWritable
  | typeof JobFileProblems
  | typeof NotRunning
  | typeof StorageFailed
)["static"];

/** Encodes the data of an error. */
export const detailsBody = (details: ErrorDetails): DetailsBody => {
  switch (details.reason) {
    case "gates_shut":
      return {
        reason: details.reason,
        gates: details.gates.map(({ jobId, condition, windowMs, newestStatus }) => ({
          job_id: jobId,
          condition,
          window_ms: windowMs,
          newest_status: newestStatus,
        })),
      };
    case "limit_reached": {
      const { reason, limit, jobId, max, running } = details;
      return { reason, limit, job_id: jobId, max, running };
    }
    case "idempotency_key_reused":
      return { reason: details.reason, key: details.key, run_id: details.runId };
    case "run_not_ended":
    case "nothing_to_rerun":
      return { reason: details.reason, run_id: details.runId, status: details.status };
    case "task_blocked": {
      const { reason, runId, taskId, upstream } = details;
      return { reason, run_id: runId, task_id: taskId, upstream };
    }
    case "not_asking": {
      const { reason, runId, taskId, asking } = details;
      return { reason, run_id: runId, task_id: taskId, asking: [...asking] };
    }
    case "job_not_found":
      return { reason: details.reason, job_id: details.jobId, suggestion: details.suggestion };
    case "no_job_has_tags": {
      const { reason, tags, suggestion, known } = details;
      return { reason, tags: [...tags], suggestion, known: [...known] };
    }
    case "job_gone":
      return { reason: details.reason, job_id: details.jobId, gone_at: details.since };
    case "run_not_found":
      return { reason: details.reason, run_id: details.runId };
    case "entry_not_found":
      return { reason: details.reason, entry_id: details.entryId };
    case "mark_changed":
      return { reason: details.reason, entry_id: details.entryId, ...markBody(details) };
    case "delivery_not_found":
      return { reason: details.reason, delivery_id: details.deliveryId };
    case "backfill_not_found":
      return { reason: details.reason, backfill_id: details.backfillId };
    case "no_schedule":
      return { reason: details.reason, job_id: details.jobId };
    case "too_many_occurrences": {
      const { reason, jobId, count, isCountCut, max, lastFit } = details;
      return { reason, job_id: jobId, count, is_count_cut: isCountCut, max, last_fit: lastFit };
    }
    case "nothing_to_backfill": {
      const { reason, jobId, occurrences, existing } = details;
      return { reason, job_id: jobId, occurrences, existing };
    }
    case "backfill_ended":
      return { reason: details.reason, backfill_id: details.backfillId, status: details.status };
    case "no_webhook":
    case "secret_unreadable":
      return { reason: details.reason, job_id: details.jobId };
    case "event_deleted":
    case "trigger_gone":
      return { reason: details.reason, delivery_id: details.deliveryId, job_id: details.jobId };
    case "invalid_value": {
      const { params, ...value } = details;
      return params === undefined ? value : { ...value, params: params.map((each) => ({ ...each })) };
    }
    case "file_changed": {
      const { reason, path, base, digest, modifiedAt, by } = details;
      return { reason, path, base, digest, modified_at: modifiedAt, by };
    }
    case "file_not_writable": {
      const { reason, path, problem, systemCode } = details;
      return { reason, path, problem, system_code: systemCode };
    }
    case "job_file_problems": {
      const { reason, path, problems } = details;
      return { reason, path, problems: problems.map(problemBody) };
    }
    case "not_logged_in": {
      const { provider, ...ways } = details;
      return { ...ways, provider: provider === null ? null : { ...provider } };
    }
    case "file_is_link":
    case "editing_off":
    case "search_off":
    case "files_in_git":
    case "worker_not_found":
    case "token_not_found":
    case "token_name_taken":
    case "no_workers":
    case "no_digest":
    case "worker_in_use":
    case "not_running":
      return { ...details };
    case "storage_failed":
      return { reason: details.reason, storage: storageReasonBody(details.fault) };
    default:
      return assertNever(details);
  }
};
