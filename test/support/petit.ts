import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runtimeCommand, runtimeEnvironment } from "./runtime-command.ts";

const ROOT = join(import.meta.dirname, "../..");

/** What the tests start: `PETIT_TEST_TARGET` is `source` (the default) or `executable` (`dist/petit`). */
export const petitCommand = (): readonly string[] =>
  process.env.PETIT_TEST_TARGET === "executable"
    ? [join(ROOT, "dist/petit")]
    : [...runtimeCommand, join(ROOT, "src/main.ts")];

export type StartOptions = {
  /** What runs petit, before `run`; what `PETIT_TEST_TARGET` says. */
  readonly command?: readonly string[];
  /** Text of each job file by its name; written into a new folder. */
  readonly jobs?: Readonly<Record<string, string>>;
  /** A folder of job files that is there already; wins over `jobs`. */
  readonly jobsDir?: string;
  /** The folder of a petit that was started before: its database and, unless others are given, its jobs. */
  readonly dir?: string;
  /** Of `petit run`, besides the folder, `--db` and `--api-port 0`. */
  readonly args?: readonly string[];
  /** On top of PATH, HOME and TMPDIR. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its working directory; the folder it was given or made. */
  readonly cwd?: string;
};

/** A petit of its own process, with a folder and a free port of its own. Disposing ends it and removes the folder. */
export interface Petit extends AsyncDisposable {
  /** Empty with `--no-api`. */
  readonly url: string;
  readonly dir: string;
  readonly jobsDir: string;
  readonly dbPath: string;
  readonly pid: number;
  /** Of a path, such as `/api/jobs`. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** What it has logged so far. */
  stderr(): string;
  /** SIGTERM; resolves with its exit status. */
  stop(): Promise<number>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Its exit status, when it has ended. */
  readonly exited: Promise<number>;
}

/** How long a petit may take to end. */
const DISPOSE_MS = 15_000;

/** Resolves when it takes triggers. Throws with its log where it ends before that. */
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
  /** Not by `child.kill`: to Deno's, whoever was sent a signal was ended by it. */
  const send = (signal: NodeJS.Signals): void => {
    if (isAlive(child)) process.kill(pid, signal);
  };
  const log = readLog(child.stderr);
  const url = await Promise.race([log.ready, exited.then(() => log.ended).then(() => null)]);
  if (url === null) throw new Error(`petit ended with ${await exited}:\n${log.text()}`);
  const end = async (signal: NodeJS.Signals): Promise<number> => {
    send(signal);
    const status = await exited;
    // All it said has arrived.
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
      // The second signal has it end what runs: a task would outlive a `kill -9`.
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

/** Its exit status; 128 and the number of the signal that ended it. */
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

/** The log, as JSON lines; one of them says that petit is ready, and where. */
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
