import { readdirSync, statSync } from "node:fs";

/** Socket functions of the C library. Each returns -1 for a failure, and fills its buffers in place. */
export type SocketCalls = {
  fcntl(fd: number, command: number, value: number): number;
  listen(fd: number, backlog: number): number;
  shutdown(fd: number, how: number): number;
  getsockname(fd: number, address: Uint8Array, length: Uint32Array): number;
  getpeername(fd: number, address: Uint8Array, length: Uint32Array): number;
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, length: Uint32Array): number;
};

type ConnectionBound = {
  /** The server's port. */
  readonly port: number;
  readonly maxConnections: number;
  /** Called with the number of connections that were closed, if any. */
  readonly onClosed: (count: number) => void;
};

export interface Connections extends Disposable {
  /** Prefers to keep the connection of this peer, which streams a response. Preferred connections take at most half of the bound. */
  prefer(peerPort: number): void;
  /** Closes the connections beyond the bound. */
  enforce(): void;
}

/**
 * Bounds the connections to a server of this process. Beyond `maxConnections` it closes the connections that have sent nothing
 * for the longest time, until a quarter of the bound is free. Neither Bun nor Deno counts or bounds connections, or reports a
 * new one, so this counts the open descriptors whenever the kernel signals that a connection is waiting. Linux only; if
 * `calls` is null, nothing is bounded.
 */
export const boundConnections = (calls: SocketCalls | null, bound: ConnectionBound): Connections => {
  const sockets = calls === null ? null : new Sockets(calls, bound.port);
  const listener = sockets?.all().find(({ state }) => state === LISTEN);
  return sockets === null || listener === undefined
    ? { prefer: () => {}, enforce: () => {}, [Symbol.dispose]: () => {} }
    : new BoundedConnections(sockets, { ...bound, listenerFd: listener.fd });
};

class BoundedConnections implements Connections {
  readonly #sockets: Sockets;
  readonly #bound: ConnectionBound;
  readonly #preferred = new Set<number>();
  /** No scan is needed until this time, unless there are more descriptors than this. */
  #quiet = { untilMs: 0, descriptors: 0 };
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(sockets: Sockets, bound: ConnectionBound & { readonly listenerFd: number }) {
    this.#sockets = sockets;
    this.#bound = bound;
    process.on("SIGURG", this.#check);
    sockets.announce(bound.listenerFd, Math.min(BACKLOG, bound.maxConnections));
  }

  prefer(peerPort: number): void {
    this.#preferred.add(peerPort);
  }

  enforce(): void {
    this.#closeIdle();
  }

  [Symbol.dispose](): void {
    process.off("SIGURG", this.#check);
    clearTimeout(this.#timer ?? undefined);
  }

  /** Lists the sockets, which takes 1 ms per 1,000 descriptors, only if the number of descriptors exceeds the bound. */
  readonly #check = (): void => {
    const { maxConnections } = this.#bound;
    const descriptors = countDescriptors();
    if (descriptors <= maxConnections) return;
    const now = performance.now();
    if (now < this.#quiet.untilMs && descriptors <= this.#quiet.descriptors) {
      this.#checkLater();
      return;
    }
    const free = Math.max(0, maxConnections - this.#closeIdle());
    this.#quiet = { untilMs: now + QUIET_MS, descriptors: descriptors + free };
    if (free === 0) this.#checkLater();
  };

  #checkLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#check();
    }, QUIET_MS);
  }

  /** Returns how many connections were open. */
  #closeIdle(): number {
    const { maxConnections, onClosed } = this.#bound;
    const open = this.#sockets.all().filter(({ state }) => OPEN.has(state));
    if (open.length <= maxConnections) return open.length;
    const ports = new Set(open.map(({ peerPort }) => peerPort));
    for (const port of this.#preferred) if (!ports.has(port)) this.#preferred.delete(port);
    const idlestFirst = open.toSorted((a, b) => b.unsentMs - a.unsentMs);
    const streams = idlestFirst.filter(({ peerPort }) => this.#preferred.has(peerPort));
    const protectedStreams = new Set(streams.slice(-Math.ceil(maxConnections / 2)));
    const excess = open.length - Math.max(1, Math.floor((maxConnections * 3) / 4));
    const closed = idlestFirst.filter((socket) => !protectedStreams.has(socket)).slice(0, excess);
    for (const { fd } of closed) this.#sockets.close(fd);
    onClosed(closed.length);
    return open.length;
  }
}

/**
 * Maximum number of connections that wait to be accepted; the default of Bun. The runtime accepts all of them before anything
 * else runs, so they are in addition to the bound.
 */
const BACKLOG = 512;
const QUIET_MS = 100;

/** Returns the number of open descriptors, which include the connections. Before Linux 6.2 this has to list them. */
const countDescriptors = (): number => statSync(DESCRIPTORS).size || listDescriptors().length;

const DESCRIPTORS = "/proc/self/fd";

/** Listing takes one descriptor. If none is free, returns all possible numbers. */
const listDescriptors = (): readonly number[] => {
  try {
    return readdirSync(DESCRIPTORS).map(Number);
  } catch {
    return Array.from({ length: MAX_DESCRIPTORS }, (_, fd) => fd);
  }
};

/** Upper bound of the limit of descriptors in such a case: larger limits are not reached. */
const MAX_DESCRIPTORS = 65_536;

type Socket = {
  readonly fd: number;
  readonly state: number;
  /** 0 for a listening socket. */
  readonly peerPort: number;
  /** Time since this end last sent data, or since the connection was opened. */
  readonly unsentMs: number;
};

/** Constants of Linux: socket(7), tcp(7), fcntl(2). */
const ADDRESS_FAMILIES: ReadonlySet<number> = new Set([2, 10]);
const ESTABLISHED = 1;
const CLOSE_WAIT = 8;
const LISTEN = 10;
const OPEN: ReadonlySet<number> = new Set([ESTABLISHED, CLOSE_WAIT]);
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
/** Offset of `tcpi_last_data_sent` in `struct tcp_info`, whose first byte is the state. */
const LAST_DATA_SENT = 44;
const SHUT_RDWR = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETOWN = 8;
const F_SETSIG = 10;
const O_ASYNC = 0x2000;
/** This signal is ignored by default, so that it does no harm after the listener is removed. */
const SIGURG = 23;

/** The sockets of this process whose local port is `port`. */
class Sockets {
  readonly #calls: SocketCalls;
  readonly #port: number;
  readonly #address = new Uint8Array(128);
  readonly #info = new Uint8Array(LAST_DATA_SENT + 4);
  readonly #length = new Uint32Array(1);

  constructor(calls: SocketCalls, port: number) {
    this.#calls = calls;
    this.#port = port;
  }

  all(): Socket[] {
    return listDescriptors().flatMap((fd) => (this.#portBy("getsockname", fd) === this.#port ? this.#read(fd) : []));
  }

  /** Shuts the connection down; the runtime then closes the descriptor. Closing it here would let its number be reused too early. */
  close(fd: number): void {
    this.#calls.shutdown(fd, SHUT_RDWR);
  }

  /** Makes the kernel send SIGURG when a connection waits to be accepted. */
  announce(fd: number, backlog: number): void {
    const { fcntl, listen } = this.#calls;
    listen(fd, backlog);
    fcntl(fd, F_SETOWN, process.pid);
    fcntl(fd, F_SETSIG, SIGURG);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | O_ASYNC);
  }

  #read(fd: number): Socket[] {
    const info = this.#info;
    this.#length[0] = info.length;
    if (this.#calls.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, this.#length) !== 0) return [];
    const unsentMs = new DataView(info.buffer).getUint32(LAST_DATA_SENT, IS_LITTLE_ENDIAN);
    return [{ fd, state: info[0] ?? 0, unsentMs, peerPort: this.#portBy("getpeername", fd) ?? 0 }];
  }

  /** Returns null if the descriptor is not an IP socket. */
  #portBy(call: "getsockname" | "getpeername", fd: number): number | null {
    const address = this.#address;
    this.#length[0] = address.length;
    if (this.#calls[call](fd, address, this.#length) !== 0) return null;
    const view = new DataView(address.buffer);
    return ADDRESS_FAMILIES.has(view.getUint16(0, IS_LITTLE_ENDIAN)) ? view.getUint16(2) : null;
  }
}

/** Byte order of all processors that Bun and Deno support. */
const IS_LITTLE_ENDIAN = true;
