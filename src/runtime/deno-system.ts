/// <reference path="./deno-api.d.ts" />
import type { SocketCalls } from "./connections.ts";
import {
  CLOCK_MONOTONIC,
  cString,
  F_SETLEASE,
  F_SETSIG,
  F_WRLCK,
  MAX_XATTR_BYTES,
  openLibc,
  PR_SET_DUMPABLE,
  PUNCH_HOLE_KEEP_SIZE,
  SIGURG,
  WNOHANG,
} from "./libc.ts";
import type { Runtime } from "./runtime.ts";
import { AF_UNIX, encodeSocketAddress, MSG_NOSIGNAL, SOCK_DGRAM_CLOEXEC } from "./unix-socket.ts";

/** Constants of Linux. */
const FIRST_INHERITED_FD = 3;
const LAST_FD = 0xffffffff;
const CLOSE_RANGE_CLOEXEC = 4;

const SYMBOLS = {
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  waitpid: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "i64", "i32", "buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  close_range: { parameters: ["u32", "u32", "i32"], result: "i32", optional: true },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  prctl: { parameters: ["i32", "i64"], result: "i32" },
  getxattr: { parameters: ["buffer", "buffer", "buffer", "i64"], result: "i32" },
} as const;

/** Returns functions of the C library of Linux, or substitutes on another system. `ownChildren` are those that Deno waits for. */
export const systemCalls = (ownChildren: ReadonlySet<number>) => {
  const libc = process.platform === "linux" ? openLibc(open) : null;
  // Deno passes the descriptors that it inherited on to its children.
  libc?.close_range?.(FIRST_INHERITED_FD, LAST_FD, CLOSE_RANGE_CLOEXEC);
  return libc === null ? NONE : callsOf(libc, ownChildren);
};

type SystemCalls = Pick<Runtime, "punchHole" | "isOpenElsewhere" | "reap" | "denyInspection" | "readXattr"> & {
  /** Null if the C library is not available. */
  readonly sockets: SocketCalls | null;
  sendDatagram(name: string, text: string): boolean | null;
  monotonicMicros(): bigint | null;
};

const NONE: SystemCalls = {
  sockets: null,
  punchHole: () => false,
  isOpenElsewhere: () => true,
  reap: () => null,
  denyInspection: () => false,
  readXattr: () => null,
  sendDatagram: () => null,
  monotonicMicros: () => null,
};

type Libc = ReturnType<typeof open>;

const open = (name: string) => Deno.dlopen(name, SYMBOLS).symbols;

const callsOf = (libc: Libc, ownChildren: ReadonlySet<number>): SystemCalls => ({
  readXattr: (path, name) => {
    const value = Buffer.alloc(MAX_XATTR_BYTES);
    const length = libc.getxattr(cString(path), cString(name), value, BigInt(value.length));
    return length < 0 ? null : value.toString("utf8", 0, length);
  },
  denyInspection: () => libc.prctl(PR_SET_DUMPABLE, 0n) === 0,
  sockets: libc,
  reap: (pid) => !ownChildren.has(pid) && libc.waitpid(pid, null, WNOHANG) === pid,
  punchHole: (fd, offset, length) => libc.fallocate(fd, PUNCH_HOLE_KEEP_SIZE, BigInt(offset), BigInt(length)) === 0,
  // The kernel grants a write lease only if no other descriptor has the file open. The lease ends with the descriptor. A
  // process that opens the file meanwhile waits, and the kernel sends a signal: SIGURG, because SIGIO would end petit.
  isOpenElsewhere: (fd) => libc.fcntl(fd, F_SETSIG, SIGURG) !== 0 || libc.fcntl(fd, F_SETLEASE, F_WRLCK) !== 0,
  sendDatagram: (name, text) => {
    const address = encodeSocketAddress(name);
    const fd = address === null ? -1 : libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
    if (address === null || fd < 0) return false;
    const bytes = Buffer.from(text);
    const sent = libc.sendto(fd, bytes, BigInt(bytes.length), MSG_NOSIGNAL, address, address.length);
    libc.close(fd);
    return sent === bytes.length;
  },
  monotonicMicros: () => {
    const time = new BigInt64Array(2);
    const failed = libc.clock_gettime(CLOCK_MONOTONIC, time);
    const [seconds = 0n, nanoseconds = 0n] = time;
    return failed === 0 ? seconds * 1_000_000n + nanoseconds / 1_000n : null;
  },
});
