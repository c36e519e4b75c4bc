import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runtimeCommand, runtimeEnvironment } from "../runtime-command.ts";
import { startLoggedProcess } from "./logged-process.ts";

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
  /** URL of a git repository with the job files, instead of a folder. */
  readonly repository?: string;
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
  const { pid, ready, send, end, stderr, exited } = await startLoggedProcess({
    argv: [
      ...(options.command ?? petitCommand()),
      ...[
        "run",
        ...(options.repository === undefined ? [jobsDir] : ["--jobs-git", options.repository]),
        "--db",
        dbPath,
        "--api-port",
        "0",
        ...(options.args ?? []),
      ],
    ],
    cwd: options.cwd ?? dir,
    env: { ...baseEnvironment(dir), ...options.env },
    readyMessage: "petit is ready",
  });
  const url = typeof ready.url === "string" ? ready.url : "";
  return {
    url,
    dir,
    jobsDir,
    dbPath,
    pid,
    fetch: (path, init) => fetch(`${url}${path}`, init),
    stderr,
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

const writeJobs = (dir: string, jobs: Readonly<Record<string, string>>): string => {
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(jobs)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
};

/** Variables of a process whose home folder is `dir`. */
export const baseEnvironment = (dir: string): Record<string, string> => ({
  ...runtimeEnvironment,
  PATH: `${join(import.meta.dirname, "..", "accounts")}:${process.env.PATH ?? ""}`,
  HOME: dir,
  TMPDIR: tmpdir(),
});
