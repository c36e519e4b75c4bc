import { closeSync, existsSync, fsyncSync, openSync, realpathSync, renameSync, statSync, truncateSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Runtime, SqlDatabase } from "../../runtime/runtime.ts";
import { findDamage } from "../database/check.ts";
import { lockDatabase } from "../database/lock.ts";
import { APPLICATION_ID, readSchemaState } from "../database/migrate.ts";
import { readDatabase } from "../database/read-only.ts";
import { integer, integerOrNull } from "../database/rows.ts";
import { findSchemaDifferences } from "../database/schema.ts";
import { createTemporaryFile } from "../database/temporary-file.ts";

type BackupOptions = {
  /** Path of the database. */
  readonly path: string;
  /** Path of the copy. An older copy, or an empty file, is replaced. */
  readonly target: string;
  readonly runtime: Runtime;
};

/**
 * Copies a petit database, and returns the size of the copy in bytes. A scheduler may write to the database meanwhile: the
 * copy is one consistent state. It is checked, mode 0600, on disk when this returns, and appears under its name complete or
 * not at all. Throws `not_found` or `unusable_database` for the database, `invalid_request` if the target cannot be replaced,
 * `taken` if it is in use, and `storage_failed` if the copy cannot be written or is damaged; then no copy is left.
 */
export const backUp = ({ path, target, runtime }: BackupOptions): number => {
  assertDatabase({ path, runtime });
  const copyPath = resolveTarget(target);
  assertReplaceable(copyPath, { path, target });
  assertOlderCopy(copyPath, { target, runtime });
  using _lock = existsSync(`${copyPath}-lock`) ? lockDatabase(runtime, copyPath) : null;
  try {
    using copy = createTemporaryFile(copyPath);
    copyInto(copy.path, { path, runtime });
    renameSync(copy.path, copyPath);
    fsyncPath(dirname(copyPath));
    return statSync(copyPath).size;
  } catch (error) {
    throw error instanceof PetitError ? error : toBackupError(target, error);
  }
};

/**
 * Copies a database into a file, which is then on disk. Compares the copy with the database, checks it, and detaches it from the processes
 * of the original. Returns a time, in ms since the Unix epoch: nothing in the copy is later. Throws PetitError if the copy is damaged, and what
 * SQLite and the system throw.
 */
export const copyInto = (file: string, { path, runtime }: Pick<BackupOptions, "path" | "runtime">): number => {
  const madeAt = readDatabase({ path, runtime }, ({ db }) => {
    truncateSync(file);
    const before = countRows(db);
    const from = Date.now();
    db.exec(`VACUUM INTO '${file.replaceAll("'", "''")}'`);
    return finalizeCopy(runtime, file, { before, after: countRows(db, before.newest), from, until: Date.now() });
  });
  fsyncPath(file);
  return madeAt;
};

/** How many rows a database has of the runs until the newest one at a time. Later, there are at most as many, because runs are deleted. */
type RowCounts = { readonly newest: number; readonly runs: number; readonly tasks: number };

const countRows = (db: SqlDatabase, until: number | null = null): RowCounts => {
  // The copy of an older database has its schema.
  if (!hasColumn(db, "runs", "seq") || !hasColumn(db, "task_runs", "run")) return { newest: 0, runs: 0, tasks: 0 };
  const newest = until ?? integer(db.prepare("SELECT ifnull(max(seq), 0) AS n FROM runs").get() ?? {}, "n");
  const count = (sql: string): number => integer(db.prepare(sql).get({ newest }) ?? {}, "n");
  return {
    newest,
    runs: count("SELECT count(*) AS n FROM runs WHERE seq <= $newest"),
    tasks: count("SELECT count(*) AS n FROM task_runs WHERE run <= $newest"),
  };
};

/** Returns what a copy lacks of its database, or has too much; null if nothing. */
const compareCounts = (
  copy: RowCounts,
  { before, after }: Readonly<Record<"before" | "after", RowCounts>>,
): string | null => {
  for (const what of ["runs", "tasks"] as const)
    if (copy[what] < after[what] || copy[what] > before[what])
      return `it has ${copy[what]} ${what}, and the database ${after[what]} to ${before[what]}`;
  return null;
};

/** Reports a problem of the database before any problem of the target. */
export const assertDatabase = (options: Pick<BackupOptions, "path" | "runtime">): void =>
  readDatabase(options, () => {});

/** Follows links, so that the copy does not replace a link. The path is absolute, so that SQLite does not read it as a URI. */
const resolveTarget = (target: string): string => {
  const absolute = resolve(target);
  if (existsSync(absolute)) return realpathSync(absolute);
  const folder = dirname(absolute);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return join(realpathSync(folder), basename(absolute));
  throw new PetitError(
    "invalid_request",
    `there is no folder ${dirname(target)} for the copy ${target}; create it first`,
  );
};

/** Suffixes of the files that belong to a database. */
const SIBLING_SUFFIXES = ["-wal", "-shm", "-journal", "-lock", "-incarnation"];

const assertReplaceable = (copyPath: string, { path, target }: Pick<BackupOptions, "path" | "target">): void => {
  const source = realpathSync(path);
  if (isSameFile(copyPath, source) || SIBLING_SUFFIXES.some((suffix) => copyPath === `${source}${suffix}`)) {
    throw new PetitError("invalid_request", `${target} is the database itself; name another file for the copy`);
  }
  // Not `copyPath`: if /dev/stdout leads to a pipe, its resolved name does not exist.
  const found = statSync(resolve(target), { throwIfNoEntry: false });
  if (found?.isDirectory() || target.endsWith("/")) {
    throw new PetitError(
      "invalid_request",
      `${target} is a folder; name a file, for example ${join(target, basename(path))}`,
    );
  }
  if (found !== undefined && !found.isFile()) {
    throw new PetitError("invalid_request", `${target} is not a regular file; name another one`);
  }
  // SQLite would apply these files to the copy.
  const journal = ["-wal", "-journal"].find((suffix) => sizeOf(`${copyPath}${suffix}`) > 0);
  if (journal === undefined) return;
  throw new PetitError(
    "taken",
    `${target} is in use, or its program crashed: there is ${target}${journal}; name another file`,
  );
};

/** Protects files that are named by mistake: only an empty file and a petit database are replaced. */
const assertOlderCopy = (copyPath: string, { target, runtime }: Pick<BackupOptions, "target" | "runtime">): void => {
  if (sizeOf(copyPath) === 0 || isPetitDatabase(runtime, copyPath)) return;
  throw new PetitError(
    "invalid_request",
    `${target} is not a petit database, so it is not replaced; name another file, or remove it first`,
  );
};

const isPetitDatabase = (runtime: Runtime, copyPath: string): boolean => {
  try {
    const db = runtime.openDatabase(copyPath, { immutable: true });
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

type CopyFacts = Readonly<Record<"before" | "after", RowCounts>> & Readonly<Record<"from" | "until", number>>;

/** Detaches the copy from the running processes of the original, and checks it. Returns when it was made. */
const finalizeCopy = (runtime: Runtime, copy: string, { from, until, ...counts }: CopyFacts): number => {
  const db = runtime.openDatabase(copy);
  try {
    db.exec("PRAGMA journal_mode = MEMORY");
    const madeAt = timeOf(db, { from, until });
    detachProcesses(db, madeAt);
    const difference = compareCounts(countRows(db, counts.before.newest), counts);
    // Another schema could not be restored.
    const damage = [
      ...findDamage(db, { quick: false }),
      ...findSchemaDifferences(db, runtime),
      ...(difference === null ? [] : [difference]),
    ];
    if (damage.length === 0) return madeAt;
    throw new PetitError(
      "storage_failed",
      `the copy is damaged, so it was deleted: ${damage.join("; ")}. 'petit doctor' checks the database itself`,
    );
  } finally {
    db.close();
  }
};

/**
 * Returns the time of its newest event, but at least that of the beginning of the copy. The state that is copied is one of soon after that; the
 * copy of a large database takes a minute.
 */
const timeOf = (db: SqlDatabase, { from, until }: Pick<CopyFacts, "from" | "until">): number => {
  const row = db.prepare("SELECT max(at) AS at FROM (SELECT at FROM events ORDER BY seq DESC LIMIT 100)").get() ?? {};
  return Math.min(until, Math.max(from, integerOrNull(row, "at") ?? 0));
};

/**
 * Gives running attempts the boot id of another boot, which makes them lost. The running processes belong to the original: a
 * petit that starts on the copy, on the same machine, must not adopt or end them, and must not start these attempts again. Attempts
 * that wait for another run or for a worker have no process here, and continue with what they wait for.
 */
const detachProcesses = (db: SqlDatabase, madeAt: number): void => {
  // The copy of an older database has its schema.
  const waitsForRun = hasColumn(db, "attempts", "child_run_id") ? "child_run_id IS NOT NULL" : "FALSE";
  const waitsForWorker = hasColumn(db, "offers", "attempt_id") ? "id IN (SELECT attempt_id FROM offers)" : "FALSE";
  db.prepare(
    `UPDATE attempts SET pid = ifnull(pid, ${NO_PID}), pid_started = ifnull(pid_started, '0'), boot_id = 'another'
     WHERE status = 'running' AND NOT (${waitsForRun}) AND NOT (${waitsForWorker})`,
  ).run();
  db.prepare("UPDATE scheduler SET holder = NULL").run();
  // A petit that starts on the copy, or on another copy of it, knows by this that it was restored.
  if (readSchemaState(db).version >= IDENTITY_SCHEMA)
    db.prepare("UPDATE identity SET copied_at = $madeAt").run({ madeAt });
};

const hasColumn = (db: SqlDatabase, table: string, column: string): boolean =>
  db.prepare("SELECT 1 FROM pragma_table_info($table) WHERE name = $column").get({ table, column }) !== null;

/** The schema in which a copy is marked. */
const IDENTITY_SCHEMA = 11;

/** Larger than any process id. */
const NO_PID = 2 ** 31 - 1;

export const fsyncPath = (path: string): void => {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

export const toBackupError = (target: string, cause: unknown): PetitError => {
  const why = errorMessage(cause);
  const isDamaged = cause instanceof Error && "code" in cause && /^SQLITE_(CORRUPT|NOTADB)/.test(String(cause.code));
  const what = isDamaged ? "the database is damaged (see 'petit doctor')" : `${target} can't be written`;
  return new PetitError("storage_failed", `${what}: ${why}; the copy was deleted`, { cause });
};
