import type { BackfillStatus, ExistingRule } from "./backfill/backfill.ts";
import type { ShutGate } from "./dependency.ts";
import type { StorageFault } from "./health.ts";
import type { JobId, RunId, TaskId } from "./ids.ts";
import type { LoginWays } from "./people/login.ts";
import type { RunStatus } from "./run.ts";

/** Kinds of failure. The API maps each to an HTTP status, the command line to an exit status. */
export type ErrorCode =
  /** No such job, run, attempt or worker, or a job whose file is gone. */
  | "not_found"
  /** A gate on another job is shut. */
  | "dependency_not_met"
  /** The request conflicts with the current state: a retry of a run that still runs, a key used for another request. */
  | "conflict"
  /** A limit of concurrent runs is reached. */
  | "limit_reached"
  /** petit is starting or stopping. */
  | "not_running"
  /** An invalid value: an unknown param, a limit out of range. */
  | "invalid_request"
  /** The database can't be opened as it is: not petit's, of a newer schema, or corrupt. */
  | "unusable_database"
  /** Another process uses the database or the port. */
  | "taken"
  /** The database can't be written at the moment: a full disk, an I/O error. */
  | "storage_failed";

/** Where a request carries a value: `params` are the params of a job. */
export const VALUE_PLACES = ["query", "path", "header", "body", "params"] as const;
export type ValuePlace = (typeof VALUE_PLACES)[number];

/** Data of an error that a caller may need. */
export type ErrorDetails =
  | { readonly reason: "gates_shut"; readonly gates: readonly ShutGate[] }
  | LimitReached
  /** The key belongs to an earlier request with other contents. `runId` is the run of that request. */
  | { readonly reason: "idempotency_key_reused"; readonly key: string; readonly runId: RunId }
  | { readonly reason: "run_not_ended" | "nothing_to_rerun"; readonly runId: RunId; readonly status: RunStatus }
  /** `upstream` did not complete in the run, so `taskId` can't start. */
  | { readonly reason: "task_blocked"; readonly runId: RunId; readonly taskId: TaskId; readonly upstream: TaskId }
  /** The task, or without one any task, does not wait for a person; `asking` do. */
  | {
      readonly reason: "not_asking";
      readonly runId: RunId;
      readonly taskId: string | null;
      readonly asking: readonly TaskId[];
    }
  /** `suggestion` is the id of a job that is spelled nearly the same; null if there is none. */
  | { readonly reason: "job_not_found"; readonly jobId: string; readonly suggestion: string | null }
  /** No job file defines the job any more. `since` is when petit noticed it, in ms since the Unix epoch; null if it is unknown. */
  | { readonly reason: "job_gone"; readonly jobId: JobId; readonly since: number | null }
  | { readonly reason: "run_not_found"; readonly runId: string }
  /** No job has all of the tags; if one of them is unknown, `tags` has only that one. `known` are some tags that jobs have. */
  | {
      readonly reason: "no_job_has_tags";
      readonly tags: readonly string[];
      readonly suggestion: string | null;
      readonly known: readonly string[];
    }
  /** Nothing with this id needs attention. */
  | { readonly reason: "entry_not_found"; readonly entryId: string }
  /** Others have changed what is said about an entry since the version that the request expects. This is how it is now. */
  | ({ readonly reason: "mark_changed" } & ChangedMark)
  | { readonly reason: "delivery_not_found"; readonly deliveryId: string }
  /** The event of the delivery was deleted, or its job has no such trigger any more. */
  /** The job has no webhook of that name; null is one without a name. */
  | { readonly reason: "no_webhook"; readonly jobId: JobId; readonly trigger: string | null }
  | { readonly reason: "secret_unreadable"; readonly jobId: JobId; readonly problem: string }
  | { readonly reason: "event_deleted" | "trigger_gone"; readonly deliveryId: string; readonly jobId: JobId }
  | { readonly reason: "backfill_not_found"; readonly backfillId: string }
  /** The job has no schedule whose past occurrences are known: none, or only that for a boot of the machine. */
  | { readonly reason: "no_schedule"; readonly jobId: JobId }
  /** The range has more occurrences than a backfill can have. `isCountCut` is true if there are even more than `count`. `lastFit` is the last one that would fit. */
  | {
      readonly reason: "too_many_occurrences";
      readonly jobId: JobId;
      readonly count: number;
      readonly max: number;
      readonly isCountCut: boolean;
      readonly lastFit: number;
    }
  /** No occurrence of the range is to get a run. `occurrences` is how many there are. */
  | {
      readonly reason: "nothing_to_backfill";
      readonly jobId: JobId;
      readonly occurrences: number;
      readonly existing: ExistingRule;
    }
  | { readonly reason: "backfill_ended"; readonly backfillId: string; readonly status: BackfillStatus }
  | InvalidValue
  /** `suggestion` is the name of a worker that is spelled nearly the same; null if there is none. */
  | { readonly reason: "worker_not_found"; readonly worker: string; readonly suggestion: string | null }
  /** A valid token, or one of the token file, has the name. */
  | { readonly reason: "token_name_taken"; readonly name: string }
  /** No token that petit stores has the name, or it is no longer valid. */
  | { readonly reason: "token_not_found"; readonly name: string }
  /** Nobody is behind the request; this is what a person can log in with. */
  | ({ readonly reason: "not_logged_in" } & LoginWays)
  /** petit runs without `--nats`. */
  | { readonly reason: "no_workers" }
  /** The configuration file declares no digest. */
  | { readonly reason: "no_digest" }
  /** The worker can't be forgotten: it is connected, or it holds attempts. */
  | { readonly reason: "worker_in_use"; readonly worker: string; readonly attempts: number }
  /** Job files can't be edited through petit: it runs without `--edit`, or they are in a repository. */
  | { readonly reason: "editing_off" | "files_in_git" }
  /** petit runs with `search_limit: 0`, or with a database in memory. */
  | { readonly reason: "search_off" }
  | JobFileChanged
  /** A part of the path is a symbolic link, which petit does not edit through. */
  | { readonly reason: "file_is_link"; readonly path: string }
  /** The file is as it was. `systemCode` is the code of the system's error, such as `ENOSPC`; null if there is none. */
  | {
      readonly reason: "file_not_writable";
      readonly path: string;
      readonly problem: string;
      readonly systemCode: string | null;
    }
  /** The text of a job file has problems, or causes some in other files. */
  | { readonly reason: "job_file_problems"; readonly path: string; readonly problems: readonly JobFileProblem[] }
  | { readonly reason: "not_running"; readonly state: "starting" | "stopping" }
  | { readonly reason: "storage_failed"; readonly fault: StorageFault };

/** A value of a request that is invalid, unknown or missing. */
type InvalidValue = {
  readonly reason: "invalid_value";
  readonly in: ValuePlace;
  /** Empty if the value has no name, as the body as a whole. */
  readonly name: string;
  /** What is wrong, without the name. */
  readonly problem: string;
  /** If params of a job are wrong: all of them, each with a sentence that names it. `name` is then that of the first. */
  readonly params?: readonly ParamProblem[];
};

/** A job file is not the one that a request was made for. */
type JobFileChanged = {
  readonly reason: "file_changed";
  readonly path: string;
  /** The digest of the file that the request was made for; null if there was to be none. */
  readonly base: string | null;
  /** SHA-256 of the present file, in hexadecimal; null if there is none, or if it can't be read. */
  readonly digest: string | null;
  /** When it was modified last, in ms since the Unix epoch; null if there is none. */
  readonly modifiedAt: number | null;
  /** The person who brought it into use; null if the versions of its jobs name nobody. */
  readonly by: string | null;
};

/** A problem of a job file. */
type JobFileProblem = {
  /** Path relative to JOBS_DIR. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Path of the field; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
};

type ChangedMark = {
  readonly entryId: string;
  readonly acknowledged: { readonly at: number; readonly by: string | null } | null;
  readonly snoozed: { readonly at: number; readonly by: string | null; readonly until: number | null } | null;
  readonly owner: string | null;
  readonly note: string | null;
};

/** An invalid, unknown or missing param. `problem` is a sentence that names it. */
export type ParamProblem = { readonly name: string; readonly problem: string };

/** A limit of concurrent runs that is reached. */
export type LimitReached = {
  readonly reason: "limit_reached";
  /** `max_concurrency` of the job, or `--max-jobs` for all jobs together. */
  readonly limit: "max_concurrency" | "max_jobs";
  readonly jobId: JobId;
  readonly max: number;
  /** Runs that count against the limit: those that run, and those that wait for a slot. */
  readonly running: number;
};

export class PetitError extends Error {
  override readonly name = "PetitError";
  readonly code: ErrorCode;
  /** Null if there is nothing to say beyond the code. */
  readonly details: ErrorDetails | null;

  constructor(
    code: ErrorCode,
    message: string,
    { details = null, ...cause }: { readonly details?: ErrorDetails | null; readonly cause?: unknown } = {},
  ) {
    super(message, cause);
    this.code = code;
    this.details = details;
  }
}
