import { readFileSync } from "node:fs";

/** Files and sockets that this process may have open at once; infinite without a limit, null where that is unknown. */
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

/** What petit has open when nothing runs, with a margin. */
export const FILES_OF_PETIT = 64;

/** Connections at once where the `max_connections` setting has no value: a quarter of the limit, from 8 to 4,096. */
export const defaultMaxConnections = (limit = openFilesLimit()): number =>
  Math.min(4_096, Math.max(8, Math.floor(((limit ?? Number.POSITIVE_INFINITY) - FILES_OF_PETIT) / 4)));
