import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { PetitError } from "../domain/errors.ts";
import { makeSpoolDir } from "../engine/output/spool.ts";
import { MEMORY } from "../store/database/open.ts";
import { siblingFile } from "../store/database/sibling-file.ts";

/**
 * Creates the folder where processes leave what they have to say: beside the database, or one of its own that goes at the end.
 * Throws `unusable_database` where something else is in its place.
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

const checked = (path: string): string => {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== false) return path;
  throw new PetitError("unusable_database", `${path} is no folder, but tasks leave their output in one; move it away`);
};
