import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { beside } from "../store/beside.ts";
import { MEMORY } from "../store/open.ts";

/** Where processes leave what they have to say: beside the database, or in a folder of its own that goes at the end. */
export const openSpoolDir = (db: string): { readonly path: string } & Disposable => {
  if (db !== MEMORY) return { path: resolve(beside(db, "-spool")), [Symbol.dispose]: () => {} };
  const path = mkdtempSync(join(tmpdir(), "petit-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};
