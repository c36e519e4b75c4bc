import { readFileSync, statSync } from "node:fs";
import { beside } from "./sibling-file.ts";

/** Which process has locked a database, or what lies beside it, such as `process 17`; null where the system doesn't tell. */
export const lockOwner = (path: string): string | null => {
  const inodes = new Set(["", "-shm", "-wal"].map((suffix) => inodeOf(beside(path, suffix))));
  for (const line of readLocks()) {
    const [, pid, inode] = LOCK.exec(line) ?? [];
    if (pid !== undefined && inode !== undefined && inodes.has(inode) && Number(pid) !== process.pid)
      return `process ${pid}`;
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
