import { existsSync, statSync } from "node:fs";
import { PetitError } from "../../domain/errors.ts";
import type { Runtime, SqlDatabase } from "../../runtime/runtime.ts";
import { readSchemaState, type SchemaState } from "./migrate.ts";
import { assertUsable, MEMORY } from "./open.ts";
import { beside } from "./sibling-file.ts";
import { statDatabase } from "./stat.ts";

/** How long a statement waits for somebody else's lock. */
const BUSY_TIMEOUT_MS = 5_000;

/** A petit database as it was found. */
export type Existing = { readonly db: SqlDatabase; readonly state: SchemaState };

export type ExistingOptions = { readonly path: string; readonly runtime: Runtime };

/**
 * Reads a petit database that is there, beside the scheduler that may be running on it. Nothing of it is changed; `read`
 * is called a second time where somebody began to write meanwhile. Throws `not_found` where there is none,
 * `unusable_database` where the file is something else, and what `read` throws.
 */
export const readExisting = <T>(options: ExistingOptions, read: (existing: Existing) => T): T => {
  const { path } = options;
  assertFile(path);
  assertUsable(options);
  const before = markOf(path);
  if (before === null) return withDatabase(options, { readonly: true }, read);
  // At rest it can be read without the files that SQLite makes beside what it reads, also where none can be made.
  const result = attempt(() => withDatabase(options, { immutable: true }, read));
  if (markOf(path) !== before) return withDatabase(options, { readonly: true }, read);
  if ("error" in result) throw result.error;
  return result.value;
};

const assertFile = (path: string): void => {
  if (path === MEMORY) throw new PetitError("invalid_request", `${MEMORY} is no file; --db names one`);
  const found = statDatabase(path);
  if (found === undefined) throw new PetitError("not_found", `there is no database ${path}; --db names another`);
  if (!found.isFile()) throw new PetitError("unusable_database", `the database ${path} is no file; --db names another`);
  if (found.size > 0 || hasLog(path)) return;
  throw new PetitError("unusable_database", `${path} is empty; it is no petit database yet`);
};

/** What writing would change; null where something is in a log, so that the file alone is not all. */
const markOf = (path: string): string | null => {
  if (hasLog(path)) return null;
  const { mtimeNs, size } = statSync(path, { bigint: true });
  return `${mtimeNs} ${size}`;
};

const hasLog = (path: string): boolean =>
  existsSync(beside(path, "-journal")) || (statSync(beside(path, "-wal"), { throwIfNoEntry: false })?.size ?? 0) > 0;

const withDatabase = <T>(
  { path, runtime }: ExistingOptions,
  how: Parameters<Runtime["openDatabase"]>[1],
  read: (existing: Existing) => T,
): T => {
  const db = runtime.openDatabase(path, how);
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    return read({ db, state: readSchemaState(db) });
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
