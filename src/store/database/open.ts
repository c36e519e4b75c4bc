import { closeSync, constants, existsSync, fchmodSync, openSync, statSync } from "node:fs";
import { PetitError } from "../../domain/errors.ts";
import type { Runtime, SqlDatabase } from "../../runtime/runtime.ts";
import { createStore, type Store } from "../store.ts";
import { findDamage } from "./check.ts";
import { lockOwner } from "./foreign-lock.ts";
import { isBusy } from "./lock.ts";
import { assertOurs, migrate, readSchemaState } from "./migrate.ts";
import { restrictMode } from "./ownership.ts";
import { beside } from "./sibling-file.ts";
import { whyClosed } from "./stat.ts";

/** How long a statement waits for the lock of another process: while petit starts, and while it opens the database. */
const BUSY_TIMEOUT_MS = 5_000;
const OPEN_TIMEOUT_MS = 250;

/** A database that is kept nowhere. */
export const MEMORY = ":memory:";

/**
 * Opens petit's database, made where there is none, with its schema up to date; mode 0600, WAL, foreign keys on.
 * Throws `unusable_database` where the file can't be used: it is left as it was, to the byte; `taken` where somebody has
 * locked it.
 */
export const openStore = (options: OpenOptions): Store => {
  const { path, runtime } = options;
  return refusing(options, () => {
    if (path !== MEMORY && !isNew(path)) inspect(runtime, path, assertSound);
    if (path !== MEMORY) makePrivate(path);
    const db = open(runtime, path);
    return createStore(db, {
      sizeBytes: () => sizeOf(db, path),
      assertThere: presenceOf(db, path),
      lockOwner: () => (path === MEMORY ? null : lockOwner(path)),
    });
  });
};

/**
 * Returns a check that `path` still names the file that is open, and throws `storage_failed` where it does not: the system
 * lets an open file be written to after it was removed or replaced, but nobody would find that again.
 */
const presenceOf = (db: SqlDatabase, path: string): (() => void) => {
  if (path === MEMORY) return () => {};
  const opened = statSync(path, { bigint: true });
  let isHere = true;
  return () => {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    const wasHere = isHere;
    isHere = found?.ino === opened.ino && found.dev === opened.dev;
    if (isHere) return;
    if (wasHere) emptyLog(db);
    const why =
      found === undefined
        ? `${path} is gone; put it back, or restart petit to begin with an empty database`
        : `${path} was replaced by another file; restart petit to use that one, or put the original file back`;
    throw new PetitError("storage_failed", `the database can't be written: ${why}`);
  };
};

/**
 * Moves everything from the write-ahead log into the open file, which may lie elsewhere by now. The next start would apply
 * the log to the file that has taken its place.
 */
const emptyLog = (db: SqlDatabase): void => {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // Somebody reads it; the next start names a log that does not fit.
  }
};

export type OpenOptions = { readonly path: string; readonly runtime: Runtime };

/** Looks at a file that may be there, without writing to it or beside it. Throws as `openStore` does. */
export const assertUsable = ({ path, runtime }: OpenOptions): void => {
  if (path === MEMORY || isNew(path)) return;
  refusing({ path, runtime }, () => inspect(runtime, path));
};

const isNew = (path: string): boolean => !existsSync(path) || (statSync(path).isFile() && statSync(path).size === 0);

const inspect = (runtime: Runtime, path: string, further: (db: SqlDatabase, path: string) => void = () => {}): void => {
  // Without a log to read there is no need for the files that SQLite makes beside what it reads.
  const db = runtime.openDatabase(
    path,
    sizeOfFile(beside(path, "-wal")) === 0 ? { immutable: true } : { readonly: true },
  );
  try {
    db.exec(`PRAGMA busy_timeout = ${OPEN_TIMEOUT_MS}`);
    assertOurs(readSchemaState(db), path);
    further(db, path);
  } finally {
    db.close();
  }
};

/** A larger database is not looked through at each start: a millisecond a MiB. Damage shows where it is met, then. */
const LOOKED_THROUGH_BYTES = 16 * 2 ** 20;

const assertSound = (db: SqlDatabase, path: string): void => {
  if (sizeOfFile(path) + sizeOfFile(beside(path, "-wal")) > LOOKED_THROUGH_BYTES) return;
  const found = db.prepare("PRAGMA quick_check(1)").get()?.quick_check;
  if (found === "ok") return;
  const message = `it is damaged (${String(found).replace(/\s+/g, " ")})`;
  throw Object.assign(new Error(message), { code: "SQLITE_CORRUPT" });
};

const makePrivate = (path: string): void => {
  if (isNew(path)) create(path);
  else restrictMode(path);
  for (const suffix of ["-wal", "-shm"]) restrictMode(beside(path, suffix));
};

/** SQLite gives its journals the mode of the database. Fails if somebody else creates the file, or a link, at this moment. */
const create = (path: string): void => {
  const fd = openSync(beside(path, ""), existsSync(path) ? constants.O_RDWR | constants.O_NOFOLLOW : "wx", 0o600);
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
    db.exec("PRAGMA foreign_keys = ON");
    db.exec("PRAGMA wal_autocheckpoint = 1000");
    db.exec("PRAGMA journal_size_limit = 67108864");
    migrate(db);
    assertWritable(db);
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

/** `BEGIN IMMEDIATE` alone begins nothing but a read of what can only be read. */
const assertWritable = (db: SqlDatabase): void => {
  const { version } = readSchemaState(db);
  db.exec("BEGIN IMMEDIATE");
  db.exec(`PRAGMA user_version = ${version}`);
  db.exec("ROLLBACK");
};

const refusing = <T>(options: OpenOptions, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (error instanceof PetitError) throw error;
    throw isBusy(error) ? locked(options.path, error) : unusable(options, error);
  }
};

/** Returns `unusable_database` for an error that means damage which showed only after the database was opened; else `error`. */
export const asUnusable = (options: OpenOptions, error: unknown): unknown => {
  const cause = error instanceof PetitError && error.code === "storage_failed" ? error.cause : error;
  return isDamage(cause) ? unusable(options, cause) : error;
};

const isDamage = (error: unknown): boolean =>
  error instanceof Error && "code" in error && /^SQLITE_(CORRUPT|NOTADB)/.test(String(error.code));

const locked = (path: string, cause: unknown): PetitError =>
  new PetitError(
    "taken",
    `${path} is locked by ${lockOwner(path) ?? "another program"}; end that, or name another file with --db`,
    { cause },
  );

const unusable = (options: OpenOptions, cause: unknown): PetitError => {
  const { path } = options;
  const what = cause instanceof Error ? cause.message : String(cause);
  const why = isDamage(cause) ? `${what}; ${remedyOf(options)}` : (whyClosed(path) ?? what);
  return new PetitError("unusable_database", `${path} can't be used as petit's database: ${why}`, { cause });
};

/**
 * What to do about a damaged database. A file that was copied over the database of a running petit lies beside the log of
 * the old file, which SQLite then applies to the new one: the file alone is sound.
 */
const remedyOf = ({ path, runtime }: OpenOptions): string => {
  const log = beside(path, "-wal");
  return sizeOfFile(log) > 0 && isSoundAlone(runtime, path)
    ? `without its log ${log} it is sound: the log seems to be left from another file of that name. ` +
        `Move ${log} and ${beside(path, "-shm")} away, then start petit again`
    : "restore a backup";
};

const isSoundAlone = (runtime: Runtime, path: string): boolean => {
  try {
    const db = runtime.openDatabase(path, { immutable: true });
    try {
      assertOurs(readSchemaState(db), path);
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
  return sizeOfFile(path) + sizeOfFile(beside(path, "-wal"));
};

/** 0 where there is none. */
const sizeOfFile = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
