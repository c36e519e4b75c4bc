import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { readStart } from "../../lib/files/regular-file.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { isUntouched, type LinkedFolder, makeLinkedFolder, seemsUntouched } from "./linked-folder.ts";
import {
  ARTIFACTS,
  COMMON_FILES,
  type CommonFile,
  isThere,
  LINKED,
  makeParent,
  makeSpoolDir,
  namesIn,
  OTHER_FILES,
  openSpoolFile,
  openSpoolStat,
  pathsOf,
  REUSED,
  removeLeftover,
  removeSpool,
  type Spool,
  type SpoolPaths,
  targetOf,
  tryRename,
} from "./spool.ts";
import { SpoolTrash } from "./spool-trash.ts";

/** Contents of files; null for none. The process reads `script` and `stdin`. */
export type SpoolTexts = {
  readonly script: string | null;
  readonly stdin: string | null;
  /** The event that started the run, as JSON. Default: null, there is none. */
  readonly event?: string | null;
  /** The working directory, which the next petit process reads. */
  readonly workdir: string | null;
  /** True if other users read the script and write the outputs. The spool folder itself stays closed to them. Default false. */
  readonly isShared?: boolean;
  /** True if another user than petit's usual one for tasks gets files of its own, so that no attempt of somebody else had or will have them. Default false. */
  readonly isOwn?: boolean;
  /** False if the process gets no pipes and leaves no files but its output, its outputs and artifacts. Default true. */
  readonly hasRareFiles?: boolean;
};

/** Maximum number of sets of files that wait for an attempt, new ones and those of ended attempts together. */
const MAX_WAITING = 128;

/** How long after the start, or after attempts have ended, files are created in advance, and the period of that. */
const PREPARE_AFTER_MS = 200;
const PREPARE_STEP_MS = 4;

/** Size above which a status file is not reused. Each attempt appends to it. */
const MAX_STATUS_BYTES = 4_096;

export type SpoolPoolOptions = {
  readonly spoolDir: string;
  readonly runtime: Pick<Runtime, "isOpenElsewhere">;
  readonly clock: Clock;
};

type ReusableFiles = {
  readonly folder: LinkedFolder | null;
  /** The files that the attempt can have besides those of every attempt. */
  readonly others: readonly (typeof OTHER_FILES)[number][];
  readonly hasScript: boolean;
};

/** Files that wait for an attempt. */
type WaitingFiles = {
  readonly paths: SpoolPaths;
  /** Null if there is no folder that another attempt can have. */
  readonly folder: LinkedFolder | null;
};

/**
 * Creates the spools of attempts from what ended attempts have left: on ext4 without a journal, creating a file or a folder takes longer the
 * more files any process has deleted in the last minutes, up to several times the duration of a short run. A file is reused only if,
 * after it was renamed, it has no other name and no process has it open. The folder of artifacts is reused only if no process has used it.
 */
export class SpoolPool implements Disposable {
  readonly #options: SpoolPoolOptions;
  readonly #trash: SpoolTrash;
  /** The oldest first. Those that have waited longest are the least likely to be still in use. */
  readonly #waiting: WaitingFiles[] = [];
  /** The paths of scripts of ended attempts. */
  readonly #scripts: string[] = [];
  /** By id, the attempts whose files can be reused: those of this process, except in containers, which mount files. */
  readonly #reusable = new Map<number, ReusableFiles>();
  /** The ids of attempts that have ended since the last sweep. */
  readonly #ended = new Set<number>();
  readonly #name = randomUUID();
  #made = 0;
  /** False if links are of no use on this file system. */
  #hasLinks = true;
  /** The number of attempts for which files are created in advance. */
  #prepared = 0;
  #cancel: (() => void) | null = null;
  #isClosed = false;

  constructor(options: SpoolPoolOptions) {
    this.#options = options;
    this.#trash = new SpoolTrash(options);
  }

  /**
   * Creates the files of a new attempt that every attempt has and those that the process reads, and its folder of artifacts. Stale files
   * are replaced. Returns the spool with the real path of that folder, which may be behind a link.
   */
  make(spool: Spool, texts: SpoolTexts): Spool {
    if (isThere(spool.parent) || isThere(spool.status)) removeSpool(spool);
    const isShared = texts.isShared === true;
    const isOwn = texts.isOwn === true;
    const isReusable = !isShared && !isOwn && spool.folder === null;
    const folder = isReusable ? this.#take(spool) : this.#create(spool, { isLinked: false });
    if (isReusable)
      this.#reusable.set(spool.attemptId, {
        folder,
        others: texts.hasRareFiles === false ? USUAL_FILES : OTHER_FILES,
        hasScript: texts.script !== null,
      });
    if (texts.script !== null && isOwn) writeNew(spool.script, texts.script);
    else if (texts.script !== null) this.#writeScript(spool.script, texts.script);
    if (texts.stdin !== null) writeNew(spool.stdin, texts.stdin);
    if (typeof texts.event === "string") writeNew(spool.event, texts.event);
    if (texts.workdir !== null) writeNew(spool.workdir, texts.workdir);
    if (isShared) share(spool, texts);
    return folder === null ? spool : { ...spool, artifacts: join(folder.target, ARTIFACTS) };
  }

  /** Creates files in the background from now on, so that `count` attempts can start together without creating any. */
  prepare(count: number): void {
    this.#prepared = Math.min(count, MAX_WAITING);
    this.#prepareAfter(PREPARE_AFTER_MS);
  }

  /** Deletes the files of an attempt that has ended, or keeps them, without their content, for another attempt. */
  remove(spool: Spool): void {
    const files = this.#reusable.get(spool.attemptId);
    this.#reusable.delete(spool.attemptId);
    this.#ended.add(spool.attemptId);
    if (files === undefined || !this.#setAside(spool, files)) removeSpool(spool);
    this.#prepareAfter(PREPARE_AFTER_MS);
  }

  /** Deletes the waiting files. Those that come back later are deleted immediately. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#cancel?.();
    this.#sweep();
    for (const { paths } of this.#waiting.splice(0)) removeSpool(paths);
    for (const script of this.#scripts.splice(0)) removeLeftover(script);
    this.#trash[Symbol.dispose]();
  }

  /** Works in small steps, after a time without attempts that end, so that it does not slow the attempts down. */
  #prepareAfter(delayMs: number): void {
    if (this.#isClosed) return;
    if (delayMs === PREPARE_AFTER_MS) this.#cancel?.();
    else if (this.#cancel !== null) return;
    this.#cancel = this.#options.clock.setTimeout(() => {
      this.#cancel = null;
      if (this.#prepareOne()) return this.#prepareAfter(PREPARE_STEP_MS);
      this.#trash.empty();
      this.#sweep();
    }, delayMs);
  }

  /** Deletes what tasks have left beside the files that petit knows, such as a copy of their outputs. */
  #sweep(): void {
    for (const name of this.#ended.size === 0 ? [] : namesIn(this.#options.spoolDir)) {
      const [, id] = /^(\d+)\./.exec(name) ?? [];
      if (id !== undefined && this.#ended.has(Number(id))) removeLeftover(join(this.#options.spoolDir, name));
    }
    this.#ended.clear();
  }

  /** Creates files for one attempt. Returns false if there are enough, or if that fails, for example on a full disk. */
  #prepareOne(): boolean {
    if (this.#waiting.length >= this.#prepared) return false;
    const paths = pathsOf(this.#newPath("free-"));
    try {
      this.#waiting.push({ paths, folder: this.#create(paths, { isLinked: true }) });
      return true;
    } catch {
      removeSpool(paths);
      return false;
    }
  }

  #newPath(prefix: string): string {
    return join(this.#options.spoolDir, `${prefix}${this.#name}-${this.#made++}`);
  }

  /** Gives an attempt waiting files, or creates them. Returns its folder of artifacts if it is behind a link. */
  #take(spool: Spool): LinkedFolder | null {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return this.#create(spool, { isLinked: true });
    const { paths, folder } = waiting;
    try {
      for (const file of COMMON_FILES)
        if (!this.#moveFile(file, paths[file], spool[file])) createFile(file, spool[file]);
      return this.#moveFolder(folder, { from: paths.parent, to: spool.parent });
    } catch (error) {
      removeSpool(paths);
      throw error;
    }
  }

  /** Creates the spool folder, too, if that was deleted. */
  #create(spool: SpoolPaths, { isLinked }: { readonly isLinked: boolean }): LinkedFolder | null {
    if (spool.folder !== null) makeParent(spool.folder);
    try {
      createFile("status", spool.status);
    } catch (error) {
      if (existsSync(this.#options.spoolDir)) throw error;
      makeSpoolDir(this.#options.spoolDir);
      createFile("status", spool.status);
    }
    for (const file of ["stdout", "stderr"] as const) createFile(file, spool[file]);
    if (isLinked) return this.#createLinked(spool.parent);
    if (spool.folder === null) makeParent(spool.parent);
    return null;
  }

  #createLinked(path: string): LinkedFolder | null {
    const target = this.#newPath(LINKED);
    const folder = this.#hasLinks ? makeLinkedFolder(path, target) : null;
    if (folder !== null) return folder;
    if (!this.#hasLinks || !tryRename(target, path)) makeParent(path);
    this.#hasLinks = false;
    return null;
  }

  /**
   * Gives the files other names, so that after a crash none of them counts as one of the attempt. Returns false if they can't be reused.
   */
  #setAside(spool: Spool, { folder, others, hasScript }: ReusableFiles): boolean {
    if (this.#isClosed || this.#waiting.length >= MAX_WAITING) return false;
    const paths = pathsOf(this.#newPath("free-"));
    try {
      if (!closeStatus(spool.status)) return false;
      renameSync(spool.status, paths.status);
      for (const stream of ["stdout", "stderr"] as const) {
        clear(spool[stream]);
        tryRename(spool[stream], paths[stream]);
      }
      for (const file of others) if (existsSync(spool[file])) unlinkSync(spool[file]);
      if (hasScript && tryRename(spool.script, paths.script)) this.#keepScript(paths.script);
      this.#waiting.push({ paths, folder: this.#setFolderAside(folder, { from: spool.parent, to: paths.parent }) });
      return true;
    } catch {
      removeSpool(paths);
      return false;
    }
  }

  /** Keeps a folder of artifacts that nobody has used. Deletes any other. */
  #setFolderAside(folder: LinkedFolder | null, { from, to }: Move): LinkedFolder | null {
    if (folder !== null && tryRename(from, to)) {
      if (seemsUntouched(to, folder)) return folder;
      this.#discard(to);
    } else this.#discard(from);
    return null;
  }

  /** Gives an attempt a waiting folder if still nobody has used it. Creates one otherwise. */
  #moveFolder(folder: LinkedFolder | null, { from, to }: Move): LinkedFolder | null {
    if (folder !== null && tryRename(from, to)) {
      if (isUntouched(to, folder)) return folder;
      this.#discard(to);
    }
    return this.#createLinked(to);
  }

  /** Moves a folder of an attempt, and the link to it, out of the way. */
  #discard(path: string): void {
    const target = targetOf(path);
    if (target !== null) this.#trash.add(target);
    this.#trash.add(path);
  }

  #keepScript(path: string): void {
    if (this.#scripts.length < MAX_WAITING) this.#scripts.push(path);
    else unlinkSync(path);
  }

  #writeScript(path: string, text: string): void {
    const known = this.#scripts.pop();
    if (known !== undefined) this.#moveFile("script", known, path);
    overwrite(path, text);
  }

  /** Returns false if the file can't be reused; then it is deleted. */
  #moveFile(file: KeptFile, from: string, to: string): boolean {
    if (!tryRename(from, to)) return false;
    // Checked after the move: nobody can open the file by its old name any more.
    if (this.#reset(file, to)) return true;
    removeLeftover(to);
    return false;
  }

  /** Ends what a file contains of its last attempt. Returns false if another process can reach it. */
  #reset(file: KeptFile, path: string): boolean {
    const opened = openSpoolStat(path, constants.O_RDWR);
    if (opened === null) return false;
    const { fd, stat } = opened;
    try {
      const { size, nlink } = stat;
      if (nlink !== 1 || this.#options.runtime.isOpenElsewhere(fd)) return false;
      if (file === "status")
        return size <= MAX_STATUS_BYTES && readStart(fd, MAX_STATUS_BYTES).toString().endsWith(REUSED);
      if (file !== "script" && size > 0) ftruncateSync(fd);
      return true;
    } finally {
      closeSync(fd);
    }
  }
}

type Move = { readonly from: string; readonly to: string };

/** The files that any attempt can have besides those of every attempt. */
const USUAL_FILES = ["outputs", "workdir", "stdin", "held", "ending"] as const;

type KeptFile = CommonFile | "script";

/** Opens what other users, those of a container, read and write. */
const share = (spool: Spool, { script, event = null }: SpoolTexts): void => {
  writeNew(spool.outputs, "");
  chmodSync(spool.outputs, 0o666);
  chmodSync(spool.artifacts, 0o777);
  if (script !== null) chmodSync(spool.script, 0o644);
  if (event !== null) chmodSync(spool.event, 0o644);
};

/**
 * Ends the status of an attempt, so that its file has no status for the next one. It is done before the file is moved: petit can be killed
 * at any time, and the next process would take the old status for that of the new attempt. Returns false if the file can't be reused.
 */
const closeStatus = (path: string): boolean => {
  const opened = openSpoolStat(path, constants.O_WRONLY);
  if (opened === null) return false;
  const { fd, stat } = opened;
  try {
    const { size, nlink } = stat;
    // As bytes: Deno ignores the position when it writes a string.
    return nlink === 1 && writeSync(fd, Buffer.from(REUSED), 0, REUSED.length, size) === REUSED.length;
  } finally {
    closeSync(fd);
  }
};

/** Deletes the content of a file, unless the file has another name: then only this name is deleted. */
const clear = (path: string): void => {
  const known = lstatSync(path, { throwIfNoEntry: false });
  // Whether an empty file can be reused is checked after its move.
  if (known?.isFile() === true && known.size === 0) return;
  const opened = openSpoolStat(path, constants.O_WRONLY);
  if (opened === null) {
    unlinkSync(path);
    return;
  }
  const { fd, stat } = opened;
  try {
    if (stat.nlink > 1) unlinkSync(path);
    else if (stat.size > 0) ftruncateSync(fd);
  } finally {
    closeSync(fd);
  }
};

const createFile = (file: CommonFile, path: string): void => {
  const fd = openSync(path, "wx", 0o600);
  try {
    // With a disk block of its own, the exit status can be recorded on a full disk.
    if (file === "status") writeSync(fd, REUSED);
  } finally {
    closeSync(fd);
  }
};

/** Writes a file that may be that of an ended attempt. Does not follow a link in its place. */
const overwrite = (path: string, text: string): void => {
  const fd = openSpoolFile(path, constants.O_WRONLY | constants.O_CREAT);
  if (fd === null) writeNew(path, text);
  else
    try {
      writeFileSync(fd, text);
      ftruncateSync(fd, Buffer.byteLength(text));
    } finally {
      closeSync(fd);
    }
};

/** Replaces an existing file, without following a link. */
const writeNew = (path: string, text: string): void => {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    unlinkSync(path);
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  }
};
