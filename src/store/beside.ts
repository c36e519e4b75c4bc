import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * The name of what belongs to a database and lies beside it, such as its log or its lock. As SQLite does, it goes by the file
 * itself: under whichever link a database is opened, it is one database, with one lock and one folder of output.
 */
export const beside = (database: string, suffix: string): string => `${realFile(database)}${suffix}`;

/** Of links that lead to each other; the system gives up there as well. */
const MAX_LINKS = 40;

/** Where a link leads to, also where nothing is there yet; a path that is no link as it was given. */
const realFile = (path: string, followed = 0): string => {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  if (!isLink || followed === MAX_LINKS) return path;
  return realFile(resolve(realpathSync(dirname(path)), readlinkSync(path)), followed + 1);
};
