import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { readStart } from "../../lib/files/regular-file.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { NewFolders } from "./new-folders.ts";
import {
  ARTIFACTS,
  COMMON_FILES,
  type CommonFile,
  isFolder,
  openSpoolFile,
  openSpoolStat,
  REUSED,
  removeSpool,
  removeSpoolFolder,
  type Spool,
  tryRename,
} from "./spool.ts";
import { SpoolTrash } from "./spool-trash.ts";

/** Contents of files; null for none. The process reads `script` and `stdin`. */
export type SpoolTexts = {
  readonly script: string | null;
  readonly stdin: string | null;
  /** The working directory, which the next petit process reads. */
  readonly workdir: string | null;
  /** True if other users read the script and write the outputs. The spool folder itself stays closed to them. Default false. */
  readonly isShared?: boolean;
};

/** Maximum number of folders that wait for an attempt, new ones and those of ended attempts together. */
const MAX_WAITING = 128;

/** How long after the start, or after attempts have ended, folders are created in advance, and the period of that. */
const PREPARE_AFTER_MS = 200;
const PREPARE_STEP_MS = 4;

/** Size above which a status file is not reused. Each attempt appends to it. */
const MAX_STATUS_BYTES = 4_096;

export type SpoolPoolOptions = {
  readonly spoolDir: string;
  readonly runtime: Pick<Runtime, "isOpenElsewhere">;
  readonly clock: Clock;
};

/**
 * Creates the spools of attempts. Each attempt gets a new folder, because a process that outlives its attempt can have the old
 * one as its working directory. The files of an ended attempt are moved into a new folder: on ext4 without a journal, creating a
 * file takes longer the more files any process has deleted in the last minutes, up to several times the duration of a short run.
 * A file is reused only if, after the move, it has no other name and no process has it open.
 */
export class SpoolPool implements Disposable {
  readonly #options: SpoolPoolOptions;
  readonly #trash: SpoolTrash;
  readonly #folders: NewFolders;
  /** Paths of complete new folders. */
  readonly #free: string[] = [];
  /** Paths of folders of ended attempts, whose files can be moved into new folders. */
  readonly #ended: string[] = [];
  /** Ids of the attempts whose files can be reused: those of this process, except in containers, which mount files. */
  readonly #reusable = new Set<number>();
  #made = 0;
  /** The number of attempts for which complete folders are created in advance. */
  #prepared = 0;
  /** The number of attempts that have started since the last time without attempts that end. */
  #started = 0;
  #cancel: (() => void) | null = null;
  #isClosed = false;

  constructor(options: SpoolPoolOptions) {
    this.#options = options;
    this.#trash = new SpoolTrash(options);
    this.#folders = new NewFolders({ ...options, trash: this.#trash });
  }

  /**
   * Creates the folder of a new attempt, with its status file, the files that the process reads, and its folder of artifacts. A
   * folder that already exists is stale.
   */
  make(spool: Spool, texts: SpoolTexts): void {
    if (spool.folder === null) throw new Error("only an older petit starts attempts without a folder");
    this.#take(spool.folder);
    if (texts.isShared !== true) this.#reusable.add(spool.attemptId);
    if (texts.script !== null) overwrite(spool.script, texts.script);
    else if (existsSync(spool.script)) unlinkSync(spool.script);
    if (texts.stdin !== null) writeNew(spool.stdin, texts.stdin);
    if (texts.workdir !== null) writeNew(spool.workdir, texts.workdir);
    if (texts.isShared !== true) return;
    writeNew(spool.outputs, "");
    chmodSync(spool.outputs, 0o666);
    chmodSync(spool.artifacts, 0o777);
    if (texts.script !== null) chmodSync(spool.script, 0o644);
  }

  /** Creates folders in the background from now on, so that `count` attempts can start together without creating any. */
  prepare(count: number): void {
    this.#prepared = Math.min(count, MAX_WAITING);
    this.#prepareAfter(PREPARE_AFTER_MS);
  }

  /** Deletes the files of an attempt that has ended, or keeps them, without their content, for another attempt. */
  remove(spool: Spool): void {
    const isReusable = this.#reusable.delete(spool.attemptId);
    if (!isReusable || !this.#setAside(spool)) removeSpool(spool);
    this.#prepareAfter(PREPARE_AFTER_MS);
  }

  /** Deletes the waiting folders. Folders that come back later are deleted immediately. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#cancel?.();
    for (const path of [...this.#free.splice(0), ...this.#ended.splice(0)]) this.#trash.add(path);
    this.#folders[Symbol.dispose]();
    this.#trash[Symbol.dispose]();
  }

  /** Works in small steps, after a time without attempts that end, so that it does not slow the attempts down. */
  #prepareAfter(delayMs: number): void {
    if (this.#isClosed) return;
    if (delayMs === PREPARE_AFTER_MS) this.#cancel?.();
    else if (this.#cancel !== null) return;
    this.#cancel = this.#options.clock.setTimeout(() => {
      this.#cancel = null;
      if (delayMs === PREPARE_AFTER_MS) this.#prepareFolders();
      if (this.#prepareOne()) this.#prepareAfter(PREPARE_STEP_MS);
      else this.#trash.empty();
    }, delayMs);
  }

  /** Prepares for as many attempts as have started together before. */
  #prepareFolders(): void {
    if (this.#started > this.#prepared) this.#folders.prepare(this.#started);
    this.#started = 0;
  }

  /** Creates one free folder. Returns false if there are enough, or if that fails, for example on a full disk. */
  #prepareOne(): boolean {
    if (this.#ended.length === 0 && this.#free.length >= this.#prepared) return false;
    const path = this.#newPath("complete");
    try {
      if (!this.#renewOne(path)) this.#create(path);
      this.#free.push(path);
      return true;
    } catch {
      removeSpoolFolder(path);
      return false;
    }
  }

  /** Creates a folder with the files that every attempt has. */
  #create(path: string): void {
    this.#folders.make(path);
    for (const file of COMMON_FILES) createFile(file, path);
  }

  #newPath(kind: "complete" | "ended"): string {
    return join(this.#options.spoolDir, `free-${kind}-${this.#made++}`);
  }

  /** Creates a folder, if possible from a free one or with the files of an ended attempt. */
  #take(path: string): void {
    this.#started++;
    const free = this.#free.pop();
    if (free !== undefined) {
      if (tryRename(free, path)) return;
      this.#trash.add(free);
    }
    if (this.#prepared > 0 && this.#started > this.#prepared) this.#folders.stock();
    if (!this.#renewOne(path)) this.#create(path);
  }

  /** Returns false if the files can't be reused. */
  #setAside({ folder, artifacts, ...paths }: Spool): boolean {
    if (folder === null || this.#isClosed || this.#free.length + this.#ended.length >= MAX_WAITING) return false;
    try {
      if (!isFolder(folder)) return false;
      const names = readdirSync(folder);
      if (!names.includes(ARTIFACTS) || readdirSync(artifacts).length > 0) return false;
      if (!closeStatus(paths.status)) return false;
      for (const stream of ["stdout", "stderr"] as const) clear(paths[stream]);
      for (const name of names) if (!KEPT.has(name)) unlinkSync(join(folder, name));
      const path = this.#newPath("ended");
      renameSync(folder, path);
      this.#ended.push(path);
      return true;
    } catch {
      return false;
    }
  }

  /** Creates a folder with the files of an ended attempt. Returns false if there is none. */
  #renewOne(path: string): boolean {
    const ended = this.#ended.pop();
    if (ended === undefined) return false;
    try {
      this.#folders.make(path);
      for (const file of COMMON_FILES) if (!this.#moveFile(file, ended, path)) createFile(file, path);
      this.#moveFile("script", ended, path);
    } finally {
      this.#trash.add(ended);
    }
    return true;
  }

  /** Returns false if the file can't be reused; then it is deleted. */
  #moveFile(file: KeptFile, from: string, to: string): boolean {
    const path = join(to, file);
    if (!tryRename(join(from, file), path)) return false;
    // Checked after the move: nobody can open the file by its old name any more.
    if (this.#reset(file, path)) return true;
    unlinkSync(path);
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

type KeptFile = CommonFile | "script";

const KEPT: ReadonlySet<string> = new Set([...COMMON_FILES, "script", ARTIFACTS]);

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

const createFile = (file: CommonFile, folder: string): void => {
  const fd = openSync(join(folder, file), "wx", 0o600);
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
