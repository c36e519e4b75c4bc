import { lstatSync, readlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Where a path leads. */
export type ResolvedPath = {
  /** The path without links. */
  readonly real: string;
  /** The links on the way there, each by the path without links of its folder. */
  readonly links: readonly string[];
};

/** Limit for links that lead to each other; Linux has the same. */
const MAX_LINKS = 40;

/** Follows the links of a path, of which the end may be missing. A part that can't be read counts as no link. */
export const resolveLinks = (path: string): ResolvedPath => {
  const links: string[] = [];
  const pending = partsOf(resolve(path));
  let real = "/";
  for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
    const next = part === ".." ? dirname(real) : join(real, part);
    const target = links.length < MAX_LINKS ? linkTarget(next) : null;
    if (target === null) {
      real = next;
      continue;
    }
    links.push(next);
    if (target.startsWith("/")) real = "/";
    pending.unshift(...partsOf(target));
  }
  return { real, links };
};

const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "" && part !== ".");

const linkTarget = (path: string): string | null => {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
  } catch {
    return null;
  }
};
