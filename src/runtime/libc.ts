/** Names of the C library of Linux: glibc, musl for each machine, and the name for linkers. */
const LIBC_NAMES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"] as const;

/** Constants of Linux. */
export const PUNCH_HOLE_KEEP_SIZE = 3;
export const F_SETSIG = 10;
export const F_SETLEASE = 1024;
export const F_WRLCK = 1;
export const SIGURG = 23;
export const WNOHANG = 1;
export const CLOCK_MONOTONIC = 1;
export const PR_SET_DUMPABLE = 4;
export const MADV_DONTNEED = 4;

/** Maximum size of an extended attribute that petit reads, in bytes. */
export const MAX_XATTR_BYTES = 256;

/** Returns a text as the C library expects it. */
export const cString = (text: string): Buffer => Buffer.from(`${text}\0`);

/** Opens the C library by the first name that `open` accepts. Returns null if it throws for each name. */
export const openLibc = <T>(open: (name: string) => T): T | null => {
  for (const name of LIBC_NAMES) {
    try {
      return open(name);
    } catch {
      // Tries the next name.
    }
  }
  return null;
};
