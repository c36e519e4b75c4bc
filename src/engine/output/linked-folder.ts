import { lstatSync, lutimesSync, statSync, symlinkSync, unlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { ARTIFACTS, makeParent } from "./spool.ts";

/**
 * A folder with a folder of artifacts, behind a symbolic link. A task knows only the path through the link, and the system changes the
 * time of last access of a link that is followed. While that time is the epoch, nobody can have the folder open or as working directory,
 * and nobody knows its path. So another attempt can have it: on ext4 without a journal, to create a folder can take longer than to start a
 * process.
 */
export type LinkedFolder = {
  /** The path of the folder. */
  readonly target: string;
  /** The inode of the link. */
  readonly inode: number;
};

/**
 * Creates a new folder at `target`, with a link to it at `path`. Returns null if that is of no use: the file system does not record the
 * access to links (`noatime`), or has no links. Then there is only the folder.
 */
export const makeLinkedFolder = (path: string, target: string): LinkedFolder | null => {
  makeParent(target);
  try {
    symlinkSync(basename(target), path);
  } catch {
    return null;
  }
  try {
    if (arm(path)) return { target, inode: lstatSync(path).ino };
  } catch {
    // The times of a link can't be set here.
  }
  unlinkSync(path);
  return null;
};

/** Returns whether nobody has followed the link at `path`, and whether the system would have recorded it. */
export const isUntouched = (path: string, folder: LinkedFolder): boolean => {
  try {
    return seemsUntouched(path, folder) && arm(path);
  } catch {
    return false;
  }
};

/** Returns whether no access to the link at `path` was recorded. */
export const seemsUntouched = (path: string, { inode }: LinkedFolder): boolean => {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.ino === inode && stat.nlink === 1 && stat.atimeMs === 0;
};

/** Sets the time of last access of a link to the epoch. Returns whether the system changes it when the link is followed. */
const arm = (path: string): boolean => {
  reset(path);
  statSync(join(path, ARTIFACTS));
  const isRecorded = lstatSync(path).atimeMs > 0;
  if (isRecorded) reset(path);
  return isRecorded;
};

const reset = (path: string): void => lutimesSync(path, 0, 0);
