import type { Runtime } from "./runtime.ts";

/** Constants of Linux. */
const PUNCH_HOLE_KEEP_SIZE = 3;
const F_SETSIG = 10;
const F_SETLEASE = 1024;
const F_WRLCK = 1;
const SIGURG = 23;
const WNOHANG = 1;

const SYMBOLS = {
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  waitpid: { parameters: ["i32", "pointer", "i32"], result: "i32" },
} as const;

/**
 * What the system's C library can do, where it is Linux's and Deno was started with `--allow-ffi`. `ownChildren` are
 * those that Deno waits for.
 */
export const systemCalls = (
  ownChildren: ReadonlySet<number>,
): Pick<Runtime, "punchHole" | "isOpenElsewhere" | "reap"> => {
  const libc = isAllowed() ? openLibc() : null;
  if (libc === null) return { punchHole: () => false, isOpenElsewhere: () => true, reap: () => null };
  const { fallocate, fcntl, waitpid } = libc;
  return {
    reap: (pid) => !ownChildren.has(pid) && waitpid(pid, null, WNOHANG) === pid,
    punchHole: (fd, offset, length) => fallocate(fd, PUNCH_HOLE_KEEP_SIZE, BigInt(offset), BigInt(length)) === 0,
    // A write lease is only given to who has the file open alone, and ends with the descriptor. Whoever opens the file
    // meanwhile waits, and sends a signal: by default SIGIO, which would end petit; nobody minds this one.
    isOpenElsewhere: (fd) => fcntl(fd, F_SETSIG, SIGURG) !== 0 || fcntl(fd, F_SETLEASE, F_WRLCK) !== 0,
  };
};

/** Asking is free; to be refused what isn't needed would have Deno ask the user. */
const isAllowed = (): boolean =>
  process.platform === "linux" && Deno.permissions.querySync({ name: "ffi" }).state === "granted";

const openLibc = () => {
  for (const library of ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"]) {
    try {
      return Deno.dlopen(library, SYMBOLS).symbols;
    } catch {
      // The next name.
    }
  }
  return null;
};
