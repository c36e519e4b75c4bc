import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Returns the path of a file that belongs to a database and is next to it, such as its log or its lock. Follows symbolic
 * links, as SQLite does: a database has one lock and one spool folder, whichever link it is opened by.
 */
export const siblingFile = (database: string, suffix: string): string => `${resolveLinks(database).file}${suffix}`;

/** Limit for links that lead to each other; Linux has the same. */
const MAX_LINKS = 40;

/** Returns the symbolic links from a path to its file, in order; empty if the path is not a link. */
export const linksOf = (path: string): readonly string[] => resolveLinks(path).links;

/** The file of a link may be missing. A path that is not a link is returned unchanged. */
const resolveLinks = (path: string): { readonly file: string; readonly links: readonly string[] } => {
  const links: string[] = [];
  let file = path;
  while (links.length < MAX_LINKS && isLink(file)) {
    links.push(file);
    file = resolve(realpathSync(dirname(file)), readlinkSync(file));
  }
  return { file, links };
};

/** A path that can't be reached is no link here: opening the database reports it, with what to do. */
const isLink = (path: string): boolean => {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EACCES") return false;
    throw error;
  }
};
