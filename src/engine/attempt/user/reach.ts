import { spawnSync } from "node:child_process";
import { type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { SpawnError } from "../spawn-error.ts";
import { asUser, type TaskUser } from "./task-user.ts";

/** What a process of another user needs at its start. */
export type Needed = {
  readonly cwd: string;
  /** True if the job file names the working directory. */
  readonly isCwdGiven: boolean;
  readonly program: string;
  /** The spool folder. */
  readonly spoolDir: string;
};

/** Checks that a user can enter the working directory and reach what the process needs. Throws SpawnError. */
export const assertReach = (user: TaskUser, { cwd, isCwdGiven, program, spoolDir }: Needed): void => {
  const fail = (message: string, barrier: string, path: string): never => {
    const why = barrier === path ? "" : `, who may not enter ${barrier}`;
    throw new SpawnError("EACCES", `${message} by ${user.name}${why}`);
  };
  const hint = isCwdGiven ? "" : " (petit's own, since the task has no working_dir)";
  const ofCwd = findBarrier(user, cwd);
  if (ofCwd !== null) fail(`working directory ${cwd}${hint} can't be entered`, ofCwd, cwd);
  const ofSpool = findBarrier(user, spoolDir);
  if (ofSpool !== null) fail(`petit's folder ${spoolDir} can't be entered`, ofSpool, spoolDir);
  const file = resolve(cwd, program);
  const ofProgram = findBarrier(user, file);
  if (ofProgram !== null) fail(`program ${program} can't be executed`, ofProgram, file);
};

/** Returns the first part of a path that a user may not enter, or execute if it is the file; null if there is none. */
const findBarrier = (user: TaskUser, path: string): string | null => {
  const parts = partsOf(path);
  return parts.every((part) => isOpen(user, part)) ? null : askAs(user, parts);
};

/** Returns a path and the folders above it, the uppermost first. */
const partsOf = (path: string): readonly string[] => {
  const parent = dirname(path);
  return parent === path ? [path] : [...partsOf(parent), path];
};

/** Returns whether the mode of a folder or program certainly lets a user in. Other groups and access lists of the user are unknown here. */
const isOpen = ({ uid, gid }: TaskUser, path: string): boolean => {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (uid === 0 || stats === undefined) return true;
  if (stats.uid === uid) return has(stats, 0o100);
  return stats.gid === gid ? has(stats, 0o010) : has(stats, 0o011);
};

const has = ({ mode }: Stats, bits: number): boolean => (mode & bits) === bits;

const TIMEOUT_MS = 10_000;

/** Asks the system as the user. Returns the first of the paths that it denies, or null. */
const askAs = (user: TaskUser, paths: readonly string[]): string | null => {
  const script = 'for path; do [ -x "$path" ] || { printf %s "$path"; exit 1; }; done';
  const command = { cwd: "/", environment: { PATH: "/usr/bin:/bin" }, hasStdin: false };
  const { argv, environment } = asUser(user, { ...command, argv: ["/bin/sh", "-c", script, "sh", ...paths] });
  const [program = "", ...args] = argv;
  const { status, stdout } = spawnSync(program, args, {
    cwd: "/",
    env: { ...environment },
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return status === 1 && stdout !== "" ? stdout : null;
};
