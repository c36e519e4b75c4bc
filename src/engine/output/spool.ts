import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ENDING_REASONS, type EndingReason } from "../../domain/run.ts";
import { openRegular, readStart } from "../../lib/regular-file.ts";
import { removeTree } from "../../lib/remove-tree.ts";
import { restrictMode } from "../../store/database/ownership.ts";

/**
 * Paths of the spool files of one attempt: `<attempt id>.<part>` in the spool folder. They hold its output and status
 * until those are stored.
 */
export type Spool = {
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
  /** Pipe to ssh, for a script on another machine. */
  readonly pipe: string;
  /** Why petit ends the attempt, if that could not be stored. */
  readonly ending: string;
  /**
   * Empty marker. It exists if petit has suspended the processes of the attempt; the next petit process resumes them.
   */
  readonly held: string;
};

/** The parts that every attempt has, and the optional ones. */
export const COMMON_PARTS = ["status", "stdout", "stderr"] as const;
const OTHER_PARTS = [
  "outputs",
  "workdir",
  "script",
  "stdin",
  "out",
  "err",
  "pipe",
  "result",
  "held",
  "ending",
] as const;
export type CommonPart = (typeof COMMON_PARTS)[number];
export type ReusablePart = CommonPart | "artifacts";
const PARTS = [...COMMON_PARTS, ...OTHER_PARTS, "artifacts"] as const;

/** Creates the spool folder, which only its owner can enter. Restricts the mode of an existing folder. */
export const makeSpoolDir = (path: string): void => {
  try {
    makePrivate(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    restrictMode(path);
  }
};

const makePrivate = (path: string): void => mkdirSync(path, { mode: 0o700 });

/** Returns the paths of the spool files of an attempt. */
export const spoolOf = (spoolDir: string, attemptId: number): Spool => {
  const path = (part: (typeof PARTS)[number]): string => `${spoolDir}/${attemptId}.${part}`;
  return {
    status: path("status"),
    stdout: path("stdout"),
    stderr: path("stderr"),
    outputs: path("outputs"),
    artifacts: path("artifacts"),
    workdir: path("workdir"),
    script: path("script"),
    stdin: path("stdin"),
    out: path("out"),
    err: path("err"),
    pipe: path("pipe"),
    result: path("result"),
    ending: path("ending"),
    held: path("held"),
  };
};

/** Returns the attempt id in the name of a spool file, or null for other names. */
export const attemptOf = (name: string): number | null => {
  const [, id, part] = /^(\d+)\.([a-z]+)$/.exec(name) ?? [];
  return PARTS.some((known) => known === part) ? Number(id) : null;
};

/**
 * Deletes the files of an attempt, except those that `recycle` has moved. The status file goes first: a wrapper that has not
 * started its program yet will not start it.
 */
export const removeSpool = (spool: Spool, recycle: (part: ReusablePart) => boolean = () => false): void => {
  for (const part of COMMON_PARTS) if (!recycle(part)) remove(spool[part]);
  for (const part of OTHER_PARTS) if (existsSync(spool[part])) remove(spool[part]);
  if (!recycle("artifacts")) removeFolder(spool.artifacts);
};

/** Deletes a folder in the spool folder. If it is not empty, it is renamed, and deleted in the background. */
const removeFolder = (path: string): void => {
  try {
    rmdirSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    try {
      const aside = join(dirname(path), `removed-${randomUUID()}`);
      renameSync(path, aside);
      void removeTree(aside);
    } catch {
      // The next start deletes it.
    }
  }
};

/** Creates the folder of artifacts of an attempt. */
export const makeArtifactsFolder = (path: string): void => {
  try {
    makePrivate(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    removeFolder(path);
    makePrivate(path);
  }
};

/** Deletes what is left in the spool folder of an attempt that has ended. */
export const removeLeftover = (path: string): void => {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) removeFolder(path);
  else rmSync(path, { force: true });
};

const remove = (path: string): void => {
  try {
    unlinkSync(path);
  } catch {
    // The next start deletes it.
  }
};

export type SpoolStatus = {
  /** Pid of the wrapper; null until it has started. */
  readonly pid: number | null;
  /** Exit status of the program, 128 + n for signal n; null until it has ended. */
  readonly exit: number | null;
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
  const [pid, exit] = (text.split(REUSED).at(-1) ?? "").split("\n").slice(0, -1);
  return { pid: numberOf(pid), exit: numberOf(exit) };
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

/** Returns the recorded working directory of an attempt, or null. */
export const readWorkdir = (spool: Spool): string | null => readSpoolFile(spool.workdir, MAX_PATH_BYTES);

/** Linux has the same limit. */
const MAX_PATH_BYTES = 4_096;

/** Records why an attempt is ended, for the next start. On a full disk even that may fail. */
export const noteEnding = (spool: Spool, reason: EndingReason): void => {
  try {
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
export const openSpoolFile = (path: string, flags: number): number | null =>
  openRegular(path, flags | constants.O_NOFOLLOW, 0o600);

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
