import { readdirSync, statSync } from "node:fs";
import type { ProcessIdentity } from "../../domain/task-run.ts";
import { readStatus, readText, type Spool } from "../output/spool.ts";

let knownBootId: string | null = null;

/** Returns the id of this boot of the machine; empty if the system has none. */
export const bootId = (): string => {
  knownBootId ??= (readText("/proc/sys/kernel/random/boot_id") ?? "").trim();
  return knownBootId;
};

/** Returns the identity of the process that has this pid now. Null if there is none, or only a zombie. */
export const identify = (pid: number): ProcessIdentity | null => {
  if (process.platform !== "linux") return isAlive(pid) ? { pid, startTime: "", bootId: "" } : null;
  const stat = statOf(pid);
  return stat === null || stat.state === "Z" ? null : { pid, startTime: stat.startTime, bootId: bootId() };
};

/** Returns whether this process, and no other with its pid, is alive. */
export const isSame = (identity: ProcessIdentity): boolean => {
  if (!isOfThisBoot(identity)) return false;
  const now = identify(identity.pid);
  return now !== null && now.startTime === identity.startTime;
};

/** Unit of start times in /proc (USER_HZ is 100 on Linux). */
const MS_PER_TICK = 10;

/**
 * Returns how long ago a process started, in ms of elapsed time, even if it has ended. Returns null for a process of another
 * or an unknown boot, and if the system does not report start times.
 */
export const ageMs = (identity: ProcessIdentity): number | null => {
  const { startTime } = identity;
  const own = identify(process.pid)?.startTime ?? "";
  if (startTime === "" || own === "" || identity.bootId === "" || identity.bootId !== bootId()) return null;
  return Math.max(0, (Number(own) - Number(startTime)) * MS_PER_TICK + process.uptime() * 1_000);
};

/** After a reboot, the same pid and start time may belong to another process. */
export const isOfThisBoot = (identity: ProcessIdentity): boolean =>
  identity.bootId === "" || identity.bootId === bootId();

/**
 * Returns the process that wrote its pid into this spool, if it is alive. Its command line contains the path of the
 * status file.
 */
export const identifyBySpool = (spool: Spool): ProcessIdentity | null => {
  const { pid } = readStatus(spool);
  if (pid === null) return null;
  const commandLine = readText(`/proc/${pid}/cmdline`);
  return commandLine === null || commandLine.includes(spool.status) ? identify(pid) : null;
};

/**
 * Returns whether the wrapper with this pid has started its program or has ended. Before that, a signal would only reach the
 * wrapper, which records it.
 */
export const hasBegun = (pid: number): boolean => {
  if (identify(pid) === null) return true;
  const own = readText(`/proc/${pid}/cmdline`);
  const children = readText(`/proc/${pid}/task/${pid}/children`);
  if (own === null || children === null) return true;
  const pids = children.split(" ").filter((child) => child !== "");
  // During exec a process has no command line for a moment. That includes the wrapper itself when it starts.
  const lines = own === "" ? [] : pids.map((child) => readText(`/proc/${child}/cmdline`));
  // If the wrapper's own exec happened meanwhile, the children that were read prove nothing.
  return lines.some((line) => Boolean(line) && line !== own) && readText(`/proc/${pid}/cmdline`) === own;
};

type Stat = {
  readonly pid: number;
  readonly state: string;
  readonly group: number;
  readonly session: number;
  readonly startTime: string;
  /** The process is exiting and has released its memory. Its files may still be open. */
  readonly isExiting: boolean;
};

/** PF_EXITING of the Linux kernel (include/linux/sched.h). */
const PF_EXITING = 0x4;

/** Returns /proc/PID/stat of a process. Null if there is no such process or no /proc. */
export const statOf = (pid: number): Stat | null => parseStat(readText(`/proc/${pid}/stat`) ?? "");

/**
 * Parses /proc/PID/stat (proc_pid_stat(5)). The name may contain any character, so fields are counted from its last
 * `)`.
 */
const parseStat = (line: string): Stat | null => {
  const pid = Number.parseInt(line, 10);
  const fields = line
    .slice(line.lastIndexOf(")") + 2)
    .trim()
    .split(" ");
  const [state, , group, session] = fields;
  const [flags, startTime] = [Number(fields[6]), fields[19]];
  if (!Number.isSafeInteger(pid) || state === undefined || startTime === undefined) return null;
  return {
    pid,
    state,
    group: Number(group),
    session: Number(session),
    startTime,
    isExiting: (flags & PF_EXITING) !== 0,
  };
};

/** Returns whether a process is exiting, but has not ended yet. */
export const isExiting = (pid: number): boolean => {
  const stat = statOf(pid);
  return stat?.isExiting === true && stat.state !== "Z";
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/**
 * Returns whether a process group of this boot has a member that is not a zombie and started no earlier than its
 * leader.
 */
export const hasMembers = (leader: ProcessIdentity): boolean => {
  if (!isOfThisBoot(leader)) return false;
  if (process.platform !== "linux") return isAlive(-leader.pid);
  return hasProcess(leader.pid, (name) => memberOf(leader, name) !== null);
};

/**
 * Returns whether a process group has a member that is exiting. Such a member has no environment that could identify
 * it.
 */
export const hasExiting = (pgid: number): boolean => {
  const group = { pid: pgid, startTime: "", bootId: "" };
  return hasProcess(pgid, (name) => memberOf(group, name)?.isExiting === true);
};

/**
 * Returns whether a process group has a member that belongs to the attempt of this spool: its environment or its output
 * refers to the spool. One member is enough. The system does not reuse a pid while a group has that id, so a group with one
 * member of the attempt has only members of the attempt. Without one, the group may belong to a later process with the same
 * pid. Outside Linux they can't be told apart, and any group with this id counts.
 */
export const isGroupOf = (leader: ProcessIdentity, spool: Spool): boolean => {
  if (!isOfThisBoot(leader)) return false;
  if (process.platform !== "linux") return isAlive(-leader.pid);
  return hasProcess(leader.pid, (name) => memberOf(leader, name) !== null && belongsTo(name, spool));
};

const belongsTo = (name: string, { outputs, stdout, stderr }: Spool): boolean =>
  (readText(`/proc/${name}/environ`) ?? "").includes(`PETIT_OUTPUT=${outputs}\0`) ||
  [1, 2].some((fd) => [stdout, stderr].some((path) => isSameFile(`/proc/${name}/fd/${fd}`, path)));

const isSameFile = (one: string, other: string): boolean => {
  try {
    const [a, b] = [statSync(one), statSync(other)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
};

/** Returns whether any process matches. Checks first that the group has members, since the scan takes milliseconds. */
const hasProcess = (pgid: number, matches: (name: string) => boolean): boolean =>
  process.platform === "linux" &&
  isAlive(-pgid) &&
  readdirSync("/proc").some((name) => /^\d+$/.test(name) && matches(name));

const memberOf = (leader: ProcessIdentity, name: string): Stat | null => {
  const stat = parseStat(readText(`/proc/${name}/stat`) ?? "");
  return stat !== null &&
    stat.group === leader.pid &&
    stat.state !== "Z" &&
    Number(stat.startTime) >= Number(leader.startTime)
    ? stat
    : null;
};
