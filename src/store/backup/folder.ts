import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { SqlDatabase } from "../../runtime/runtime.ts";
import { text } from "../database/rows.ts";

/** A copy in a backup folder. Its artifacts are in the folder of its name with the suffix `-artifacts`, if it has some. */
export type FolderCopy = {
  readonly file: string;
  /** The beginning of the id of its database. */
  readonly database: string;
  /** When it was made, in ms since the Unix epoch, a whole second. */
  readonly at: number;
  readonly bytes: number;
};

export const ARTIFACTS = "-artifacts";

/** Enough of an id to tell the databases of a folder from each other. */
const ID_LENGTH = 12;

/** Returns what the names of the copies of a database have of its id. */
export const shortId = (databaseId: string): string => databaseId.slice(0, ID_LENGTH);

const NAME = /^petit-([0-9a-f]{12})-(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)Z\.db$/;

/** Returns the name of a copy, such as `petit-1f0c8a52be09-2026-03-28T02-30-00Z.db`. The time is UTC. */
export const copyName = (databaseId: string, at: number): string =>
  `petit-${shortId(databaseId)}-${new Date(at).toISOString().slice(0, 19).replaceAll(":", "-")}Z.db`;

/** Returns the copies in a folder, newest first. Ignores all other files. Throws the system's error if the folder can't be read. */
export const listCopies = (folder: string): readonly FolderCopy[] =>
  readdirSync(folder)
    .flatMap((name) => {
      const [, database, day, ...time] = NAME.exec(name) ?? [];
      const file = join(folder, name);
      const stats = database === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
      if (database === undefined || stats?.isFile() !== true) return [];
      return [{ file, database, at: Date.parse(`${day}T${time.join(":")}Z`), bytes: stats.size }];
    })
    .sort((a, b) => b.at - a.at || (a.file < b.file ? 1 : -1));

/** Returns the id of a database, which all of its copies have; null if its schema is older than ids. */
export const databaseIdOf = (db: SqlDatabase): string | null => {
  if (db.prepare("SELECT 1 FROM pragma_table_info('identity') WHERE name = 'copied_at'").get() === null) return null;
  const row = db.prepare("SELECT id FROM identity").get();
  return row === null ? null : text(row, "id");
};
