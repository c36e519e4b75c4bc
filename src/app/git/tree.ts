import { posix } from "node:path";
import { shorten } from "../../lib/text.ts";

/** A file or a symbolic link of a commit. Submodules are left out. */
export type TreeEntry = {
  /** Path relative to the root of the repository, with slashes. */
  readonly path: string;
  readonly kind: "file" | "executable" | "link";
  /** Id of its content. */
  readonly blob: string;
  /** In bytes. */
  readonly size: number;
};

/** A path of a commit that petit does not write, and why. */
export type TreeProblem = { readonly path: string; readonly message: string };

const KINDS: Readonly<Record<string, TreeEntry["kind"]>> = {
  "100644": "file",
  "100664": "file",
  "100755": "executable",
  "120000": "link",
};

/**
 * Parses the output of `git ls-tree -r -z -l --full-tree`. A path that could leave the folder of the commit, or that git keeps for itself,
 * is a problem.
 */
export const parseTree = (
  output: Buffer,
): { readonly entries: readonly TreeEntry[]; readonly problems: readonly TreeProblem[] } => {
  const entries: TreeEntry[] = [];
  const problems: TreeProblem[] = [];
  for (const row of output.toString("utf8").split("\0")) {
    const [, mode = "", type = "", blob = "", size = "", path = ""] =
      /^(\d{6}) (\w+) ([0-9a-f]+) +(\d+|-)\t([\s\S]*)$/.exec(row) ?? [];
    const kind = KINDS[mode];
    if (type !== "blob" || kind === undefined) continue;
    if (isSafe(path)) entries.push({ path, kind, blob, size: Number(size) });
    else problems.push({ path, message: "has a name that petit does not write; rename it" });
  }
  return { entries, problems };
};

/** U+FFFD stands for bytes that are not UTF-8. */
const isSafe = (path: string): boolean =>
  path !== "" &&
  !path.includes("\uFFFD") &&
  path.split("/").every((part) => part !== "" && part !== "." && part !== ".." && part.toLowerCase() !== ".git");

/** Symbolic links of a commit, by path, with their targets. */
export type LinkTargets = ReadonlyMap<string, string>;

/** Linux follows at most 40 links. */
const MAX_LINKS = 40;

/** Returns the links that lead out of the commit, by themselves or through other links. A link to nothing within it is none of them. */
export const outsideLinks = (links: LinkTargets): readonly TreeProblem[] =>
  [...links.keys()]
    .filter((path) => !staysInside(path, links))
    .map((path) => ({
      path,
      message: `is a link out of the repository (to ${shorten(links.get(path) ?? "")}); expected a link within it`,
    }));

const staysInside = (path: string, links: LinkTargets): boolean => {
  let rest = path.split("/");
  const at: string[] = [];
  for (let followed = 0; rest.length > 0; ) {
    const [part = "", ...others] = rest;
    rest = others;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (at.pop() === undefined) return false;
      continue;
    }
    const target = links.get(posix.join(...at, part));
    if (target === undefined) {
      at.push(part);
      continue;
    }
    if (target.startsWith("/") || target.includes("\0")) return false;
    if (++followed > MAX_LINKS) return true;
    rest = [...target.split("/"), ...rest];
  }
  return true;
};
