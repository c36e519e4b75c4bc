import { closeSync, constants, unlinkSync, writeFileSync } from "node:fs";
import { constants as osConstants } from "node:os";
import type { ProcessIdentity } from "../../domain/task-run.ts";
import type { Usage } from "../../domain/usage.ts";
import type { Clock } from "../../lib/clock.ts";
import type { ChildExit, Runtime } from "../../runtime/runtime.ts";
import { openSpoolFile, readStatus, type Spool } from "../output/spool.ts";
import type { Cgroup } from "./cgroup/cgroup.ts";
import { bootId, hasBegun, hasExiting, hasMembers, identify, isExiting, isGroupOf } from "./identity.ts";
import { type CgroupEntry, wrapperOf } from "./wrapper.ts";

/** What to execute for an attempt. */
export type ProcessCommand = {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly hasStdin: boolean;
  /** Text for stdin that can contain secrets: it is never in a file that has a name. */
  readonly privateStdin?: string;
  /** True if the program gets pipes for its output, because it may reopen that (`/dev/stderr`). Default false. */
  readonly reopensOutput?: boolean;
};

/** How a process ended. Both are null if it left no status. */
export type Exit = {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** What it used; null if that is not known. */
  readonly usage: Usage | null;
};

/** The process of an attempt, started by this petit process or by a previous one. */
export type RunningProcess = {
  /** Pid of the group leader, which is also the id of the group. */
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** When it ended, by the clock of its run, if that was before it was adopted. */
  readonly endedAt?: number;
  /** Identity of an adopted process that has not ended. */
  readonly identity?: ProcessIdentity;
};

/**
 * Starts the process with its output going to the open files. Throws an Error with the system's `code` if that fails.
 */
export const startProcess = (
  runtime: Runtime,
  command: ProcessCommand,
  files: {
    readonly spool: Spool;
    readonly stdout: number;
    readonly stderr: number;
    /** The cgroup that it runs in. Default null. */
    readonly cgroup?: CgroupEntry | null;
  },
): RunningProcess => {
  const { spool, stdout, stderr, cgroup = null } = files;
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
    const stdin = command.hasStdin ? open(spool.stdin, constants.O_RDONLY) : openPrivate(command, open, spool);
    const wrapped = ["/bin/sh", "-c", wrapperOf(command.reopensOutput === true, cgroup), spool.status, ...argv];
    const child = runtime.spawn({ argv: wrapped, cwd, environment, stdin, stdout, stderr, status });
    return { pid: child.pid, exited: child.exited.then((exit) => exitOf(exit, spool)) };
  } finally {
    for (const fd of opened) closeSync(fd);
  }
};

/** Opens a file with the private stdin, which is deleted before that is written; null if there is none. */
const openPrivate = (
  { privateStdin }: ProcessCommand,
  open: (path: string, flags: number) => number,
  spool: Spool,
): number | null => {
  if (privateStdin === undefined) return null;
  const written = open(spool.stdin, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
  const stdin = open(spool.stdin, constants.O_RDONLY);
  unlinkSync(spool.stdin);
  writeFileSync(written, privateStdin);
  return stdin;
};

/** Returns the exit that the wrapper recorded, or null. A status of 128 + n means signal n. */
export const recordedExit = (spool: Spool): Exit | null => {
  const { exit, cpu } = readStatus(spool);
  const usage = cpu && { cpuUserMs: cpu.userMs, cpuSystemMs: cpu.systemMs, memoryPeakBytes: null };
  return exit === null ? null : toExit({ exitCode: exit, signal: null, usage });
};

/**
 * Returns whether the process of an attempt has ended, even if its exit was not handled yet: its wrapper recorded a
 * status or has ended.
 */
export const hasEnded = (spool: Spool): boolean => {
  const { pid, exit } = readStatus(spool);
  return exit !== null || (pid !== null && identify(pid) === null);
};

/**
 * The exit of the wrapper is that of the program. If the wrapper was killed, it may have recorded the program's exit
 * before. Otherwise it has not waited for the program, whose usage is not in its own then.
 */
const exitOf = (exit: ChildExit, spool: Spool): Exit => {
  if (exit.exitCode === null) return recordedExit(spool) ?? toExit({ ...exit, usage: null });
  return exit.usage === null ? (recordedExit(spool) ?? toExit(exit)) : toExit(exit);
};

const toExit = ({ exitCode, signal, usage: measured }: ChildExit): Exit => {
  const usage = measured === null ? null : ({ ...measured, source: "wait" } as const);
  const named = signal ?? SIGNALS.get((exitCode ?? 0) - 128);
  return named === undefined ? { exitCode, signal: null, usage } : { exitCode: null, signal: named, usage };
};

/** Signals that end no process: by default they are ignored, or stop or continue it. */
const HARMLESS: ReadonlySet<string> = new Set([
  "SIGCHLD",
  "SIGCONT",
  "SIGSTOP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGURG",
  "SIGWINCH",
  "SIGINFO",
]);

/**
 * The signals of the system that can end a process, by number. Of several names, the first one counts: SIGABRT, not SIGIOT. Real-time
 * signals are left out: programs use the exit codes 162 to 192 more often than those end them.
 */
const SIGNALS: ReadonlyMap<number, string> = new Map(
  Object.entries(osConstants.signals)
    .filter(([name]) => !HARMLESS.has(name))
    .map(([name, number]) => [number, name] as const)
    .toReversed(),
);

/** Returns the exit code that a shell reports for a signal, 128 + n; null for a name that the system does not have. */
export const exitCodeOfSignal = (signal: string): number | null => {
  const [number] = [...SIGNALS].find(([, name]) => name === signal) ?? [];
  return number === undefined ? null : 128 + number;
};

/** Interval between checks whether a process group has ended. Every fifth check scans all processes. */
const CHECK_MS = 20;
const CHECKS_PER_SCAN = 5;

export type Termination = {
  readonly clock: Clock;
  /** Grace period between SIGTERM and SIGKILL, in ms. */
  readonly graceMs: number;
  /** Ends the grace period when aborted. */
  readonly forceKill: AbortSignal;
  /** The cgroup of the attempt. Default: null, it has none. */
  readonly cgroup?: Cgroup | null;
};

/**
 * Terminates the process group of an attempt, and all processes of its cgroup: SIGTERM, then SIGKILL to what still runs after the grace
 * period. Resolves when none is left.
 */
export const terminate = async (pgid: number, termination: Termination): Promise<void> => {
  const { clock, graceMs, forceKill } = termination;
  const deadline = clock.monotonic() + graceMs;
  while (clock.monotonic() < deadline && !forceKill.aborted && !hasBegun(pgid)) await pause(clock, CHECK_MS);
  await terminateGroup(pgid, { ...termination, graceMs: Math.max(0, deadline - clock.monotonic()) });
};

/** Does the same without waiting until the leader of the group has started a program. There is no group with the id `NO_GROUP`. */
export const terminateGroup = async (
  pgid: number,
  { clock, graceMs, forceKill, cgroup = null }: Termination,
): Promise<void> => {
  const ending = { group: { pid: pgid, startTime: "0", bootId: "" }, cgroup };
  const deadline = clock.monotonic() + graceMs;
  const hasGrace = (): boolean => clock.monotonic() < deadline && !forceKill.aborted;
  let isAlive = signalGroup(pgid, "SIGTERM");
  if (cgroup !== null) {
    cgroup.terminateOthers(pgid);
    isAlive ||= cgroup.isPopulated;
  }
  for (let checks = 1; isAlive && hasGrace(); checks++) {
    await pause(clock, CHECK_MS);
    // Zombies count as members until they are reaped. Only a scan of all processes can exclude them.
    isAlive = checks % CHECKS_PER_SCAN === 0 ? isThere(ending) : signalGroup(pgid, 0) || cgroup?.isPopulated === true;
  }
  if (isAlive) await kill(ending, clock);
};

/** The id of no process group. */
export const NO_GROUP = 0;

type Ended = { readonly group: ProcessIdentity; readonly cgroup: Cgroup | null };

const isThere = ({ group, cgroup }: Ended): boolean =>
  (group.pid !== NO_GROUP && hasMembers(group)) || cgroup?.isPopulated === true;

/** How long to wait for killed processes to end. A process in an uninterruptible disk call may take longer. */
const DYING_MS = 2_000;

const kill = async (ended: Ended, clock: Clock): Promise<void> => {
  signalGroup(ended.group.pid, "SIGKILL");
  await whileDying(clock, () => {
    ended.cgroup?.kill();
    return isThere(ended);
  });
};

/** Kills all processes of a cgroup. Resolves when none is left. */
export const killCgroup = (cgroup: Cgroup, clock: Clock): Promise<void> =>
  kill({ group: leaderOf(NO_GROUP), cgroup }, clock);

const leaderOf = (pid: number): ProcessIdentity => ({ pid, startTime: "", bootId: bootId() });

const whileDying = async (clock: Clock, isThere: () => boolean): Promise<void> => {
  const deadline = clock.monotonic() + DYING_MS;
  while (clock.monotonic() < deadline && isThere()) await pause(clock, CHECK_MS);
};

const pause = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    clock.setTimeout(resolve, delayMs);
  });

/** Signals a process group. Returns false if the group has no members. */
export const signalGroup = (pgid: number, signal: NodeJS.Signals | 0): boolean => {
  // For kill(2), 0 is petit's own group, and -1 is every process.
  if (pgid <= 1) return false;
  try {
    process.kill(-pgid, signal);
    return true;
  } catch {
    return false;
  }
};

/**
 * Kills the leftover processes of a lost attempt, so that they don't run concurrently with the next attempt. Resolves when
 * none is left. `known` is the stored leader, or null. A group whose leader is alive, or that has no member of this attempt,
 * belongs to other programs and is not signalled. `cgroup` is that of the attempt.
 */
export const killLeftovers = async (
  known: ProcessIdentity | null,
  spool: Spool,
  { clock, cgroup = null }: { readonly clock: Clock; readonly cgroup?: Cgroup | null },
): Promise<void> => {
  if (cgroup?.isPopulated === true) await killCgroup(cgroup, clock);
  const pid = known?.pid ?? readStatus(spool).pid;
  if (pid === null) return;
  const leader = known ?? leaderOf(pid);
  // The members of its group can't be judged before the leader has ended. They may not even have begun to exit.
  await whileDying(clock, () => isExiting(pid));
  if (identify(pid) === null && isGroupOf(leader, spool)) await kill({ group: leader, cgroup: null }, clock);
  // A process that is exiting has no environment and no files by which it could be identified.
  else await whileDying(clock, () => hasExiting(pid));
};
