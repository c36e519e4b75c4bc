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
const realFile = (path: string): string => follow(path).file;

/** Returns the symbolic links through which a path leads to its file, in this order; empty for a path that is no link. */
export const linksOf = (path: string): readonly string[] => follow(path).links;

const follow = (path: string): { readonly file: string; readonly links: readonly string[] } => {
  const links: string[] = [];
  let file = path;
  while (links.length < MAX_LINKS && (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ?? false)) {
    links.push(file);
    file = resolve(realpathSync(dirname(file)), readlinkSync(file));
  }
  return { file, links };
};
