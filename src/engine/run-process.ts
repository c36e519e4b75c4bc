import { closeSync, openSync } from "node:fs";
import type { ProcessIdentity } from "../domain/task-run.ts";
import type { Clock } from "../lib/clock.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { identify, isSame } from "./process-identity.ts";
import type { Pulse } from "./pulse.ts";
import { readExitStatus, type Spool } from "./spool.ts";

/** What is needed to make a process. */
export type Command = {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly hasStdin: boolean;
};

/** How a process ended; all null where nobody knows: it left no status. */
export type Exit = { readonly exitCode: number | null; readonly signal: string | null };

/** A process of an attempt, made by this petit or by an earlier one. */
export type RunningProcess = {
  readonly identity: ProcessIdentity;
  readonly exited: Promise<Exit>;
};

/**
 * The shell around every program (`$0` is the spool folder): it says who it is, runs the program, and records how that
 * ended. Signals reach the program through the process group; the shell only notes them, so that it can still record.
 * Where the folder is gone, it was given up before it had begun, and must not begin any more.
 */
const AROUND = `read -r stat < /proc/$$/stat || stat=$$
echo "$stat" > "$0/pid" || exit 125
trap : HUP INT QUIT TERM ALRM USR1 USR2 PIPE XCPU XFSZ
"$@"
echo $? > "$0/exit"`;

/** Starts the process. Throws an Error with the system's `code` where none could be made. */
export const startProcess = (runtime: Runtime, command: Command, spool: Spool): RunningProcess => {
  const files: number[] = [];
  const open = (path: string, flags: string): number => {
    const fd = openSync(path, flags, 0o600);
    files.push(fd);
    return fd;
  };
  try {
    const child = runtime.spawn({
      argv: ["/bin/sh", "-c", AROUND, spool.dir, ...command.argv],
      cwd: command.cwd,
      environment: command.environment,
      stdin: command.hasStdin ? open(spool.stdin, "r") : null,
      stdout: open(spool.stdout, "a"),
      stderr: open(spool.stderr, "a"),
    });
    const identity = identify(child.pid) ?? { pid: child.pid, startTime: "", bootId: "" };
    return { identity, exited: child.exited.then((exit) => recordedExit(spool) ?? exit) };
  } finally {
    files.forEach(closeSync);
  }
};

/** Watches a process that an earlier petit made: it is nobody's child here, so its end is seen by looking. */
export const adoptProcess = (identity: ProcessIdentity, spool: Spool, pulse: Pulse): RunningProcess => ({
  identity,
  exited: new Promise((resolve) => {
    const end = pulse.add(() => {
      const isOver = readExitStatus(spool) !== null || !isSame(identity);
      if (isOver) {
        end();
        resolve(recordedExit(spool) ?? UNKNOWN);
      }
      return isOver;
    });
  }),
});

const UNKNOWN: Exit = { exitCode: null, signal: null };

/** What the shell recorded; null where it could not. A status of 128 + n is the shell's word for signal n. */
export const recordedExit = (spool: Spool): Exit | null => {
  const status = readExitStatus(spool);
  if (status === null) return null;
  const signal = SIGNALS[status - 128];
  return signal === undefined ? { exitCode: status, signal: null } : { exitCode: null, signal };
};

/** By number, as Linux and macOS agree on them; those they don't agree on are left out. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
};

/** How often a process group that was asked to end is looked at. */
const LOOK_MS = 20;

export type Termination = {
  readonly clock: Clock;
  /** Between SIGTERM and SIGKILL, in ms. */
  readonly graceMs: number;
  /** Aborts the wait: SIGKILL at once. */
  readonly hurry: AbortSignal;
};

/** Ends a whole process group: SIGTERM, then SIGKILL to what is left after the grace. Resolves when none of it is left. */
export const terminate = async (pgid: number, { clock, graceMs, hurry }: Termination): Promise<void> => {
  const deadline = clock.monotonic() + graceMs;
  let isAlive = signalGroup(pgid, "SIGTERM");
  while (isAlive && clock.monotonic() < deadline && !hurry.aborted) {
    await pause(clock, LOOK_MS);
    isAlive = signalGroup(pgid, 0);
  }
  if (isAlive) signalGroup(pgid, "SIGKILL");
};

const pause = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    clock.setTimeout(resolve, delayMs);
  });

/** False where the group has no member any more. */
export const signalGroup = (pgid: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(-pgid, signal);
    return true;
  } catch {
    return false;
  }
};
