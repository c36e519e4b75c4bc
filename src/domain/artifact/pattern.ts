import picomatch from "picomatch";

/** A compiled pattern of `artifacts`. */
export type ArtifactPattern = {
  /** The folders that it begins with, and that contain no wildcard: `["out"]` for `out/*.csv`. */
  readonly base: readonly string[];
  /** The name of a file or folder below `base`; null if the pattern has wildcards. */
  readonly name: string | null;
  /** How many folders below `base` can contain a match. */
  readonly maxDepth: number;
  /** True if it can match below a folder whose name begins with a dot. */
  readonly hidden: boolean;
  /** Returns whether it matches a path relative to the working directory. */
  readonly matches: (path: string) => boolean;
};

/** Returns what is wrong with a pattern, or null. */
export const whyNotArtifactPattern = (pattern: string): string | null => {
  if (pattern.includes("${{")) return "templates are not expanded here; expected a pattern such as out/*.csv";
  if (pattern.startsWith("/"))
    return "is an absolute path; expected a pattern below the working directory, such as out/*.csv";
  if (PARENT.test(pattern))
    return "leads out of the working directory by '..'; expected a pattern below it, such as out/*.csv";
  if (pattern.startsWith("!")) return "excludes files, which is not supported; expected a pattern such as out/*.csv";
  return null;
};

/** `..` as a part of a path, also as an alternative in braces or parentheses. */
const PARENT = /(^|[/{,(|])\\?\.\\?\.($|[/},)|])/;

const WILDCARD = /[*?[\]{}()|\\]/;

/** Compiles a pattern without faults. One that names a folder matches everything below it. */
export const compileArtifactPattern = (pattern: string): ArtifactPattern => {
  const parts = pattern.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0) return { base: [], name: "", maxDepth: 0, hidden: true, matches: () => true };
  const firstWild = parts.findIndex((part) => WILDCARD.test(part));
  if (firstWild === -1)
    return { base: parts.slice(0, -1), name: parts.at(-1) ?? "", maxDepth: 0, hidden: true, matches: () => true };
  // A trailing slash names folders.
  const wild = [...parts.slice(firstWild), ...(pattern.endsWith("/") ? ["**"] : [])].join("/");
  const isMatch = picomatch([...parts.slice(0, firstWild), wild].join("/"), { nonegate: true });
  const isDeep = wild.includes("**") || hasSlashInGroup(wild);
  return {
    base: parts.slice(0, firstWild),
    name: null,
    maxDepth: isDeep ? Number.POSITIVE_INFINITY : wild.split("/").length - 1,
    hidden: HIDDEN.test(wild),
    matches: (path) => isMatch(path),
  };
};

/** A part that begins with a dot. */
const HIDDEN = /(^|[/{,(|])\\?\./;

const hasSlashInGroup = (pattern: string): boolean => {
  let depth = 0;
  for (const character of pattern) {
    if ("{([".includes(character)) depth++;
    else if ("})]".includes(character)) depth--;
    else if (character === "/" && depth > 0) return true;
  }
  return false;
};
