import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";

/** Errors of `open` for files that are not regular: a link, a folder, a pipe without a reader, a socket. */
const IRREGULAR: ReadonlySet<unknown> = new Set(["ELOOP", "EMLINK", "EISDIR", "ENXIO", "EOPNOTSUPP"]);

/**
 * Opens a regular file that another process may replace. Returns null if the file is not regular. Never blocks, although
 * opening a pipe normally does. Follows symbolic links unless `flags` contain `O_NOFOLLOW`. Throws other errors of `open`.
 */
export const openRegular = (path: string | Buffer, flags?: number, mode?: number): number | null =>
  openRegularStat(path, flags, mode)?.fd ?? null;

/** Does the same, and returns what the system knew of the file when it was opened. */
export const openRegularStat = (
  path: string | Buffer,
  flags: number = constants.O_RDONLY,
  mode?: number,
): { readonly fd: number; readonly stat: Stats } | null => {
  // Opening a pipe for both directions does not block.
  const nonblock = (flags & constants.O_RDWR) === 0 ? constants.O_NONBLOCK : 0;
  let fd: number;
  try {
    fd = openSync(path, flags | constants.O_NOCTTY | nonblock, mode);
  } catch (error) {
    if (error instanceof Error && "code" in error && IRREGULAR.has(error.code)) return null;
    throw error;
  }
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, stat };
  closeSync(fd);
  return null;
};

/** Minimum size of the buffer: files in /proc report a size of 0. */
const MIN_BUFFER_BYTES = 4_096;

/** Reads at most the first `maxBytes` of a file. */
export const readStart = (fd: number, maxBytes: number): Buffer => {
  const buffer = Buffer.alloc(Math.min(maxBytes, Math.max(fstatSync(fd).size, MIN_BUFFER_BYTES)));
  let length = 0;
  while (length < buffer.length) {
    const count = readSync(fd, buffer, length, buffer.length - length, length);
    if (count === 0) break;
    length += count;
  }
  return buffer.subarray(0, length);
};
