import { dlopen } from "bun:ffi";
import { Database } from "bun:sqlite";
import { monotonicMicros, sendDatagram, socketCalls } from "./bun-libc.ts";
import { boundConnections, type Connections } from "./connections.ts";
import {
  F_SETLEASE,
  F_SETSIG,
  F_WRLCK,
  openLibc,
  PR_SET_DUMPABLE,
  PUNCH_HOLE_KEEP_SIZE,
  SIGURG,
  WNOHANG,
} from "./libc.ts";
import type {
  ChildProcess,
  HttpServer,
  Runtime,
  ServeOptions,
  SpawnOptions,
  SqlDatabase,
  SqlRow,
  SqlStatement,
} from "./runtime.ts";

export const bunRuntime = (): Runtime => ({
  name: "bun",
  version: Bun.version,
  executable: COMPILED.test(Bun.main) ? process.execPath : null,
  sendDatagram,
  monotonicMicros,
  openDatabase,
  collectGarbage: () => Bun.gc(true),
  spawn,
  serve,
  typescript: (program) => ({
    // Behind `-e` stands what a program finds at the place of its file, so that its arguments are where they always are.
    // With this variable a compiled executable is Bun itself.
    environment: { BUN_BE_BUN: "1" },
    argv:
      "file" in program
        ? [process.execPath, ...AS_BUN, program.file, ...program.args]
        : [process.execPath, ...AS_BUN, NO_TSCONFIG, "-e", program.text, "inline", ...program.args],
  }),
  ...systemCalls(),
});

/** What `#runtime` of package.json names; in Deno it is another. */
export { bunRuntime as openRuntime };

/** Where the program of a compiled executable lies: in a file system of its own. */
const COMPILED = /^(\/\$bunfs\/|[A-Z]:[\\/]~BUN[\\/])/;

/**
 * Ignores what may lie in the working directory, which can belong to somebody else: the `preload` of a bunfig.toml runs code,
 * and a .env file sets variables. Nothing is downloaded.
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
      // With a statement left the file would stay open, and its log beside it, until the collector has found that.
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
  // Neither the process nor the wait for it keeps petit alive: it may leave and let the process live.
  child.unref();
  ownChildren.add(child.pid);
  return {
    pid: child.pid,
    exited: child.exited.then(() => {
      ownChildren.delete(child.pid);
      return { exitCode: child.exitCode, signal: child.signalCode ? String(child.signalCode) : null };
    }),
  };
};

/** Those whose end Bun waits for: nobody else may take it. */
const ownChildren = new Set<number>();

const serve = (options: ServeOptions): HttpServer => {
  let connections: Connections | null = null;
  const server = Bun.serve({
    hostname: options.hostname,
    port: options.port,
    reusePort: false,
    maxRequestBodySize: options.maxBodyBytes,
    idleTimeout: IDLE_SECONDS,
    // No error page with source and stack.
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
  connections = boundConnections(socketCalls(), { ...options, port });
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
} as const;

/** What the system's C library can do, where it is Linux's. */
const systemCalls = (): Pick<Runtime, "punchHole" | "isOpenElsewhere" | "reap" | "denyInspection"> => {
  const libc = process.platform === "linux" ? openLibc((name) => dlopen(name, SYMBOLS).symbols) : null;
  if (libc === null)
    return { punchHole: () => false, isOpenElsewhere: () => true, reap: () => null, denyInspection: () => false };
  const { fallocate, fcntl, waitpid, prctl } = libc;
  return {
    denyInspection: () => prctl(PR_SET_DUMPABLE, 0) === 0,
    reap: (pid) => !ownChildren.has(pid) && waitpid(pid, null, WNOHANG) === pid,
    punchHole: (fd, offset, length) => fallocate(fd, PUNCH_HOLE_KEEP_SIZE, offset, length) === 0,
    // A write lease is only given to who has the file open alone, and ends with the descriptor. Whoever opens the file
    // meanwhile waits, and sends a signal: by default SIGIO, which would end petit; nobody minds this one.
    isOpenElsewhere: (fd) => fcntl(fd, F_SETSIG, SIGURG) !== 0 || fcntl(fd, F_SETLEASE, F_WRLCK) !== 0,
  };
};
