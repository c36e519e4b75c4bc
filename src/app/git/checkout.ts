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
};

/** Bytes that are read at once. */
const BATCH_BYTES = 8 * 2 ** 20;

/** What the name of a folder ends with while its files are written. */
const DRAFT = ".new";

/** Removes the folders of commits that a process which was killed has not finished. */
export const removeDrafts = (dir: string): void => {
  for (const name of existsSync(dir) ? readdirSync(dir) : []) if (name.endsWith(DRAFT)) removeFolder(join(dir, name));
};

/** Returns the folder of a commit within the folder of all commits. */
export const commitFolder = (dir: string, id: string): string => join(dir, id);

/**
 * Provides the files of a commit in a folder that nobody writes to: the contents as they are stored, without what attributes of the
 * repository would do to them. A folder that exists is compared with the commit first. Nothing half-written stays. Throws GitError.
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
  if (existsSync(folder)) {
    if (await isWhole(checkout, targetOf)) return checkout;
    removeFolder(folder);
  }
  const draft = `${folder}${DRAFT}`;
  removeFolder(draft);
  try {
    await write(draft, { repository, entries: written, folders, targetOf });
    renameSync(draft, folder);
  } catch (error) {
    removeFolder(draft);
    throw unusableCommit(error, draft) ?? GitError.ofFile("the files of the commit", error);
  }
  return checkout;
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

/** Returns whether a folder has exactly the files of its commit, with their contents. */
const isWhole = async ({ folder, entries }: Checkout, targetOf: ReadonlyMap<string, string>): Promise<boolean> => {
  try {
    const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
    if (found.length !== entries.length) return false;
    for (const [index, { path, kind, blob, size }] of entries.entries()) {
      if (index % 200 === 0) await setImmediate();
      const full = join(folder, path);
      const state = lstatSync(full);
      if (kind === "link") {
        if (!state.isSymbolicLink() || readlinkSync(full) !== targetOf.get(path)) return false;
      } else {
        if (!state.isFile() || state.size !== size || (state.mode & 0o111) !== (modeOf(kind) & 0o111)) return false;
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

/** Removes a folder of a commit. Its folders are made writable first. */
export const removeFolder = (path: string): void => {
  if (!existsSync(path)) return;
  const allow = (folder: string): void => {
    chmodSync(folder, 0o700);
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) allow(join(folder, entry.name));
  };
  allow(path);
  rmSync(path, { recursive: true, force: true });
};
