/**
 * What petit needs of the runtime it is executed by. Chosen once, in `main.ts`, and handed down; everything else that
 * petit uses (`node:fs`, `node:path`, `fetch`, web streams) is the same in every runtime.
 */
export interface Runtime {
  readonly name: "bun" | "deno";
  readonly version: string;
  /** The one file that petit is, absolute; null where it runs from source. */
  readonly executable: string | null;
  /**
   * Opens or creates a SQLite file, with no pragma set; `:memory:` keeps nothing. `immutable` reads what is in the file
   * itself, as if nobody wrote to it: nothing is made beside it. Throws where it can't be opened.
   */
  openDatabase(path: string, options?: { readonly readonly?: boolean; readonly immutable?: boolean }): SqlDatabase;
  /** Starts a process. Throws an Error with the system's `code` (`ENOENT`, `EAGAIN`, …) where none could be made. */
  spawn(options: SpawnOptions): ChildProcess;
  /** Serves HTTP. Throws an Error with code `EADDRINUSE` where the port is taken. */
  serve(options: ServeOptions): HttpServer;
  /** The arguments and variables that make this very executable run a TypeScript program. */
  typescript(program: TypeScriptProgram): {
    readonly argv: readonly string[];
    readonly environment: Record<string, string>;
  };
  /** Clears away what nobody needs any more, now: up to 50 ms for each 100 MB. Nothing where the runtime does so when it likes. */
  collectGarbage(): void;
  /**
   * Lets go of a child that has ended and that `spawn` did not make: as process 1 of a container, petit inherits what
   * its tasks leave behind. False where there is no such child, null where this can't be done here.
   */
  reap(pid: number): boolean | null;
  /** Gives a byte range of an open file back to the disk, the file's size unchanged. False where that can't be had. */
  punchHole(fd: number, offset: number, length: number): boolean;
  /**
   * Whether a file that is open for writing is open under another descriptor as well, or the system can't tell. Where it
   * isn't, who opens it waits until this descriptor is closed.
   */
  isOpenElsewhere(fd: number): boolean;
  /**
   * Sends one datagram to a local socket (`AF_UNIX`), whose name is a path, or begins with `@` where it is abstract. False
   * where nobody takes it, null where this can't be done here: petit then can't tell systemd how it is.
   */
  sendDatagram(name: string, text: string): boolean | null;
  /**
   * Keeps other processes of the same user from reading this process's environment and memory, through /proc or ptrace; root
   * still can. The system then writes no core dump of it. Children are not affected. False where this can't be done.
   */
  denyInspection(): boolean;
  /** The system's CLOCK_MONOTONIC in µs, by which processes tell each other times; null where it can't be had. */
  monotonicMicros(): bigint | null;
}

export type SqlValue = null | number | string | Uint8Array;
export type SqlRow = Record<string, SqlValue>;
/** Named parameters, without their `$`. A misspelt or missing one throws. */
export type SqlParams = Record<string, SqlValue>;

export interface SqlDatabase {
  /** Runs one or several statements that answer nothing. */
  exec(sql: string): void;
  prepare(sql: string): SqlStatement;
  close(): void;
}

export interface SqlStatement {
  /** How many rows were changed. */
  run(params?: SqlParams): number;
  get(params?: SqlParams): SqlRow | null;
  all(params?: SqlParams): SqlRow[];
}

export type SpawnOptions = {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** Open file descriptors, which stay the caller's; null is /dev/null. */
  readonly stdin: number | null;
  readonly stdout: number | null;
  readonly stderr: number | null;
  /** Is file descriptor 3 in the process. */
  readonly status: number;
};

/** A process that leads its own session and process group. */
export interface ChildProcess {
  readonly pid: number;
  readonly exited: Promise<{ readonly exitCode: number | null; readonly signal: string | null }>;
}

export type TypeScriptProgram =
  | { readonly file: string; readonly args: readonly string[] }
  | { readonly text: string; readonly args: readonly string[] };

export type ServeOptions = {
  readonly hostname: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly fetch: (request: Request, connection: Connection) => Response | Promise<Response>;
  /** Larger bodies are answered 413. */
  readonly maxBodyBytes: number;
  /** Open at once; beyond that, those that have been idle for the longest time are closed. Linux only. */
  readonly maxConnections: number;
  /** Called with how many connections were closed for `maxConnections`, whenever some were. */
  readonly onClosed: (count: number) => void;
};

/** What is known of the connection that a request came over. */
export interface Connection {
  /** The peer's address; null where it is gone already. */
  readonly peerAddress: string | null;
  /** Seconds without traffic until the connection is cut; 0 is never. */
  keepOpen(seconds: number): void;
}

export interface HttpServer {
  readonly hostname: string;
  readonly port: number;
  /** Takes no more connections; waits `graceMs` for those that are open, then cuts them. */
  stop(graceMs: number): Promise<void>;
}
