import { createHash } from "node:crypto";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

/** Number of files that are looked at before other work runs. They take about 1 ms. */
const AT_ONCE = 200;

/** What the file system says about a folder and all that is in it. */
export type EntriesState = {
  /** It differs after each change: nobody can set back the time of the last change of an inode. */
  readonly stamp: string;
  /** Number of files and folders in it. */
  readonly entries: number;
};

/** A commit has fewer files and folders. */
const MAX_ENTRIES = 300_000;

/** Reads the state of a folder, without the contents of its files. Null if it is missing, changes meanwhile, or is no folder of a commit. */
export const readFolderState = async (root: string): Promise<EntriesState | null> => {
  const hash = createHash("sha1");
  let entries = 0;
  const add = (path: string): void => {
    const { ino, mode, size, ctimeMs } = lstatSync(path);
    hash.update(`${ino} ${mode.toString(8)} ${size} ${ctimeMs}\0`);
  };
  try {
    add(root);
    for (const folders = [root]; ; ) {
      const folder = folders.pop();
      if (folder === undefined) return { stamp: hash.digest("hex"), entries };
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name);
        hash.update(`${entry.name}\0`);
        add(path);
        if (entry.isDirectory()) folders.push(path);
        if (++entries > MAX_ENTRIES) return null;
        if (entries % AT_ONCE === 0) await setImmediate();
      }
    }
  } catch {
    return null;
  }
};
