import { PetitError } from "../../../domain/errors.ts";
import { refuse } from "../../../domain/refusal.ts";
import { isTestFileName } from "../../../jobfile/read/list-files.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import { Folder } from "../../../lib/files/folder.ts";
import { escapeUnprintable, shorten } from "../../../lib/text.ts";

/** Limits of file systems, in bytes. */
const MAX_NAME = 255;
const MAX_PATH = 4_000;

const FORM = "expected a path within the folder, such as backups/nightly.yaml";

/** Returns why petit would read no job file at a path relative to JOBS_DIR; null if it would. */
export const whyNoJobFile = (path: string): string | null => {
  if (!path.isWellFormed()) return `is not UTF-8; ${FORM}`;
  if (escapeUnprintable(path) !== path) return `contains a control character; ${FORM}`;
  const parts = path.split("/");
  if (path.startsWith("/")) return `begins with '/'; ${FORM}`;
  if (parts.includes("")) return `contains an empty name; ${FORM}`;
  if (parts.some((part) => part.startsWith(".")))
    return `contains a name that begins with '.', which petit does not read; ${FORM}`;
  if (!/[^/]\.ya?ml$/.test(path)) return `does not end in .yaml or .yml; ${FORM}`;
  if (isTestFileName(path)) return `is the name of a test file, which defines no jobs; ${FORM}`;
  if (Buffer.byteLength(path) > MAX_PATH || parts.some((part) => Buffer.byteLength(part) > MAX_NAME))
    return `is too long; expected names of at most ${MAX_NAME} bytes`;
  return null;
};

/** The open folder of a job file, and the name of the file in it. */
export type PlacedFile = { readonly folder: Folder; readonly name: string; readonly path: string };

/**
 * Opens the folder of a job file without following links below JOBS_DIR, so that nobody is led out of it. The caller closes the folder.
 * Throws `not_found` if there is no such folder, and `conflict` if a part of the path is a link or can't be read.
 */
export const openPlace = (jobsDir: string, path: string): PlacedFile => {
  try {
    return open(jobsDir, path);
  } catch (error) {
    throw error instanceof PetitError ? error : unreadable(path, error);
  }
};

/** Returns the error for what petit may not read. */
export const unreadable = (path: string, cause: unknown): PetitError =>
  new PetitError("conflict", `'${shorten(path, 200)}' can't be read: ${reasonOf(cause)}`, { cause });

/** Returns the reason in a system's error, such as `no space left on device (ENOSPC)`. */
export const reasonOf = (error: unknown): string => {
  const message = errorMessage(error);
  const [, code, reason] = /^([A-Z0-9]+): ([^,]+)/.exec(message) ?? [];
  return reason === undefined ? message : `${reason} (${code})`;
};

const open = (jobsDir: string, path: string): PlacedFile => {
  const parts = path.split("/");
  const name = parts.pop() ?? "";
  let folder = Folder.open(jobsDir);
  if (folder === null) throw new PetitError("not_found", `JOBS_DIR '${jobsDir}' was not found`);
  try {
    for (const [index, part] of parts.entries()) {
      const upTo = parts.slice(0, index + 1).join("/");
      refuseLink(folder, part, upTo);
      const next = folder.folder(part);
      if (next === null)
        throw new PetitError("not_found", `there is no folder '${shorten(upTo, 200)}' in JOBS_DIR; create it first`);
      folder[Symbol.dispose]();
      folder = next;
    }
    refuseLink(folder, name, path);
    return { folder, name, path };
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
};

const refuseLink = (folder: Folder, name: string, path: string): void => {
  if (folder.stat(name)?.isSymbolicLink() === true) throw refuse({ reason: "file_is_link", path });
};
