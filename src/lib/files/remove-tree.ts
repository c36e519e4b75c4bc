import { randomUUID } from "node:crypto";
import { rmdir, unlink } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type FileName, Folder } from "./folder.ts";

/**
 * Deletes a file, or a folder with everything in it, without following links, however deep it is. Folders in which nothing can be
 * deleted are made writable. Never rejects; returns whether it is gone. After `signal` was aborted, the rest is left. Another call may delete
 * the same folder, also under another name.
 */
export const removeTree = async (path: string, signal?: AbortSignal): Promise<boolean> => {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return true;
  }
  try {
    using parent = Folder.open(dirname(path));
    const name = basename(path);
    using root =
      parent === null
        ? null
        : await reachable(
            () => parent.folder(name),
            () => parent.makeAccessible(name),
          );
    if (root === null) return await removeEmpty(path);
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      await empty(root, signal);
      signal?.throwIfAborted();
      if (await removeEmpty(path)) return true;
    }
    return false;
  } catch (error) {
    return hasCode(error, "ENOENT");
  }
};

/** How often a folder is looked through, because another call can move folders to its top after they were listed. */
const MAX_PASSES = 10;

/** Returns false if the folder is not empty. */
const removeEmpty = async (path: string): Promise<boolean> => {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOTEMPTY")) return false;
    throw error;
  }
};

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;

/**
 * Deletes what is in a folder. Each folder below it is moved to the top before its content is looked at, because the tree may be
 * deeper than the longest path that the system accepts, or than the number of files that may be open.
 */
const empty = async (root: Folder, signal: AbortSignal | undefined): Promise<void> => {
  const pending = [...(await deleteFiles(root))];
  for (let name = pending.pop(); name !== undefined && signal?.aborted !== true; name = pending.pop())
    pending.push(...(await dissolve(root, name)));
};

/** Deletes a folder after it has moved the folders in it to the top. Returns their names there. */
const dissolve = async (root: Folder, name: FileName): Promise<readonly string[]> => {
  const moved: string[] = [];
  try {
    using folder = await reachable(
      () => root.folder(name),
      () => root.makeAccessible(name),
    );
    if (folder === null) return [];
    for (const entry of await deleteFiles(folder)) {
      const top = randomUUID();
      // A folder can be moved by its owner only while it is writable.
      await reachable(
        () => folder.moveFolder(entry, root, top),
        () => folder.makeAccessible(entry),
      );
      moved.push(top);
    }
    await root.removeFolder(name);
  } catch {
    // What is left in it can't be deleted.
  }
  return moved;
};

/** Deletes the files in a folder. Returns the names of the other entries. */
const deleteFiles = async (folder: Folder): Promise<readonly FileName[]> => {
  const others: FileName[] = [];
  folder.makeWritable();
  for (const { name, isFolder } of await folder.entries()) {
    if (isFolder) others.push(name);
    else
      await folder.unlink(name).catch(() => {
        // It stays, and so does its folder.
      });
  }
  return others;
};

/** Calls `work`, and once more after `open` if permissions are missing. */
const reachable = async <T>(work: () => T | Promise<T>, open: () => void | Promise<void>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, "EACCES")) throw error;
    await open();
    return await work();
  }
};
