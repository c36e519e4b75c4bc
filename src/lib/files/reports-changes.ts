import { statfsSync } from "node:fs";

/**
 * Types of file systems (`f_type` of statfs(2)) that only this machine writes to, so that inotify(7) reports every write:
 * ext2 to ext4, XFS, Btrfs, F2FS, ZFS, tmpfs, ramfs.
 */
const LOCAL: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0x01021994, 0x858458f6,
]);

/**
 * Returns whether the system reports every change in a folder. Other machines can write to a network file system, and the
 * layers of an overlay can change below it, both without an event.
 */
export const reportsChanges = (dir: string): boolean => {
  try {
    return process.platform === "linux" && LOCAL.has(statfsSync(dir).type);
  } catch {
    return false;
  }
};
