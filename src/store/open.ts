import { closeSync, constants, existsSync, fchmodSync, openSync, statSync } from "node:fs";
import { PetitError } from "../domain/errors.ts";
import type { Runtime, SqlDatabase } from "../runtime/runtime.ts";
import { beside } from "./beside.ts";
import { lockOwner } from "./foreign-lock.ts";
import { isBusy } from "./lock.ts";
import { assertOurs, migrate, readSchemaState } from "./migrate.ts";
import { restrictMode } from "./ownership.ts";
import { sqliteStore } from "./sqlite-store.ts";
import { whyClosed } from "./stat-database.ts";
import type { Store } from "./store.ts";

/** How long a statement waits for somebody else's lock: while petit runs, and when it starts. */
const BUSY_TIMEOUT_MS = 5_000;
const START_TIMEOUT_MS = 250;

/** A database that is kept nowhere. */
export const MEMORY = ":memory:";

/**
 * Opens petit's database, made where there is none, with its schema up to date; mode 0600, WAL, foreign keys on.
 * Throws `unusable_database` where the file can't be used: it is left as it was, to the byte; `taken` where somebody has
 * locked it.
 */
export const openStore = (options: OpenOptions): Store => {
  const { path, runtime } = options;
  return refusing(path, () => {
    if (path !== MEMORY && !isNew(path)) inspect(runtime, path, assertSound);
    if (path !== MEMORY && isNew(path)) create(path);
    if (path !== MEMORY) restrictModes(path);
    const db = open(runtime, path);
    return sqliteStore(db, { sizeBytes: () => sizeOf(db, path), assertThere: () => assertThere(path) });
  });
};

/** The system lets a file that is gone be written on, for nobody to read. */
const assertThere = (path: string): void => {
  if (path === MEMORY || existsSync(path)) return;
  const why = `${path} is gone; put it back, or start petit anew`;
  throw new PetitError("storage_failed", `the database can't be written: ${why}`);
};

export type OpenOptions = { readonly path: string; readonly runtime: Runtime };

/** Looks at a file that may be there, without writing to it or beside it. Throws as `openStore` does. */
export const assertUsable = ({ path, runtime }: OpenOptions): void => {
  if (path === MEMORY || isNew(path)) return;
  refusing(path, () => inspect(runtime, path));
};

const isNew = (path: string): boolean => !existsSync(path) || (statSync(path).isFile() && statSync(path).size === 0);

const inspect = (runtime: Runtime, path: string, further: (db: SqlDatabase, path: string) => void = () => {}): void => {
  // Without a log to read there is no need for the files that SQLite makes beside what it reads.
  const db = runtime.openDatabase(
    path,
    sizeOfFile(beside(path, "-wal")) === 0 ? { immutable: true } : { readonly: true },
  );
  try {
    db.exec(`PRAGMA busy_timeout = ${START_TIMEOUT_MS}`);
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
  if (found !== "ok") throw new Error(`it is damaged (${String(found).replace(/\s+/g, " ")}); restore a backup`);
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

/** An existing database keeps its mode otherwise, and SQLite gives that to each new log. */
const restrictModes = (path: string): void => {
  for (const suffix of ["", "-wal", "-shm"]) restrictMode(beside(path, suffix));
};

const open = (runtime: Runtime, path: string): SqlDatabase => {
  const db = runtime.openDatabase(path);
  try {
    db.exec(`PRAGMA busy_timeout = ${START_TIMEOUT_MS}`);
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

const refusing = <T>(path: string, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (error instanceof PetitError) throw error;
    throw isBusy(error) ? locked(path, error) : unusable(path, error);
  }
};

/** An error as what it says of the database, where that can't be used: damage that shows later than at the first look. */
export const asUnusable = (path: string, error: unknown): unknown => {
  const cause = error instanceof PetitError && error.code === "storage_failed" ? error.cause : error;
  return isDamage(cause) ? unusable(path, cause) : error;
};

const isDamage = (error: unknown): boolean =>
  error instanceof Error && "code" in error && /^SQLITE_(CORRUPT|NOTADB)/.test(String(error.code));

const locked = (path: string, cause: unknown): PetitError =>
  new PetitError(
    "taken",
    `${path} is locked by ${lockOwner(path) ?? "another program"}; end that, or name another file with --db`,
    { cause },
  );

const unusable = (path: string, cause: unknown): PetitError => {
  const what = cause instanceof Error ? cause.message : String(cause);
  const why = isDamage(cause) ? `${what}; restore a backup` : (whyClosed(path) ?? what);
  return new PetitError("unusable_database", `${path} can't be used as petit's database: ${why}`, { cause });
};

const sizeOf = (db: SqlDatabase, path: string): number => {
  if (path === MEMORY) return Number(db.prepare("PRAGMA page_count").get()?.page_count ?? 0) * 4096;
  return sizeOfFile(path) + sizeOfFile(beside(path, "-wal"));
};

/** 0 where there is none. */
const sizeOfFile = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
