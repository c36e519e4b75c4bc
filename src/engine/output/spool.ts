import { closeSync, constants, existsSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeSync } from "node:fs";
import { ENDING_REASONS, type EndingReason } from "../../domain/run.ts";
import { openRegular, readStart } from "../../lib/regular-file.ts";
import { restrictMode } from "../../store/database/ownership.ts";

/** The files in which one attempt leaves what it says, until that is stored: `<attempt>.<what>` in the spool folder. */
export type Spool = {
  /** The shell around the program writes its pid here before it starts that, and its exit status after. */
  readonly status: string;
  readonly stdout: string;
  readonly stderr: string;
  /** `$PETIT_OUTPUT`: made by the task, if it has something to tell. */
  readonly outputs: string;
  /** Text of the program, where it is run from a file. */
  readonly script: string;
  readonly stdin: string;
  /** Pipes, where a program opens its own output anew: from there it is copied to the files. */
  readonly out: string;
  readonly err: string;
  /** Why petit ends the attempt, where that could not be stored. */
  readonly ending: string;
  /** Empty; there once petit has stopped the processes of the attempt for a moment: the next petit continues them. */
  readonly held: string;
};

/** Every attempt has these, and not each the others. */
const COMMON_PARTS = ["status", "stdout", "stderr"] as const;
const OTHER_PARTS = ["outputs", "script", "stdin", "out", "err", "held", "ending"] as const;
export type CommonPart = (typeof COMMON_PARTS)[number];
const PARTS = [...COMMON_PARTS, ...OTHER_PARTS] as const;

/** Creates the spool folder, which only its owner can enter; takes an existing one from everybody else. */
export const makeSpoolDir = (path: string): void => {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    restrictMode(path);
  }
};

export const spoolOf = (spoolDir: string, attemptId: number): Spool => {
  const path = (part: (typeof PARTS)[number]): string => `${spoolDir}/${attemptId}.${part}`;
  return {
    status: path("status"),
    stdout: path("stdout"),
    stderr: path("stderr"),
    outputs: path("outputs"),
    script: path("script"),
    stdin: path("stdin"),
    out: path("out"),
    err: path("err"),
    ending: path("ending"),
    held: path("held"),
  };
};

/** Whose file it is; null where the name is not petit's. */
export const attemptOf = (name: string): number | null => {
  const [, id, part] = /^(\d+)\.([a-z]+)$/.exec(name) ?? [];
  return PARTS.some((known) => known === part) ? Number(id) : null;
};

/**
 * Removes the files of an attempt, but for those that `keep` has taken. The status file goes first: a shell that has not
 * begun yet does not begin any more.
 */
export const removeSpool = (spool: Spool, keep: (part: CommonPart) => boolean = () => false): void => {
  for (const part of COMMON_PARTS) if (!keep(part)) remove(spool[part]);
  for (const part of OTHER_PARTS) if (existsSync(spool[part])) remove(spool[part]);
};

const remove = (path: string): void => {
  try {
    unlinkSync(path);
  } catch {
    // The next start clears it away.
  }
};

export type SpoolStatus = {
  /** Of the shell around the program; null while it has not begun. */
  readonly pid: number | null;
  /** Exit status of the program, 128 + n for signal n; null while there is none. */
  readonly exit: number | null;
};

/** Stands in a status file before what its attempt writes to it, and behind what an earlier one has written. */
export const REUSED = "--\n";

/** Far more than shells write to a status file, however often it is used again. */
const MAX_STATUS_BYTES = 65_536;

/** What the shell around the program has written; nothing where a task has put something else in the place of the file. */
export const readStatus = (spool: Spool): SpoolStatus => {
  const text = readSpoolFile(spool.status, MAX_STATUS_BYTES) ?? "";
  const [pid, exit] = (text.split(REUSED).at(-1) ?? "").split("\n").slice(0, -1);
  return { pid: numberOf(pid), exit: numberOf(exit) };
};

const numberOf = (line: string | undefined): number | null => (/^\d{1,10}$/.test(line ?? "") ? Number(line) : null);

/** Null where there is none that is a regular file, or it can't be read. */
const readSpoolFile = (path: string, maxBytes: number): string | null => {
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

/** Notes why an attempt is ended, for the next start. On a full disk there may be no room for that either. */
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
    // Noted before, or there is no room.
  }
};

/** Returns why an attempt was to be ended, where that was noted. */
export const readEnding = (spool: Spool): EndingReason | null => {
  const text = readSpoolFile(spool.ending, MAX_STATUS_BYTES);
  return ENDING_REASONS.find((reason) => reason === text) ?? null;
};

/**
 * Opens a file of a spool folder; returns null where a link, a pipe or anything else than a regular file has its name:
 * each task can replace the files there. Throws the errors of `open`.
 */
export const openSpoolFile = (path: string, flags: number): number | null =>
  openRegular(path, flags | constants.O_NOFOLLOW, 0o600);

/** Opens a file to read it and to append to it; creates it where there is none, or something else than a regular file. */
export const openAppended = (path: string): number => {
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;
  const fd = openSpoolFile(path, flags);
  if (fd !== null) return fd;
  rmSync(path, { recursive: true, force: true });
  const created = openSpoolFile(path, flags | constants.O_EXCL);
  if (created === null) throw new Error(`${path} is not a regular file`);
  return created;
};

export const readText = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
};
