import { existsSync, realpathSync, statSync } from "node:fs";
import { PetitError } from "../../domain/errors.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { readDatabase } from "../database/read-only.ts";
import { databaseIdOf, type FolderCopy, listCopies, shortId } from "./folder.ts";

export type ChooseOptions = {
  /** A copy, or a folder of copies. */
  readonly source: string;
  /** The newest copy of the folder that is not newer than this, in ms since the Unix epoch; null for the newest. */
  readonly at: number | null;
  /** Path of the database, which may be missing. */
  readonly path: string;
  readonly runtime: Runtime;
};

/**
 * Returns the copy to restore: the file itself, or one of the folder. Throws `not_found` if there is none, and `invalid_request` if it is
 * not clear which one is meant.
 */
export const chooseCopy = (options: ChooseOptions): string => {
  const { source, at, path } = options;
  const found = statSync(source, { throwIfNoEntry: false });
  if (found === undefined) throw new PetitError("not_found", `there is no copy ${source}`);
  if (found.isDirectory()) return newestOf(options);
  if (at !== null)
    throw new PetitError("invalid_request", `--at chooses from a folder of copies, and ${source} is not a folder`);
  if (!found.isFile())
    throw new PetitError(
      "invalid_request",
      `${source} is not a file; name a copy of 'petit backup', or a folder of them`,
    );
  if (existsSync(path) && realpathSync(source) === realpathSync(path))
    throw new PetitError("invalid_request", `${source} is the database itself; name a copy of it`);
  return source;
};

const newestOf = (options: ChooseOptions): string => {
  const { source, at } = options;
  const copies = ofOneDatabase(list(source), options);
  const [newest] = copies;
  const oldest = copies.at(-1);
  if (newest === undefined || oldest === undefined)
    throw new PetitError(
      "not_found",
      `${source} has no copy of this database; expected files such as petit-1f0c8a52be09-2026-03-28T02-30-00Z.db`,
    );
  const chosen = at === null ? newest : copies.find((copy) => copy.at <= at);
  if (chosen !== undefined) return chosen.file;
  throw new PetitError(
    "not_found",
    `${source} has no copy from ${new Date(at ?? 0).toISOString()} or earlier; the oldest one is ${oldest.file}`,
  );
};

/** Returns the copy of the same database that was made before a copy of a folder; null if there is none. */
export const earlierCopy = (folder: string, file: string): string | null => {
  const copies = list(folder);
  const from = copies.find((copy) => copy.file === file);
  return copies.find(({ at, database }) => database === from?.database && at < from.at)?.file ?? null;
};

const list = (folder: string): readonly FolderCopy[] => {
  try {
    return listCopies(folder);
  } catch (cause) {
    throw new PetitError("invalid_request", `${folder} can't be read: ${errorMessage(cause)}`, { cause });
  }
};

/** Without a readable database, all copies have to be of the same one. */
const ofOneDatabase = (
  copies: readonly FolderCopy[],
  { source, path, runtime }: ChooseOptions,
): readonly FolderCopy[] => {
  const present = presentId({ path, runtime });
  if (present !== null) {
    const own = copies.filter(({ database }) => database === shortId(present));
    if (own.length > 0 || copies.length === 0) return own;
    throw new PetitError("invalid_request", `${source} has only copies of other databases than ${path}; ${OTHER_HINT}`);
  }
  const databases = [...new Set(copies.map(({ database }) => database))];
  if (databases.length <= 1) return copies;
  const newest = databases.map((database) => copies.find((copy) => copy.database === database)?.file ?? "");
  throw new PetitError(
    "invalid_request",
    `${source} has copies of ${databases.length} databases; name the copy that you want. The newest ones are ${newest.join(", ")}`,
  );
};

const OTHER_HINT = "if that is what you want, move the present database away first";

/** Throws `invalid_request` if a copy is of another database than the present one. Databases of older schemas have no id. */
export const assertSameDatabase = (id: string | null, { source, path, runtime }: Omit<ChooseOptions, "at">): void => {
  const present = presentId({ path, runtime });
  if (id === null || present === null || id === present) return;
  throw new PetitError("invalid_request", `${source} is a copy of another database than ${path}; ${OTHER_HINT}`);
};

/** Returns null if there is no present database, or if it can't be read. */
const presentId = ({ path, runtime }: Pick<ChooseOptions, "path" | "runtime">): string | null => {
  if (!existsSync(path)) return null;
  try {
    return readDatabase({ path, runtime }, ({ db }) => databaseIdOf(db));
  } catch {
    return null;
  }
};
