import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { GitError } from "./git-error.ts";

export type GitCall = {
  readonly args: readonly string[];
  /** Variables beside those that every call has. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What git reads from its standard input. */
  readonly input?: string;
  /** Default: a minute. */
  readonly timeoutMs?: number;
  /** Maximum size of the output, in bytes. Default: 1 MiB. */
  readonly maxBytes?: number;
  /** Called with each piece of the output. The returned error ends git, which may print more than petit can use. */
  readonly inspect?: (chunk: Buffer) => GitError | null;
  /** Maximum size of each file that git writes, in bytes. Default: no limit. */
  readonly maxFileBytes?: number;
  /** Aborted to end git. */
  readonly signal: AbortSignal;
  /** Called while git runs, every 200 ms. The returned error ends git. */
  readonly check?: () => GitError | null;
};

export type GitOutput = { readonly stdout: Buffer; readonly stderr: string; readonly status: number };

/** Where git runs. */
export type GitPlace = {
  /** Path of the bare repository; it may not exist yet. */
  readonly repository: string;
  /** An empty folder, which git takes for the home folder: a user's configuration can run programs and redirect URLs. */
  readonly home: string;
  /** The search path of petit. */
  readonly path: string;
};

const TIMEOUT_MS = 60_000;
const MAX_BYTES = 2 ** 20;
const MAX_ERROR_BYTES = 16_384;
const CHECK_MS = 200;

/**
 * Configuration that a repository, its attributes or another user's files can't change. Only these protocols work, nothing is run by a
 * hook, and no credential is asked for or stored.
 */
const CONFIGURATION = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "protocol.allow=never",
  "protocol.file.allow=always",
  "protocol.https.allow=always",
  "protocol.ssh.allow=always",
  "credential.helper=",
  "http.followRedirects=false",
  "http.lowSpeedLimit=1000",
  "http.lowSpeedTime=30",
  "transfer.fsckObjects=true",
  "fetch.recurseSubmodules=false",
  "fetch.writeCommitGraph=false",
  "gc.auto=0",
  "maintenance.auto=false",
] as const;

/** Runs git in the bare repository, without a shell of its own, in a process group that a timeout ends. Throws GitError if git can't be run, or takes too long. */
export const runGit = async (place: GitPlace, call: GitCall): Promise<GitOutput> => {
  const { input, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES, inspect, signal, check } = call;
  signal.throwIfAborted();
  const child = start(place, call);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let [size, errorSize] = [0, 0];
  let failure: Error | null = null;
  const end = (error: Error): void => {
    failure ??= error;
    killGroup(child);
  };
  const timer = setTimeout(
    () => end(new GitError("timed_out", `git did not end within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  const checks = setInterval(() => {
    const error = check?.() ?? null;
    if (error !== null) end(error);
  }, CHECK_MS);
  const onAbort = (): void => end(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  child.stdout?.on("data", (chunk: Buffer) => {
    size += chunk.length;
    const error = size > maxBytes ? printedTooMuch(maxBytes) : (inspect?.(chunk) ?? null);
    if (error !== null) end(error);
    else if (failure === null) stdout.push(chunk);
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    errorSize += chunk.length;
    if (errorSize <= MAX_ERROR_BYTES) stderr.push(chunk);
  });
  // git may end without having read all of it, which is no error of its own.
  child.stdin?.on("error", () => {});
  child.stdin?.end(input ?? "");
  try {
    const status = await ended(child);
    if (failure !== null) throw failure;
    return { stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString(), status };
  } catch (error) {
    if (!isMissing(error)) throw error;
    // It is the same error for the folder that git is to run in.
    throw existsSync(place.home)
      ? new GitError("no_git", "there is no git on this machine; install git 2.30 or later", { cause: error })
      : new GitError("failed", "the folder of the repository was deleted", { cause: error });
  } finally {
    clearTimeout(timer);
    clearInterval(checks);
    signal.removeEventListener("abort", onAbort);
  }
};

const printedTooMuch = (bytes: number): GitError => new GitError("too_large", `git printed more than ${bytes} bytes`);

const start = ({ repository, home, path }: GitPlace, { args, environment, maxFileBytes }: GitCall): ChildProcess => {
  const git = ["git", `--git-dir=${repository}`, ...CONFIGURATION.flatMap((each) => ["-c", each]), ...args];
  // The limit of the size of a file is that of the shell, in blocks of 512 bytes.
  const [program = "git", ...rest] =
    maxFileBytes === undefined
      ? git
      : ["sh", "-c", `ulimit -f ${Math.ceil(maxFileBytes / 512)} && exec "$@"`, "sh", ...git];
  return spawn(program, rest, {
    cwd: home,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      PATH: path,
      HOME: home,
      XDG_CONFIG_HOME: home,
      LC_ALL: "C",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_ATTR_NOSYSTEM: "1",
      GIT_NO_REPLACE_OBJECTS: "1",
      GIT_OPTIONAL_LOCKS: "0",
      GIT_TERMINAL_PROMPT: "0",
      ...environment,
    },
  });
};

const ended = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    child.on("error", reject);
    // A program that it has started, such as ssh, can outlive a git that was killed, and hold its output open.
    child.on("exit", () => killGroup(child));
    child.on("close", (code) => resolve(code ?? 128));
  });

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

/** Ends git and the programs that it has started, such as ssh. */
const killGroup = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All of them have ended.
  }
};
