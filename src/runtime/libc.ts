/** What the C library of a Linux can be called: glibc, musl by machine, or whatever is installed to build with. */
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

/** The answer of `open` to the first name of the C library that it takes; null where it throws at each. */
export const openLibc = <T>(open: (name: string) => T): T | null => {
  for (const name of LIBC_NAMES) {
    try {
      return open(name);
    } catch {
      // The next name.
    }
  }
  return null;
};
