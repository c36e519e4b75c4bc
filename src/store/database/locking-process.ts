import { readFileSync, statSync } from "node:fs";
import { siblingFile } from "./sibling-file.ts";

/** Returns the pid of the other process that has locked a database or its log, or null if the system reports none. */
export const findLockingProcess = (path: string): number | null => {
  const inodes = new Set(["", "-shm", "-wal"].map((suffix) => inodeOf(siblingFile(path, suffix))));
  for (const line of readLocks()) {
    const [, pid, inode] = LOCK.exec(line) ?? [];
    if (pid !== undefined && inode !== undefined && inodes.has(inode) && Number(pid) !== process.pid)
      return Number(pid);
  }
  return null;
};

/** A line of Linux's /proc/locks: `1: POSIX  ADVISORY  WRITE 17 fe:00:4711 120 120`. */
const LOCK = /^\d+: POSIX\s+ADVISORY\s+WRITE (\d+) [\da-f]+:[\da-f]+:(\d+) /;

const inodeOf = (path: string): string | null => {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? null : String(stats.ino);
};

const readLocks = (): readonly string[] => {
  try {
    return readFileSync("/proc/locks", "utf8").split("\n");
  } catch {
    return [];
  }
};
