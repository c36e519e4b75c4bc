import { closeSync, existsSync, fsyncSync, openSync, realpathSync, renameSync, statSync, truncateSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import type { Runtime, SqlDatabase } from "../../runtime/runtime.ts";
import { findDamage } from "./check.ts";
import { readExisting } from "./existing.ts";
import { lockDatabase } from "./lock.ts";
import { APPLICATION_ID, readSchemaState } from "./migrate.ts";
import { makeTemporaryFile } from "./temporary-file.ts";

export type BackupOptions = {
  /** The database. */
  readonly path: string;
  /** The copy; an older one, or an empty file, is replaced. */
  readonly target: string;
  readonly runtime: Runtime;
};

/**
 * Copies a petit database, also while a scheduler writes to it: the copy is the state of one moment, checked, and on disk
 * when this returns its size in bytes. It appears under its name whole or not at all, mode 0600. Throws `not_found` and
 * `unusable_database` for the database, `invalid_request` for a target that can't be one, or is something else than a
 * petit database, `taken` for one in use, and
 * `storage_failed` where the copy can't be written or isn't sound; then nothing of it stays.
 */
export const backUp = ({ path, target, runtime }: BackupOptions): number => {
  assertDatabase({ path, runtime });
  const place = placeOf(target);
  assertFree(place, { path, target });
  assertOlderCopy(place, { target, runtime });
  using _lock = existsSync(`${place}-lock`) ? lockDatabase(runtime, place) : null;
  try {
    using copy = makeTemporaryFile(place);
    readExisting({ path, runtime }, ({ db }) => {
      truncateSync(copy.path);
      db.exec(`VACUUM INTO '${copy.path.replaceAll("'", "''")}'`);
    });
    seal(runtime, copy.path);
    sync(copy.path);
    renameSync(copy.path, place);
    sync(dirname(place));
    return statSync(place).size;
  } catch (error) {
    throw error instanceof PetitError ? error : unwritten(target, error);
  }
};

/** Before anything is said of the target. */
const assertDatabase = (options: Pick<BackupOptions, "path" | "runtime">): void => readExisting(options, () => {});

/** Where a link leads to, so that the link stays one; absolute, so that SQLite can't take it for a URI. */
const placeOf = (target: string): string => {
  const absolute = resolve(target);
  if (existsSync(absolute)) return realpathSync(absolute);
  const folder = dirname(absolute);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return join(realpathSync(folder), basename(absolute));
  throw new PetitError(
    "invalid_request",
    `there is no folder ${dirname(target)} for the copy ${target}; make it first`,
  );
};

/** Files of a database beside it. */
const COMPANIONS = ["-wal", "-shm", "-journal", "-lock"];

const assertFree = (place: string, { path, target }: Pick<BackupOptions, "path" | "target">): void => {
  const source = realpathSync(path);
  if (isSameFile(place, source) || COMPANIONS.some((suffix) => place === `${source}${suffix}`)) {
    throw new PetitError("invalid_request", `${target} is the database itself; name another file for the copy`);
  }
  // Of what the name stands for: where /dev/stdout leads to a pipe, there is nothing to be found under the pipe's name.
  const found = statSync(resolve(target), { throwIfNoEntry: false });
  if (found?.isDirectory() || target.endsWith("/")) {
    throw new PetitError(
      "invalid_request",
      `${target} is a folder; name a file, such as ${join(target, basename(path))}`,
    );
  }
  if (found !== undefined && !found.isFile()) {
    throw new PetitError("invalid_request", `${target} is not a regular file; name another one`);
  }
  // SQLite would take what is in them for a part of the copy.
  const journal = ["-wal", "-journal"].find((suffix) => sizeOf(`${place}${suffix}`) > 0);
  if (journal === undefined) return;
  throw new PetitError(
    "taken",
    `${target} is a database that is in use, or was when its program crashed: there is ${target}${journal}; name another file`,
  );
};

/** What the name stands for by mistake is not to be lost; an older copy is. */
const assertOlderCopy = (place: string, { target, runtime }: Pick<BackupOptions, "target" | "runtime">): void => {
  if (sizeOf(place) === 0 || isPetitDatabase(runtime, place)) return;
  throw new PetitError(
    "invalid_request",
    `${target} is no petit database, so it is not replaced; name another file, or remove it first`,
  );
};

const isPetitDatabase = (runtime: Runtime, place: string): boolean => {
  try {
    const db = runtime.openDatabase(place, { immutable: true });
    try {
      return readSchemaState(db).applicationId === APPLICATION_ID;
    } finally {
      db.close();
    }
  } catch {
    return false;
  }
};

const isSameFile = (a: string, b: string): boolean => {
  const [one, other] = [statSync(a, { throwIfNoEntry: false }), statSync(b, { throwIfNoEntry: false })];
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
};

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** Makes of the copy a database of its own, and looks whether it is sound. */
const seal = (runtime: Runtime, copy: string): void => {
  const db = runtime.openDatabase(copy);
  try {
    db.exec("PRAGMA journal_mode = MEMORY");
    disown(db);
    const damage = findDamage(db, { quick: true });
    if (damage.length === 0) return;
    throw new PetitError(
      "storage_failed",
      `the copy is not sound, so it was not kept: ${damage.join("; ")}. 'petit doctor' looks at the database itself`,
    );
  } finally {
    db.close();
  }
};

/**
 * The processes that run are those of the original: a petit that is started on the copy, on the same machine, must neither
 * take them for its own nor end them, nor begin what the original has begun. An attempt of another boot is one that was lost.
 */
const disown = (db: SqlDatabase): void => {
  db.prepare(
    `UPDATE attempts SET pid = ifnull(pid, ${NO_PID}), pid_started = ifnull(pid_started, '0'), boot_id = 'another'
     WHERE status = 'running'`,
  ).run();
  db.prepare("UPDATE scheduler SET holder = NULL").run();
};

/** Larger than any that a system gives. */
const NO_PID = 2 ** 31 - 1;

const sync = (path: string): void => {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

const unwritten = (target: string, cause: unknown): PetitError => {
  const why = cause instanceof Error ? cause.message : String(cause);
  const isDamaged = cause instanceof Error && "code" in cause && /^SQLITE_(CORRUPT|NOTADB)/.test(String(cause.code));
  const what = isDamaged ? "the database is damaged ('petit doctor' tells more)" : `${target} can't be written`;
  return new PetitError("storage_failed", `${what}: ${why}; nothing of the copy was kept`, { cause });
};
