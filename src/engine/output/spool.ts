import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ENDING_REASONS, type EndingReason } from "../../domain/run.ts";
import { openRegularStat, readStart } from "../../lib/files/regular-file.ts";
import { removeTree } from "../../lib/files/remove-tree.ts";
import { restrictMode } from "../../store/database/ownership.ts";
import { siblingFile } from "../../store/database/sibling-file.ts";

/**
 * Paths of the spool of one attempt. Its files hold the output and the status until those are stored. They are in the spool folder, and
 * their names begin with the id of the attempt.
 */
export type Spool = {
  /** The spool folder, which has the spools of all attempts. */
  readonly dir: string;
  readonly attemptId: number;
  /** The folder of the files if an older petit started the attempt: it is named after the attempt. Null otherwise. */
  readonly folder: string | null;
  /** The folder that contains the folder of artifacts, or a link to it (`linked-folder.ts`). */
  readonly parent: string;
  /** The wrapper writes its pid here before it starts the program, and the exit status after. */
  readonly status: string;
  readonly stdout: string;
  readonly stderr: string;
  /** `$PETIT_OUTPUT`. The task creates it if it has outputs. */
  readonly outputs: string;
  /** `$PETIT_ARTIFACTS`, a folder. */
  readonly artifacts: string;
  /** The path of the working directory, if files in it may be kept as artifacts. */
  readonly workdir: string;
  /** Content of a script that the job file contains. */
  readonly script: string;
  readonly stdin: string;
  /** Pipes for a program that reopens its own output; they are copied to the files. */
  readonly out: string;
  readonly err: string;
  /** What an HTTP request leaves besides its exit status. */
  readonly result: string;
  /** What the next petit process needs to recognize the secrets of the attempt. It contains no secret. */
  readonly given: string;
  /** `$PETIT_EVENT`: the event that started the run, as JSON. */
  readonly event: string;
  /** Pipe to ssh, for a script on another machine. */
  readonly pipe: string;
  /** Why petit ends the attempt, if that could not be stored. */
  readonly ending: string;
  /**
   * Empty marker. It exists if petit has suspended the processes of the attempt; the next petit process resumes them.
   */
  readonly held: string;
};

/** The files that every attempt has. */
export const COMMON_FILES = ["status", "stdout", "stderr"] as const;
/** The files that only some attempts have, but for the script. */
export const OTHER_FILES = [
  "outputs",
  "workdir",
  "stdin",
  "out",
  "err",
  "pipe",
  "result",
  "given",
  "event",
  "held",
  "ending",
] as const;
const FILES = [...COMMON_FILES, "script", ...OTHER_FILES] as const;
export type CommonFile = (typeof COMMON_FILES)[number];

/** Name of the folder of artifacts of an attempt. */
export const ARTIFACTS = "artifacts";

/** Creates the spool folder, which only its owner can enter. Restricts the mode of an existing folder. */
export const makeSpoolDir = (path: string): void => {
  try {
    makePrivate(path);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    // The folder can be a link to another disk.
    restrictMode(siblingFile(path, ""));
  }
};

const makePrivate = (path: string, { recursive = false } = {}): void => {
  mkdirSync(path, { mode: 0o700, recursive });
};

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;

/** Returns the spool of a new attempt. */
export const spoolOf = (dir: string, attemptId: number): Spool => {
  return { dir, attemptId, ...pathsOf(`${dir}/${attemptId}`) };
};

export type SpoolPaths = Omit<Spool, "dir" | "attemptId">;

/** Returns the paths of files beside `parent`, whose names begin with its name. */
export const pathsOf = (parent: string): SpoolPaths => ({
  folder: null,
  parent,
  artifacts: `${parent}/${ARTIFACTS}`,
  ...filesFrom(`${parent}.`),
});

/** Returns the spool of an attempt that an earlier petit process may have started. */
export const findSpool = (dir: string, attemptId: number): Spool => {
  const spool = spoolOf(dir, attemptId);
  const { parent } = spool;
  // The first versions had no folder for each attempt, then one for all its files.
  const first = `${parent}.${ARTIFACTS}`;
  if (isFolder(first)) return { ...spool, parent: first, artifacts: first };
  return isFolder(parent) && isThere(`${parent}/status`)
    ? { ...spool, folder: parent, ...filesFrom(`${parent}/`) }
    : spool;
};

/** Returns whether there is anything, also a link that leads nowhere. */
export const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

type SpoolFiles = Omit<Spool, "dir" | "attemptId" | "folder" | "parent" | "artifacts">;

const filesFrom = (prefix: string): SpoolFiles => ({
  status: `${prefix}status`,
  stdout: `${prefix}stdout`,
  stderr: `${prefix}stderr`,
  outputs: `${prefix}outputs`,
  workdir: `${prefix}workdir`,
  script: `${prefix}script`,
  stdin: `${prefix}stdin`,
  out: `${prefix}out`,
  err: `${prefix}err`,
  pipe: `${prefix}pipe`,
  result: `${prefix}result`,
  given: `${prefix}given`,
  event: `${prefix}event`,
  ending: `${prefix}ending`,
  held: `${prefix}held`,
});

/** Returns the attempt to which an entry of the spool folder belongs, or null if there is none. */
const attemptOf = (name: string): number | null => {
  const [, id, file] = /^(\d+)(?:\.([a-z]+))?$/.exec(name) ?? [];
  const isKnown = file === undefined || file === ARTIFACTS || FILES.some((known) => known === file);
  return id !== undefined && isKnown ? Number(id) : null;
};

/** Creates a folder with an empty folder of artifacts. */
export const makeParent = (path: string): void => {
  makePrivate(path);
  makePrivate(join(path, ARTIFACTS));
};

/** Creates the folder of an attempt's files if there is none, because it was deleted. */
export const ensureSpoolFolder = ({ folder, dir }: Spool): void => {
  makePrivate(folder ?? dir, { recursive: true });
};

/** Creates an empty folder of artifacts, also for an attempt that has none. */
export const makeArtifactsFolder = (spool: Spool): void => {
  makePrivate(spool.parent, { recursive: true });
  removeFolder(spool.artifacts, spool.dir);
  makePrivate(spool.artifacts);
};

/**
 * Deletes the files of an attempt. The status file goes first: a wrapper that has not started its program yet will not start
 * it.
 */
export const removeSpool = (spool: SpoolPaths): void => {
  remove(spool.status);
  if (spool.folder === null) for (const file of FILES) removeIfThere(spool[file]);
  removeParent(spool.parent);
};

/** Deletes a file of an attempt, or what a task has put in its place. */
const removeIfThere = (path: string): void => {
  if (existsSync(path) && !tryUnlink(path)) removeLeftover(path);
};

/** Deletes the folder of an attempt, also behind a link of petit. Does not follow a link that a task has put in its place. */
const removeParent = (path: string): void => {
  const target = targetOf(path);
  if (target !== null) removeFolderOfAttempt(target);
  removeFolderOfAttempt(path);
};

/** Prefix of the names of folders to which links of petit lead. */
export const LINKED = "linked-";

/** Returns the folder to which a link of petit leads; null for anything else. */
export const targetOf = (path: string): string | null => {
  try {
    const target = readlinkSync(path);
    return target.startsWith(LINKED) && !target.includes("/") ? join(dirname(path), target) : null;
  } catch {
    return null;
  }
};

const removeFolderOfAttempt = (path: string): void => {
  for (const name of namesIn(path)) {
    if (name === ARTIFACTS) removeEmpty(join(path, name));
    else remove(join(path, name));
  }
  removeFolder(path, dirname(path));
};

/** Deletes all that the spool folder contains, except of some attempts. */
export const removeOtherSpools = (spoolDir: string, attemptIds: ReadonlySet<number>): void => {
  const kept = new Set([...attemptIds].map((id) => targetOf(join(spoolDir, String(id)))));
  for (const name of readdirSync(spoolDir)) {
    const path = join(spoolDir, name);
    const attemptId = attemptOf(name);
    if (!kept.has(path) && (attemptId === null || !attemptIds.has(attemptId))) removeLeftover(path);
  }
};

/** Returns the names in a folder; none if it is a link or can't be read. */
export const namesIn = (folder: string): readonly string[] => {
  try {
    return isFolder(folder) ? readdirSync(folder) : [];
  } catch {
    return [];
  }
};

/** Returns false for a link to a folder. */
const isFolder = (path: string): boolean => {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false;
  }
};

/** Returns false if the folder is not empty or can't be deleted. */
const removeEmpty = (path: string): boolean => {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return hasCode(error, "ENOENT");
  }
};

/** Deletes a folder. If it is not empty, it is moved to `spoolDir` under another name, and deleted in the background. */
const removeFolder = (path: string, spoolDir: string): void => {
  if (removeEmpty(path)) return;
  // What a task has put in its place, such as a link.
  if (!isFolder(path)) remove(path);
  try {
    const aside = join(spoolDir, `removed-${randomUUID()}`);
    renameSync(path, aside);
    void removeTree(aside);
  } catch {
    // The next start deletes it.
  }
};

/** Moves a file or folder of the spool. Returns false if that fails. */
export const tryRename = (from: string, to: string): boolean => {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false;
  }
};

/** Deletes what is left in the spool folder of an attempt that has ended: what is small immediately, the rest in the background. */
export const removeLeftover = (path: string): void => {
  if (!isFolder(path)) {
    rmSync(path, { force: true });
    return;
  }
  emptySmall(path, SMALL_LEVELS);
  removeFolder(path, dirname(path));
};

/** Deletes a folder if it is small. The background may delete it at the same time. */
export const removeSmall = (path: string): void => {
  emptySmall(path, SMALL_LEVELS);
  removeEmpty(path);
};

/** A folder of old folders, a folder of an attempt, and its artifacts. */
const SMALL_LEVELS = 3;
/** Maximum number of names in a folder that is emptied immediately. */
const SMALL_NAMES = 32;

const emptySmall = (path: string, levels: number): void => {
  const names = namesIn(path);
  if (names.length > SMALL_NAMES) return;
  for (const name of names) {
    const child = join(path, name);
    if (!isFolder(child)) remove(child);
    else if (levels > 1) {
      emptySmall(child, levels - 1);
      removeEmpty(child);
    }
  }
};

const remove = (path: string): void => {
  // If that fails, the next start deletes it.
  tryUnlink(path);
};

const tryUnlink = (path: string): boolean => {
  try {
    unlinkSync(path);
    return true;
  } catch {
    return false;
  }
};

export type SpoolStatus = {
  /** Pid of the wrapper; null until it has started. */
  readonly pid: number | null;
  /** Exit status of the program, 128 + n for signal n; null until it has ended. */
  readonly exit: number | null;
  /** CPU time of the program and of the processes that it waited for; null until it has ended, or if the wrapper did not record it. */
  readonly cpu: { readonly userMs: number; readonly systemMs: number } | null;
};

/** Separates the content of a status file from what an earlier attempt wrote to the same file. */
export const REUSED = "--\n";

/** Maximum that is read of a status file. Wrappers write far less, even to a file that is reused often. */
const MAX_STATUS_BYTES = 65_536;

/**
 * Returns what the wrapper has recorded. Nothing if a task has replaced the file by something that is not a regular
 * file.
 */
export const readStatus = (spool: Spool): SpoolStatus => {
  const text = readSpoolFile(spool.status, MAX_STATUS_BYTES) ?? "";
  const [pid, ...lines] = (text.split(REUSED).at(-1) ?? "").split("\n").slice(0, -1);
  const [first, second, third] = lines;
  const cpu = second === undefined ? null : cpuOf(second);
  return { pid: numberOf(pid), exit: numberOf(cpu === null ? first : third), cpu: third === undefined ? null : cpu };
};

/** Returns the CPU times in a line that the builtin `times` of a shell has written: `0m0.210s 0m1.490s`, with a comma in some languages. */
const cpuOf = (line: string): { readonly userMs: number; readonly systemMs: number } | null => {
  const [, userMin, userSec, systemMin, systemSec] =
    /^(\d{1,9})m(\d{1,2}[.,]\d{1,9})s (\d{1,9})m(\d{1,2}[.,]\d{1,9})s$/.exec(line) ?? [];
  if (userMin === undefined) return null;
  const ms = (minutes = "0", seconds = "0"): number =>
    Math.round(Number(minutes) * 60_000 + Number(seconds.replace(",", ".")) * 1_000);
  return { userMs: ms(userMin, userSec), systemMs: ms(systemMin, systemSec) };
};

const numberOf = (line: string | undefined): number | null => (/^\d{1,10}$/.test(line ?? "") ? Number(line) : null);

/** Returns the content of a regular file, or null if there is none or it can't be read. */
export const readSpoolFile = (path: string, maxBytes: number): string | null => {
  try {
    const fd = openSpoolFile(path, constants.O_RDONLY);
    if (fd === null) return null;
    try {
      return readStart(fd, maxBytes).toString();
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
};

/** Returns the recorded working directory of an attempt, or null. After a power failure, the file may have zeros instead. */
export const readWorkdir = (spool: Spool): string | null => {
  const path = readSpoolFile(spool.workdir, MAX_PATH_BYTES);
  return path === null || path.includes("\0") ? null : path;
};

/** Linux has the same limit. */
const MAX_PATH_BYTES = 4_096;

/** Records why an attempt is ended, for the next start. On a full disk even that may fail. */
export const noteEnding = (spool: Spool, reason: EndingReason): void => {
  try {
    ensureSpoolFolder(spool);
    const fd = openSpoolFile(spool.ending, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
    if (fd === null) return;
    try {
      writeSync(fd, reason);
    } finally {
      closeSync(fd);
    }
  } catch {
    // It was recorded before, or the disk is full.
  }
};

/** Returns the recorded reason to end an attempt, or null. */
export const readEnding = (spool: Spool): EndingReason | null => {
  const text = readSpoolFile(spool.ending, MAX_STATUS_BYTES);
  return ENDING_REASONS.find((reason) => reason === text) ?? null;
};

/**
 * Opens a file of the spool folder. Returns null if it is a link, a pipe or anything but a regular file, since tasks can
 * replace the files there. Throws the errors of `open`.
 */
export const openSpoolFile = (path: string, flags: number): number | null => openSpoolStat(path, flags)?.fd ?? null;

/** Does the same, and returns what the system knew of the file when it was opened. */
export const openSpoolStat = (path: string, flags: number): ReturnType<typeof openRegularStat> =>
  openRegularStat(path, flags | constants.O_NOFOLLOW, 0o600);

/** Opens a file to read and to append. Creates it if it does not exist or is not a regular file. */
export const openAppended = (path: string): number => {
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;
  const fd = openSpoolFile(path, flags);
  if (fd !== null) return fd;
  rmSync(path, { recursive: true, force: true });
  const created = openSpoolFile(path, flags | constants.O_EXCL);
  if (created === null) throw new Error(`${path} is not a regular file`);
  return created;
};

/** Returns the content of a text file, or null if it can't be read. */
export const readText = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
};
