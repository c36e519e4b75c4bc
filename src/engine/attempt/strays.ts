import { lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type JobId, parseJobId, parseRunId, type RunId } from "../../domain/ids.ts";
import { readText } from "../output/spool.ts";
import { statOf } from "./identity.ts";

/** A process group that runs an attempt. Job and run are those of its environment; null if that does not name them. */
export type Stray = {
  readonly attemptId: number;
  readonly pgid: number;
  readonly jobId: JobId | null;
  readonly runId: RunId | null;
};

/** Where the files of attempts are. */
export type StrayPlace = {
  readonly spoolDir: string;
  /** The user of all tasks, if it is another one than petit's. */
  readonly taskUid?: number | null;
};

/**
 * Returns the process groups of this machine that run attempts of a spool folder, and that are to be ended or waited for by `isStray`. They
 * are left when the database was deleted, or was replaced by an older one. A process belongs to the attempt that its wrapper, or its
 * variable `PETIT_OUTPUT`, names, if it has one of the users that petit and its tasks have: anybody can start a process that names it.
 */
export const findStrays = (
  { spoolDir, taskUid = null }: StrayPlace,
  isStray: (attemptId: number) => boolean,
): readonly Stray[] => {
  const strays = new Map<number, Stray>();
  const own = statOf(process.pid)?.group;
  const isSpoolDir = sameFolderAs(spoolDir);
  const users = [0, taskUid ?? 0, process.geteuid?.() ?? 0, ...ownersOf(spoolDir)];
  for (const pid of pidsOf("/proc")) {
    const found = attemptOfProcess(pid, isSpoolDir);
    if (found === null || !isStray(found.attemptId)) continue;
    const ofAttempt = [String(found.attemptId), `${found.attemptId}.outputs`].flatMap((name) =>
      ownersOf(join(spoolDir, name)),
    );
    if (!hasUser(pid, users) && !hasUser(pid, ofAttempt)) continue;
    const stat = statOf(pid);
    if (stat === null || stat.state === "Z" || stat.group <= 1 || stat.group === own) continue;
    strays.set(stat.group, { ...found, pgid: stat.group });
  }
  return [...strays.values()];
};

/** Returns whether a process was started by one of some users, also if it has changed its user since. */
const hasUser = (pid: number, users: readonly number[]): boolean => {
  const uid = /^Uid:\s+(\d+)/m.exec(readText(`/proc/${pid}/status`) ?? "")?.[1];
  return uid !== undefined && users.includes(Number(uid));
};

/** Returns the owner of a file or folder of petit: of the spool folder petit's user, of those of an attempt the user of the task. */
const ownersOf = (folder: string): readonly number[] => {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  return stats === undefined ? [] : [stats.uid];
};

const pidsOf = (folder: string): readonly number[] => {
  try {
    return readdirSync(folder).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
};

/** Returns whether a path leads to a folder, also by a link. */
const sameFolderAs = (folder: string): ((path: string) => boolean) => {
  const own = statSync(folder, { throwIfNoEntry: false });
  const known = new Map<string, boolean>([[folder, true]]);
  return (path) => {
    const found = known.get(path);
    if (found !== undefined) return found;
    const isSame = isSameFolder(path, own);
    known.set(path, isSame);
    return isSame;
  };
};

const isSameFolder = (path: string, own: { readonly dev: number; readonly ino: number } | undefined): boolean => {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats !== undefined && stats.ino === own?.ino && stats.dev === own.dev;
  } catch {
    return false;
  }
};

const attemptOfProcess = (pid: number, isSpoolDir: (path: string) => boolean): Omit<Stray, "pgid"> | null => {
  const wrapper = readText(`/proc/${pid}/cmdline`)?.split("\0")[3] ?? "";
  const variables = (readText(`/proc/${pid}/environ`) ?? "").split("\0");
  const variable = (name: string): string =>
    variables.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  const attemptId = idIn(wrapper, "status", isSpoolDir) ?? idIn(variable("PETIT_OUTPUT"), "outputs", isSpoolDir);
  if (attemptId === null) return null;
  return { attemptId, jobId: parseJobId(variable("PETIT_JOB_ID")), runId: parseRunId(variable("PETIT_RUN_ID")) };
};

/** Returns the attempt to which a file belongs, if that is in the spool folder: `ID.FILE`, or `ID/FILE` if an older petit started it. */
const idIn = (path: string, file: string, isSpoolDir: (path: string) => boolean): number | null => {
  const [, folder, id, name] = /^(\/.*)\/(\d{1,15})[./]([a-z]+)$/.exec(path) ?? [];
  return folder !== undefined && name === file && isSpoolDir(folder) ? Number(id) : null;
};
