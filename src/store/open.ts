import { chmodSync, closeSync, existsSync, openSync, statSync } from "node:fs";
import { PetitError } from "../domain/errors.ts";
import type { Runtime, SqlDatabase } from "../runtime/runtime.ts";
import { assertOurs, migrate, readSchemaState } from "./migrate.ts";
import { sqliteStore } from "./sqlite-store.ts";
import type { Store } from "./store.ts";

/** How long a statement waits for somebody else's lock. */
const BUSY_TIMEOUT_MS = 5_000;

/** A database that is kept nowhere. */
export const MEMORY = ":memory:";

/**
 * Opens petit's database, made where there is none, with its schema up to date; mode 0600, WAL, foreign keys on.
 * Throws `unusable_database` where the file can't be used: it is left as it was, to the byte.
 */
export const openStore = (options: { readonly path: string; readonly runtime: Runtime }): Store => {
  const { path, runtime } = options;
  try {
    if (path !== MEMORY) inspect(runtime, path);
    const db = open(runtime, path);
    return sqliteStore(db, { sizeBytes: () => sizeOf(db, path) });
  } catch (error) {
    throw error instanceof PetitError ? error : unusable(path, error);
  }
};

/** Looks at an existing file without writing to it. */
const inspect = (runtime: Runtime, path: string): void => {
  if (!existsSync(path) || statSync(path).size === 0) {
    create(path);
    return;
  }
  const db = runtime.openDatabase(path, { readonly: true });
  try {
    assertOurs(readSchemaState(db), path);
  } finally {
    db.close();
  }
};

/** SQLite gives its journals the mode of the database. */
const create = (path: string): void => {
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
};

const open = (runtime: Runtime, path: string): SqlDatabase => {
  const db = runtime.openDatabase(path);
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA foreign_keys = ON");
    db.exec("PRAGMA wal_autocheckpoint = 1000");
    db.exec("PRAGMA journal_size_limit = 67108864");
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

const unusable = (path: string, cause: unknown): PetitError => {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PetitError("unusable_database", `${path} can't be used as petit's database: ${why}`, { cause });
};

const sizeOf = (db: SqlDatabase, path: string): number => {
  if (path === MEMORY) return Number(db.prepare("PRAGMA page_count").get()?.page_count ?? 0) * 4096;
  return [path, `${path}-wal`].reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
};
