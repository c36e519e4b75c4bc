import { closeSync, existsSync, lstatSync, openSync } from "node:fs";
import { PetitError } from "../../domain/errors.ts";
import type { Runtime, SqlDatabase } from "../../runtime/runtime.ts";
import { restrictMode } from "./ownership.ts";
import { beside } from "./sibling-file.ts";

/**
 * Makes sure that one scheduler uses a database: an exclusive transaction, held open, on a second SQLite file beside it.
 * The system drops it with the process, however that ends. Throws `taken`, naming the holder, where somebody has it,
 * `unusable_database` where there can be no such file.
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
          `${path} is in use by ${holderOf(runtime, path)}; stop that one, or name another file with --db`,
          { cause },
        )
      : unlockable(path, cause);
  }
  return { [Symbol.dispose]: () => db.close() };
};

const openLock = (runtime: Runtime, path: string): SqlDatabase => {
  const file = beside(path, "-lock");
  try {
    if (!existsSync(file)) createLock(file);
    restrictMode(file);
    return runtime.openDatabase(file);
  } catch (cause) {
    throw unlockable(path, cause);
  }
};

/** Another petit that starts at this moment may create it first; what somebody else put there is refused when it is opened. */
const createLock = (file: string): void => {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (lstatSync(file, { throwIfNoEntry: false })?.uid !== process.geteuid?.()) throw error;
  }
};

/** A full disk, a folder that can only be read, or a file of that name that is something else. */
const unlockable = (path: string, cause: unknown): PetitError => {
  const why = cause instanceof Error ? cause.message : String(cause);
  const file = beside(path, "-lock");
  return new PetitError("unusable_database", `${path} can't be used, since ${file} can't be written: ${why}`, {
    cause,
  });
};

export const isBusy = (error: unknown): boolean =>
  error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");

export const holderOf = (runtime: Runtime, path: string): string => {
  try {
    const db = runtime.openDatabase(path, { readonly: true });
    try {
      return String(db.prepare("SELECT holder FROM scheduler").get()?.holder ?? "another petit");
    } finally {
      db.close();
    }
  } catch {
    return "another petit";
  }
};
