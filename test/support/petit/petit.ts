import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runtimeCommand, runtimeEnvironment } from "../runtime-command.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** Returns the command that runs petit. `PETIT_TEST_TARGET` is `source` (the default) or `executable` (`dist/petit`). */
export const petitCommand = (): readonly string[] =>
  process.env.PETIT_TEST_TARGET === "executable"
    ? [join(ROOT, "dist/petit")]
    : [...runtimeCommand, join(ROOT, "src/main.ts")];

export type StartOptions = {
  /** The command that runs petit. The default is that of `PETIT_TEST_TARGET`. */
  readonly command?: readonly string[];
  /** The texts of job files by name. They are written to a new folder. */
  readonly jobs?: Readonly<Record<string, string>>;
  /** An existing folder of job files. It takes precedence over `jobs`. */
  readonly jobsDir?: string;
  /** The folder of a petit that was started before. Its database is used, and its jobs unless others are given. */
  readonly dir?: string;
  /** Further arguments of `petit run`, apart from the folder, `--db` and `--api-port 0`. */
  readonly args?: readonly string[];
  /** Variables in addition to PATH, HOME and TMPDIR. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its working directory. The default is `dir` or the new folder. */
  readonly cwd?: string;
};

/** A petit process with its own folder and port. Disposing ends it and removes the folder. */
export interface Petit extends AsyncDisposable {
  /** The address of its API, or empty with `--no-api`. */
  readonly url: string;
  readonly dir: string;
  readonly jobsDir: string;
  readonly dbPath: string;
  readonly pid: number;
  /** Sends a request to a path, such as `/api/jobs`. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Returns its log so far. */
  stderr(): string;
  /** Sends SIGTERM. Resolves with its exit status. */
  stop(): Promise<number>;
  /** Sends SIGKILL, and waits for its end. */
  kill(): Promise<void>;
  /** Resolves with its exit status. */
  readonly exited: Promise<number>;
}

/** How long petit may take to exit. */
const DISPOSE_MS = 15_000;

/** Starts petit. Resolves when it accepts triggers. Throws with its log if it exits before that. */
export const startPetit = async (options: StartOptions = {}): Promise<Petit> => {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), "petit-test-"));
  const jobsDir = options.jobsDir ?? writeJobs(join(dir, "jobs"), options.jobs ?? {});
  const dbPath = join(dir, "petit.db");
  const [program = "", ...before] = options.command ?? petitCommand();
  const args = [...before, "run", jobsDir, "--db", dbPath, "--api-port", "0", ...(options.args ?? [])];
  const child = spawn(program, args, {
    cwd: options.cwd ?? dir,
    env: { ...baseEnvironment(dir), ...options.env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const { pid = expectPid() } = child;
  const exited = exitOf(child);
  /** In Deno, `child.kill` marks the child as ended by the signal, so this calls `process.kill`. */
  const send = (signal: NodeJS.Signals): void => {
    if (isAlive(child)) process.kill(pid, signal);
  };
  const log = readLog(child.stderr);
  const url = await Promise.race([log.ready, exited.then(() => log.ended).then(() => null)]);
  if (url === null) throw new Error(`petit exited with ${await exited}:\n${log.text()}`);
  const end = async (signal: NodeJS.Signals): Promise<number> => {
    send(signal);
    const status = await exited;
    // Wait until its whole log was read.
    await log.ended;
    return status;
  };
  return {
    url,
    dir,
    jobsDir,
    dbPath,
    pid,
    fetch: (path, init) => fetch(`${url}${path}`, init),
    stderr: log.text,
    stop: () => end("SIGTERM"),
    kill: async () => void (await end("SIGKILL")),
    exited,
    [Symbol.asyncDispose]: async () => {
      // A second signal ends running tasks, which would survive a `kill -9`.
      send("SIGTERM");
      send("SIGINT");
      const deadline = setTimeout(() => send("SIGKILL"), DISPOSE_MS);
      await exited;
      clearTimeout(deadline);
      rmSync(dir, { recursive: true, force: true });
    },
  };
};

const expectPid = (): never => {
  throw new Error("petit can't be started");
};

const isAlive = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null;

/** Resolves with the exit status, or 128 plus the number of the signal that ended it. */
const exitOf = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status, signal) => resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });

const writeJobs = (dir: string, jobs: Readonly<Record<string, string>>): string => {
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(jobs)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
};

const baseEnvironment = (dir: string): Record<string, string> => ({
  ...runtimeEnvironment,
  PATH: process.env.PATH ?? "",
  HOME: dir,
  TMPDIR: tmpdir(),
});

/** Reads the log, which has JSON lines, and finds the line with petit's address. */
const readLog = (stream: AsyncIterable<Uint8Array>) => {
  let text = "";
  const ready = Promise.withResolvers<string>();
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let isReady = false;
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      const url: string | null = isReady ? null : readyUrl(text);
      if (url !== null) ready.resolve(url);
      isReady ||= url !== null;
    }
  };
  return { text: () => text, ready: ready.promise, ended: read() };
};

const readyUrl = (log: string): string | null => {
  const line = log.split("\n").find((each) => each.includes('"petit is ready"') && each.endsWith("}"));
  return line === undefined ? null : (JSON.parse(line).url ?? "");
};
