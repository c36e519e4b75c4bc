import { readFileSync } from "node:fs";

/** Returns the limit of open files and sockets of this process: infinity without a limit, null if unknown. */
export const openFilesLimit = (): number | null => {
  const limit = /^Max open files +(\S+)/m.exec(limitsText())?.[1];
  if (limit === undefined) return null;
  return limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit);
};

const limitsText = (): string => {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return "";
  }
};

/** Number of files that petit has open when nothing runs, with a margin. */
export const FILES_OF_PETIT = 64;

/** Returns the default of `max_connections`: a quarter of the remaining open files, from 8 to 4,096. */
export const defaultMaxConnections = (limit = openFilesLimit()): number =>
  Math.min(4_096, Math.max(8, Math.floor(((limit ?? Number.POSITIVE_INFINITY) - FILES_OF_PETIT) / 4)));
