import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  type Stats,
  statSync,
  truncateSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import type { AuditFacts } from "../../domain/people/audit.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Runtime, SqlDatabase, SqlRow } from "../../runtime/runtime.ts";
import { assertAccessible, statDatabase } from "../database/access.ts";
import { findDamage, findDanglingRows } from "../database/check.ts";
import { findLockOwner, lockDatabase } from "../database/lock.ts";
import { lockOwnerText } from "../database/lock-owner.ts";
import { newerThan } from "../database/lost-attempts.ts";
import { MEMORY, openStore } from "../database/open.ts";
import { assertOwned, findForeign, findOpenToAll, foreignText, type OwnershipOptions } from "../database/ownership.ts";
import { readDatabase } from "../database/read-only.ts";
import { integer, integerOrNull, text } from "../database/rows.ts";
import { findSchemaDifferences } from "../database/schema.ts";
import { siblingFile } from "../database/sibling-file.ts";
import { createTemporaryFile } from "../database/temporary-file.ts";
import type { LostAttempts } from "../identity.ts";
import { compareAccess, type RestoredAccess, readAccess, readAudit, type StoredAccess } from "../people/access.ts";
import type { Store } from "../store.ts";
import { fsyncPath } from "./backup.ts";
import { assertSameDatabase, chooseCopy, earlierCopy } from "./choose-copy.ts";
import { findDamaged, type ListedArtifact, listArtifacts } from "./copy-artifacts.ts";
import { assertSameEpochFile, readEpochFile, writeEpochFile } from "./epoch-file.ts";
import { ARTIFACTS, databaseIdOf } from "./folder.ts";
import { giveLink, isRoot } from "./owner.ts";
import { assertArtifactsPlace, prepareArtifacts } from "./put-artifacts.ts";

export type RestoreOptions = {
  /** Path of the database, which may be missing. */
  readonly path: string;
  /**
   * The copy, or a folder of copies. The artifacts of a copy are in the folder of its name with the suffix `-artifacts`, if there is
   * one.
   */
  readonly source: string;
  /** The newest copy of the folder that is not newer than this; null for the newest. */
  readonly at: number | null;
  readonly runtime: Runtime;
  /** The file that has the latest epoch of the database; null if there is none. */
  readonly epochFile: string | null;
  /** petit's own; `SUDO_UID` names the user who called sudo. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: number;
};

/** What a restore does. Times are in ms since the Unix epoch. */
export type RestorePlan = {
  /** The copy. */
  readonly source: string;
  /** The latest known epoch of the database, which the restore exceeds; 0 if none is known. */
  readonly laterThan: number;
  /** The file of the database, without links. */
  readonly database: string;
  /** When the copy was made; of a file that `petit backup` did not make, the time of its newest event. Null if it has none. */
  readonly copiedAt: number | null;
  /** Runs in the copy. */
  readonly runs: number;
  /** The runs of the present database that the copy does not have; null if there is none, or if it can't be read. */
  readonly lostRuns: number | null;
  /** The attempts that the copy does not know. */
  readonly lostAttempts: LostAttempts;
  /** Which tokens of the copy are valid after the restore, and which have been revoked since. */
  readonly access: RestoredAccess;
  /** Whether there is a present database. */
  readonly replaces: boolean;
  /** Where the present database, what is left of it, and its artifacts are moved; null if there is nothing. */
  readonly aside: string | null;
  /** The folder from which the artifacts are restored; null to keep the present ones. */
  readonly artifacts: string | null;
  /** The artifacts that the copy lists and that are not there after the restore, because they are missing or damaged. */
  readonly missingArtifacts: readonly string[];
};

/**
 * Checks a copy, and returns what its restore would do, without changing anything. Throws `taken` if petit uses the database, and
 * `not_found`, `unusable_database` or `invalid_request` if the copy can't be restored.
 */
export const planRestore = ({
  path,
  source: given,
  at,
  runtime,
  environment,
  now,
  epochFile,
}: RestoreOptions): RestorePlan => {
  assertPlace(path);
  const owner = ownerOf(path);
  assertOwned({ db: path, environment, owner: owner.uid });
  const user = findLockOwner(runtime, path);
  if (user !== null) throw new PetitError("taken", `${path} is in use by ${lockOwnerText(user)}; stop it first`);
  const source = chooseCopy({ source: given, at, path, runtime });
  assertTrusted(source, { environment, owner: owner.uid });
  assertReadable(source);
  const database = resolve(siblingFile(path, ""));
  assertArtifactsPlace(database);
  const copy = checkCopy({ given, source, runtime });
  assertSameDatabase(copy.id, { source, path, runtime });
  const noted = epochFile === null ? null : readEpochFile(epochFile);
  if (epochFile !== null && copy.id !== null) assertSameEpochFile(epochFile, noted, copy.id);
  const folder = `${resolve(source)}${ARTIFACTS}`;
  const artifacts = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? folder : null;
  return {
    source,
    laterThan: noted?.epoch ?? 0,
    database,
    copiedAt: copy.copiedAt,
    runs: copy.runIds.size,
    lostRuns: countLost(copy.runIds, { path, runtime }),
    replaces: existsSync(database),
    lostAttempts: copy.lostAttempts,
    access: compareAccess(copy.access, readPresentAccess({ path, runtime })),
    aside: ["", ...COMPANIONS, ARTIFACTS].some((suffix) => isThere(`${database}${suffix}`))
      ? asideOf(database, now)
      : null,
    artifacts,
    missingArtifacts:
      artifacts === null
        ? findMissing(copy.artifacts, `${database}${ARTIFACTS}`)
        : findDamaged(copy.artifacts, artifacts),
  };
};

const assertPlace = (path: string): void => {
  if (path === MEMORY) throw new PetitError("invalid_request", `${MEMORY} is not a file; name one with --db`);
  const folder = dirname(resolve(siblingFile(path, "")));
  if (statDatabase(folder)?.isDirectory() !== true)
    throw new PetitError("unusable_database", `there is no folder ${folder} for the database ${path}; create it first`);
  const found = statDatabase(path);
  if (found !== undefined && !found.isFile())
    throw new PetitError("unusable_database", `the database ${path} is not a file; name another with --db`);
  assertAccessible(path);
};

/** Throws if the copy is closed to this process, or has no content: neither is damage. */
const assertReadable = (source: string): void => {
  const wrong = (why: string): PetitError => new PetitError("unusable_database", `${source} ${why}`);
  try {
    accessSync(source, constants.R_OK);
  } catch {
    throw wrong("can't be read by this user; restore as its owner, or as root");
  }
  if (statSync(source).size === 0) throw wrong("is empty: it is no copy of a database");
};

/** Returns the stats of the database, or of its folder. */
const ownerOf = (path: string): Stats => {
  const database = resolve(siblingFile(path, ""));
  return statSync(existsSync(database) ? database : dirname(database));
};

/** Throws if somebody else made the copy, or can replace it: its definitions and runs decide what petit runs. */
const assertTrusted = (source: string, trusted: Omit<OwnershipOptions, "db">): void => {
  const foreign = findForeign({ db: source, ...trusted });
  const hint = "copy it to a folder of your own first, if you trust its content";
  if (foreign !== null) throw new PetitError("unusable_database", `${foreignText(foreign)}; ${hint}`);
  const open = findOpenToAll(source);
  if (open === null) return;
  throw new PetitError(
    "unusable_database",
    `every user can write to ${open}, and so decide what petit runs with ${source}; ${hint}`,
  );
};

/** Compares sizes only, because reading the files takes as long as copying them. */
const findMissing = (artifacts: readonly ListedArtifact[], folder: string): readonly string[] =>
  artifacts.flatMap(({ path, sizeBytes }) => {
    const found = lstatSync(join(folder, path), { throwIfNoEntry: false });
    return found?.isFile() === true && found.size === sizeBytes ? [] : [path];
  });

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

type Copy = Pick<RestorePlan, "copiedAt" | "lostAttempts"> & {
  readonly id: string | null;
  readonly artifacts: readonly ListedArtifact[];
  readonly runIds: ReadonlySet<string>;
  readonly access: StoredAccess;
};

/** Names the copy before one that is damaged, if it is from a folder. */
const checkCopy = ({
  given,
  source,
  runtime,
}: Readonly<Record<"given" | "source", string>> & Pick<RestoreOptions, "runtime">): Copy => {
  try {
    return readDatabase({ path: source, runtime }, ({ db }) => readCopy(db, { source, runtime }));
  } catch (error) {
    if (!(error instanceof PetitError)) throw error;
    const why =
      error.cause instanceof Error
        ? `${source} is damaged, so it is not restored: ${error.cause.message}`
        : error.message;
    const before = given === source ? null : earlierCopy(given, source);
    throw new PetitError(error.code, `${why}${before === null ? "" : `; the copy before it is ${before}`}`, {
      cause: error,
    });
  }
};

const readCopy = (
  db: SqlDatabase,
  { source, runtime }: Pick<RestoreOptions, "runtime"> & { readonly source: string },
): Copy => {
  const damage = damageOf(db);
  if (damage.length > 0)
    throw new PetitError("unusable_database", `${source} is damaged, so it is not restored: ${damage.join("; ")}`);
  const differences = findSchemaDifferences(db, runtime);
  if (differences.length > 0)
    throw new PetitError(
      "unusable_database",
      `${source} does not have the schema of petit, so it is not restored: ${differences.join("; ")}`,
    );
  return {
    id: databaseIdOf(db),
    artifacts: [...listArtifacts(db)],
    runIds: runIdsOf(db),
    copiedAt: copyTimeOf(db),
    lostAttempts: newerThan(db),
    access: readAccess(db),
  };
};

/** A database can be too damaged to be checked. */
const damageOf = (db: SqlDatabase): readonly string[] => {
  try {
    return [...findDamage(db, { quick: false }), ...findDanglingRows(db)];
  } catch (error) {
    return [errorMessage(error)];
  }
};

const copyTimeOf = (db: SqlDatabase): number | null => {
  const isMarked = db.prepare("SELECT 1 FROM pragma_table_info('identity') WHERE name = 'copied_at'").get() !== null;
  const marked = isMarked ? db.prepare("SELECT copied_at AS at FROM identity").get() : null;
  const at = marked === null ? null : integerOrNull(marked, "at");
  return at ?? integerOrNull(db.prepare("SELECT max(ifnull(ended_at, created_at)) AS at FROM runs").get() ?? {}, "at");
};

const runIdsOf = (db: SqlDatabase): ReadonlySet<string> =>
  new Set(
    db
      .prepare("SELECT id FROM runs")
      .all()
      .map((row) => text(row, "id")),
  );

/** Returns null if there is no present database, or if it can't be read, which may be why it is replaced. */
const countLost = (
  kept: ReadonlySet<string>,
  { path, runtime }: Pick<RestoreOptions, "path" | "runtime">,
): number | null => {
  try {
    return readDatabase({ path, runtime }, ({ db }) => [...runIdsOf(db)].filter((id) => !kept.has(id)).length);
  } catch {
    return null;
  }
};

/** Returns null if there is no present database, or if it can't be read. */
const readPresentAccess = ({ path, runtime }: Pick<RestoreOptions, "path" | "runtime">): StoredAccess | null => {
  if (!existsSync(path)) return null;
  try {
    return readDatabase({ path, runtime }, ({ db }) => readAccess(db));
  } catch {
    return null;
  }
};

/** Returns the rows of the present audit log in parts, oldest first; none without a present database, and as far as it can be read. */
function* presentAudit({
  path,
  runtime,
}: Pick<RestoreOptions, "path" | "runtime">): Generator<readonly SqlRow[], void, undefined> {
  for (let after = 0; existsSync(path); ) {
    const rows = readPart({ path, runtime }, after);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    after = integer(last, "id");
  }
}

const readPart = (options: Pick<RestoreOptions, "path" | "runtime">, after: number): readonly SqlRow[] => {
  try {
    return readDatabase(options, ({ db }) => readAudit(db, after));
  } catch {
    return [];
  }
};

/** Returns a name that no file has, such as `petit.db.before-restore-2026-03-28T01-55-00`. */
export const asideOf = (database: string, now: number): string => {
  const name = `${database}.before-restore-${new Date(now).toISOString().slice(0, 19).replaceAll(":", "-")}`;
  for (let count = 1; ; count++) {
    const file = count === 1 ? name : `${name}-${count}`;
    if (!["", ...COMPANIONS, ARTIFACTS].some((suffix) => isThere(`${file}${suffix}`))) return file;
  }
};

type RestoreRequest = {
  readonly catchesUp: boolean;
  /** What the audit log says about it. */
  readonly done: AuditFacts;
};

/**
 * Replaces a database by a copy, and its artifacts by those of the copy. What was there is moved aside. Tokens that were revoked since, and logins
 * that have ended, stay so, and the audit log keeps its entries. The next start counts as the first one after a restore. Files belong to the owner of the present database, or of its folder. Throws as `planRestore` does, and `storage_failed` if
 * the disk refuses it; then the database is as it was.
 */
export const restore = (
  plan: RestorePlan,
  {
    path,
    runtime,
    now,
    catchesUp,
    done,
    epochFile,
  }: Omit<RestoreOptions, "source" | "at" | "environment"> & RestoreRequest,
): void => {
  const { database, source, laterThan } = plan;
  const owner = ownerOf(path);
  try {
    {
      using _lock = lockDatabase(runtime, path);
      using copy = createTemporaryFile(database);
      copyDatabase({ from: source, to: copy.path, runtime });
      const identity = prepareDatabase(copy.path, runtime, (store) => {
        store.identity.markRestored({ now, catchesUp, laterThan });
        store.access.takeOver(readPresentAccess({ path, runtime }));
        for (const rows of presentAudit({ path, runtime })) store.access.takeOverAudit(rows);
        store.audit.add(done, now);
        return store.identity.get();
      });
      giveFile(copy.path, owner);
      using artifacts = prepareArtifacts({
        database,
        source,
        artifacts: plan.artifacts,
        aside: plan.aside,
        owner,
        copiedAt: identity.copiedAt,
        runtime,
      });
      if (plan.aside !== null) moveAside({ database, aside: plan.aside, runtime });
      // The log of the old database must not be there when the copy gets its name: SQLite would apply it to the copy.
      fsyncPath(dirname(database));
      renameSync(copy.path, database);
      fsyncPath(dirname(database));
      // If this is interrupted, the next start of petit ends it: see finishRestore.
      if (plan.aside !== null) moveFile(`${database}${INCARNATION}`, `${plan.aside}${INCARNATION}`);
      artifacts.put();
      fsyncPath(dirname(database));
      // Now petits with an earlier epoch stop.
      if (epochFile !== null) writeEpochFile(epochFile, identity);
    }
    // Only now: closing another descriptor of a locked file drops its lock.
    for (const suffix of ["-lock", "-lock-journal"]) giveLink(siblingFile(path, suffix), owner);
  } catch (error) {
    throw error instanceof PetitError ? error : toRestoreError(path, error);
  }
};

const copyDatabase = ({
  from,
  to,
  runtime,
}: Pick<RestoreOptions, "runtime"> & Readonly<Record<"from" | "to", string>>) =>
  readDatabase({ path: from, runtime }, ({ db }) => {
    truncateSync(to);
    db.exec(`VACUUM INTO '${to.replaceAll("'", "''")}'`);
  });

/** Opens the copy, which migrates it. A full disk is that, and no fault of the copy, which was checked before. */
const prepareDatabase = <T>(path: string, runtime: Runtime, change: (store: Store) => T): T => {
  try {
    using store = openStore({ path, runtime });
    return change(store);
  } catch (error) {
    throw error instanceof PetitError && error.cause instanceof Error ? error.cause : error;
  }
};

/** Files that SQLite keeps beside a database. */
const COMPANIONS = ["-wal", "-shm", "-journal"];

const INCARNATION = "-incarnation";

const moveAside = ({
  database,
  aside,
  runtime,
}: {
  readonly database: string;
  readonly aside: string;
  readonly runtime: Runtime;
}): void => {
  if (existsSync(database)) {
    emptyLog(database, runtime);
    // A link, so that there is a database at every moment.
    try {
      linkSync(database, aside);
    } catch {
      renameSync(database, aside);
    }
  }
  for (const suffix of COMPANIONS) moveFile(`${database}${suffix}`, `${aside}${suffix}`);
};

const moveFile = (from: string, to: string): void => {
  if (isThere(from)) renameSync(from, to);
};

/** Moves the log into the database. That of a damaged database is kept beside it instead. */
const emptyLog = (database: string, runtime: Runtime): void => {
  try {
    const db = runtime.openDatabase(database);
    try {
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      db.close();
    }
  } catch {
    // It is moved with its log.
  }
};

/** Gives a file to the owner, unless somebody has put a link to another file in its place. Syncs it. */
const giveFile = (path: string, { uid, gid }: Stats): void => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    if (fstatSync(fd).nlink !== 1) throw new Error(`${path} was replaced`);
    fchmodSync(fd, 0o600);
    if (isRoot()) fchownSync(fd, uid, gid);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

const toRestoreError = (path: string, cause: unknown): PetitError => {
  const why = errorMessage(cause);
  return new PetitError("storage_failed", `${path} could not be restored: ${why}`, { cause });
};
