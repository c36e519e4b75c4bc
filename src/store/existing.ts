import { statSync } from "node:fs";
import { PetitError } from "../domain/errors.ts";
import type { Runtime, SqlDatabase } from "../runtime/runtime.ts";
import { assertOurs, readSchemaState, type SchemaState } from "./migrate.ts";
import { MEMORY } from "./open.ts";

/** How long a statement waits for somebody else's lock. */
const BUSY_TIMEOUT_MS = 5_000;

/** A petit database as it was found. */
export type Existing = { readonly db: SqlDatabase; readonly state: SchemaState } & Disposable;

/**
 * Opens a petit database that is there, for reading, beside the scheduler that may be running on it. No byte of it is
 * changed: the last to close a file in WAL mode writes to it, unless it opened it for reading only. Throws `not_found`
 * where there is none, `unusable_database` where the file is something else.
 */
export const openExisting = (options: { readonly path: string; readonly runtime: Runtime }): Existing => {
  const { path, runtime } = options;
  assertFile(path);
  try {
    const db = runtime.openDatabase(path, { readonly: true });
    const close = (): void => db.close();
    try {
      db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      return { db, state: checkedState(db, path), [Symbol.dispose]: close };
    } catch (error) {
      close();
      throw error;
    }
  } catch (error) {
    throw error instanceof PetitError ? error : unreadable(path, error);
  }
};

const assertFile = (path: string): void => {
  if (path === MEMORY) throw new PetitError("invalid_request", `${MEMORY} is no file; --db names one`);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new PetitError("not_found", `there is no database ${path}; --db names another`);
  if (!found.isFile()) throw new PetitError("unusable_database", `the database ${path} is no file; --db names another`);
};

const checkedState = (db: SqlDatabase, path: string): SchemaState => {
  const state = readSchemaState(db);
  assertOurs(state, path);
  if (state.version > 0) return state;
  throw new PetitError("unusable_database", `${path} is empty; it is no petit database yet`);
};

const unreadable = (path: string, cause: unknown): PetitError => {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PetitError("unusable_database", `${path} can't be read as petit's database: ${why}`, { cause });
};
