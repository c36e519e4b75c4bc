import { dlopen } from "bun:ffi";
import type { Runtime } from "./runtime.ts";

/** Constants of Linux. */
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
const MSG_NOSIGNAL = 0x4000;
const CLOCK_MONOTONIC = 1;

/** Bytes that the name of a socket may have. */
const MAX_NAME_BYTES = 107;

const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
} as const;

export const sendDatagram: Runtime["sendDatagram"] = (name, text) => {
  const { socket, sendto, close } = symbols() ?? {};
  if (socket === undefined || sendto === undefined || close === undefined) return null;
  const address = addressOf(name);
  const fd = address === null ? -1 : socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (address === null || fd < 0) return false;
  const bytes = Buffer.from(text);
  const sent = sendto(fd, bytes, bytes.length, MSG_NOSIGNAL, address, address.length);
  close(fd);
  return Number(sent) === bytes.length;
};

export const monotonicMicros: Runtime["monotonicMicros"] = () => {
  const time = new BigInt64Array(2);
  const failed = symbols()?.clock_gettime(CLOCK_MONOTONIC, time) ?? -1;
  const [seconds = 0n, nanoseconds = 0n] = time;
  return failed === 0 ? seconds * 1_000_000n + nanoseconds / 1_000n : null;
};

type Symbols = ReturnType<typeof open>;

let opened: { readonly symbols: Symbols } | null = null;

/** The system's C library, looked for when it is first needed; null where it can't be had. */
const symbols = (): Symbols => {
  opened ??= { symbols: process.platform === "linux" ? open() : null };
  return opened.symbols;
};

const open = () => {
  for (const library of ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"]) {
    try {
      return dlopen(library, SYMBOLS).symbols;
    } catch {
      // The next name.
    }
  }
  return null;
};

/** A `sockaddr_un`: the family, then the name. One that begins with `@` is no file: it begins with a zero byte. */
const addressOf = (name: string): Buffer | null => {
  const bytes = Buffer.from(name);
  if (!/^[@/]/.test(name) || name.includes("\0") || bytes.length > MAX_NAME_BYTES) return null;
  // A path ends with a zero byte; what is abstract is as long as the address says.
  const address = Buffer.alloc(2 + bytes.length + (name.startsWith("@") ? 0 : 1));
  address[0] = AF_UNIX;
  bytes.copy(address, 2);
  if (name.startsWith("@")) address[2] = 0;
  return address;
};
