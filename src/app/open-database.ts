import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { PetitError } from "../domain/errors.ts";
import { findSpool } from "../engine/output/spool.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/error-message.ts";
import type { Log } from "../lib/log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { assertSameEpochFile, readEpochFile, supersededError, writeEpochFile } from "../store/backup/epoch-file.ts";
import { finishRestore } from "../store/backup/put-artifacts.ts";
import { asideOf } from "../store/backup/restore.ts";
import { assertAccessible, statDatabase } from "../store/database/access.ts";
import { type AnchorOptions, anchorDatabase, type RestoreSign } from "../store/database/incarnation-file.ts";
import { lockDatabase } from "../store/database/lock.ts";
import { assertUsable, MEMORY, openStore } from "../store/database/open.ts";
import { assertOwned, findOpenFolder, openFolderText } from "../store/database/ownership.ts";
import { hasPresentSchema } from "../store/people/token-database.ts";
import type { Store } from "../store/store.ts";
import { openSpoolDir } from "./spool-dir.ts";

export type OpenDatabaseOptions = {
  readonly db: string;
  readonly runtime: Runtime;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** See `AnchorOptions`. The default is null. */
  readonly location?: string | null;
  /** The file that has the latest epoch of the database. The default is null: there is none. */
  readonly epochFile?: string | null;
};

type OpenedDatabase = {
  readonly store: Store;
  readonly spool: { readonly path: string };
  /** True if the database was restored from a copy. */
  readonly isRestored: boolean;
};

/** Opens a database for this process alone, with its spool folder. Adds them to `parts`. Throws `taken` if another petit has
 * it, `unusable_database` if it cannot be used, and `invalid_request` on a system that cannot run jobs. */
export const openDatabase = (options: OpenDatabaseOptions, parts: AsyncDisposableStack): OpenedDatabase => {
  const { db, runtime } = options;
  assertRunsJobsHere();
  checkFile(options);
  // Check first, because the lock creates a file next to the database.
  assertUsable({ path: db, runtime });
  if (db !== MEMORY) parts.use(lockDatabase(runtime, db));
  const store = parts.use(openStore({ path: db, runtime }));
  store.scheduler.setOwner({ pid: process.pid, url: null });
  const spool = parts.use(openSpoolDir(db));
  // Another user may have created one of the files since the first check.
  assertNotForeign(options);
  finishRestore(db, store.identity.get(), (database) => asideOf(database, options.clock.now()));
  const sign = db === MEMORY ? null : parts.use(anchor(options, store, spool.path)).sign;
  if (db !== MEMORY) noteEpoch(options, store);
  if (sign !== null) options.log.warn({ db, restored: sign }, RESTORED_TEXTS[sign]);
  return { store, spool, isRestored: sign !== null };
};

/**
 * Calls `work` with the store of a database, also while petit runs on it, which notices what others write. Creates a missing database.
 * Throws `taken` if petit runs on it with an older schema, and otherwise as `openDatabase` does.
 */
export const withStore = <Result>(options: OpenDatabaseOptions, work: (store: Store) => Result): Result => {
  const { db: path, runtime } = options;
  if (path === MEMORY) throw new PetitError("invalid_request", `${MEMORY} is not a file; name one with --db`);
  checkFile(options);
  assertUsable({ path, runtime });
  using _lock = hasPresentSchema({ path, runtime }) ? null : lockDatabase(runtime, path);
  using store = openStore({ path, runtime });
  assertNotForeign(options);
  return work(store);
};

/** Throws `invalid_request` on a system that cannot run jobs, because they need `/bin/sh` and process groups. */
export const assertRunsJobsHere = (platform: string = process.platform): void => {
  if (platform !== "win32") return;
  throw new PetitError(
    "invalid_request",
    "petit runs jobs on Linux and macOS. On Windows it checks job files (validate, list, next) and talks to a petit elsewhere " +
      "(--url); to run jobs on this machine, run petit in WSL",
  );
};

const anchor = (
  { db, clock, location = null, epochFile = null }: OpenDatabaseOptions,
  store: Store,
  spoolDir: string,
) =>
  anchorDatabase({
    store,
    latest: epochFile === null ? null : latestEpoch(epochFile, db, store),
    path: db,
    now: clock.now(),
    location,
    isHere: (attemptId) => existsSync(findSpool(spoolDir, attemptId).status),
  });

const latestEpoch = (file: string, db: string, store: Store): NonNullable<AnchorOptions["latest"]> | null => {
  const noted = readEpochFile(file);
  assertSameEpochFile(file, noted, store.identity.get().id);
  if (noted === null) return null;
  return { epoch: noted.epoch, refusal: supersededError(db, { where: `the epoch file ${file}`, by: noted.host }) };
};

const noteEpoch = ({ epochFile = null }: OpenDatabaseOptions, store: Store): void => {
  if (epochFile === null) return;
  try {
    writeEpochFile(epochFile, store.identity.get());
  } catch (cause) {
    throw new PetitError("unusable_database", `the epoch file ${epochFile} can't be written: ${errorMessage(cause)}`, {
      cause,
    });
  }
};

const RESTORED_TEXTS = {
  backup:
    "the database is a copy that 'petit backup' made: what ran at that time may count as interrupted, and occurrences since then count as missed",
  copied:
    "the database was copied or moved without its file -incarnation: what ran at that time may count as interrupted, and occurrences since then count as missed; move all of its files together",
  moved: "the state folder was copied or moved: what ran there before is not this worker's any more",
  older:
    "the database was replaced by an older copy: what ran at that time may count as interrupted, and occurrences since then count as missed",
} as const satisfies Record<RestoreSign, string>;

/** Checks for conditions that SQLite reports only as an I/O error, and for files that other users may have planted. */
const checkFile = (options: OpenDatabaseOptions): void => {
  const { db } = options;
  if (db === MEMORY) return;
  if (statDatabase(dirname(resolve(db))) === undefined) {
    throw new PetitError(
      "unusable_database",
      `there is no folder ${dirname(db)} for the database ${db}; create it first`,
    );
  }
  const found = statDatabase(db);
  if (found !== undefined && !found.isFile()) {
    // Opening a pipe would block until it has a writer.
    const what = found.isDirectory() ? "a folder" : "not a regular file";
    throw new PetitError("unusable_database", `the database ${db} is ${what}; expected a file`);
  }
  assertAccessible(db);
  assertNotForeign(options);
  const folder = findOpenFolder(options);
  if (folder !== null)
    options.log.warn({ folder }, `${openFolderText(folder)}; keep the database in a folder that only you can write to`);
};

const assertNotForeign = (options: OpenDatabaseOptions): void => {
  if (options.db !== MEMORY) assertOwned(options);
};

/** Returns an environment without the names that have no value. */
export const definedIn = (environment: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
