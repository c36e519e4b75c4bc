import type { JobId } from "../domain/ids.ts";
import type { Job, Pause } from "../domain/job.ts";
import { startsAtBoot } from "../domain/schedule/boot.ts";
import { continuedJobs, formerIds } from "../domain/schedule/continued.ts";
import { isDueAlike } from "../domain/schedule/schedule.ts";
import type { CommitInfo } from "../domain/versions/repository.ts";
import type { Reading } from "../domain/versions/version.ts";
import { PartPool } from "../lib/part-pool.ts";
import type { SqlDatabase, SqlRow } from "../runtime/runtime.ts";
import type { StoreContext } from "./context.ts";
import { id, idOrNull, integer, integerOrNull, json, text, textOrNull } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import { saveExpectations } from "./expectations.ts";
import { moveHistory } from "./renames.ts";
import { insertAction } from "./reviews.ts";
import { inCommit } from "./versions/commit-folder.ts";
import { digestOf, withDigest } from "./versions/digest.ts";
import { beginUse, endUse, saveVersion } from "./versions/versions.ts";

/** The jobs, each with its last good definition. */
export interface JobStore {
  /**
   * Stores the definitions, and marks jobs that are not among them as removed. Returns each as it is stored, by id. A job
   * that is new, was removed, or is due at other times than before has no past: its ledger begins at `now`. A job takes over the history of
   * its former ids, but for those of other jobs. `reading` is stored with the versions that come into use.
   */
  save(jobs: readonly Job[], now: number, reading?: Reading): ReadonlyMap<JobId, StoredJob>;
  /** Stores the definitions as versions that runs can start with. Does not change which jobs exist or what is due. */
  saveDefinitions(jobs: readonly Job[], now: number): ReadonlyMap<JobId, StoredJob>;
  /** Returns the last good definition of every job that is not removed, by id. */
  list(): ReadonlyMap<JobId, StoredJob>;
  /** Returns the new ids of renamed jobs, by former id. A former id that a job file defines again is not among them. */
  listRenamed(): ReadonlyMap<JobId, JobId>;
  /** Returns every job that no job file defines any more, with its last good definition, by id. */
  listGone(): ReadonlyMap<JobId, GoneJob>;
  listGoneIds(): readonly JobId[];
  /** Returns a job that no job file defines any more, also by a former id; null if there is none, or a file defines it. */
  findGone(jobId: string): GoneJob | null;
  /** Returns the digest of a definition. Takes no time for definitions that `list` has returned or that were saved. */
  digestOf(job: Job): string;
  /**
   * Returns a version of a definition, such as the one that a run started with, with the files of `commit`. Without it, those of the commit
   * that the job is from now. Throws if there is no such version.
   */
  getDefinition(versionId: number, commit?: string | null): Job;
  /** Records that every occurrence due at or before `until` is in the ledger. Never moves back. Not durable. */
  advanceAccountedUntil(jobId: JobId, until: number): void;
  /** Records that the occurrence of `@reboot` for this boot of the machine is in the ledger. Not durable. */
  setBoot(jobId: JobId, bootId: string): void;
  /** Makes the occurrences of every job after `now` due again, because the clock was set back to it. Not durable. */
  rewindAccountedUntil(now: number): void;
  /** Returns the paused jobs, also removed ones. */
  listPaused(): ReadonlyMap<JobId, Pause>;
  /** Pauses a job, or resumes it for `by` if `pause` is null. Does not replace an earlier pause. */
  setPaused(jobId: JobId, pause: Pause | null, change: { readonly now: number; readonly by: string | null }): void;
  /** Stores a definition that only sendings refer to. Returns its version. */
  saveSender(job: Job, now: number): number;
}

export type StoredJob = {
  readonly job: Job;
  readonly versionId: number;
  /** When the job was first stored in this database. */
  readonly firstSeenAt: number;
  /** Every occurrence due at or before this time is in the ledger. */
  readonly accountedUntil: number;
  /** The last boot of the machine that `@reboot` of the job needs no occurrence for. Null if the job has just become known. */
  readonly bootId: string | null;
};

/** A job that no job file defines any more. Its runs and occurrences are kept. */
export type GoneJob = {
  readonly job: Job;
  /** When petit noticed it, in ms since the Unix epoch; null for a job that was only ever run with `petit trigger JOBS_DIR JOB`. */
  readonly since: number | null;
};

export const createJobStore = ({ sql, write, recordEvent, commitsDir }: StoreContext): JobStore => ({
  save: write("durable", (jobs, now, reading) => {
    const known = readKnownJobs(sql);
    const stored = new Map<JobId, StoredJob>();
    const histories = historiesOf(jobs, known);
    for (const job of jobs) {
      const { past = null, former = [], unknown = [], takesPause = false } = histories.get(job.id) ?? {};
      const saved = saveJob(sql, job, { known: past, now, reading: reading ?? null });
      stored.set(job.id, saved);
      for (const from of unknown) addFormerId(sql, { from, to: saved, now });
      for (const from of former) {
        renameJob(sql, { from, to: job.id, now, takesPause });
        recordEvent({ type: "job.renamed", now, jobId: job.id, reason: from });
      }
    }
    for (const [jobId, { removed }] of known) {
      if (stored.has(jobId) || removed) continue;
      sql.run("UPDATE jobs SET removed_at = $now WHERE id = $jobId", { jobId, now });
      endUse(sql, jobId, now);
    }
    const commit = reading?.commit?.id ?? null;
    sql.run("UPDATE jobs SET commit_id = $commit WHERE removed_at IS NULL AND commit_id IS NOT $commit", { commit });
    saveCommit(sql, reading?.commit ?? null);
    saveExpectations(sql, jobs, now);
    return stored;
  }),

  saveDefinitions: write("durable", (jobs, now) => new Map(jobs.map((job) => [job.id, saveDefinition(sql, job, now)]))),

  list: () => {
    const jobs = new Map<JobId, StoredJob>();
    const pool = new PartPool();
    for (let after: JobId | null = null, size = LIST_STEP; size === LIST_STEP; ) {
      const rows = listAfter(sql, after);
      for (const row of rows) {
        after = id<JobId>(row, "id");
        jobs.set(after, toStoredJob(row, pool, commitsDir));
      }
      size = rows.length;
    }
    return jobs;
  },

  listRenamed: () =>
    new Map(
      sql
        .all("SELECT id, renamed_to FROM jobs WHERE renamed_to IS NOT NULL")
        .map((row) => [id<JobId>(row, "id"), id<JobId>(row, "renamed_to")]),
    ),

  listGone: () =>
    new Map(
      sql
        .all(`${SELECT_GONE} ORDER BY jobs.id`)
        .map((row) => toGoneJob(row, commitsDir))
        .map((gone) => [gone.job.id, gone]),
    ),

  listGoneIds: () =>
    sql.all("SELECT id FROM jobs WHERE removed_at IS NOT NULL ORDER BY id").map((row) => id<JobId>(row, "id")),

  findGone: (jobId) => {
    const row = sql.get(
      `${SELECT_GONE} AND jobs.id = coalesce((SELECT renamed_to FROM jobs WHERE id = $jobId), $jobId)`,
      { jobId },
    );
    return row === null ? null : toGoneJob(row, commitsDir);
  },

  digestOf,

  getDefinition: (versionId, commit) => {
    const row = sql.get(
      `SELECT definition, coalesce($commit, (SELECT commit_id FROM jobs WHERE jobs.id = job_id)) AS commit_id
       FROM job_versions WHERE id = $versionId`,
      { versionId, commit: commit ?? null },
    );
    if (row === null) throw new Error(`there is no definition ${versionId}`);
    return inCommit(json<Job>(row, "definition"), textOrNull(row, "commit_id"), commitsDir);
  },

  advanceAccountedUntil: write("relaxed", (jobId, until) => {
    sql.run("UPDATE jobs SET accounted_until = $until WHERE id = $jobId AND accounted_until < $until", {
      jobId,
      until,
    });
  }),

  setBoot: write("relaxed", (jobId, bootId) => {
    sql.run("UPDATE jobs SET boot_id = $bootId WHERE id = $jobId", { jobId, bootId });
  }),

  rewindAccountedUntil: write("relaxed", (now) => {
    sql.run("UPDATE jobs SET accounted_until = $now WHERE accounted_until > $now", { now });
    sql.run("UPDATE identity SET unknown_until = $now WHERE unknown_until > $now", { now });
  }),

  listPaused: () =>
    new Map(
      sql
        .all("SELECT id, paused_at, paused_by FROM jobs WHERE paused_at IS NOT NULL")
        .map((row) => [id<JobId>(row, "id"), { at: integer(row, "paused_at"), by: textOrNull(row, "paused_by") }]),
    ),

  setPaused: write("durable", (jobId, pause, { now, by }) => {
    const changed = sql.run(
      "UPDATE jobs SET paused_at = $at, paused_by = $by WHERE id = $jobId AND (paused_at IS NULL) = ($at IS NOT NULL)",
      { jobId, at: pause?.at ?? null, by: pause?.by ?? null },
    );
    if (changed === 0) return;
    insertAction(sql, { action: pause === null ? "resume" : "pause", now, by, jobId });
    recordEvent({
      type: pause === null ? "job.resumed" : "job.paused",
      now,
      jobId,
      status: pause === null ? null : "paused",
      by,
    });
  }),

  saveSender: write("durable", (job, now) => saveVersion(sql, job, now).versionId),
});

const saveCommit = (sql: Statements, commit: CommitInfo | null): void => {
  sql.run(
    `UPDATE job_repository SET commit_id = $id, commit_author = $author, committed_at = $committedAt, commit_subject = $subject
     WHERE commit_id IS NOT $id`,
    {
      id: commit?.id ?? null,
      author: commit?.author ?? null,
      committedAt: commit?.committedAt ?? null,
      subject: commit?.subject ?? null,
    },
  );
};

/** Stores a version of a job. A job that is not in the database yet is stored as a removed one, so that it is never due. */
const saveDefinition = (sql: Statements, job: Job, now: number): StoredJob => {
  const { versionId } = saveVersion(sql, job, now);
  sql.run(
    `INSERT INTO jobs (id, version, first_seen_at, accounted_until, removed_at) VALUES ($jobId, $versionId, $now, $now, $now)
     ON CONFLICT (id) DO UPDATE SET version = $versionId, first_seen_at = $now, removed_at = $now, renamed_to = NULL
       WHERE renamed_to IS NOT NULL`,
    { jobId: job.id, versionId, now },
  );
  return { job, versionId, firstSeenAt: now, accountedUntil: now, bootId: null };
};

/** Number of definitions that are read at once: all of them at once would take several times the memory that they need afterwards. */
const LIST_STEP = 500;

const listAfter = (sql: Statements, after: JobId | null): readonly SqlRow[] =>
  sql.all(
    `SELECT jobs.id, jobs.version, first_seen_at, accounted_until, jobs.boot_id, jobs.commit_id, digest, definition
     FROM jobs JOIN job_versions ON job_versions.id = jobs.version
     WHERE removed_at IS NULL AND jobs.id > $after ORDER BY jobs.id LIMIT $limit`,
    { after: after ?? "", limit: LIST_STEP },
  );

const toStoredJob = (row: SqlRow, pool: PartPool, commitsDir: string): StoredJob => {
  // Its shape is not checked, because only petit writes it.
  const stored = pool.parse(text(row, "definition")) as Job;
  const job = inCommit(stored, textOrNull(row, "commit_id"), commitsDir);
  return {
    job: withDigest(job, text(row, "digest")),
    versionId: integer(row, "version"),
    firstSeenAt: integer(row, "first_seen_at"),
    accountedUntil: integer(row, "accounted_until"),
    bootId: textOrNull(row, "boot_id"),
  };
};

const SELECT_GONE = `SELECT removed_at, first_seen_at, commit_id, definition FROM jobs JOIN job_versions ON job_versions.id = jobs.version
  WHERE removed_at IS NOT NULL AND renamed_to IS NULL`;

const toGoneJob = (row: SqlRow, commitsDir: string): GoneJob => {
  const removedAt = integer(row, "removed_at");
  return {
    job: inCommit(json<Job>(row, "definition"), textOrNull(row, "commit_id"), commitsDir),
    since: removedAt === integer(row, "first_seen_at") ? null : removedAt,
  };
};

type KnownJob = {
  readonly digest: string;
  readonly removed: boolean;
  /** The job that has its history now; null if it was not renamed. */
  readonly renamedTo: JobId | null;
  readonly versionId: number;
  readonly firstSeenAt: number;
  readonly accountedUntil: number;
  readonly bootId: string | null;
};

const saveJob = (
  sql: Statements,
  job: Job,
  context: { readonly known: KnownJob | null; readonly now: number; readonly reading: Reading | null },
): StoredJob => {
  const { known, now, reading } = context;
  if (known !== null && !known.removed && known.digest === digestOf(job)) return { job, ...pick(known) };
  const { versionId, number } = saveVersion(sql, job, now);
  const before = known === null || known.removed ? null : readSchedule(sql, known.versionId);
  const hasPast = known !== null && !known.removed && isDueAlike(before, job.schedule);
  const bootId = known !== null && isForBoot(before) && isForBoot(job.schedule) ? known.bootId : null;
  const accountedUntil = hasPast ? known.accountedUntil : Math.max(now, known?.accountedUntil ?? 0);
  const firstSeenAt = known?.firstSeenAt ?? now;
  sql.run(
    `INSERT INTO jobs (id, version, changed_at, first_seen_at, accounted_until, boot_id)
     VALUES ($jobId, $versionId, $now, $firstSeenAt, $accountedUntil, $bootId)
     ON CONFLICT (id) DO UPDATE SET version = $versionId, first_seen_at = $firstSeenAt, accounted_until = $accountedUntil,
       boot_id = $bootId, removed_at = NULL, renamed_to = NULL, changed_at = CASE
         WHEN removed_at IS NULL AND (SELECT number FROM job_versions WHERE id = version) = $number
         THEN changed_at ELSE $now END`,
    { jobId: job.id, versionId, number, now, firstSeenAt, accountedUntil, bootId },
  );
  beginUse(sql, { job, number, now, reading });
  return { job, versionId, firstSeenAt, accountedUntil, bootId };
};

/** What a job continues. */
type JobHistory = {
  /** The past of the job whose schedule it continues; null if there is none. */
  readonly past: KnownJob | null;
  /** The ids whose history it takes over. */
  readonly former: readonly JobId[];
  /** Its former ids that the database has never known. */
  readonly unknown: readonly JobId[];
  /** Whether it takes over their pause. A job that was there before keeps its own state. */
  readonly takesPause: boolean;
};

/** Returns what each job continues: its own past, and that of its former ids. */
const historiesOf = (jobs: readonly Job[], known: ReadonlyMap<JobId, KnownJob>): ReadonlyMap<JobId, JobHistory> => {
  const ids = new Set(jobs.map(({ id }) => id));
  const isCurrent = (jobId: JobId): boolean => known.get(jobId)?.removed === false;
  const currentId = (jobId: JobId): JobId => known.get(jobId)?.renamedTo ?? jobId;
  const continued = new Map([...continuedJobs(jobs, { isCurrent, currentId })].map(([from, { id }]) => [id, from]));
  const taken = new Set<JobId>();
  return new Map(
    jobs.map((job): [JobId, JobHistory] => {
      const free = formerIds(job, ids, currentId).filter((from) => !taken.has(from));
      for (const from of free) taken.add(from);
      const [former, unknown] = [free.filter((from) => known.has(from)), free.filter((from) => !known.has(from))];
      const own = ownPast(known.get(job.id) ?? null);
      if (isCurrent(job.id)) return [job.id, { past: own, former, unknown, takesPause: false }];
      const from = continued.get(job.id);
      const removed = [own, ...former.map((each) => known.get(each) ?? null)].filter((each) => each !== null);
      const past = from === undefined ? joined(removed) : (known.get(from) ?? null);
      return [job.id, { past, former, unknown, takesPause: true }];
    }),
  );
};

/** A job that uses a former id of another one is new: the other one has the history of the id. */
const ownPast = (known: KnownJob | null): KnownJob | null => (known?.renamedTo === null ? known : null);

/** Returns the past of removed jobs that become one. */
const joined = (removed: readonly KnownJob[]): KnownJob | null => {
  const [first] = removed;
  if (first === undefined) return null;
  const firstSeenAt = Math.min(...removed.map((each) => each.firstSeenAt));
  const accountedUntil = Math.max(...removed.map((each) => each.accountedUntil));
  return { ...first, firstSeenAt, accountedUntil };
};

/** Makes an id lead to a job although there is nothing to move, for example because the job file was copied to another machine. */
const addFormerId = (
  sql: Statements,
  { from, to, now }: { readonly from: JobId; readonly to: StoredJob; readonly now: number },
): void => {
  sql.run(
    `INSERT INTO jobs (id, version, first_seen_at, accounted_until, removed_at, renamed_to)
     VALUES ($from, $versionId, $now, $now, $now, $to)`,
    { from, to: to.job.id, versionId: to.versionId, now },
  );
};

type Renaming = {
  readonly from: JobId;
  readonly to: JobId;
  readonly now: number;
  readonly takesPause: boolean;
};

/** Moves the history of a job to another one, which is stored, and makes the id lead there. */
const renameJob = (sql: Statements, { from, to, now, takesPause }: Renaming): void => {
  endUse(sql, from, now);
  moveHistory(sql, { from, to });
  if (takesPause)
    sql.run(
      `UPDATE jobs SET (paused_at, paused_by) = (SELECT paused_at, paused_by FROM jobs WHERE id = $from)
       WHERE id = $to AND paused_at IS NULL`,
      { from, to },
    );
  sql.run("UPDATE jobs SET renamed_to = $to WHERE renamed_to = $from", { from, to });
  sql.run(
    `UPDATE jobs SET removed_at = coalesce(removed_at, $now), renamed_to = $to, paused_at = NULL, paused_by = NULL, boot_id = NULL
     WHERE id = $from`,
    { from, to, now },
  );
};

const isForBoot = (schedule: Job["schedule"]): boolean => schedule !== null && startsAtBoot(schedule.expressions);

const pick = ({ versionId, firstSeenAt, accountedUntil, bootId }: KnownJob): Omit<StoredJob, "job"> => ({
  versionId,
  firstSeenAt,
  accountedUntil,
  bootId,
});

const readSchedule = (sql: Statements, versionId: number): Job["schedule"] => {
  const row = sql.get(
    "SELECT json_extract(definition, '$.schedule') AS schedule FROM job_versions WHERE id = $versionId",
    {
      versionId,
    },
  );
  return row === null || row.schedule === null ? null : json<Job["schedule"]>(row, "schedule");
};

const readKnownJobs = (sql: Statements): ReadonlyMap<JobId, KnownJob> =>
  new Map(
    sql
      .all(
        `SELECT jobs.id, jobs.version, first_seen_at, accounted_until, jobs.boot_id, removed_at, renamed_to, digest
         FROM jobs JOIN job_versions ON job_versions.id = jobs.version`,
      )
      .map((row) => [id<JobId>(row, "id"), toKnownJob(row)]),
  );

const toKnownJob = (row: SqlRow): KnownJob => ({
  digest: text(row, "digest"),
  removed: integerOrNull(row, "removed_at") !== null,
  renamedTo: idOrNull<JobId>(row, "renamed_to"),
  versionId: integer(row, "version"),
  firstSeenAt: integer(row, "first_seen_at"),
  accountedUntil: integer(row, "accounted_until"),
  bootId: textOrNull(row, "boot_id"),
});

/** Returns the last good definition of a job from a database of any schema, or null if it has no such job. */
export const findDefinition = (db: SqlDatabase, jobId: string): Job | null => {
  const row = db
    .prepare(
      `SELECT definition FROM jobs JOIN job_versions ON job_versions.id = jobs.version
       WHERE jobs.id = $jobId AND removed_at IS NULL`,
    )
    .get({ jobId });
  return row === null ? null : json<Job>(row, "definition");
};
