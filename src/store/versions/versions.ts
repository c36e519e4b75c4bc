import type { JobId, RunId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { type Reading, USE_CAUSES, type VersionUse } from "../../domain/versions/version.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { id, integer, integerOrNull, text, textOrNull, wordOrNull } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";
import { toStored } from "./commit-folder.ts";
import { contentDigest, digestKey, digestOf } from "./digest.ts";

/** A definition of a job. */
export type JobVersion = {
  /** Counts the definitions of the job from 1. */
  readonly number: number;
  /** Digest of the definition and its text, in hexadecimal. It identifies the version: one that is in use again is the same. */
  readonly digest: string;
  /** When petit first read it, in ms since the Unix epoch; of the current one, when it became that. */
  readonly changedAt: number;
  /** Whether it is the definition of today, or the last one of a job that is gone. */
  readonly isCurrent: boolean;
  /** Names the definition for `getDefinition`. */
  readonly versionId: number;
};

/** The runs of a version that are stored. */
export type VersionRuns = {
  /** At most `COUNTED_RUNS`. */
  readonly count: number;
  /** Null if there are none. */
  readonly first: VersionRun | null;
  readonly last: VersionRun | null;
};

export type VersionRun = { readonly id: RunId; readonly createdAt: number };

/** Runs of a version are counted up to this number. */
const COUNTED_RUNS = 100_000;

/** The versions of jobs: every definition that a job, a run or a sending refers to, or that was in use not long ago. */
export interface VersionStore {
  /** Returns the current version of a job; null if the job is unknown. */
  findCurrent(jobId: JobId): JobVersion | null;
  /** Returns the newest versions of a job that are stored, the newest first; with `before`, only those before the version with this number. */
  list(jobId: JobId, page: { readonly limit: number; readonly before?: number }): readonly JobVersion[];
  /** Returns the version of a job with a number, or null. */
  find(jobId: JobId, number: number): JobVersion | null;
  /** Returns the versions of a job whose digests begin with `prefix`, the newest first, at most `limit`. */
  findByDigest(jobId: JobId, prefix: string, limit: number): readonly JobVersion[];
  /** Returns the version of a run. */
  ofRun(versionId: number): Pick<JobVersion, "number" | "digest">;
  /** Returns the newest times during which a version of a job was in use, the newest first. */
  listUses(jobId: JobId, number: number, limit: number): readonly VersionUse[];
  /** Returns who brought a job file into use that was modified at a time, in ms since the Unix epoch; null if that is not stored. */
  findEditor(file: string, modifiedAt: number): string | null;
  /** Returns how often a version of a job was in use, as far as it is stored. */
  countUses(jobId: JobId, number: number): number;
  /** Returns the runs of a version of a job. */
  describeRuns(jobId: JobId, number: number): VersionRuns;
  /**
   * Deletes old uses of a job's versions, at most `limit`: those beyond the newest `keep.all`, and beyond the newest `keep.unused` also those of
   * versions that no run refers to. Returns how many. Not durable.
   */
  deleteOldUses(jobId: JobId, keep: { readonly all: number; readonly unused: number }, limit: number): number;
  /**
   * Deletes the unused ones of the `limit` definitions after number `after`. Returns the number to pass as `after` in the next
   * step, or null if there are no more. Not durable.
   */
  deleteUnused(after: number, limit: number): number | null;
}

export const createVersionStore = ({ sql, write }: StoreContext): VersionStore => ({
  findCurrent: (jobId) => {
    const row = sql.get(
      `SELECT job_versions.id, number, content, coalesce(changed_at, created_at) AS changed_at, 1 AS current
       FROM jobs JOIN job_versions ON job_versions.id = jobs.version WHERE jobs.id = $jobId`,
      { jobId },
    );
    return row === null ? null : toJobVersion(row);
  },

  list: (jobId, { limit, before = AFTER_LAST }) =>
    sql
      .all(selectVersions("number BETWEEN 1 AND $last", "LIMIT $limit"), { jobId, last: before - 1, limit })
      .map(toJobVersion),

  find: (jobId, number) => {
    const row = sql.get(selectVersions("number = $number"), { jobId, number });
    return row === null ? null : toJobVersion(row);
  },

  findByDigest: (jobId, prefix, limit) =>
    sql
      .all(selectVersions("substr(content, 1, length($prefix)) = $prefix", "LIMIT $limit"), { jobId, prefix, limit })
      .map(toJobVersion),

  ofRun: (versionId) => {
    const row = sql.get("SELECT number, content FROM job_versions WHERE id = $versionId", { versionId });
    if (row === null) throw new Error(`there is no definition ${versionId}`);
    return { number: integer(row, "number"), digest: text(row, "content") };
  },

  listUses: (jobId, number, limit) =>
    sql
      .all(
        `SELECT since, until, cause, by, file, file_modified_at, commit_id, commit_author FROM job_uses
         WHERE job_id = $jobId AND number = $number ORDER BY id DESC LIMIT $limit`,
        { jobId, number, limit },
      )
      .map(toVersionUse),

  findEditor: (file, modifiedAt) => {
    const row = sql.get(
      "SELECT by FROM job_uses WHERE file = $file AND file_modified_at = $modifiedAt AND until IS NULL ORDER BY id DESC LIMIT 1",
      { file, modifiedAt },
    );
    return row === null ? null : textOrNull(row, "by");
  },

  countUses: (jobId, number) =>
    integer(
      sql.get("SELECT count(*) AS count FROM job_uses WHERE job_id = $jobId AND number = $number", { jobId, number }) ??
        {},
      "count",
    ),

  describeRuns: (jobId, number) => {
    const version = { jobId, number };
    const row = sql.get(
      `SELECT count(*) AS count FROM (SELECT 1 FROM runs WHERE ${OF_VERSION} LIMIT ${COUNTED_RUNS})`,
      version,
    );
    // The definitions of a version, which differ in their place.
    const ids = sql.all("SELECT id FROM job_versions WHERE job_id = $jobId AND number = $number", version);
    const runs = (order: "ASC" | "DESC"): readonly SqlRow[] =>
      ids
        .map((each) => sql.get(selectRun(order), { versionId: integer(each, "id"), jobId }))
        .filter((each) => each !== null)
        .toSorted((a, b) => integer(a, "seq") - integer(b, "seq"));
    const [first, last] = [runs("ASC").at(0), runs("DESC").at(-1)];
    return {
      // Runs that are partly deleted are counted as well, but not shown.
      count: first === undefined || row === null ? 0 : integer(row, "count"),
      first: first === undefined ? null : toVersionRun(first),
      last: last === undefined ? null : toVersionRun(last),
    };
  },

  deleteOldUses: write("relaxed", (jobId, { all, unused }, limit) =>
    sql.run(
      `DELETE FROM job_uses WHERE id IN (
         SELECT id FROM job_uses WHERE job_id = $jobId AND until IS NOT NULL
           AND (id <= ${nthNewestUse("$all")}
             OR (id <= ${nthNewestUse("$unused")} AND NOT EXISTS (
               SELECT 1 FROM job_versions JOIN runs ON runs.version = job_versions.id
               WHERE job_versions.job_id = $jobId AND job_versions.number = job_uses.number)))
         LIMIT $limit)`,
      { jobId, all, unused, limit },
    ),
  ),

  deleteUnused: write("relaxed", (after, limit) => {
    const row = sql.get(
      "SELECT max(id) AS last FROM (SELECT id FROM job_versions WHERE id > $after ORDER BY id LIMIT $limit)",
      { after, limit },
    );
    const last = row === null ? null : integerOrNull(row, "last");
    if (last === null) return null;
    // The newest number stays, so that no number is used again. Of a version that was in use, one definition stays.
    sql.run(
      `DELETE FROM job_versions WHERE id > $after AND id <= $last
         AND EXISTS (SELECT 1 FROM job_versions AS newer WHERE newer.job_id = job_versions.job_id AND newer.number > job_versions.number)
         AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.version = job_versions.id)
         AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.version = job_versions.id)
         AND NOT EXISTS (SELECT 1 FROM sendings WHERE sendings.version = job_versions.id)
         AND (NOT EXISTS (SELECT 1 FROM job_uses WHERE job_uses.job_id = job_versions.job_id AND job_uses.number = job_versions.number)
           OR EXISTS (SELECT 1 FROM job_versions AS same
             WHERE same.job_id = job_versions.job_id AND same.number = job_versions.number AND same.id > job_versions.id))`,
      { after, last },
    );
    return last;
  }),
});

/** No job has more versions. */
const AFTER_LAST = 2 ** 52;

/**
 * Selects versions of a job, the newest first, each with the definition that has its number now, or had it last, and the time of the first
 * one that had it. Lists read no definition.
 */
const selectVersions = (condition: string, end = ""): string => `SELECT
    coalesce(max(CASE WHEN jobs.version = job_versions.id THEN job_versions.id END), max(job_versions.id)) AS id,
    number, max(content) AS content,
    max(jobs.version IS job_versions.id) AS current,
    coalesce(max(CASE WHEN jobs.version = job_versions.id THEN changed_at END), min(created_at)) AS changed_at
  FROM job_versions LEFT JOIN jobs ON jobs.id = job_versions.job_id
  WHERE job_versions.job_id = $jobId AND ${condition} GROUP BY number ORDER BY number DESC ${end}`;

const OF_VERSION = "version IN (SELECT id FROM job_versions WHERE job_id = $jobId AND number = $number)";

/** A run that is partly deleted has no job. With the index of the job, SQLite would read all of its runs. */
const selectRun = (order: "ASC" | "DESC"): string =>
  `SELECT seq, id, created_at FROM runs WHERE version = $versionId AND +job_id = $jobId ORDER BY seq ${order} LIMIT 1`;

const nthNewestUse = (count: string): string =>
  `coalesce((SELECT id FROM job_uses WHERE job_id = $jobId ORDER BY id DESC LIMIT 1 OFFSET ${count}), 0)`;

const toJobVersion = (row: SqlRow): JobVersion => ({
  number: integer(row, "number"),
  digest: text(row, "content"),
  changedAt: integer(row, "changed_at"),
  isCurrent: integer(row, "current") === 1,
  versionId: integer(row, "id"),
});

const toVersionRun = (row: SqlRow): VersionRun => ({ id: id<RunId>(row, "id"), createdAt: integer(row, "created_at") });

const toVersionUse = (row: SqlRow): VersionUse => {
  const commit = textOrNull(row, "commit_id");
  return {
    since: integer(row, "since"),
    until: integerOrNull(row, "until"),
    cause: wordOrNull(row, "cause", USE_CAUSES),
    by: textOrNull(row, "by"),
    file: textOrNull(row, "file"),
    fileModifiedAt: integerOrNull(row, "file_modified_at"),
    commit: commit === null ? null : { id: commit, author: textOrNull(row, "commit_author") },
  };
};

/** A stored definition. */
export type SavedVersion = { readonly versionId: number; readonly number: number };

/** Stores a definition, unless it is stored already. */
export const saveVersion = (sql: Statements, job: Job, now: number): SavedVersion => {
  const { id: jobId } = job;
  const digest = digestOf(job);
  const known = sql.get("SELECT id, number FROM job_versions WHERE job_id = $jobId AND digest = $digest", {
    jobId,
    digest,
  });
  if (known !== null) return toSavedVersion(known);
  const content = contentDigest(job, digestKey(sql));
  const row = sql.get(
    `INSERT INTO job_versions (job_id, digest, content, definition, created_at, number)
     VALUES ($jobId, $digest, $content, $definition, $now, coalesce(
       (SELECT number FROM job_versions WHERE job_id = $jobId AND content = $content LIMIT 1),
       (SELECT max(number) FROM job_versions WHERE job_id = $jobId) + 1, 1)) RETURNING id, number`,
    { jobId, digest, content, definition: JSON.stringify(toStored(job)), now },
  );
  if (row === null) throw new Error(`the definition of ${jobId} was not stored`);
  return toSavedVersion(row);
};

const toSavedVersion = (row: SqlRow): SavedVersion => ({
  versionId: integer(row, "id"),
  number: integer(row, "number"),
});

type NewUse = {
  readonly job: Job;
  readonly number: number;
  readonly now: number;
  readonly reading: Reading | null;
};

/** Stores that a version of a job is in use from now on, instead of another one. Changes nothing if it is already. */
export const beginUse = (sql: Statements, { job, number, now, reading }: NewUse): void => {
  const current = sql.get("SELECT number FROM job_uses WHERE job_id = $jobId AND until IS NULL", { jobId: job.id });
  if (current !== null && integer(current, "number") === number) return;
  if (current !== null) endUse(sql, job.id, now);
  const { file } = job.source;
  const edit = reading?.editOf?.(file) ?? null;
  sql.run(
    `INSERT INTO job_uses (job_id, number, since, cause, by, file, file_modified_at, commit_id, commit_author)
     VALUES ($jobId, $number, $now, $cause, $by, $file, $modifiedAt, $commit, $author)`,
    {
      jobId: job.id,
      number,
      now,
      cause: edit === null ? (reading?.request?.cause ?? null) : "edit",
      by: edit === null ? (reading?.request?.by ?? null) : edit.by,
      file,
      modifiedAt: reading?.modifiedAt(file) ?? null,
      commit: reading?.commit?.id ?? null,
      author: reading?.commit?.author ?? null,
    },
  );
};

/** Stores that no version of a job is in use any more. */
export const endUse = (sql: Statements, jobId: JobId, now: number): void => {
  sql.run("UPDATE job_uses SET until = max(since, $now) WHERE job_id = $jobId AND until IS NULL", { jobId, now });
};
