import type { FailedBackup } from "./backup/state.ts";
import type { JobId, RunId } from "./ids.ts";
import type { TextOrSecret } from "./secret.ts";

/** Why the database can't be written at the moment. */
export type StorageFault =
  | { readonly code: "disk_full" }
  /** `pid` is the process that holds the lock; null if the system does not say. */
  | { readonly code: "database_locked"; readonly pid: number | null }
  /** The file is gone, or another file has its name. */
  | { readonly code: "database_deleted" | "database_replaced"; readonly path: string }
  /** Any other failure, such as an I/O error. `sqliteCode` is SQLite's, such as `SQLITE_IOERR_WRITE`; null if it has none. */
  | { readonly code: "database_unwritable"; readonly sqliteCode: string | null; readonly error: string };

/**
 * Why petit is not healthy, as a code with data; `healthMessage` makes the sentence.
 *
 * - `job_file_broken`: a job file has problems. Ends when the file is repaired and read again.
 * - `reload_failed`: the job files could not be reloaded. Ends with the next reload that succeeds.
 * - `jobs_commit_refused`: a commit of the repository of job files has problems. Ends with a commit that has none, or when another one is
 *   chosen.
 * - `jobs_repository_failed`: the repository of job files can't be read. Ends when it can.
 * - `notifications_undelivered`: a receiver of a job's `notify` can't be reached, or refuses. Ends when a notification
 *   reaches that receiver, when the job no longer names it, or an hour after the last one was given up.
 * - `internal_error`: petit itself failed at a run, at the occurrences of a job, or at something else. Ends when a run of the job
 *   completes, or after an hour; while a run or the occurrences can't go on, it does not end.
 * - `backup_failed`: the last backup failed. Ends with the next good one.
 * - the codes of `StorageFault`: the database can't be written. Ends when it can.
 */
export type HealthReason =
  | {
      readonly code: "job_file_broken";
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
    }
  | { readonly code: "reload_failed"; readonly error: string }
  | ({ readonly code: "jobs_commit_refused" } & RefusedJobs)
  | ({ readonly code: "jobs_repository_failed" } & FailedRepository)
  | ({ readonly code: "notifications_undelivered" } & UndeliveredNotifications)
  | ({ readonly code: "internal_error" } & InternalError)
  | ({ readonly code: "backup_failed" } & MissingBackup)
  | StorageFault;

/** A commit of the job files that is not used because it has problems. */
export type RefusedJobs = {
  /** Id of the commit, and who made it. */
  readonly commit: string;
  readonly author: string;
  /** When petit refused it, in ms since the Unix epoch. */
  readonly since: number;
  /** The commit that is in use instead; null if there is none. */
  readonly inUse: string | null;
  /** The first problem, with its place in the job files. */
  readonly problem: string;
  /** How many problems the commit has. */
  readonly problems: number;
};

/** The repository of the job files can't be read. */
export type FailedRepository = {
  /** The commit that is in use; null if there is none. */
  readonly inUse: string | null;
  /** When it failed first, in ms since the Unix epoch. */
  readonly since: number;
  readonly error: string;
};

/** An error of petit itself. */
export type InternalError = {
  /** Null if it is about no job: nothing handled the error. */
  readonly jobId: JobId | null;
  /** Null if it is about the occurrences of the job, or about no job. */
  readonly runId: RunId | null;
  /** When it happened first, or the last one of those that nothing handled; in ms since the Unix epoch. */
  readonly since: number;
  readonly error: string;
};

/** A backup that could not be made. */
export type MissingBackup = FailedBackup & {
  readonly folder: string;
  /** When the last good one was made, in ms since the Unix epoch; null if there is none. */
  readonly lastAt: number | null;
};

/** What a job's receivers have not been given. */
export type UndeliveredNotifications = {
  /** Null for digests. */
  readonly jobId: JobId | null;
  /** When the oldest of them was queued, in ms since the Unix epoch. */
  readonly since: number;
  /** How many notifications wait or were given up, per receiver since the last one that arrived. */
  readonly count: number;
};

/** What petit pings while it is healthy, as `heartbeat` in the configuration file declares it. */
export type Heartbeat = { readonly url: TextOrSecret; readonly everyMs: number };

/** How that works. Times are in ms since the Unix epoch. */
export type HeartbeatState = {
  /** The URL as it may be displayed, without secrets. */
  readonly url: string;
  readonly everyMs: number;
  /** When the last ping was accepted; null if none was since the start of petit. */
  readonly lastAt: number | null;
  /** Since when pings fail, and why the last one did; null if they do not. */
  readonly failing: { readonly since: number; readonly error: string } | null;
};

const STORAGE_FAULT_CODES = [
  "disk_full",
  "database_locked",
  "database_deleted",
  "database_replaced",
  "database_unwritable",
] as const satisfies readonly StorageFault["code"][];

/** Returns true if the reason is that the database can't be written. */
export const isStorageFault = (reason: HealthReason): reason is StorageFault =>
  STORAGE_FAULT_CODES.some((code) => code === reason.code);

/** For how long a notification that was given up counts against petit's health, in ms. */
export const GIVEN_UP_COUNTS_MS = 3_600_000;
