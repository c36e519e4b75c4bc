import { dlopen } from "bun:ffi";
import { Database } from "bun:sqlite";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { monotonicMicros, sendDatagram, socketCalls } from "./bun-libc.ts";
import { boundConnections, type Connections } from "./connections.ts";
import {
  cString,
  F_SETLEASE,
  F_SETSIG,
  F_WRLCK,
  MADV_DONTNEED,
  MAX_XATTR_BYTES,
  openLibc,
  PR_SET_DUMPABLE,
  PUNCH_HOLE_KEEP_SIZE,
  SIGURG,
  WNOHANG,
} from "./libc.ts";
import type {
  ChildProcess,
  ChildUsage,
  HttpServer,
  Runtime,
  ServeOptions,
  SpawnOptions,
  SqlDatabase,
  SqlRow,
  SqlStatement,
} from "./runtime.ts";

/** Package.json maps `#runtime` to this file, or to deno.ts under Deno. */
export const openRuntime = (): Runtime => ({
  name: "bun",
  version: Bun.version,
  executable: COMPILED.test(Bun.main) ? process.execPath : null,
  sendDatagram,
  monotonicMicros,
  openDatabase,
  collectGarbage: () => Bun.gc(true),
  compileAsUsual: () => Bun.unsafe.setJITPolicy(1),
  spawn,
  serve,
  typescript: (program) => ({
    // After `-e`, "inline" takes the place of the file in `process.argv`, so that the arguments have their usual index.
    // With BUN_BE_BUN, a compiled executable runs as Bun itself.
    environment: { BUN_BE_BUN: "1" },
    argv:
      "file" in program
        ? [process.execPath, ...AS_BUN, program.file, ...program.args]
        : [process.execPath, ...AS_BUN, NO_TSCONFIG, "-e", program.text, "inline", ...program.args],
  }),
  self: (args) =>
    COMPILED.test(Bun.main) ? [process.execPath, ...args] : [process.execPath, ...AS_BUN, MAIN, ...args],
  // Without `timeout`, Bun ends a request after five minutes without data. A variable of Node.js could turn off the check of
  // certificates.
  request: (url, { ca, ...init }) =>
    fetch(url, {
      ...init,
      timeout: false,
      tls: { rejectUnauthorized: true, ...(ca !== null && { ca }) },
    } as RequestInit),
  ...systemCalls(),
});

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** Path of the program of a compiled executable, in a virtual file system. */
const COMPILED = /^(\/\$bunfs\/|[A-Z]:[\\/]~BUN[\\/])/;

/**
 * Flags that ignore files in the working directory, which another user may have put there: the `preload` of a bunfig.toml runs
 * code, and a .env file sets variables. They also prevent downloads.
 */
const AS_BUN = ["--no-install", "--no-env-file", "--config=/dev/null"];

/** Bun looks for the tsconfig.json of an inline program in the working directory; its `paths` can replace any import. */
const NO_TSCONFIG = "--tsconfig-override=/dev/null";

const open = (path: string, options: Parameters<Runtime["openDatabase"]>[1] = {}): Database => {
  if (options.immutable)
    return new Database(`file:${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}?immutable=1`, READONLY_URI);
  return options.readonly
    ? new Database(path, { readonly: true, strict: true })
    : new Database(path, { create: true, readwrite: true, strict: true });
};

/** SQLITE_OPEN_READONLY and SQLITE_OPEN_URI. */
const READONLY_URI = 0x01 | 0x40;

const openDatabase: Runtime["openDatabase"] = (path, options) => {
  const db = open(path, options);
  const prepare = (sql: string) => db.prepare<SqlRow, [Parameters<SqlStatement["run"]>[0] & object]>(sql);
  const prepared = new Map<string, ReturnType<typeof prepare>>();
  return {
    exec: (sql) => {
      db.run(sql);
    },
    prepare: (sql): SqlStatement => {
      const statement = prepared.get(sql) ?? prepare(sql);
      prepared.set(sql, statement);
      return {
        run: (params = {}) => statement.run(params).changes,
        get: (params = {}) => statement.get(params),
        all: (params = {}) => statement.all(params),
      };
    },
    close: () => {
      // With an open statement, the file and its log would stay open until the garbage collector finds the statement.
      for (const statement of prepared.values()) statement.finalize();
      prepared.clear();
      db.close();
    },
  } satisfies SqlDatabase;
};

const spawn = (options: SpawnOptions): ChildProcess => {
  const child = Bun.spawn([...options.argv], {
    cwd: options.cwd,
    env: options.environment,
    stdio: [options.stdin ?? "ignore", options.stdout ?? "ignore", options.stderr ?? "ignore", options.status],
    detached: true,
  });
  // The process does not keep petit alive: petit may exit while the process continues.
  child.unref();
  ownChildren.add(child.pid);
  const ownPeakBytes = process.platform === "linux" ? process.resourceUsage().maxRSS * 1_024 : 0;
  return {
    pid: child.pid,
    exited: child.exited.then(() => {
      ownChildren.delete(child.pid);
      const signal = child.signalCode ? String(child.signalCode) : null;
      return { exitCode: child.exitCode, signal, usage: usageOf(child.resourceUsage(), ownPeakBytes) };
    }),
  };
};

const usageOf = (usage: ReturnType<Bun.Subprocess["resourceUsage"]>, ownPeakBytes: number): ChildUsage | null =>
  usage === undefined
    ? null
    : {
        cpuUserMs: msOfMicros(usage.cpuTime.user),
        cpuSystemMs: msOfMicros(usage.cpuTime.system),
        memoryPeakBytes: usage.maxRSS > ownPeakBytes ? usage.maxRSS : null,
      };

const msOfMicros = (micros: number | bigint): number => Math.round(Number(micros) / 1_000);

/** Children that Bun waits for, and that `reap` must not reap. */
const ownChildren = new Set<number>();

const serve = (options: ServeOptions): HttpServer => {
  let connections: Connections | null = null;
  const server = Bun.serve({
    hostname: options.hostname,
    port: options.port,
    reusePort: false,
    maxRequestBodySize: options.maxBodyBytes,
    idleTimeout: IDLE_SECONDS,
    // Disables the error page, which shows source code and a stack trace.
    development: false,
    fetch: (request, self) =>
      options.fetch(request, {
        get peerAddress() {
          return self.requestIP(request)?.address ?? null;
        },
        keepOpen: (seconds) => {
          self.timeout(request, seconds);
          const peer = self.requestIP(request);
          if (peer !== null) connections?.prefer(peer.port);
        },
      }),
  });
  const port = server.port ?? options.port;
  connections = boundConnections(socketCalls(), {
    port,
    maxConnections: options.maxConnections,
    onClosed: options.onClosed,
  });
  return {
    hostname: server.hostname ?? options.hostname,
    port,
    stop: async (graceMs) => {
      connections?.[Symbol.dispose]();
      const deadline = setTimeout(() => server.stop(true), graceMs);
      await server.stop();
      clearTimeout(deadline);
    },
  };
};

const IDLE_SECONDS = 30;

const SYMBOLS = {
  fallocate: { args: ["i32", "i32", "i64", "i64"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  prctl: { args: ["i32", "u64"], returns: "i32" },
  madvise: { args: ["u64", "u64", "i32"], returns: "i32" },
  getxattr: { args: ["ptr", "ptr", "ptr", "u64"], returns: "i64" },
} as const;

/** Returns functions of the C library of Linux, or substitutes on another system. */
const systemCalls = (): Pick<
  Runtime,
  "punchHole" | "isOpenElsewhere" | "reap" | "denyInspection" | "unmapExecutable" | "readXattr"
> => {
  const libc = process.platform === "linux" ? openLibc((name) => dlopen(name, SYMBOLS).symbols) : null;
  if (libc === null)
    return {
      punchHole: () => false,
      isOpenElsewhere: () => true,
      reap: () => null,
      denyInspection: () => false,
      unmapExecutable: () => {},
      readXattr: () => null,
    };
  const { fallocate, fcntl, waitpid, prctl, madvise, getxattr } = libc;
  return {
    readXattr: (path, name) => {
      const value = Buffer.alloc(MAX_XATTR_BYTES);
      const length = Number(getxattr(cString(path), cString(name), value, value.length));
      return length < 0 ? null : value.toString("utf8", 0, length);
    },
    unmapExecutable: () => {
      for (const { start, end } of unchangedRanges(process.execPath)) madvise(start, end - start, MADV_DONTNEED);
    },
    denyInspection: () => prctl(PR_SET_DUMPABLE, 0) === 0,
    reap: (pid) => !ownChildren.has(pid) && waitpid(pid, null, WNOHANG) === pid,
    punchHole: (fd, offset, length) => fallocate(fd, PUNCH_HOLE_KEEP_SIZE, offset, length) === 0,
    // The kernel grants a write lease only if no other descriptor has the file open. The lease ends with the descriptor. A
    // process that opens the file meanwhile waits, and the kernel sends a signal: SIGURG, because SIGIO would end petit.
    isOpenElsewhere: (fd) => fcntl(fd, F_SETSIG, SIGURG) !== 0 || fcntl(fd, F_SETLEASE, F_WRLCK) !== 0,
  };
};

/**
 * Returns the address ranges of the code and the constants of a file in this process: those that can't be written to, and of
 * which no page differs from the file (proc_pid_smaps(5)). Dropping other pages, such as relocated data, would lose their content.
 */
const unchangedRanges = (file: string): readonly { readonly start: bigint; readonly end: bigint }[] => {
  const mappings = readFileSync("/proc/self/smaps", "utf8").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  return mappings.flatMap((mapping) => {
    const [, start, end, path] = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +(.*)$/m.exec(mapping) ?? [];
    const isUnchanged = /^Anonymous: +0 kB$/m.test(mapping);
    return path === file && isUnchanged ? [{ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }] : [];
  });
};
