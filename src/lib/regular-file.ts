import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** What `open` says of something that is there and is no regular file: a link, a folder, a pipe without a reader, a socket. */
const IRREGULAR: ReadonlySet<unknown> = new Set(["ELOOP", "EMLINK", "EISDIR", "ENXIO", "EOPNOTSUPP"]);

/**
 * Opens a regular file that somebody else can replace; returns null where something else is there. Never waits: to open
 * a pipe blocks until somebody opens its other end. Follows symbolic links unless `flags` hold `O_NOFOLLOW`; throws the
 * errors of `open` otherwise.
 */
export const openRegular = (path: string, flags: number = constants.O_RDONLY, mode?: number): number | null => {
  // A pipe that is opened for both directions has its other end.
  const nonblock = (flags & constants.O_RDWR) === 0 ? constants.O_NONBLOCK : 0;
  let fd: number;
  try {
    fd = openSync(path, flags | constants.O_NOCTTY | nonblock, mode);
  } catch (error) {
    if (error instanceof Error && "code" in error && IRREGULAR.has(error.code)) return null;
    throw error;
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return null;
};

/** Files of the system itself, such as those in /proc, have a size of 0. */
const LEAST_BYTES = 4_096;

/** Reads a file from its start to its end, or to `maxBytes`. */
export const readStart = (fd: number, maxBytes: number): Buffer => {
  const buffer = Buffer.alloc(Math.min(maxBytes, Math.max(fstatSync(fd).size, LEAST_BYTES)));
  let length = 0;
  while (length < buffer.length) {
    const count = readSync(fd, buffer, length, buffer.length - length, length);
    if (count === 0) break;
    length += count;
  }
  return buffer.subarray(0, length);
};
