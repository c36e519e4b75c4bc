import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { PetitError } from "../domain/errors.ts";
import { makeSpoolDir } from "../engine/output/spool.ts";
import type { OwnFolders, StateFolder } from "../jobfile/mount.ts";
import { MEMORY } from "../store/database/open.ts";
import { linksOf, siblingFile } from "../store/database/sibling-file.ts";

/**
 * Creates the spool folder next to the database, or a temporary one for an in-memory database. Throws
 * `unusable_database` if something else is in its place.
 */
export const openSpoolDir = (db: string): { readonly path: string } & Disposable => {
  if (db !== MEMORY) {
    const path = checked(resolve(siblingFile(db, "-spool")));
    makeSpoolDir(path);
    return { path, [Symbol.dispose]: () => {} };
  }
  const path = mkdtempSync(join(tmpdir(), "petit-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};

/** Returns the file of the key for recognizing secrets: next to the database, or null for an in-memory database. */
export const secretKeyFileOf = (db: string): string | null => (db === MEMORY ? null : resolve(siblingFile(db, "-key")));

/** Returns the folder of the artifacts: next to the database, or in the temporary spool folder of an in-memory database. */
export const artifactsDirOf = (db: string, spoolDir: string): string =>
  db === MEMORY ? join(spoolDir, "kept") : resolve(siblingFile(db, "-artifacts"));

/** Returns the folders of petit. `spoolDir` is null while a database in memory has none; `jobsDir` is null on a worker. */
export const ownFoldersOf = ({
  db,
  spoolDir,
  jobsDir,
}: {
  readonly db: string;
  readonly spoolDir: string | null;
  readonly jobsDir: string | null;
}): OwnFolders => {
  const spool = spoolDir ?? (db === MEMORY ? null : resolve(siblingFile(db, "-spool")));
  const temporary: readonly StateFolder[] =
    spool === null
      ? []
      : [
          { what: "spool", path: spool },
          { what: "artifacts", path: artifactsDirOf(db, spool) },
        ];
  // A database that is a link needs the folder of the link, too.
  const files = db === MEMORY ? [] : [...linksOf(db), siblingFile(db, "")];
  const database: readonly StateFolder[] = files.map((file) => ({ what: "database", path: dirname(resolve(file)) }));
  return { state: [...database, ...temporary], jobs: jobsDir === null ? null : resolve(jobsDir) };
};

const checked = (path: string): string => {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== false) return path;
  throw new PetitError(
    "unusable_database",
    `${path} is not a folder, but petit needs a spool folder there; move it away`,
  );
};
