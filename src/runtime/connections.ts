import { readdirSync, statSync } from "node:fs";

/** What the C library is asked about sockets; each returns -1 for a failure. Buffers are filled in place. */
export type SocketCalls = {
  fcntl(fd: number, command: number, value: number): number;
  listen(fd: number, backlog: number): number;
  shutdown(fd: number, how: number): number;
  getsockname(fd: number, address: Uint8Array, length: Uint32Array): number;
  getpeername(fd: number, address: Uint8Array, length: Uint32Array): number;
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, length: Uint32Array): number;
};

export type ConnectionBound = {
  /** The server's port. */
  readonly port: number;
  readonly maxConnections: number;
  /** Called with how many connections were closed, whenever some were. */
  readonly onClosed: (count: number) => void;
};

export interface Connections extends Disposable {
  /** Keeps this peer's connection, over which an answer is being streamed, while such ones take at most half of the bound. */
  prefer(peerPort: number): void;
  /** Closes what is beyond the bound now. */
  enforce(): void;
}

/**
 * Bounds the connections to a server of this process: beyond `maxConnections` it closes those on which nothing was sent for
 * the longest time, until a quarter of the bound is free. Neither Bun nor Deno counts or bounds connections, or reports that
 * one was opened, so this asks the system: it counts descriptors when the kernel signals that a connection is waiting. Linux
 * only; where `calls` is null, nothing is bounded.
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
  /** Until then, and up to so many descriptors, no scan is needed. */
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

  /** Listing all descriptors takes 1 ms for 1,000 of them, so it is done only where their number asks for it. */
  readonly #check = (): void => {
    const { maxConnections } = this.#bound;
    const descriptors = openDescriptors();
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

  /** Returns how many connections there were. */
  #closeIdle(): number {
    const { maxConnections, onClosed } = this.#bound;
    const open = this.#sockets.all().filter(({ state }) => OPEN.has(state));
    if (open.length <= maxConnections) return open.length;
    const ports = new Set(open.map(({ peerPort }) => peerPort));
    for (const port of this.#preferred) if (!ports.has(port)) this.#preferred.delete(port);
    const idlestFirst = open.toSorted((a, b) => b.unsentMs - a.unsentMs);
    const streams = idlestFirst.filter(({ peerPort }) => this.#preferred.has(peerPort));
    const kept = new Set(streams.slice(-Math.ceil(maxConnections / 2)));
    const excess = open.length - Math.max(1, Math.floor((maxConnections * 3) / 4));
    const closed = idlestFirst.filter((socket) => !kept.has(socket)).slice(0, excess);
    for (const { fd } of closed) this.#sockets.close(fd);
    onClosed(closed.length);
    return open.length;
  }
}

/**
 * Connections that may wait to be accepted; Bun's own value. The runtime accepts all of them before anything else runs, so
 * they come on top of the bound.
 */
const BACKLOG = 512;
const QUIET_MS = 100;

/** Descriptors that are open, connections among them. Linux tells the number since 6.2; before, they are listed. */
const openDescriptors = (): number => statSync(DESCRIPTORS).size || listDescriptors().length;

const DESCRIPTORS = "/proc/self/fd";

/** To list them takes one more descriptor: where none is left, these are all that there can be. */
const listDescriptors = (): readonly number[] => {
  try {
    return readdirSync(DESCRIPTORS).map(Number);
  } catch {
    return Array.from({ length: MOST_DESCRIPTORS }, (_, fd) => fd);
  }
};

/** Only where the limit is small can it be reached. */
const MOST_DESCRIPTORS = 65_536;

type Socket = {
  readonly fd: number;
  readonly state: number;
  /** 0 for a socket that listens. */
  readonly peerPort: number;
  /** Time since this end has sent something or, where it never has, since the connection was opened. */
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
/** Of `tcpi_last_data_sent` in `struct tcp_info`; its first byte is the state. */
const LAST_DATA_SENT = 44;
const SHUT_RDWR = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETOWN = 8;
const F_SETSIG = 10;
const O_ASYNC = 0x2000;
/** Ignored by default, so that a signal that comes late does no harm. */
const SIGURG = 23;

/** The sockets of this process whose own port is `port`. */
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

  /** The runtime sees the end of the connection, and closes the descriptor: to close it here would give its number away. */
  close(fd: number): void {
    this.#calls.shutdown(fd, SHUT_RDWR);
  }

  /** Has the kernel send SIGURG when a connection waits to be accepted. */
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

  /** Null for what is no socket of IP. */
  #portBy(call: "getsockname" | "getpeername", fd: number): number | null {
    const address = this.#address;
    this.#length[0] = address.length;
    if (this.#calls[call](fd, address, this.#length) !== 0) return null;
    const view = new DataView(address.buffer);
    return ADDRESS_FAMILIES.has(view.getUint16(0, IS_LITTLE_ENDIAN)) ? view.getUint16(2) : null;
  }
}

/** Of every processor that Bun and Deno are built for. */
const IS_LITTLE_ENDIAN = true;
