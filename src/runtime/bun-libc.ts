import { dlopen } from "bun:ffi";
import type { SocketCalls } from "./connections.ts";
import { CLOCK_MONOTONIC, openLibc } from "./libc.ts";
import type { Runtime } from "./runtime.ts";
import { AF_UNIX, encodeSocketAddress, MSG_NOSIGNAL, SOCK_DGRAM_CLOEXEC } from "./unix-socket.ts";

const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
} as const;

export const sendDatagram: Runtime["sendDatagram"] = (name, text) => {
  const { socket, sendto, close } = loadSymbols() ?? {};
  if (socket === undefined || sendto === undefined || close === undefined) return null;
  const address = encodeSocketAddress(name);
  const fd = address === null ? -1 : socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (address === null || fd < 0) return false;
  const bytes = Buffer.from(text);
  const sent = sendto(fd, bytes, bytes.length, MSG_NOSIGNAL, address, address.length);
  close(fd);
  return Number(sent) === bytes.length;
};

export const monotonicMicros: Runtime["monotonicMicros"] = () => {
  const time = new BigInt64Array(2);
  const failed = loadSymbols()?.clock_gettime(CLOCK_MONOTONIC, time) ?? -1;
  const [seconds = 0n, nanoseconds = 0n] = time;
  return failed === 0 ? seconds * 1_000_000n + nanoseconds / 1_000n : null;
};

/** Returns null if the C library is not available. */
export const socketCalls = (): SocketCalls | null => loadSymbols();

type Symbols = ReturnType<typeof open>;

let opened: { readonly symbols: Symbols } | null = null;

/** Returns the functions of the C library, which is opened at the first call; null if it is not available. */
const loadSymbols = (): Symbols => {
  opened ??= { symbols: process.platform === "linux" ? open() : null };
  return opened.symbols;
};

const open = () => openLibc((name) => dlopen(name, SYMBOLS).symbols);
