/**
 * The functions that differ between Bun and Deno. `main.ts` chooses the runtime and passes it on. Everything else that petit
 * uses (`node:fs`, `node:path`, `fetch`, web streams) is the same in both.
 */
export interface Runtime {
  readonly name: "bun" | "deno";
  readonly version: string;
  /** Absolute path of the petit executable; null if petit runs from source. */
  readonly executable: string | null;
  /**
   * Opens or creates a SQLite file without setting a pragma; `:memory:` is a database in memory. `immutable` opens the file
   * read-only, without its log, without locks and without creating files. Throws if the file cannot be opened.
   */
  openDatabase(path: string, options?: { readonly readonly?: boolean; readonly immutable?: boolean }): SqlDatabase;
  /** Starts a process. On failure throws an Error with the system's `code` (`ENOENT`, `EAGAIN`, …). */
  spawn(options: SpawnOptions): ChildProcess;
  /** Serves HTTP. Throws an Error with code `EADDRINUSE` if the port is taken. */
  serve(options: ServeOptions): HttpServer;
  /** Returns the command and the variables that run a TypeScript program with this executable. */
  typescript(program: TypeScriptProgram): {
    readonly argv: readonly string[];
    readonly environment: Record<string, string>;
  };
  /** Returns the command that runs petit itself with these arguments. */
  self(args: readonly string[]): readonly string[];
  /** Sends an HTTP request, as `fetch`. `ca` are the certificates (PEM) to trust; null means those of the runtime. */
  request(url: string, options: RequestInit & { readonly ca: string | null }): Promise<Response>;
  /** Collects garbage synchronously, which takes up to 50 ms per 100 MB. Does nothing in a runtime that offers no such call. */
  collectGarbage(): void;
  /**
   * Removes the code and the constants of the executable from the resident memory of this process. The system maps the parts that
   * are used again from its page cache, so only what the start alone needed stays away. Does nothing where this is not possible.
   */
  unmapExecutable(): void;
  /**
   * Compiles code after as many calls as the runtime does by default. The executable starts with more (scripts/compile), because
   * most code of a start runs only a few times. Does nothing where it can't be set.
   */
  compileAsUsual(): void;
  /**
   * Reaps an ended child that `spawn` did not start: as process 1 of a container, petit inherits the orphans of its tasks.
   * Returns false if there is no such child, null if the system does not support it.
   */
  reap(pid: number): boolean | null;
  /** Frees the disk space of a byte range of an open file without changing the file's size. Returns false if it cannot. */
  punchHole(fd: number, offset: number, length: number): boolean;
  /**
   * Returns whether a file that is open for writing is also open under another descriptor, or true if the system does not
   * report it. If not, a process that opens the file waits until this descriptor is closed.
   */
  isOpenElsewhere(fd: number): boolean;
  /**
   * Sends a datagram to a local socket (`AF_UNIX`), whose name is a path, or begins with `@` if it is abstract. Returns false
   * if no process receives it, null if the system does not support it.
   */
  sendDatagram(name: string, text: string): boolean | null;
  /**
   * Prevents other processes of the same user, except root, from reading the environment and memory of this process through
   * /proc or ptrace. It also disables core dumps. Children are not affected. Returns false if the system does not support it.
   */
  denyInspection(): boolean;
  /** Returns an extended attribute of a file as text, or null if it has none of this name or it can't be read. */
  readXattr(path: string, name: string): string | null;
  /** Returns CLOCK_MONOTONIC in µs, which is the same for all processes; null if it is not available. */
  monotonicMicros(): bigint | null;
}

export type SqlValue = null | number | string | Uint8Array;
export type SqlRow = Record<string, SqlValue>;
/** Named parameters, without their `$`. A misspelt or missing name throws. */
export type SqlParams = Record<string, SqlValue>;

export interface SqlDatabase {
  /** Runs one or more statements that return no rows. */
  exec(sql: string): void;
  prepare(sql: string): SqlStatement;
  close(): void;
}

export interface SqlStatement {
  /** Returns the number of changed rows. */
  run(params?: SqlParams): number;
  get(params?: SqlParams): SqlRow | null;
  all(params?: SqlParams): SqlRow[];
}

export type SpawnOptions = {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The complete environment; no variables are inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** Open file descriptors, which the caller closes; null is /dev/null. */
  readonly stdin: number | null;
  readonly stdout: number | null;
  readonly stderr: number | null;
  /** Open file descriptor that becomes descriptor 3 of the process. */
  readonly status: number;
};

/** A process that is the leader of a new session and process group. */
export interface ChildProcess {
  readonly pid: number;
  readonly exited: Promise<ChildExit>;
}

export type ChildExit = {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** What it used, together with those of its descendants that were waited for; null if the runtime does not say. */
  readonly usage: ChildUsage | null;
};

export type ChildUsage = {
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  /**
   * The most memory that it or one of these descendants used; null if that is not known. Linux counts what the parent used at the start of
   * the child as use of the child (`exec_mmap` in fs/exec.c of the kernel), so that smaller peaks than that can't be seen.
   */
  readonly memoryPeakBytes: number | null;
};

type TypeScriptProgram =
  | { readonly file: string; readonly args: readonly string[] }
  | { readonly text: string; readonly args: readonly string[] };

export type ServeOptions = {
  readonly hostname: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly fetch: (request: Request, connection: RequestConnection) => Response | Promise<Response>;
  /** Requests with a larger body get status 413. */
  readonly maxBodyBytes: number;
  /** Maximum number of open connections; the connections that have been idle longest are closed beyond it. Linux only. */
  readonly maxConnections: number;
  /** Called with the number of connections that were closed to enforce `maxConnections`, if any. */
  readonly onClosed: (count: number) => void;
};

/** The connection of a request. */
export interface RequestConnection {
  /** The peer's address; null if it has already disconnected. */
  readonly peerAddress: string | null;
  /** Sets after how many seconds without traffic the connection is closed; 0 is never. */
  keepOpen(seconds: number): void;
}

export interface HttpServer {
  readonly hostname: string;
  readonly port: number;
  /** Accepts no more connections, waits up to `graceMs` for requests to end, then closes all connections. */
  stop(graceMs: number): Promise<void>;
}
