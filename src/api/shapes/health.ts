import { t } from "elysia";
import { BACKUP_FAULTS } from "../../domain/backup/state.ts";
import type { HealthReason, StorageFault } from "../../domain/health.ts";
import { HEALTH_CODE_TEXT, healthMessage, storageMessage } from "../../domain/words/health.ts";
import { assertNever } from "../../lib/never.ts";
import { exactly, instant, instantOrNull, integer, JobIdText, meanings, nullable, RunIdText, word } from "./schemas.ts";

export const HealthWord = word(
  ["ok", "degraded", "unavailable", "starting", "stopping"],
  "`degraded`: a job file is broken, notifications can't be delivered, a backup failed, or petit itself failed at a run; `unavailable`: the database " +
    "can't be written; `starting`, `stopping`: petit accepts no triggers",
);

/** The codes of all reasons. */
export const HEALTH_CODES = Object.keys(HEALTH_CODE_TEXT) as (keyof typeof HEALTH_CODE_TEXT)[];

const message = t.String({ description: "The reason, as a sentence" });

const JobFileBroken = exactly(
  {
    code: t.Literal("job_file_broken"),
    message,
    file: t.String({ description: "Path of the file, relative to JOBS_DIR" }),
    line: integer({ minimum: 1, description: "Line of the first problem, from 1" }),
    column: integer({ minimum: 1, description: "Column of the first problem, from 1" }),
    path: t.String({ description: "Path of the field that the first problem is about; empty for the file as a whole" }),
    problem: t.String({ description: "The first problem, as a sentence" }),
    problems: integer({ minimum: 1, description: "Number of problems in the file; `/api/system` lists them" }),
  },
  {
    title: "JobFileBroken",
    description: HEALTH_CODE_TEXT.job_file_broken,
    examples: [
      {
        code: "job_file_broken",
        message: "job file is broken: broken.yaml:2:1: taks: unknown field; did you mean 'tasks'?",
        file: "broken.yaml",
        line: 2,
        column: 1,
        path: "taks",
        problem: "unknown field; did you mean 'tasks'?",
        problems: 1,
      },
    ],
  },
);

const ReloadFailed = exactly(
  {
    code: t.Literal("reload_failed"),
    message,
    error: t.String({ description: "Why the last attempt failed, as a sentence" }),
  },
  { title: "ReloadFailed", description: HEALTH_CODE_TEXT.reload_failed },
);

const CommitInUse = nullable(t.String(), "Commit that is in use; null if there is none");

const JobsCommitRefused = exactly(
  {
    code: t.Literal("jobs_commit_refused"),
    message,
    commit: t.String({ description: "Id of the commit" }),
    author: t.String({ description: "Who made the commit" }),
    since: instant("When petit refused it"),
    in_use: CommitInUse,
    problem: t.String({ description: "The first problem, with its place" }),
    problems: integer({ minimum: 1, description: "Number of problems; `/api/job-repository` lists them" }),
  },
  { title: "JobsCommitRefused", description: HEALTH_CODE_TEXT.jobs_commit_refused },
);

const JobsRepositoryFailed = exactly(
  {
    code: t.Literal("jobs_repository_failed"),
    message,
    in_use: CommitInUse,
    since: instant("When it failed first"),
    error: t.String({ description: "Why it failed, as a sentence" }),
  },
  { title: "JobsRepositoryFailed", description: HEALTH_CODE_TEXT.jobs_repository_failed },
);

const NotificationsUndelivered = exactly(
  {
    code: t.Literal("notifications_undelivered"),
    message,
    job_id: nullable(JobIdText, "The job; null for digests"),
    since: instant("When the oldest of these notifications was queued"),
    count: integer({ minimum: 1, description: "Number of notifications that wait or were given up" }),
  },
  {
    title: "NotificationsUndelivered",
    description: HEALTH_CODE_TEXT.notifications_undelivered,
    examples: [
      {
        code: "notifications_undelivered",
        message: "2 notifications of job 'data_pipeline' could not be delivered since 2026-01-01T00:00:00.000Z",
        job_id: "data_pipeline",
        since: 1767225600000,
        count: 2,
      },
    ],
  },
);

const InternalErrorReason = exactly(
  {
    code: t.Literal("internal_error"),
    message,
    job_id: nullable(JobIdText, "Job at which petit failed; null if it failed at something else"),
    run_id: nullable(
      RunIdText,
      "Run at which petit failed; null if it failed at the occurrences of the job, or at something else",
    ),
    since: instant("When the error happened first; if it is about no job, when the last one happened"),
    error: t.String({ description: "The error, as a sentence" }),
  },
  { title: "InternalErrorReason", description: HEALTH_CODE_TEXT.internal_error },
);

const BackupFailedReason = exactly(
  {
    code: t.Literal("backup_failed"),
    message,
    folder: t.String({ description: "Folder of the backups" }),
    fault: word(BACKUP_FAULTS, "What is wrong"),
    since: instant("When the first of these backups failed"),
    error: t.String({ description: "Why the last one failed" }),
    last_at: instantOrNull("When the last good backup was made; null if there is none"),
  },
  { title: "BackupFailedReason", description: HEALTH_CODE_TEXT.backup_failed },
);

const DiskFull = exactly(
  { code: t.Literal("disk_full"), message },
  { title: "DiskFull", description: HEALTH_CODE_TEXT.disk_full },
);

const DatabaseLocked = exactly(
  {
    code: t.Literal("database_locked"),
    message,
    pid: nullable(integer({ minimum: 1 }), "Process that holds the lock; null if the system does not say"),
  },
  { title: "DatabaseLocked", description: HEALTH_CODE_TEXT.database_locked },
);

const DatabaseMissing = exactly(
  {
    code: word(
      ["database_deleted", "database_replaced"],
      `\`database_deleted\`: ${HEALTH_CODE_TEXT.database_deleted} · \`database_replaced\`: ${HEALTH_CODE_TEXT.database_replaced}`,
    ),
    message,
    path: t.String({ description: "Path of the database" }),
  },
  { title: "DatabaseMissing", description: "The database file is no longer at its path" },
);

const DatabaseUnwritable = exactly(
  {
    code: t.Literal("database_unwritable"),
    message,
    sqlite_code: nullable(t.String(), "SQLite's code of the error, such as `SQLITE_IOERR_WRITE`; null if it has none"),
    error: t.String({ description: "The error, as a sentence" }),
  },
  { title: "DatabaseUnwritable", description: HEALTH_CODE_TEXT.database_unwritable },
);

/** Why the database can't be written. */
export const StorageReasonBody = t.Union([DiskFull, DatabaseLocked, DatabaseMissing, DatabaseUnwritable], {
  title: "StorageReason",
  description: "Why the database can't be written",
});

export const HealthReasonBody = t.Union(
  [
    JobFileBroken,
    ReloadFailed,
    JobsCommitRefused,
    JobsRepositoryFailed,
    NotificationsUndelivered,
    InternalErrorReason,
    BackupFailedReason,
    DiskFull,
    DatabaseLocked,
    DatabaseMissing,
    DatabaseUnwritable,
  ],
  { title: "HealthReason", description: `Why petit is not healthy. ${meanings(HEALTH_CODE_TEXT)}` },
);

/** Encodes a reason with its sentence. */
export const healthReasonBody = (reason: HealthReason): typeof HealthReasonBody.static => {
  const message = healthMessage(reason);
  switch (reason.code) {
    case "job_file_broken":
    case "reload_failed":
      return { message, ...reason };
    case "jobs_commit_refused": {
      const { code, commit, author, since, inUse, problem, problems } = reason;
      return { code, message, commit, author, since, in_use: inUse, problem, problems };
    }
    case "jobs_repository_failed":
      return { code: reason.code, message, in_use: reason.inUse, since: reason.since, error: reason.error };
    case "notifications_undelivered":
      return { code: reason.code, message, job_id: reason.jobId, since: reason.since, count: reason.count };
    case "internal_error": {
      const { code, jobId, runId, since, error } = reason;
      return { code, message, job_id: jobId, run_id: runId, since, error };
    }
    case "backup_failed": {
      const { code, folder, fault, since, error, lastAt } = reason;
      return { code, message, folder, fault, since, error, last_at: lastAt };
    }
    default:
      return storageReasonBody(reason);
  }
};

/** Encodes the fault of a database that can't be written, with its sentence. */
export const storageReasonBody = (fault: StorageFault): typeof StorageReasonBody.static => {
  const message = storageMessage(fault);
  switch (fault.code) {
    case "disk_full":
    case "database_locked":
    case "database_deleted":
    case "database_replaced":
      return { message, ...fault };
    case "database_unwritable":
      return { code: fault.code, message, sqlite_code: fault.sqliteCode, error: fault.error };
    default:
      return assertNever(fault);
  }
};
