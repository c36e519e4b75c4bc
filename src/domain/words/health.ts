import { assertNever } from "../../lib/never.ts";
import { pluralize } from "../../lib/text.ts";
import { failedBackupMessage } from "../backup/words.ts";
import type { HealthReason, InternalError, StorageFault } from "../health.ts";
import { failedRepositoryMessage, refusedJobsMessage } from "./versions/repository.ts";

/** Returns the sentence for a reason why petit is not healthy. */
export const healthMessage = (reason: HealthReason): string => {
  switch (reason.code) {
    case "job_file_broken":
      return `job file is broken: ${problemText(reason)}`;
    case "reload_failed":
      return `the job files could not be reloaded; trying again: ${reason.error}`;
    case "jobs_commit_refused":
      return refusedJobsMessage(reason);
    case "jobs_repository_failed":
      return failedRepositoryMessage(reason);
    case "notifications_undelivered":
      return `${reason.jobId === null ? pluralize(reason.count, "digest") : `${pluralize(reason.count, "notification")} of job '${reason.jobId}'`} could not be delivered since ${new Date(reason.since).toISOString()}`;
    case "internal_error":
      return internalErrorMessage(reason);
    case "backup_failed":
      return failedBackupMessage({
        ...reason,
        last: reason.lastAt === null ? null : new Date(reason.lastAt).toISOString(),
      });
    default:
      return storageMessage(reason);
  }
};

/** What to say of an error that nothing has handled. */
export const UNHANDLED_ERROR_TEXT = "petit failed at something, and goes on; restart it if something does not work";

/** Returns the sentence for an error of petit itself. */
export const internalErrorMessage = ({
  jobId,
  runId,
  error,
}: Readonly<Record<"jobId" | "runId", string | null>> & Pick<InternalError, "error">): string =>
  jobId === null
    ? `${UNHANDLED_ERROR_TEXT}: ${error}`
    : `petit failed at ${runId === null ? "occurrences" : `run ${runId}`} of job '${jobId}': ${error}`;

type BrokenFile = Extract<HealthReason, { readonly code: "job_file_broken" }>;

const problemText = ({ file, line, column, path, problem, problems }: BrokenFile): string => {
  const more = problems === 1 ? "" : ` (and ${problems - 1} more)`;
  return `${file}:${line}:${column}: ${path === "" ? "" : `${path}: `}${problem}${more}`;
};

/** Returns the sentence for a database that can't be written. */
export const storageMessage = (fault: StorageFault): string => `the database can't be written: ${faultText(fault)}`;

const faultText = (fault: StorageFault): string => {
  switch (fault.code) {
    case "disk_full":
      return "the disk is full";
    case "database_locked":
      return `it is locked by ${fault.pid === null ? "another program" : `process ${fault.pid}`}`;
    case "database_deleted":
      return `${fault.path} was removed; put it back, or restart petit to begin with an empty database`;
    case "database_replaced":
      return `${fault.path} was replaced by another file; restart petit to use that one, or put the original file back`;
    case "database_unwritable":
      return fault.sqliteCode === null ? fault.error : `${fault.error} (${fault.sqliteCode})`;
    default:
      return assertNever(fault);
  }
};

/** What each health code means, as a sentence without its full stop. */
export const HEALTH_CODE_TEXT = {
  job_file_broken: "A job file has problems; its jobs keep their last good version",
  reload_failed: "The job files could not be reloaded; petit tries again",
  jobs_commit_refused: "A commit of the job files has problems; the last good one stays in use",
  jobs_repository_failed:
    "The repository of the job files can't be read; the commit in use stays, and petit tries again",
  notifications_undelivered:
    "Notifications of a job, or digests (`job_id` is null), could not be delivered; ends when one arrives, when the job no longer names the receiver, or an hour after the last one was given up",
  internal_error:
    "petit itself failed at a run, at the occurrences of a job, or at something else (`job_id` is null); ends when a run of the job completes, an hour after the run has ended, or an hour after the last error that is about no job",
  backup_failed: "The last backup failed; petit tries again. Ends with the next good one",
  disk_full: "The disk of the database is full",
  database_locked: "Another process has locked the database",
  database_deleted: "The database file was deleted or moved",
  database_replaced: "Another file was put in the place of the database file",
  database_unwritable: "The database can't be written for another reason, such as an I/O error",
} as const satisfies Record<HealthReason["code"], string>;
