import { existsSync, statSync } from "node:fs";
import { PetitError } from "../../domain/errors.ts";
import type { Runtime, SqlDatabase } from "../../runtime/runtime.ts";
import { statDatabase } from "./access.ts";
import { readSchemaState, type SchemaState } from "./migrate.ts";
import { assertUsable, MEMORY } from "./open.ts";
import { siblingFile } from "./sibling-file.ts";

/** How long a statement waits for the lock of another process. */
const BUSY_TIMEOUT_MS = 5_000;

/** An open petit database that must not be changed. */
export type ReadOnlyDatabase = { readonly db: SqlDatabase; readonly state: SchemaState };

type DatabaseOptions = { readonly path: string; readonly runtime: Runtime };

/**
 * Reads an existing petit database, which a scheduler may use at the same time, without changing it. Calls `read` a second
 * time if another process began to write during the first. Throws `not_found` if the file is missing, `unusable_database` if
 * it is not a petit database, and the errors of `read`.
 */
export const readDatabase = <T>(options: DatabaseOptions, read: (database: ReadOnlyDatabase) => T): T => {
  const { path } = options;
  assertFile(path);
  assertUsable(options);
  const before = readStamp(path);
  if (before === null) return withDatabase(options, { readonly: true }, read);
  // Immutable mode creates no -wal and -shm files, so that it also works in a folder that cannot be written to.
  const result = attempt(() => withDatabase(options, { immutable: true }, read));
  if (readStamp(path) !== before) return withDatabase(options, { readonly: true }, read);
  if ("error" in result) throw result.error;
  return result.value;
};

const assertFile = (path: string): void => {
  if (path === MEMORY) throw new PetitError("invalid_request", `${MEMORY} is not a file; name one with --db`);
  const found = statDatabase(path);
  if (found === undefined) throw new PetitError("not_found", `there is no database ${path}; name another with --db`);
  if (!found.isFile())
    throw new PetitError("unusable_database", `the database ${path} is not a file; name another with --db`);
  if (found.size > 0 || hasLog(path)) return;
  throw emptyError(path);
};

const emptyError = (path: string): PetitError =>
  new PetitError("unusable_database", `${path} is empty; it is not a petit database yet`);

/** Returns a value that changes with every write; null if a log has content, so that the file alone is incomplete. */
const readStamp = (path: string): string | null => {
  if (hasLog(path)) return null;
  const { mtimeNs, size } = statSync(path, { bigint: true });
  return `${mtimeNs} ${size}`;
};

const hasLog = (path: string): boolean =>
  existsSync(siblingFile(path, "-journal")) ||
  (statSync(siblingFile(path, "-wal"), { throwIfNoEntry: false })?.size ?? 0) > 0;

const withDatabase = <T>(
  { path, runtime }: DatabaseOptions,
  mode: Parameters<Runtime["openDatabase"]>[1],
  read: (database: ReadOnlyDatabase) => T,
): T => {
  const db = runtime.openDatabase(path, mode);
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    const state = readSchemaState(db);
    if (state.isEmpty) throw emptyError(path);
    return read({ db, state });
  } finally {
    db.close();
  }
};

const attempt = <T>(work: () => T): { readonly value: T } | { readonly error: unknown } => {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
};
