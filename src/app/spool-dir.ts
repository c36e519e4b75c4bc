import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { PetitError } from "../domain/errors.ts";
import { makeSpoolDir } from "../engine/output/spool.ts";
import { MEMORY } from "../store/database/open.ts";
import { siblingFile } from "../store/database/sibling-file.ts";

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

/** Returns the folder of the artifacts: next to the database, or in the temporary spool folder of an in-memory database. */
export const artifactsDirOf = (db: string, spoolDir: string): string =>
  db === MEMORY ? join(spoolDir, "kept") : resolve(siblingFile(db, "-artifacts"));

const checked = (path: string): string => {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== false) return path;
  throw new PetitError(
    "unusable_database",
    `${path} is not a folder, but petit needs a spool folder there; move it away`,
  );
};
