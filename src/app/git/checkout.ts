import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { join, relative } from "node:path";
import { setImmediate } from "node:timers/promises";
import { shorten } from "../../lib/text.ts";
import { type EntriesState, readFolderState } from "./folder-state.ts";
import { GitError } from "./git-error.ts";
import type { Repository } from "./repository.ts";
import { outsideLinks, type TreeEntry, type TreeProblem } from "./tree.ts";

/** The files of a commit, in a folder of its own. */
export type Checkout = {
  readonly id: string;
  readonly folder: string;
  readonly entries: readonly TreeEntry[];
  /** What was not written. */
  readonly problems: readonly TreeProblem[];
  /** Whether the folder existed and was not as the commit is. */
  readonly wasChanged: boolean;
  /** The state of the folder while it was as the commit is. */
  readonly state: EntriesState | null;
};

/** Bytes that are read at once. */
const BATCH_BYTES = 8 * 2 ** 20;

/** What the name of a folder ends with while its files are written. */
const DRAFT = ".new";

/** Removes the folders of commits that a process which was killed has not finished. */
export const removeDrafts = (dir: string): void => {
  for (const name of existsSync(dir) ? readdirSync(dir) : []) if (name.endsWith(DRAFT)) removeFolder(join(dir, name));
};

/** What the name of a folder that was changed has after the id of its commit. Processes that run may use it. */
const CHANGED = ".changed-";

/** How many changed folders of a commit are kept. */
const MAX_CHANGED = 4;

/** Returns the id of the commit that a folder within the folder of all commits is of. */
export const commitOfFolder = (name: string): string => name.split(".")[0] ?? name;

/** Returns whether a folder is what a commit's folder was before it was written again. */
export const isChangedFolder = (name: string): boolean => name.includes(CHANGED);

/** Returns the folder of a commit within the folder of all commits. */
export const commitFolder = (dir: string, id: string): string => join(dir, id);

/**
 * Provides the files of a commit in a folder that nobody writes to: the contents as they are stored, without what attributes of the
 * repository would do to them. A folder that exists is compared with the commit first. If it differs, it is written again under its name, and
 * what was there has another name then. Nothing half-written stays. Throws GitError.
 */
export const checkOut = async (repository: Repository, dir: string, id: string): Promise<Checkout> => {
  const { entries, folders, problems } = await repository.list(id);
  const links = entries.filter(({ kind }) => kind === "link");
  const targets = await repository.read(links.map(({ blob }) => blob));
  const targetOf = new Map(links.map(({ path }, index) => [path, targets[index]?.toString() ?? ""]));
  const outside = outsideLinks(targetOf);
  const skipped = new Set(outside.map(({ path }) => path));
  const written = entries.filter(({ path }) => !skipped.has(path));
  const folder = commitFolder(dir, id);
  const checkout = { id, folder, entries: written, problems: [...problems, ...outside].slice(0, MAX_PROBLEMS) };
  const wasThere = lstatSync(folder, { throwIfNoEntry: false }) !== undefined;
  if (wasThere) {
    // What changes after this makes another state.
    const state = await readFolderState(folder);
    const isComplete = state?.entries === written.length + folders.length;
    if (isComplete && (await isWhole(checkout, { folders, targetOf })))
      return { ...checkout, wasChanged: false, state };
  }
  const draft = `${folder}${DRAFT}`;
  removeFolder(draft);
  try {
    await write(draft, { repository, entries: written, folders, targetOf });
    if (wasThere) moveAside(dir, id);
    renameSync(draft, folder);
  } catch (error) {
    removeFolder(draft);
    throw unusableCommit(error, draft) ?? GitError.ofFile("the files of the commit", error);
  }
  return { ...checkout, wasChanged: wasThere, state: await readFolderState(folder) };
};

/** Gives the folder of a commit another name. Of the oldest that have one, not all are kept. */
const moveAside = (dir: string, id: string): void => {
  const prefix = `${id}${CHANGED}`;
  const numbers = readdirSync(dir)
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);
  for (const number of numbers.slice(0, -(MAX_CHANGED - 1))) removeFolder(join(dir, `${prefix}${number}`));
  renameSync(commitFolder(dir, id), join(dir, `${prefix}${(numbers.at(-1) ?? 0) + 1}`));
};

/** A commit with one problem is refused, and people mend some of them at a time. */
const MAX_PROBLEMS = 100;

/** Names that this file system does not take, or takes for the same. */
const UNUSABLE_CODES: ReadonlySet<unknown> = new Set(["ENAMETOOLONG", "EILSEQ", "EINVAL", "EEXIST"]);

/** Returns the error for a file that is not written because of its name; null if that is not why. */
const unusableCommit = (error: unknown, draft: string): GitError | null => {
  if (!(error instanceof Error && "code" in error && UNUSABLE_CODES.has(error.code))) return null;
  const path = "path" in error && typeof error.path === "string" ? relative(draft, error.path) : "a file";
  return new GitError(
    "unusable_commit",
    `this file system does not take the name of ${shorten(path, MAX_SHOWN)} (${error.code})`,
    { cause: error },
  );
};

const MAX_SHOWN = 200;

type Draft = {
  readonly repository: Repository;
  readonly entries: readonly TreeEntry[];
  readonly folders: readonly string[];
  readonly targetOf: ReadonlyMap<string, string>;
};

const write = async (root: string, { repository, entries, folders, targetOf }: Draft): Promise<void> => {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const folder of folders) mkdirSync(join(root, folder), { mode: 0o755 });
  const files = entries.filter(({ kind }) => kind !== "link");
  for (const batch of inBatches(files)) {
    const contents = await repository.read(batch.map(({ blob }) => blob));
    for (const [index, { path, kind }] of batch.entries()) {
      writeNew(join(root, path), contents[index] ?? Buffer.alloc(0), modeOf(kind));
    }
    await setImmediate();
  }
  // Links come last, so that nothing is written through one.
  for (const { path, kind } of entries) if (kind === "link") symlinkSync(targetOf.get(path) ?? "", join(root, path));
  for (const folder of folders.toReversed()) chmodSync(join(root, folder), 0o555);
  chmodSync(root, 0o555);
};

/** Writes a file that must not exist. For small files this takes a quarter of the time of `writeFileSync` on Bun. */
const writeNew = (path: string, content: Buffer, mode: number): void => {
  const file = openSync(path, "wx", mode);
  try {
    for (let at = 0; at < content.length; ) at += writeSync(file, content, at);
    // The mask of the process must not take from them.
    fchmodSync(file, mode);
  } finally {
    closeSync(file);
  }
};

const modeOf = (kind: TreeEntry["kind"]): number => (kind === "executable" ? 0o555 : 0o444);

/** Each batch has at least one file. */
const inBatches = function* (files: readonly TreeEntry[]): Iterable<readonly TreeEntry[]> {
  let batch: TreeEntry[] = [];
  let bytes = 0;
  for (const file of files) {
    if (batch.length > 0 && bytes + file.size > BATCH_BYTES) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(file);
    bytes += file.size;
  }
  if (batch.length > 0) yield batch;
};

/** Returns whether a folder has the files and folders of its commit, with their contents and modes. */
const isWhole = async (
  { folder, entries }: Pick<Checkout, "folder" | "entries">,
  { folders, targetOf }: Pick<Draft, "folders" | "targetOf">,
): Promise<boolean> => {
  const modeAt = (path: string): number => lstatSync(join(folder, path)).mode & 0o7777;
  try {
    // The folder itself may have been replaced by a link to another one.
    if (!lstatSync(folder).isDirectory() || ["", ...folders].some((path) => modeAt(path) !== 0o555)) return false;
    for (const [index, { path, kind, blob, size }] of entries.entries()) {
      if (index % 200 === 0) await setImmediate();
      const full = join(folder, path);
      const state = lstatSync(full);
      if (kind === "link") {
        if (!state.isSymbolicLink() || readlinkSync(full) !== targetOf.get(path)) return false;
      } else {
        if (!state.isFile() || state.size !== size || (state.mode & 0o7777) !== modeOf(kind)) return false;
        if (blobId(readFileSync(full), blob.length) !== blob) return false;
      }
    }
    return true;
  } catch {
    return false;
  }
};

/** Returns the id that git gives a content, by the length of the ids of the repository. */
const blobId = (content: Uint8Array, length: number): string =>
  createHash(length === 64 ? "sha256" : "sha1")
    .update(`blob ${content.length}\0`)
    .update(content)
    .digest("hex");

/** Removes a folder of a commit, or what somebody has put in its place. Its folders are made writable first. */
export const removeFolder = (path: string): void => {
  const state = lstatSync(path, { throwIfNoEntry: false });
  if (state === undefined) return;
  if (!state.isDirectory()) {
    rmSync(path);
    return;
  }
  const allow = (folder: string): void => {
    chmodSync(folder, 0o700);
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) allow(join(folder, entry.name));
  };
  allow(path);
  rmSync(path, { recursive: true, force: true });
};
