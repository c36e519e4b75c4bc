import type { StoreContext } from "./context.ts";
import { flag, integer, json, text, textOrNull } from "./database/rows.ts";

/** What each valid job file of JOBS_DIR contained when it was read. Only the last JOBS_DIR and its last reader are kept. */
export interface JobFileStore {
  /** Returns what a reader found in a file, whose path is relative to the folder; null if it is not stored. */
  find(source: JobFileSource, file: string): StoredJobFile | null;
  /** Returns the paths of all files that a reader has read in a folder. */
  listPaths(source: JobFileSource): readonly string[];
  /** Adds or replaces `changed`, and removes `gone` and everything of other folders and readers. Not durable. */
  save(source: JobFileSource, changes: JobFileChanges): void;
  /**
   * Stores which files have problems, since `now` if they had none before. Returns since when each has, in ms since the Unix epoch. Not
   * durable.
   */
  saveBroken(files: ReadonlySet<string>, now: number): ReadonlyMap<string, number>;
  /** Stores that somebody is about to save a file of a folder through petit. */
  addEdit(folder: string, edit: JobFileEdit): void;
  /** Removes such an edit, because its jobs are in use, or the file was not saved. Not durable. */
  removeEdit(folder: string, edit: JobFileEdit): void;
  /** Returns the edits of a folder that were added and not removed. */
  listEdits(folder: string): readonly JobFileEdit[];
  /** Removes the edits of all folders. Not durable. */
  clearEdits(): void;
}

export type JobFileSource = {
  /** Absolute path of JOBS_DIR. */
  readonly folder: string;
  /** Identifies the petit that reads the files; another one may read them differently. */
  readonly reader: string;
};

/** A save of a job file. */
export type JobFileEdit = {
  /** Path relative to the folder. */
  readonly file: string;
  /** SHA-256 of the new content, in hexadecimal. */
  readonly digest: string;
  /** The name of a token, otherwise an address. Null if it is unknown. */
  readonly by: string | null;
};

export type StoredJobFile = {
  /** State of the file before it was read, such as its inode, size and times. */
  readonly stamp: string;
  /** False if the file had changed so recently that another change may have left the stamp as it was. */
  readonly isSettled: boolean;
  /** SHA-256 of the content, in hexadecimal. */
  readonly digest: string;
  readonly jobs: readonly StoredJobDeclaration[];
};

/** The declaration of a job in a file. Its definition is the version of the job with this digest. */
export type StoredJobDeclaration = {
  readonly id: string;
  readonly digest: string;
  readonly line: number;
  readonly column: number;
  readonly gates: readonly {
    readonly jobId: string;
    readonly path: string;
    readonly line: number;
    readonly column: number;
  }[];
  /** The ids that it had before; left out if there are none. */
  readonly formerly?: readonly (StoredPlace & { readonly jobId: string })[];
  /** The tasks that run other jobs; left out if there are none. */
  readonly calls?: readonly StoredCall[];
  /** The jobs of its `run` triggers; missing if there are none. */
  readonly follows?: readonly (StoredPlace & { readonly jobId: string })[];
  /** Missing if it names none. */
  readonly queue?: { readonly name: string; readonly path: string; readonly line: number; readonly column: number };
  /** The positions of `runs_on`; missing if there are none. */
  readonly runsOn?: readonly StoredPlace[];
  /** The positions of `nats` triggers; missing if there are none. */
  readonly messages?: readonly StoredPlace[];
  /** What its containers mount; missing if they mount nothing. */
  readonly mounts?: readonly (StoredPlace & { readonly source: string })[];
  /** The users of its tasks; missing if it names none. */
  readonly users?: readonly (StoredPlace & { readonly user: string })[];
  /** The priorities that only root can give; missing if there are none. */
  readonly priorities?: readonly (StoredPlace & { readonly value: string })[];
};

type StoredPlace = {
  readonly path: string;
  readonly position: { readonly line: number; readonly column: number };
};

type StoredCall = StoredPlace & {
  readonly jobId: string;
  readonly waits: boolean;
  readonly given: StoredPlace;
  readonly params: readonly (StoredPlace & { readonly name: string; readonly value: string | null })[];
  readonly reads: readonly (StoredPlace & { readonly name: string })[];
};

type JobFileChanges = {
  readonly changed: ReadonlyMap<string, StoredJobFile>;
  readonly gone: Iterable<string>;
};

export const createJobFileStore = ({ sql, write }: StoreContext): JobFileStore => ({
  find: (source, file) => {
    const row = sql.get(
      "SELECT stamp, settled, digest, jobs FROM job_files WHERE folder = $folder AND file = $file AND reader = $reader",
      { ...source, file },
    );
    if (row === null) return null;
    return {
      stamp: text(row, "stamp"),
      isSettled: flag(row, "settled"),
      digest: text(row, "digest"),
      jobs: json<StoredJobFile["jobs"]>(row, "jobs"),
    };
  },

  listPaths: (source) =>
    sql
      .all("SELECT file FROM job_files WHERE folder = $folder AND reader = $reader", source)
      .map((row) => text(row, "file")),

  save: write("relaxed", (source, { changed, gone }) => {
    sql.run("DELETE FROM job_files WHERE folder <> $folder OR reader <> $reader", source);
    for (const file of gone)
      sql.run("DELETE FROM job_files WHERE folder = $folder AND file = $file", { folder: source.folder, file });
    for (const [file, { stamp, isSettled, digest, jobs }] of changed)
      sql.run(
        `INSERT INTO job_files (folder, file, reader, stamp, settled, digest, jobs)
         VALUES ($folder, $file, $reader, $stamp, $settled, $digest, $jobs)
         ON CONFLICT (folder, file) DO UPDATE SET reader = $reader, stamp = $stamp, settled = $settled, digest = $digest,
           jobs = $jobs`,
        { ...source, file, stamp, settled: isSettled ? 1 : 0, digest, jobs: JSON.stringify(jobs) },
      );
  }),

  saveBroken: write("relaxed", (files, now) => {
    const known = sql.all("SELECT file, since FROM broken_files");
    for (const row of known)
      if (!files.has(text(row, "file")))
        sql.run("DELETE FROM broken_files WHERE file = $file", { file: text(row, "file") });
    const since = new Map(known.map((row) => [text(row, "file"), integer(row, "since")]));
    for (const file of files)
      if (!since.has(file)) sql.run("INSERT INTO broken_files (file, since) VALUES ($file, $now)", { file, now });
    return new Map([...files].map((file) => [file, since.get(file) ?? now]));
  }),

  addEdit: write("durable", (folder, { file, digest, by }) => {
    sql.run(
      `INSERT INTO job_file_edits (folder, file, digest, by) VALUES ($folder, $file, $digest, $by)
       ON CONFLICT (folder, file, digest) DO UPDATE SET by = $by`,
      { folder, file, digest, by },
    );
  }),

  removeEdit: write("relaxed", (folder, { file, digest }) => {
    sql.run("DELETE FROM job_file_edits WHERE folder = $folder AND file = $file AND digest = $digest", {
      folder,
      file,
      digest,
    });
  }),

  listEdits: (folder) =>
    sql
      .all("SELECT file, digest, by FROM job_file_edits WHERE folder = $folder", { folder })
      .map((row) => ({ file: text(row, "file"), digest: text(row, "digest"), by: textOrNull(row, "by") })),

  clearEdits: write("relaxed", () => {
    sql.run("DELETE FROM job_file_edits");
  }),
});
