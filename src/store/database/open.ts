import { closeSync, constants, existsSync, fchmodSync, openSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { refuse } from "../../domain/refusal.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Runtime, SqlDatabase } from "../../runtime/runtime.ts";
import { createStore, type Store } from "../store.ts";
import { explainDenied } from "./access.ts";
import { findDamage } from "./check.ts";
import { isBusy } from "./lock.ts";
import { findLockingProcess } from "./locking-process.ts";
import { assertPetitSchema, migrate, readSchemaState } from "./migrate.ts";
import { restrictMode } from "./ownership.ts";
import { siblingFile } from "./sibling-file.ts";

/** How long a statement waits for the lock of another process while petit starts, after the database is open. */
const BUSY_TIMEOUT_MS = 5_000;
/** The same while petit opens the database. */
const OPEN_TIMEOUT_MS = 250;

/** Path of a database in memory, which is not stored. */
export const MEMORY = ":memory:";

/**
 * Opens petit's database and brings its schema up to date. Creates a missing file, mode 0600. Throws `unusable_database` if
 * the file cannot be used, and then does not change a byte of it, and `taken` if another process has locked it.
 */
export const openStore = (options: OpenOptions): Store => {
  const { path, runtime } = options;
  return withOpenErrors(options, () => {
    if (path !== MEMORY && !isNew(path)) inspect(runtime, path, assertIntact);
    if (path !== MEMORY) makePrivate(path);
    const db = open(runtime, path);
    return createStore(db, {
      sizeBytes: () => sizeOf(db, path),
      assertInPlace: createPlaceCheck(db, path),
      commitsDir: join(gitDirOf(path), "commits"),
      findLockingProcess: () => (path === MEMORY ? null : findLockingProcess(path)),
    });
  });
};

/** Returns the folder for the repository of job files and its commits, next to the database. */
export const gitDirOf = (path: string): string => resolve(siblingFile(path, "-git"));

/**
 * Returns a function that throws `storage_failed` if `path` no longer names the open file. The system lets a process write to
 * an open file that was removed or replaced, but these writes would be lost.
 */
const createPlaceCheck = (db: SqlDatabase, path: string): (() => void) => {
  if (path === MEMORY) return () => {};
  const opened = statSync(path, { bigint: true });
  let isInPlace = true;
  return () => {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    const wasInPlace = isInPlace;
    isInPlace = found?.ino === opened.ino && found.dev === opened.dev;
    if (isInPlace) return;
    if (wasInPlace) emptyLog(db);
    const code = found === undefined ? "database_deleted" : "database_replaced";
    throw refuse({ reason: "storage_failed", fault: { code, path } });
  };
};

/**
 * Moves everything from the write-ahead log into the open file, which may have been moved. Otherwise the next start would
 * apply the log to the file that replaced it.
 */
const emptyLog = (db: SqlDatabase): void => {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // Another process reads the log. The next start reports a log that does not fit.
  }
};

type OpenOptions = { readonly path: string; readonly runtime: Runtime };

/** Checks a database without writing to it or creating files. Accepts a missing file. Throws as `openStore` does. */
export const assertUsable = ({ path, runtime }: OpenOptions): void => {
  if (path === MEMORY || isNew(path)) return;
  withOpenErrors({ path, runtime }, () => inspect(runtime, path));
};

const isNew = (path: string): boolean => !existsSync(path) || (statSync(path).isFile() && statSync(path).size === 0);

const inspect = (runtime: Runtime, path: string, check: (db: SqlDatabase, path: string) => void = () => {}): void => {
  // Immutable mode creates no -wal and -shm files, but does not read the log.
  const db = runtime.openDatabase(
    path,
    sizeOfFile(siblingFile(path, "-wal")) === 0 ? { immutable: true } : { readonly: true },
  );
  try {
    db.exec(`PRAGMA busy_timeout = ${OPEN_TIMEOUT_MS}`);
    assertPetitSchema(readSchemaState(db), path);
    check(db, path);
  } finally {
    db.close();
  }
};

/** Maximum size of a database that is checked at each start, which takes 1 ms per MiB. */
const MAX_CHECKED_BYTES = 16 * 2 ** 20;

const assertIntact = (db: SqlDatabase, path: string): void => {
  if (sizeOfFile(path) + sizeOfFile(siblingFile(path, "-wal")) > MAX_CHECKED_BYTES) return;
  const found = db.prepare("PRAGMA quick_check(1)").get()?.quick_check;
  if (found === "ok") return;
  const message = `it is damaged (${String(found).replace(/\s+/g, " ")})`;
  throw Object.assign(new Error(message), { code: "SQLITE_CORRUPT" });
};

const makePrivate = (path: string): void => {
  if (isNew(path)) create(path);
  else restrictMode(siblingFile(path, ""));
  for (const suffix of ["-wal", "-shm"]) restrictMode(siblingFile(path, suffix));
};

/** SQLite gives its journals the mode of the database. Throws if another process creates the file, or a link, at the same time. */
const create = (path: string): void => {
  const fd = openSync(siblingFile(path, ""), existsSync(path) ? constants.O_RDWR | constants.O_NOFOLLOW : "wx", 0o600);
  try {
    fchmodSync(fd, 0o600);
  } finally {
    closeSync(fd);
  }
};

const open = (runtime: Runtime, path: string): SqlDatabase => {
  const db = runtime.openDatabase(path);
  try {
    db.exec(`PRAGMA busy_timeout = ${OPEN_TIMEOUT_MS}`);
    db.exec("PRAGMA journal_mode = WAL");
    db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.exec("PRAGMA journal_size_limit = 67108864");
    migrate(db);
    assertWritable(db);
    // The journal of a savepoint stays in memory. In a file it would take a file descriptor, and more than 64 KiB are rare. A migration
    // may change the whole database, so it uses a file.
    db.exec("PRAGMA temp_store = MEMORY");
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

/**
 * Length of the write-ahead log, in pages of 4 KiB, from which a commit moves its content into the database. That takes some
 * ms, for which a trigger waits; a run writes about 20 pages, so fewer than one trigger of a hundred does.
 */
const CHECKPOINT_PAGES = 4_000;

/** On a read-only file, BEGIN IMMEDIATE succeeds; only a write proves that the file is writable. */
const assertWritable = (db: SqlDatabase): void => {
  const { version } = readSchemaState(db);
  db.exec("BEGIN IMMEDIATE");
  db.exec(`PRAGMA user_version = ${version}`);
  db.exec("ROLLBACK");
};

const withOpenErrors = <T>(options: OpenOptions, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (error instanceof PetitError) throw error;
    throw isBusy(error) ? toLockedError(options.path, error) : toUnusableError(options, error);
  }
};

/** Returns `unusable_database` for an error of a damaged database that was already open, and any other error unchanged. */
export const toUnusable = (options: OpenOptions, error: unknown): unknown => {
  const cause = error instanceof PetitError && error.code === "storage_failed" ? error.cause : error;
  return isDamage(cause) ? toUnusableError(options, cause) : error;
};

const isDamage = (error: unknown): boolean =>
  error instanceof Error && "code" in error && /^SQLITE_(CORRUPT|NOTADB)/.test(String(error.code));

const toLockedError = (path: string, cause: unknown): PetitError => {
  const pid = findLockingProcess(path);
  const owner = pid === null ? "another program" : `process ${pid}`;
  return new PetitError("taken", `${path} is locked by ${owner}; end it, or name another file with --db`, { cause });
};

const toUnusableError = (options: OpenOptions, cause: unknown): PetitError => {
  const { path } = options;
  const what = errorMessage(cause);
  const why = isDamage(cause) ? `${what}; ${suggestRepair(options)}` : (explainDenied(path) ?? what);
  return new PetitError("unusable_database", `${path} can't be used as petit's database: ${why}`, { cause });
};

/**
 * Returns what to do about a damaged database. If a file was copied over the database of a running petit, SQLite applies the
 * log of the old file to it, although the file itself is intact.
 */
const suggestRepair = ({ path, runtime }: OpenOptions): string => {
  const log = siblingFile(path, "-wal");
  return sizeOfFile(log) > 0 && isIntactWithoutLog(runtime, path)
    ? `without its log ${log} it is intact: the log seems to belong to an earlier file of that name. ` +
        `Move ${log} and ${siblingFile(path, "-shm")} away, then start petit again`
    : "restore a backup";
};

const isIntactWithoutLog = (runtime: Runtime, path: string): boolean => {
  try {
    const db = runtime.openDatabase(path, { immutable: true });
    try {
      assertPetitSchema(readSchemaState(db), path);
      return findDamage(db, { quick: true }).length === 0;
    } finally {
      db.close();
    }
  } catch {
    return false;
  }
};

const sizeOf = (db: SqlDatabase, path: string): number => {
  if (path === MEMORY) return Number(db.prepare("PRAGMA page_count").get()?.page_count ?? 0) * 4096;
  return sizeOfFile(path) + sizeOfFile(siblingFile(path, "-wal"));
};

/** Returns 0 for a missing file. */
const sizeOfFile = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
