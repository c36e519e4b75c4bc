import { readdirSync, statfsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../lib/clock.ts";

/** Returns the free space of the disk of a path, or of the nearest folder above that exists, in bytes; null if it is unknown. */
export const freeBytesOf = (path: string): number | null => {
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      const { bsize, bavail } = statfsSync(folder);
      return bsize * bavail;
    } catch {
      if (folder === dirname(folder)) return null;
    }
  }
};

/** Maximum number of files of a folder that are counted, so that a request takes little time. */
const MAX_FILES = 2_000;

/** Returns the disk space of the files of a folder, in bytes; 0 if there is no folder. Sparse files take less than their size. */
export const folderBytes = (folder: string): number => {
  let bytes = 0;
  try {
    for (const name of readdirSync(folder).slice(0, MAX_FILES))
      bytes += (statSync(join(folder, name), { throwIfNoEntry: false })?.blocks ?? 0) * 512;
  } catch {}
  return bytes;
};

const INTERVAL_MS = 60_000;

/** Returns a function that reads a value at most once a minute. */
export const atIntervals = <Value>(clock: Pick<Clock, "monotonic">, read: () => Value): (() => Value) => {
  let last: { readonly value: Value; readonly at: number } | null = null;
  return () => {
    const now = clock.monotonic();
    if (last === null || now - last.at >= INTERVAL_MS) last = { value: read(), at: now };
    return last.value;
  };
};
