import { existsSync, readdirSync, realpathSync, renameSync, rmSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { expiredCopies, type Keep } from "../../domain/backup/rotation.ts";
import { PetitError } from "../../domain/errors.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { lockDatabase } from "../database/lock.ts";
import { readDatabase } from "../database/read-only.ts";
import { siblingFile } from "../database/sibling-file.ts";
import { createTemporaryFile } from "../database/temporary-file.ts";
import { assertDatabase, copyInto, fsyncPath, toBackupError } from "./backup.ts";
import { type CopiedArtifacts, copyArtifacts, listArtifacts } from "./copy-artifacts.ts";
import { ARTIFACTS, copyName, databaseIdOf, type FolderCopy, listCopies, shortId } from "./folder.ts";
import { giveLink, giveNew } from "./owner.ts";

export type FolderBackupOptions = {
  /** Path of the database. */
  readonly path: string;
  /** The folder of the copies, which can also have those of other databases. */
  readonly folder: string;
  /** Whether the artifacts are copied, too. */
  readonly artifacts: boolean;
  /** Which copies are kept; null deletes none. */
  readonly rotation: { readonly keep: Keep; readonly timezone: string } | null;
  readonly runtime: Runtime;
  /** Is called with the file that the copy is written to before it has its name. */
  readonly onBegin?: (file: string) => void;
};

export type FolderBackup = Pick<FolderCopy, "file" | "at" | "bytes"> & {
  /** Null if they are not copied. */
  readonly artifacts: CopiedArtifacts | null;
  /** The copies that were deleted because newer ones replace them. */
  readonly deleted: readonly string[];
};

/**
 * Copies a database and its artifacts into a folder, while a scheduler may use them, then deletes the copies of this database that have
 * expired. A copy is checked and on disk before it appears under its name. Throws `not_found` or `unusable_database` for the database,
 * `invalid_request` for the folder, `taken` if another backup of the same database is at work there, and `storage_failed` if
 * the copy can't be written or is damaged; then there is no new copy, and no older one was deleted.
 */
export const backUpToFolder = (options: FolderBackupOptions): FolderBackup => {
  const { path, runtime, rotation } = options;
  assertDatabase({ path, runtime });
  const folder = openFolder(options);
  const id = idOf(options);
  const owner = statSync(folder);
  // After the lock is released: closing another descriptor of a locked file drops its lock.
  using _owned = { [Symbol.dispose]: () => giveLocks(folder, { id, owner }) };
  using _lock = lockFolder(runtime, { folder, id });
  try {
    sweep(folder, id);
    using copy = createTemporaryFile(join(folder, copyName(id, Date.now())));
    options.onBegin?.(copy.path);
    const at = freeTime({ folder, id, madeAt: copyInto(copy.path, { path, runtime }) });
    const file = join(folder, copyName(id, at));
    const artifacts = options.artifacts ? copyAll(options, { folder, id, file, copy: copy.path }) : null;
    // What root makes here is for the petit that owns the folder.
    for (const made of [copy.path, `${file}${ARTIFACTS}`]) giveNew(made, owner);
    renameSync(copy.path, file);
    fsyncPath(folder);
    const deleted = rotation === null ? [] : rotate({ folder, id, now: at, rotation });
    return { file, at, bytes: statSync(file).size, artifacts, deleted };
  } catch (error) {
    sweepQuietly(folder, id);
    throw error instanceof PetitError ? error : toBackupError(options.folder, error);
  }
};

const giveLocks = (folder: string, { id, owner }: { readonly id: string; readonly owner: Stats }): void => {
  for (const suffix of ["-lock", "-lock-journal"]) giveLink(join(folder, `.petit-${shortId(id)}${suffix}`), owner);
};

const idOf = ({ path, runtime }: FolderBackupOptions): string => {
  const id = readDatabase({ path, runtime }, ({ db }) => databaseIdOf(db));
  if (id !== null) return id;
  throw new PetitError(
    "unusable_database",
    `${path} is of an older petit, and has no name that tells it from others; start petit on it once, or name a file for the copy`,
  );
};

const openFolder = ({ folder, path }: Pick<FolderBackupOptions, "folder" | "path">): string => {
  const found = statFolder(folder);
  if (found === undefined)
    throw new PetitError(
      "invalid_request",
      `there is no folder ${folder} for backups; create it, readable only by petit's user`,
    );
  if (!found.isDirectory()) throw new PetitError("invalid_request", `${folder} is not a folder; backups need one`);
  const real = realpathSync(folder);
  const artifacts = realArtifacts(path);
  if (artifacts !== null && (real === artifacts || real.startsWith(`${artifacts}/`)))
    throw new PetitError(
      "invalid_request",
      `${folder} is in the folder of the artifacts, which petit tidies; name another`,
    );
  return real;
};

const statFolder = (folder: string) => {
  try {
    return statSync(folder, { throwIfNoEntry: false });
  } catch (error) {
    throw toBackupError(folder, error);
  }
};

const realArtifacts = (path: string): string | null => {
  const folder = artifactsOf(path);
  return existsSync(folder) ? realpathSync(folder) : null;
};

const artifactsOf = (path: string): string => resolve(siblingFile(path, ARTIFACTS));

const lockFolder = (runtime: Runtime, { folder, id }: { readonly folder: string; readonly id: string }): Disposable => {
  try {
    return lockDatabase(runtime, join(folder, `.petit-${shortId(id)}`));
  } catch (error) {
    if (!(error instanceof PetitError)) throw error;
    throw error.code === "taken"
      ? new PetitError("taken", `another backup of this database to ${folder} is under way; wait for its end`)
      : new PetitError("storage_failed", `${folder} can't be written: ${errorMessage(error.cause ?? error)}`, {
          cause: error,
        });
  }
};

/** Deletes what a backup left behind that was interrupted. Only the owner of the lock may call it. */
const sweep = (folder: string, id: string): void => {
  const copies = new Set(listCopies(folder).map(({ file }) => `${basename(file)}${ARTIFACTS}`));
  const [unfinished, finished] = [new RegExp(`^\\.petit-${shortId(id)}-\\d{4}`), `petit-${shortId(id)}-`];
  for (const name of readdirSync(folder)) {
    const isOrphan = name.startsWith(finished) && name.endsWith(ARTIFACTS) && !copies.has(name);
    if (unfinished.test(name) || isOrphan) rmSync(join(folder, name), { recursive: true, force: true });
  }
};

/** What can't be deleted now is deleted by the next backup. */
const sweepQuietly = (folder: string, id: string): void => {
  try {
    sweep(folder, id);
  } catch {
    // The folder can't be read any more, which is perhaps why the backup failed.
  }
};

/** Returns the time of the name of a new copy: the first second that no copy has, and after which the copy has nothing. */
const freeTime = ({
  folder,
  id,
  madeAt,
}: {
  readonly folder: string;
  readonly id: string;
  readonly madeAt: number;
}): number => {
  let at = Math.ceil(madeAt / 1_000) * 1_000;
  while (existsSync(join(folder, copyName(id, at)))) at += 1_000;
  return at;
};

type NewCopy = { readonly folder: string; readonly id: string; readonly file: string; readonly copy: string };

/** Copies the artifacts that the copy lists. Those that the database does not list any more were deleted meanwhile. */
const copyAll = ({ path, runtime }: FolderBackupOptions, { folder, id, file, copy }: NewCopy): CopiedArtifacts => {
  const temporary = join(dirname(file), `.${basename(file)}${ARTIFACTS}`);
  const previous = listCopies(folder).find(({ database }) => database === shortId(id));
  const earlier = previous === undefined ? null : `${previous.file}${ARTIFACTS}`;
  const db = runtime.openDatabase(copy, { immutable: true });
  try {
    const copied = copyArtifacts({
      artifacts: listArtifacts(db),
      from: artifactsOf(path),
      to: temporary,
      earlier,
      linked: true,
    });
    if (existsSync(temporary)) renameSync(temporary, `${file}${ARTIFACTS}`);
    return { ...copied, damaged: copied.damaged.length === 0 ? [] : stillListed(copied.damaged, { path, runtime }) };
  } finally {
    db.close();
  }
};

const stillListed = (
  paths: readonly string[],
  database: Pick<FolderBackupOptions, "path" | "runtime">,
): readonly string[] =>
  readDatabase(database, ({ db }) => {
    const find = db.prepare(
      "SELECT 1 FROM artifacts JOIN runs ON runs.seq = artifacts.run WHERE runs.id = $run AND artifacts.path = $path",
    );
    return paths.filter((path) => {
      const [run = "", ...rest] = path.split("/");
      return find.get({ run, path: rest.join("/") }) !== null;
    });
  });

type RotateOptions = {
  readonly folder: string;
  readonly id: string;
  /** The time of the new copy. */
  readonly now: number;
  readonly rotation: NonNullable<FolderBackupOptions["rotation"]>;
};

/** The artifacts go last: without its database, their folder counts as left behind. */
const rotate = ({ folder, id, now, rotation: { keep, timezone } }: RotateOptions): readonly string[] => {
  const copies = listCopies(folder).filter(({ database }) => database === shortId(id));
  const expired = expiredCopies(copies, { keep, timezone, now }).map(({ file }) => file);
  for (const file of expired) {
    rmSync(file, { force: true });
    rmSync(`${file}${ARTIFACTS}`, { recursive: true, force: true });
  }
  return expired;
};
