import { closeSync, existsSync, lstatSync, openSync, statSync } from "node:fs";
import { PetitError } from "../../domain/errors.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Runtime, SqlDatabase } from "../../runtime/runtime.ts";
import { decodeLockOwner, type LockOwner, lockOwnerText, UNKNOWN_OWNER } from "./lock-owner.ts";
import { restrictMode } from "./ownership.ts";
import { siblingFile } from "./sibling-file.ts";

/**
 * Locks a database for one scheduler, by an open exclusive transaction on the sibling file `-lock`. The system releases the
 * lock when the process ends in any way. Throws `taken`, which names the owner, if another process has the lock, and
 * `unusable_database` if the lock file cannot be used.
 */
export const lockDatabase = (runtime: Runtime, path: string): Disposable => {
  const db = openLock(runtime, path);
  try {
    db.exec("PRAGMA busy_timeout = 0");
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    db.close();
    throw isBusy(cause)
      ? new PetitError(
          "taken",
          `${path} is in use by ${lockOwnerText(readOwner(runtime, path))}; stop it, or name another file with --db`,
          { cause },
        )
      : toLockError(path, cause);
  }
  return { [Symbol.dispose]: () => db.close() };
};

const openLock = (runtime: Runtime, path: string): SqlDatabase => {
  const file = siblingFile(path, "-lock");
  try {
    if (!existsSync(file)) createLock(file);
    restrictMode(file);
    return runtime.openDatabase(file);
  } catch (cause) {
    throw toLockError(path, cause);
  }
};

/** Ignores a file that another petit of the same user created at the same time. */
const createLock = (file: string): void => {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (lstatSync(file, { throwIfNoEntry: false })?.uid !== process.geteuid?.()) throw error;
  }
};

/** Reports a full disk, a read-only folder, or a file of that name that is not a database. */
const toLockError = (path: string, cause: unknown): PetitError => {
  const why = errorMessage(cause);
  const file = siblingFile(path, "-lock");
  return new PetitError("unusable_database", `${path} can't be used, because ${file} can't be written: ${why}`, {
    cause,
  });
};

export const isBusy = (error: unknown): boolean =>
  error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");

/** Reads what the owner has stored, see `SchedulerStore.setOwner`. */
const readOwner = (runtime: Runtime, path: string): LockOwner => {
  try {
    const db = runtime.openDatabase(path, { readonly: true });
    try {
      return decodeLockOwner(db.prepare("SELECT holder FROM scheduler").get()?.holder);
    } finally {
      db.close();
    }
  } catch {
    return UNKNOWN_OWNER;
  }
};

/**
 * Returns the process that uses a database, or null if there is none. Takes a shared lock, so it can only delay the start of
 * a scheduler for an instant.
 */
export const findLockOwner = (runtime: Runtime, path: string): LockOwner | null => {
  const file = siblingFile(path, "-lock");
  if (!existsSync(file)) return null;
  const db = openLockToRead(runtime, path);
  try {
    db.exec("PRAGMA busy_timeout = 0");
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    return null;
  } catch (error) {
    return isBusy(error) ? readOwner(runtime, path) : null;
  } finally {
    db.close();
  }
};

const openLockToRead = (runtime: Runtime, path: string): SqlDatabase => {
  const file = siblingFile(path, "-lock");
  try {
    return runtime.openDatabase(file, { readonly: true });
  } catch (cause) {
    const why = `${path} can't be used, because ${file} can't be read: ${errorMessage(cause)}`;
    throw new PetitError("unusable_database", why, { cause });
  }
};

/** Identifies the file that is locked, among all files of this machine since it was booted. A copy of it is another file. */
export const lockFileId = (path: string): string => {
  const stats = statSync(siblingFile(path, "-lock"), { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? "" : `${stats.dev}:${stats.ino}`;
};
