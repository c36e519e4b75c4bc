import type { JobId } from "../../domain/ids.ts";
import type { StoreContext } from "../context.ts";
import { flag, id, integerOrNull, text, textOrNull } from "../database/rows.ts";

/** The files that `files` triggers have seen, and the patterns that they have looked for. */
export interface SeenFileStore {
  /** Returns the files that a trigger has seen, the first one first. */
  list(key: FileTriggerKey): readonly SeenFile[];
  /** Stores that a file was seen. Returns false if it was before, with the same content and ctime. */
  add(key: FileTriggerKey, file: SeenFile, now: number): boolean;
  /** Stores files as seen without starting runs for them. */
  addAll(key: FileTriggerKey, files: readonly SeenFile[], now: number): void;
  /** Stores where a seen file is now. `folder` is where it was. */
  move(key: FileTriggerKey, folder: string, file: SeenFile): void;
  /** Deletes files that are gone. */
  delete(key: FileTriggerKey, files: readonly Pick<SeenFile, "folder" | "stat">[]): void;
  /** Returns the patterns of a trigger that are known, by id. */
  listPatterns(key: FileTriggerKey): ReadonlyMap<string, WatchedPattern>;
  /** Stores that files are ignored for a pattern. */
  addPattern(key: FileTriggerKey, pattern: string, newSince: number | null): void;
  /** Stores that a trigger has these patterns, and has looked for them. */
  setPatterns(key: FileTriggerKey, patterns: readonly string[]): void;
  /** Deletes what is stored about other triggers than these. */
  keepOnly(keys: readonly FileTriggerKey[]): void;
  /** After a restore of the database, marks these patterns so that existing files count as seen. Otherwise does nothing. */
  noteRestore(patterns: readonly (FileTriggerKey & { readonly pattern: string })[]): void;
}

/** A trigger of a job. `trigger` is its name; null if it has none. */
export type FileTriggerKey = { readonly jobId: JobId; readonly trigger: string | null };

type WatchedPattern = {
  /** True until the files that are ignored count as seen. */
  readonly ignoresExisting: boolean;
  /** Files that have changed since are not ignored, in ms since the Unix epoch; null if all are that are there. */
  readonly newSince: number | null;
};

/** What identifies a file. */
export type SeenFile = {
  /** Absolute path of its folder. */
  readonly folder: string;
  readonly folderInode: string;
  readonly name: string;
  /** Its inode, its size in bytes, and when it was changed last, in ns. */
  readonly stat: string;
  /** SHA-256 of its content; null if the trigger does not compare it. */
  readonly digest: string | null;
  /** Time of the last change to its content or inode (ctime) when its digest was computed, in ns; null if it has none, or if that is not known. */
  readonly digestedCtime: string | null;
};

const ADD_PATTERN = `
  INSERT OR REPLACE INTO watched_patterns (job_id, "trigger", pattern, ignores_existing, new_since)
  VALUES ($jobId, $trigger, $pattern, 1, $newSince)`;

/** Only the content of a seen file can be another one. */
const IF_SEEN = `
  ON CONFLICT DO UPDATE SET name = excluded.name, folder_inode = excluded.folder_inode, digest = excluded.digest, ctime = excluded.ctime
  WHERE excluded.digest IS NOT NULL AND (excluded.digest IS NOT digest OR excluded.ctime IS NOT ctime)`;

const OF_TRIGGER = `job_id = $jobId AND "trigger" = $trigger`;

export const createSeenFileStore = ({ sql, write }: StoreContext): SeenFileStore => {
  const keyOf = ({ jobId, trigger }: FileTriggerKey) => ({ jobId, trigger: trigger ?? "" });
  return {
    list: (key) =>
      sql.all(`SELECT * FROM seen_files WHERE ${OF_TRIGGER} ORDER BY seen_at`, keyOf(key)).map((row) => ({
        folder: text(row, "folder"),
        folderInode: text(row, "folder_inode"),
        name: text(row, "name"),
        stat: text(row, "stat"),
        digest: textOrNull(row, "digest"),
        digestedCtime: textOrNull(row, "ctime"),
      })),

    add: write("durable", (key, { folder, folderInode, name, stat, digest, digestedCtime }, now) => {
      const added = sql.run(
        `INSERT INTO seen_files (job_id, "trigger", folder, stat, name, folder_inode, digest, ctime, seen_at)
         VALUES ($jobId, $trigger, $folder, $stat, $name, $folderInode, $digest, $digestedCtime, $now) ${IF_SEEN}`,
        { ...keyOf(key), folder, stat, name, folderInode, digest, digestedCtime, now },
      );
      return added > 0;
    }),

    addAll: write("durable", (key, files, now) => {
      sql.run(
        `INSERT INTO seen_files (job_id, "trigger", folder, stat, name, folder_inode, digest, ctime, seen_at)
         SELECT $jobId, $trigger, value ->> 'folder', value ->> 'stat', value ->> 'name', value ->> 'folderInode',
           value ->> 'digest', value ->> 'digestedCtime', $now FROM json_each($files) WHERE true ${IF_SEEN}`,
        { ...keyOf(key), files: JSON.stringify(files), now },
      );
    }),

    move: write("durable", (key, from, { folder, folderInode, name, stat }) => {
      sql.run(
        `UPDATE OR REPLACE seen_files SET folder = $folder, folder_inode = $folderInode, name = $name
         WHERE ${OF_TRIGGER} AND folder = $from AND stat = $stat`,
        { ...keyOf(key), from, folder, folderInode, name, stat },
      );
    }),

    delete: write("relaxed", (key, files) => {
      for (const { folder, stat } of files)
        sql.run(`DELETE FROM seen_files WHERE ${OF_TRIGGER} AND folder = $folder AND stat = $stat`, {
          ...keyOf(key),
          folder,
          stat,
        });
    }),

    addPattern: write("durable", (key, pattern, newSince) => {
      sql.run(ADD_PATTERN, { ...keyOf(key), pattern, newSince });
    }),

    listPatterns: (key) =>
      new Map(
        sql
          .all(`SELECT pattern, ignores_existing, new_since FROM watched_patterns WHERE ${OF_TRIGGER}`, keyOf(key))
          .map((row) => [
            text(row, "pattern"),
            { ignoresExisting: flag(row, "ignores_existing"), newSince: integerOrNull(row, "new_since") },
          ]),
      ),

    setPatterns: write("durable", (key, patterns) => {
      sql.run(`DELETE FROM watched_patterns WHERE ${OF_TRIGGER}`, keyOf(key));
      for (const pattern of patterns)
        sql.run(`INSERT INTO watched_patterns (job_id, "trigger", pattern) VALUES ($jobId, $trigger, $pattern)`, {
          ...keyOf(key),
          pattern,
        });
    }),

    keepOnly: write("durable", (keys) => {
      const isKept = new Set(keys.map((key) => JSON.stringify(keyOf(key))));
      const stored = sql
        .all(`SELECT DISTINCT job_id, "trigger" FROM watched_patterns`)
        .map((row) => ({ jobId: id<JobId>(row, "job_id"), trigger: text(row, "trigger") }));
      for (const key of stored.filter((each) => !isKept.has(JSON.stringify(each)))) {
        sql.run(`DELETE FROM seen_files WHERE ${OF_TRIGGER}`, key);
        sql.run(`DELETE FROM watched_patterns WHERE ${OF_TRIGGER}`, key);
      }
    }),

    noteRestore: write("durable", (patterns) => {
      if (sql.run("UPDATE identity SET files_unknown = 0 WHERE files_unknown = 1") === 0) return;
      for (const { pattern, ...key } of patterns) sql.run(ADD_PATTERN, { ...keyOf(key), pattern, newSince: null });
    }),
  };
};
