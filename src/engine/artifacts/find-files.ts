import { closeSync, fstatSync } from "node:fs";
import type { ArtifactPattern } from "../../domain/artifact/pattern.ts";
import type { FileName, Folder } from "../../lib/files/folder.ts";
import { describing } from "./artifact-error.ts";

/** An open regular file, which is closed when the consumer continues. */
export type FoundFile = {
  readonly fd: number;
  /** Relative to the folder in which it was found. Bytes that are not UTF-8 are percent-encoded. */
  readonly path: string;
};

export type FindFilesOptions = {
  readonly pattern: ArtifactPattern;
  /** Folders that are skipped wherever they are, as `folderId` returns. */
  readonly except: ReadonlySet<string>;
  readonly signal: AbortSignal;
};

/**
 * Finds the regular files below a folder that match a pattern. Follows no links, and opens nothing outside of the folder.
 * Throws ArtifactError.
 */
export const findFiles = (folder: Folder, { pattern, except, signal }: FindFilesOptions): AsyncGenerator<FoundFile> =>
  findBelow(folder, pattern.base, { pattern, except, signal, path: "" });

type Search = FindFilesOptions & {
  /** Path of the current folder, ending with `/`; empty for the first one. */
  readonly path: string;
};

/** Enters the folders of the pattern's base, then searches. */
async function* findBelow(folder: Folder, base: readonly string[], search: Search): AsyncGenerator<FoundFile> {
  const [next, ...rest] = base;
  if (next !== undefined) {
    using entered = await openFolder(folder, next, search);
    if (entered !== null) yield* findBelow(entered, rest, { ...search, path: `${search.path}${next}/` });
    return;
  }
  const { name, maxDepth } = search.pattern;
  if (name === null) yield* walk(folder, search, maxDepth);
  else yield* findNamed(folder, name, search);
}

/** Finds a file by its name, or everything below a folder. An empty name is the current folder. */
async function* findNamed(folder: Folder, name: string, search: Search): AsyncGenerator<FoundFile> {
  if (name === "") {
    yield* walk(folder, search, Number.POSITIVE_INFINITY);
    return;
  }
  using inner = await openFolder(folder, name, search);
  if (inner === null) yield* findFile(folder, name, search);
  else yield* walk(inner, { ...search, path: `${search.path}${name}/` }, Number.POSITIVE_INFINITY);
}

async function* walk(folder: Folder, search: Search, depth: number): AsyncGenerator<FoundFile> {
  const { pattern, path, except, signal } = search;
  if (except.has(folderId(folder))) return;
  for (const entry of await describing(`cannot read ${path || "the folder"}`, () => folder.entries())) {
    signal.throwIfAborted();
    const name = shownName(entry.name);
    if (entry.isFolder) {
      if (depth === 0 || (!pattern.hidden && name.startsWith("."))) continue;
      using inner = await openFolder(folder, entry.name, search);
      if (inner !== null) yield* walk(inner, { ...search, path: `${path}${name}/` }, depth - 1);
    } else if (entry.isFile && pattern.matches(path + name)) yield* findFile(folder, entry.name, search);
  }
}

const openFolder = (folder: Folder, name: FileName, { path }: Search): Promise<Folder | null> =>
  describing(`cannot read ${path}${shownName(name)}`, () => folder.folder(name));

async function* findFile(folder: Folder, name: FileName, { path }: Search): AsyncGenerator<FoundFile> {
  const shown = path + shownName(name);
  const fd = await describing(`cannot read ${shown}`, () => folder.file(name));
  if (fd === null) return;
  try {
    yield { fd, path: shown };
  } finally {
    closeSync(fd);
  }
}

/** Returns a name as text. In one that is not UTF-8, `%` and all bytes beyond ASCII are percent-encoded. */
const shownName = (name: FileName): string =>
  typeof name === "string"
    ? name
    : Array.from(name, (byte) =>
        byte >= 0x80 || byte === 0x25 ? `%${byte.toString(16).toUpperCase()}` : String.fromCharCode(byte),
      ).join("");

/** Identifies an open folder. */
export const folderId = ({ fd }: Pick<Folder, "fd">): string => {
  const { dev, ino } = fstatSync(fd);
  return `${dev}:${ino}`;
};
