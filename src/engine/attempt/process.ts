import { closeSync, constants } from "node:fs";
import type { ProcessIdentity } from "../../domain/task-run.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { openSpoolFile, readStatus, type Spool } from "../output/spool.ts";
import type { Pulse } from "../poller.ts";
import { bootId, hasBegun, hasEnding, hasMembers, identify, isGroupOf, isSame } from "./identity.ts";
import { AROUND, AROUND_RELAYED } from "./wrapper.ts";

/** What is needed to make a process. */
export type Command = {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly hasStdin: boolean;
  /** Whether it opens its own output anew, as far as can be told. Default false. */
  readonly reopensOutput?: boolean;
};

/** How a process ended; all null where nobody knows: it left no status. */
export type Exit = {
  readonly exitCode: number | null;
  readonly signal: string | null;
};

/** A process of an attempt, made by this petit or by an earlier one. */
export type RunningProcess = {
  /** Of its leader and its group. */
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** When it ended, by the clock of its run, where that was before this petit looked. */
  readonly endedAt?: number;
  /** Identity of an adopted process. */
  readonly identity?: ProcessIdentity;
};

/** Starts the process; its output goes to the open files. Throws an Error with the system's `code` where none could be made. */
export const startProcess = (
  runtime: Runtime,
  command: Command,
  files: { readonly spool: Spool; readonly stdout: number; readonly stderr: number },
): RunningProcess => {
  const { spool, stdout, stderr } = files;
  const opened: number[] = [];
  const open = (path: string, flags: number): number => {
    const fd = openSpoolFile(path, flags);
    if (fd === null) throw new Error(`${path} is not a regular file`);
    opened.push(fd);
    return fd;
  };
  try {
    const { argv, cwd, environment } = command;
    const status = open(spool.status, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT);
    const stdin = command.hasStdin ? open(spool.stdin, constants.O_RDONLY) : null;
    const around = ["/bin/sh", "-c", command.reopensOutput ? AROUND_RELAYED : AROUND, spool.status, ...argv];
    const child = runtime.spawn({ argv: around, cwd, environment, stdin, stdout, stderr, status });
    return { pid: child.pid, exited: child.exited.then((exit) => exitOf(exit, spool)) };
  } finally {
    for (const fd of opened) closeSync(fd);
  }
};

/** Watches a process that an earlier petit made: it is nobody's child here, so its end is seen by looking. */
export const adoptProcess = (identity: ProcessIdentity, spool: Spool, pulse: Pulse): RunningProcess => ({
  pid: identity.pid,
  identity,
  exited: new Promise((resolve) => {
    const end = pulse.add(() => {
      const isOver = readStatus(spool).exit !== null || !isSame(identity);
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
  const { exit } = readStatus(spool);
  return exit === null ? null : asExit({ exitCode: exit, signal: null });
};

/**
 * Returns whether the process of an attempt has ended, even where its exit has not been noticed yet: the shell around the
 * program has recorded a status, or is gone.
 */
export const hasEnded = (spool: Spool): boolean => {
  const { pid, exit } = readStatus(spool);
  return exit !== null || (pid !== null && identify(pid) === null);
};

/** The shell's own status is the program's; where it was killed, it may have noted how the program ended before. */
const exitOf = (exit: Exit, spool: Spool): Exit =>
  exit.exitCode === null ? (recordedExit(spool) ?? asExit(exit)) : asExit(exit);

const asExit = ({ exitCode, signal }: Exit): Exit => {
  const named = signal ?? SIGNALS[(exitCode ?? 0) - 128];
  return named === undefined ? { exitCode, signal: null } : { exitCode: null, signal: named };
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
const LOOKS_PER_SCAN = 5;

export type Termination = {
  readonly clock: Clock;
  /** Between SIGTERM and SIGKILL, in ms. */
  readonly graceMs: number;
  /** Aborts the wait: SIGKILL at once. */
  readonly hurry: AbortSignal;
};

/** Ends a whole process group: SIGTERM, then SIGKILL to what is left after the grace. Resolves when none of it is left. */
export const terminate = async (pgid: number, { clock, graceMs, hurry }: Termination): Promise<void> => {
  const group = { pid: pgid, startTime: "0", bootId: "" };
  const deadline = clock.monotonic() + graceMs;
  const isTime = (): boolean => clock.monotonic() < deadline && !hurry.aborted;
  while (isTime() && !hasBegun(pgid)) await pause(clock, LOOK_MS);
  let isAlive = signalGroup(pgid, "SIGTERM");
  for (let look = 1; isAlive && isTime(); look++) {
    await pause(clock, LOOK_MS);
    // Zombies count as members until somebody reaps them; to tell, all processes have to be looked at.
    isAlive = signalGroup(pgid, 0) && (look % LOOKS_PER_SCAN !== 0 || hasMembers(group));
  }
  if (isAlive) await kill(group, clock);
};

/** What a killed process may take to be gone: one in the middle of a call to the disk takes longer, and is not waited for. */
const DYING_MS = 2_000;

const kill = async (group: ProcessIdentity, clock: Clock): Promise<void> => {
  signalGroup(group.pid, "SIGKILL");
  await whileDying(clock, () => hasMembers(group));
};

const whileDying = async (clock: Clock, isThere: () => boolean): Promise<void> => {
  const deadline = clock.monotonic() + DYING_MS;
  while (clock.monotonic() < deadline && isThere()) await pause(clock, LOOK_MS);
};

const pause = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    clock.setTimeout(resolve, delayMs);
  });

/** False where the group has no member any more. */
export const signalGroup = (pgid: number, signal: NodeJS.Signals | 0): boolean => {
  // To the system 0 is petit's own group, and 1 everybody.
  if (pgid <= 1) return false;
  try {
    process.kill(-pgid, signal);
    return true;
  } catch {
    return false;
  }
};

/**
 * Kills what is left of a lost attempt's process group, so that what comes next does not run beside it; resolves when
 * nothing is left. `known` is the stored leader, null where none was stored. A group whose leader lives, or that has no
 * member of this attempt, belongs to others.
 */
export const killLeftovers = async (known: ProcessIdentity | null, spool: Spool, clock: Clock): Promise<void> => {
  const pid = known?.pid ?? readStatus(spool).pid;
  if (pid === null) return;
  const leader = known ?? { pid, startTime: "", bootId: bootId() };
  if (identify(pid) === null && isGroupOf(leader, spool)) await kill(leader, clock);
  // A process that is about to end shows neither environment nor files any more.
  else await whileDying(clock, () => hasEnding(pid));
};
