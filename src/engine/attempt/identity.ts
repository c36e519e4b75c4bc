import { readdirSync, statSync } from "node:fs";
import type { ProcessIdentity } from "../../domain/task-run.ts";
import { readStatus, readText, type Spool } from "../output/spool.ts";

let knownBootId: string | null = null;

/** Identity of this boot of the machine; empty where the system tells none. */
export const bootId = (): string => {
  knownBootId ??= (readText("/proc/sys/kernel/random/boot_id") ?? "").trim();
  return knownBootId;
};

/** Who has this pid now; null where nobody has it, or only a zombie. */
export const identify = (pid: number): ProcessIdentity | null => {
  if (process.platform !== "linux") return isAlive(pid) ? { pid, startTime: "", bootId: "" } : null;
  const stat = statOf(pid);
  return stat === null || stat.state === "Z" ? null : { pid, startTime: stat.startTime, bootId: bootId() };
};

/** Whether that very process still lives. */
export const isSame = (identity: ProcessIdentity): boolean => {
  if (!isOfThisBoot(identity)) return false;
  const now = identify(identity.pid);
  return now !== null && now.startTime === identity.startTime;
};

/** The unit of start times; the same on all of Linux. */
const MS_PER_TICK = 10;

/**
 * Returns how long ago a process started, in ms, by a clock that nobody sets, whether it still lives or not; null for a
 * process of another or an unknown boot, and where the system does not tell.
 */
export const ageMs = (identity: ProcessIdentity): number | null => {
  const { startTime } = identity;
  const own = identify(process.pid)?.startTime ?? "";
  if (startTime === "" || own === "" || identity.bootId === "" || identity.bootId !== bootId()) return null;
  return Math.max(0, (Number(own) - Number(startTime)) * MS_PER_TICK + process.uptime() * 1_000);
};

/** After a boot every pid and every start time may be somebody else's. */
const isOfThisBoot = (identity: ProcessIdentity): boolean => identity.bootId === "" || identity.bootId === bootId();

/** The process that wrote its pid into this spool, if it still lives: its command line names the file. */
export const identifyBySpool = (spool: Spool): ProcessIdentity | null => {
  const { pid } = readStatus(spool);
  if (pid === null) return null;
  const commandLine = readText(`/proc/${pid}/cmdline`);
  return commandLine === null || commandLine.includes(spool.status) ? identify(pid) : null;
};

/**
 * Whether the shell around a program has started it, or is gone: until then a signal would reach that shell alone, which
 * only notes it.
 */
export const hasBegun = (pid: number): boolean => {
  if (identify(pid) === null) return true;
  const own = readText(`/proc/${pid}/cmdline`);
  const children = readText(`/proc/${pid}/task/${pid}/children`);
  if (own === null || children === null) return true;
  const pids = children.split(" ").filter((child) => child !== "");
  // Between two programs a process has no command line for a moment: so has the shell itself when it begins.
  const lines = own === "" ? [] : pids.map((child) => readText(`/proc/${child}/cmdline`));
  // Nor does a child of the shell tell anything where the shell has only just taken the place of who started it.
  return lines.some((line) => Boolean(line) && line !== own) && readText(`/proc/${pid}/cmdline`) === own;
};

type Stat = {
  readonly pid: number;
  readonly state: string;
  readonly group: number;
  readonly session: number;
  readonly startTime: string;
  /** It has begun to end, and has no memory any more; its files may still be open. */
  readonly isEnding: boolean;
};

/** The kernel's flag for that, PF_EXITING. */
const ENDING = 0x4;

/** What the system says of a process; null where there is none, or no /proc. */
export const statOf = (pid: number): Stat | null => parseStat(readText(`/proc/${pid}/stat`) ?? "");

/** A line of /proc/PID/stat: the name in the middle may hold anything, so the fields are counted from behind its `)`. */
const parseStat = (line: string): Stat | null => {
  const pid = Number.parseInt(line, 10);
  const fields = line
    .slice(line.lastIndexOf(")") + 2)
    .trim()
    .split(" ");
  const [state, , group, session] = fields;
  const [flags, startTime] = [Number(fields[6]), fields[19]];
  if (!Number.isSafeInteger(pid) || state === undefined || startTime === undefined) return null;
  return { pid, state, group: Number(group), session: Number(session), startTime, isEnding: (flags & ENDING) !== 0 };
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Whether a process group of this boot has a member that is not a zombie, started no earlier than its leader was. */
export const hasMembers = (leader: ProcessIdentity): boolean => {
  if (!isOfThisBoot(leader)) return false;
  if (process.platform !== "linux") return isAlive(-leader.pid);
  return hasSuch(leader.pid, (name) => memberOf(leader, name) !== null);
};

/** Whether it has a member that is about to end: such a one has no environment any more by which it could be known. */
export const hasEnding = (pgid: number): boolean => {
  const group = { pid: pgid, startTime: "", bootId: "" };
  return hasSuch(pgid, (name) => memberOf(group, name)?.isEnding === true);
};

/**
 * Returns whether a process group has a member that belongs to the attempt of this spool: its environment names the spool,
 * or its output goes there. One such member is enough. No pid is given away while it names a group, so a group with one
 * member of the attempt has no strangers; a group without one may belong to whoever got the leader's pid later. Outside
 * of Linux nothing tells them apart: any group of that number counts.
 */
export const isGroupOf = (leader: ProcessIdentity, spool: Spool): boolean => {
  if (!isOfThisBoot(leader)) return false;
  if (process.platform !== "linux") return isAlive(-leader.pid);
  return hasSuch(leader.pid, (name) => memberOf(leader, name) !== null && belongsTo(name, spool));
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

/** Whether there is a process of that kind, where the group has members at all: to look at each costs milliseconds. */
const hasSuch = (pgid: number, isSuch: (name: string) => boolean): boolean =>
  process.platform === "linux" &&
  isAlive(-pgid) &&
  readdirSync("/proc").some((name) => /^\d+$/.test(name) && isSuch(name));

const memberOf = (leader: ProcessIdentity, name: string): Stat | null => {
  const stat = parseStat(readText(`/proc/${name}/stat`) ?? "");
  return stat !== null &&
    stat.group === leader.pid &&
    stat.state !== "Z" &&
    Number(stat.startTime) >= Number(leader.startTime)
    ? stat
    : null;
};
