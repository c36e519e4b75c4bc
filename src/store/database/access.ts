import { accessSync, constants, type Stats, statSync } from "node:fs";
import { PetitError } from "../../domain/errors.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { siblingFile } from "./sibling-file.ts";

/**
 * Returns the stats of a database or its folder, or undefined if it is missing. Throws `unusable_database` if petit's user
 * may not search a folder above it.
 */
export const statDatabase = (path: string): Stats | undefined => {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    const why = errorMessage(cause);
    throw new PetitError(
      "unusable_database",
      `${path} can't be reached (${why}); run petit as the user that it belongs to, or name another file with --db`,
      { cause },
    );
  }
};

/** Returns why petit's user may not read or write an existing file; null if it may, or if the file is missing. */
export const explainDenied = (path: string): string | null => {
  const may = { read: isAllowed(path, constants.R_OK), write: isAllowed(path, constants.W_OK) };
  if (may.read && may.write) return null;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return null;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, "0");
  const what = may.read ? "write" : "read";
  return `user ${process.getuid?.()} may not ${what} it: it belongs to user ${stats.uid}, mode ${mode}`;
};

/** Suffixes of the files that petit writes to. */
const WRITTEN_SUFFIXES = ["-wal", "-shm", "-lock", "-incarnation", "-spool"];

/**
 * Throws `unusable_database` if petit's user may not use an existing database or one of its sibling files. Its error says
 * more than that of SQLite, which also creates files before it fails.
 */
export const assertAccessible = (path: string): void => {
  const findDenied = (file: string, name: string): readonly string[] => {
    const why = explainDenied(file);
    return why === null ? [] : [`${name}${why}`];
  };
  const siblings = WRITTEN_SUFFIXES.map((suffix) => siblingFile(path, suffix)).flatMap((file) =>
    findDenied(file, `${file}: `),
  );
  const [why] = [...findDenied(path, ""), ...siblings];
  if (why === undefined) return;
  throw new PetitError("unusable_database", `${path} can't be used as petit's database: ${why}`);
};

/** Ignores a read-only disk, which is not a matter of permissions. */
const isAllowed = (path: string, mode: number): boolean => {
  try {
    accessSync(path, mode);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "EACCES");
  }
};
