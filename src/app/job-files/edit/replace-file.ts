import { randomBytes } from "node:crypto";
import { closeSync, fchownSync, fstatSync, type Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { refuse } from "../../../domain/refusal.ts";
import { digestOf, MAX_BYTES } from "../../../jobfile/read/job-dir.ts";
import type { FileName, Folder } from "../../../lib/files/folder.ts";
import { readStart } from "../../../lib/files/regular-file.ts";
import type { PlacedFile } from "./path.ts";

/** The content of a job file. */
export type PresentFile = { readonly bytes: Buffer; readonly digest: string; readonly stat: Stats };

/** Returns a job file, or at most one byte more than one can have; null if there is no regular file of that name. Throws the system's errors. */
export const readPresent = ({ folder, name }: PlacedFile): PresentFile | null => {
  const fd = folder.file(name);
  if (fd === null) return null;
  try {
    const stat = fstatSync(fd);
    const bytes = readStart(fd, MAX_BYTES + 1);
    return { bytes, digest: digestOf(bytes), stat };
  } finally {
    closeSync(fd);
  }
};

type Replacement = {
  readonly bytes: Uint8Array;
  /** Digest of the file that is replaced; null to create one. */
  readonly base: string | null;
  /** Called at the moment at which the file is replaced, before anybody else of this process can see that. */
  readonly onReplaced?: () => void;
};

/**
 * Replaces a job file, or creates one. Resolves with false, and changes nothing, if the file is not the one of `base`. Readers see the old content
 * or the new one, also after a crash, and an error leaves the old one. Mode and owner stay; a new file gets those of any file that petit
 * creates. Rejects with the system's errors, and with `conflict` if the owner
 * can't be kept.
 *
 * The file is compared immediately before it is replaced. Between these two steps, which take some microseconds, another program can still
 * write to it, and that is lost; the system has no call that replaces a file only if it is unchanged. The same goes for a program that has
 * the file open and writes to it later. A new file never replaces another one, unless the file system has no hard links.
 */
export const replaceFile = async (place: PlacedFile, { bytes, base, onReplaced }: Replacement): Promise<boolean> => {
  const { folder, name } = place;
  const present = readPresent(place);
  if ((present?.digest ?? null) !== base) return false;
  // The permissions of the folder are what decides about a new name, but a file that petit must not write stays as it is.
  if (present !== null) folder.assertWritable(name);
  const temporary = `${TEMPORARY_PREFIX}${randomBytes(8).toString("hex")}`;
  const handle = await folder.create(temporary, present === null ? 0o666 : 0o600);
  try {
    try {
      await handle.writeFile(bytes);
      if (present !== null) await keepOwner(handle, present.stat, place.path);
      await handle.sync();
    } finally {
      await handle.close();
    }
    const isDone = base === null ? putNew(folder, temporary, name) : putIfSame(place, temporary, base);
    if (!isDone) return false;
    onReplaced?.();
  } finally {
    await removeIfThere(folder, temporary);
  }
  // Some file systems can't do it. The file is replaced, but after a power failure it may be the old one.
  await folder.sync().catch(() => {});
  return true;
};

const putIfSame = (place: PlacedFile, temporary: string, base: string): boolean => {
  if (readPresent(place)?.digest !== base) return false;
  place.folder.replace(temporary, place.name);
  return true;
};

/** A link, unlike renaming, never replaces a file. */
const putNew = (folder: Folder, temporary: string, name: string): boolean => {
  try {
    folder.link(temporary, name);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    if (!NO_LINKS.has(codeOf(error))) throw error;
    if (folder.stat(name) !== null) return false;
    folder.replace(temporary, name);
    return true;
  }
  try {
    // Now, because it changes the state of the file.
    folder.remove(temporary);
  } catch {
    // It is removed later.
  }
  return true;
};

/** Errors of `link` where a file system has no hard links. */
const NO_LINKS: ReadonlySet<string | null> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Changing the owner clears some bits of the mode, so the mode comes last. */
const keepOwner = async (handle: FileHandle, { uid, gid, mode }: Stats, path: string): Promise<void> => {
  const own = await handle.stat();
  if (own.uid !== uid || own.gid !== gid) {
    try {
      fchownSync(handle.fd, uid, gid);
    } catch (cause) {
      if (codeOf(cause) === null) throw cause;
      const problem = `it belongs to user ${uid} and group ${gid}, which petit can't give to a file`;
      throw refuse({ reason: "file_not_writable", path, problem, systemCode: codeOf(cause) }, { cause });
    }
  }
  await handle.chmod(mode & 0o7777);
};

/** What can't be removed now is removed later. */
const removeIfThere = async (folder: Folder, name: string): Promise<void> => {
  await folder.unlink(name).catch(() => {});
};

/** Temporary files begin with a dot, so no reader takes them for job files. */
const TEMPORARY_PREFIX = ".petit-edit-";
const TEMPORARY = /^\.petit-edit-[0-9a-f]{16}$/;

/** Removes what a save that was killed has left in a folder. Another petit that saves a file of it now fails, and changes nothing. */
export const removeRemnants = async (folder: Folder): Promise<void> => {
  for (const { name, isFile } of await folder.entries())
    if (isFile && TEMPORARY.test(String(name))) await removeIfThere(folder, String(name));
};

/** Does the same in all folders in which petit reads job files. What it may not read stays. */
export const removeAllRemnants = async (folder: Folder): Promise<void> => {
  await removeRemnants(folder);
  for (const { name, isFolder } of await folder.entries()) {
    if (!isFolder || String(name).startsWith(".")) continue;
    using subfolder = openOrNull(folder, name);
    if (subfolder !== null) await removeAllRemnants(subfolder).catch(() => {});
  }
};

const openOrNull = (folder: Folder, name: FileName): Folder | null => {
  try {
    return folder.folder(name);
  } catch {
    return null;
  }
};

/** Returns the code of a system's error, such as `ENOSPC`; null if it has none. */
export const codeOf = (error: unknown): string | null =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
