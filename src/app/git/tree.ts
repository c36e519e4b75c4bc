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

/** The files of a commit. */
export type Tree = {
  readonly entries: readonly TreeEntry[];
  /** Paths of the folders, each after the one that it is in. */
  readonly folders: readonly string[];
  readonly problems: readonly TreeProblem[];
};

/**
 * Parses the output of `git ls-tree -r -t -z -l --full-tree`. A path that could leave the folder of the commit, that git keeps for itself,
 * or that no file system takes is a problem.
 */
export const parseTree = (output: Buffer): Tree => {
  const entries: TreeEntry[] = [];
  const folders: string[] = [];
  const problems: TreeProblem[] = [];
  for (const row of output.toString("utf8").split("\0")) {
    const [, mode = "", type = "", blob = "", size = "", path = ""] =
      /^(\d{6}) (\w+) ([0-9a-f]+) +(\d+|-)\t([\s\S]*)$/.exec(row) ?? [];
    if (type === "tree" && whyNotWritten(path) === null) folders.push(path);
    const kind = KINDS[mode];
    if (type !== "blob" || kind === undefined) continue;
    const entry = { path, kind, blob, size: Number(size) };
    const message = whyNotWritten(path) ?? whyNoLink(entry);
    if (message === null) entries.push(entry);
    else problems.push({ path: shorten(path, MAX_SHOWN), message });
  }
  return { entries, folders, problems };
};

/** Linux takes names of 255 bytes, and paths of 4,095 with those of the folders that petit's own are in. */
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 3_000;
const MAX_FOLDERS = 200;

/** Maximum length of the path of a problem, which may be wrong because it is too long. */
const MAX_SHOWN = 200;

/** Returns what is wrong with the path of a file or a folder, to complete a sentence; null if nothing is. */
const whyNotWritten = (path: string): string | null => {
  if (!isSafe(path)) return "has a name that petit does not write; rename it";
  const bytesOf = (text: string): number => Buffer.byteLength(text);
  if (bytesOf(path) > MAX_PATH_BYTES)
    return `has a path of ${bytesOf(path)} bytes; at most ${MAX_PATH_BYTES} are allowed`;
  const parts = path.split("/");
  if (parts.length > MAX_FOLDERS) return `is in ${parts.length - 1} folders; at most ${MAX_FOLDERS - 1} are allowed`;
  const name = parts.find((part) => bytesOf(part) > MAX_NAME_BYTES);
  return name === undefined ? null : `has a name of ${bytesOf(name)} bytes; at most ${MAX_NAME_BYTES} are allowed`;
};

/** Linux takes links to paths of this length. */
const MAX_TARGET_BYTES = 4_095;

const whyNoLink = ({ kind, size }: TreeEntry): string | null => {
  if (kind !== "link" || (size > 0 && size <= MAX_TARGET_BYTES)) return null;
  return size === 0
    ? "is a link to nothing; expected a link within the repository"
    : `is a link to a path of ${size} bytes; at most ${MAX_TARGET_BYTES} are allowed`;
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
