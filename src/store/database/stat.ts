import { accessSync, constants, type Stats, statSync } from "node:fs";
import { PetitError } from "../../domain/errors.ts";
import { beside } from "./sibling-file.ts";

/**
 * What lies under a name of a database, or of the folder for one; undefined where nothing does. Throws `unusable_database`
 * where that can't be told: a folder above it is closed to who asks.
 */
export const statDatabase = (path: string): Stats | undefined => {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PetitError(
      "unusable_database",
      `${path} can't be reached (${why}); run petit as the user that it belongs to, or name another file with --db`,
      { cause },
    );
  }
};

/** Why whoever asks may not use a database that is there, which SQLite can't open then; null where that is not why. */
export const whyClosed = (path: string): string | null => {
  const may = { read: isAllowed(path, constants.R_OK), write: isAllowed(path, constants.W_OK) };
  if (may.read && may.write) return null;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return null;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, "0");
  const what = may.read ? "write" : "read";
  return `user ${process.getuid?.()} may not ${what} it: it belongs to user ${stats.uid}, mode ${mode}`;
};

/** Of what petit writes to beside a database. */
const BESIDE = ["-wal", "-shm", "-lock", "-spool"];

/**
 * Throws `unusable_database` where a database, or what lies beside it, is there but closed to who asks: before SQLite, which
 * says less, makes files that are closed as well.
 */
export const assertOpen = (path: string): void => {
  const closed = (file: string, name: string): readonly string[] => {
    const why = whyClosed(file);
    return why === null ? [] : [`${name}${why}`];
  };
  const beneath = BESIDE.map((suffix) => beside(path, suffix)).flatMap((file) => closed(file, `${file}: `));
  const [why] = [...closed(path, ""), ...beneath];
  if (why === undefined) return;
  throw new PetitError("unusable_database", `${path} can't be used as petit's database: ${why}`);
};

/** A disk that can only be read is another matter. */
const isAllowed = (path: string, how: number): boolean => {
  try {
    accessSync(path, how);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "EACCES");
  }
};
