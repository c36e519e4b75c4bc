import { type ArtifactPattern, compileArtifactPattern } from "../artifact/pattern.ts";

/** A compiled pattern of a `files` trigger. */
export type FilePattern = {
  /** The absolute path that it stands for, as the id of the pattern. */
  readonly id: string;
  /** Absolute path of the folder that it begins with, and that contains no wildcard. */
  readonly folder: string;
  /** Returns whether it matches a file, given the names on the way from `folder` to the file. */
  readonly matches: (names: readonly string[]) => boolean;
  /** Returns whether it can match something in a folder below `folder`. */
  readonly reaches: (names: readonly string[]) => boolean;
};

/** Returns what is wrong with a pattern, or null. */
export const whyNotFilePattern = (pattern: string): string | null => {
  if (pattern.includes("${{")) return "templates are not expanded here; expected a pattern such as /srv/in/*.csv";
  if (pattern.startsWith("~/")) return "'~' is not expanded here; expected a pattern such as /srv/in/*.csv";
  if (pattern.startsWith("!"))
    return "excludes files, which is not supported; expected a pattern such as /srv/in/*.csv";
  const parts = partsOf(pattern);
  if (parts.length === 0) return "names no file; expected a pattern such as /srv/in/*.csv";
  if (PARENT.test(parts.slice(firstWild(parts)).join("/")))
    return "has '..' behind a wildcard; expected it before the first one, such as ../in/*.csv";
  if (parts.slice(firstWild(parts)).some((part) => HIDDEN.test(part)) || HIDDEN.test(parts.at(-1) ?? ""))
    return "matches nothing, because names that begin with a dot never match; expected a pattern such as /srv/in/*.csv";
  return null;
};

/** `..` as a part of a path, also as an alternative in braces or parentheses. */
const PARENT = /(^|[/{,(|])\\?\.\\?\.($|[/},)|])/;

/** A part that begins with a dot. */
const HIDDEN = /^\\?\.(?!\.?$)/;

const WILDCARD = /[*?[\]{}()|\\]/;

const partsOf = (pattern: string): readonly string[] =>
  pattern.split("/").filter((part) => part !== "" && part !== ".");

const firstWild = (parts: readonly string[]): number => {
  const index = parts.findIndex((part) => WILDCARD.test(part));
  return index === -1 ? parts.length : index;
};

/** Compiles a pattern without faults. A relative one is below `folder`, the absolute path of the job file's folder. */
export const compileFilePattern = (pattern: string, folder: string): FilePattern => {
  const parts = partsOf(pattern);
  const literal = parts.slice(0, firstWild(parts));
  const wild = parts.slice(literal.length);
  const from = pattern.startsWith("/") ? [] : partsOf(folder);
  const base = resolveParents([...from, ...literal]);
  // Without wildcards it names a file, or a folder with everything in it.
  const name = wild.length === 0 ? base.at(-1) : undefined;
  const inFolder = name === undefined ? base : base.slice(0, -1);
  const id = `/${[...base, ...wild].join("/")}${pattern.endsWith("/") ? "/" : ""}`;
  const paths = { id, folder: `/${inFolder.join("/")}` };
  if (name !== undefined)
    return { ...paths, matches: ([first]) => first === name, reaches: ([first]) => first === name };
  const below: ArtifactPattern = compileArtifactPattern(`${wild.join("/")}${pattern.endsWith("/") ? "/" : ""}`);
  return {
    ...paths,
    matches: (names) => below.matches(names.join("/")),
    reaches: (names) => names.length <= below.maxDepth,
  };
};

const resolveParents = (parts: readonly string[]): readonly string[] => {
  const resolved: string[] = [];
  for (const part of parts) {
    if (part === "..") resolved.pop();
    else resolved.push(part);
  }
  return resolved;
};
