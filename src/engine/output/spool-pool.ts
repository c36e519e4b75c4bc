import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import {
  ARTIFACTS,
  COMMON_FILES,
  type CommonFile,
  isFolder,
  makeSpoolFolder,
  openSpoolFile,
  REUSED,
  removeSpool,
  removeSpoolFolder,
  type Spool,
} from "./spool.ts";

/** Contents of files; null for none. The process reads `script` and `stdin`. */
export type SpoolTexts = {
  readonly script: string | null;
  readonly stdin: string | null;
  /** The working directory, which the next petit process reads. */
  readonly workdir: string | null;
  /** True if other users read the script and write the outputs. The spool folder itself stays closed to them. Default false. */
  readonly isShared?: boolean;
};

/** Maximum number of free folders. */
const MAX_FREE = 128;

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
 * Creates the spools of attempts, and reuses those of ended attempts for the next ones. On ext4 without a journal, creating a
 * file takes longer the more files any process has deleted in the last minutes, up to several times the duration of a short
 * run. A file that any process still has open is never reused.
 */
export class SpoolPool implements Disposable {
  readonly #options: SpoolPoolOptions;
  /** Paths of folders that no attempt uses. */
  readonly #free: string[] = [];
  #made = 0;
  /** The number of attempts for which folders are created in advance. */
  #prepared = 0;
  #cancel: (() => void) | null = null;
  #isClosed = false;

  constructor(options: SpoolPoolOptions) {
    this.#options = options;
  }

  /**
   * Creates the folder of a new attempt, with its status file, the files that the process reads, and its folder of artifacts. A
   * folder that already exists is stale.
   */
  make(spool: Spool, texts: SpoolTexts): void {
    if (spool.folder === null) throw new Error("only an older petit starts attempts without a folder");
    this.#take(spool.folder);
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
    this.#prepared = Math.min(count, MAX_FREE);
    this.#prepareAfter(PREPARE_AFTER_MS);
  }

  #prepareAfter(delayMs: number): void {
    if (this.#isClosed || this.#prepared === 0 || this.#cancel !== null) return;
    this.#cancel = this.#options.clock.setTimeout(() => {
      this.#cancel = null;
      if (this.#prepareOne()) this.#prepareAfter(PREPARE_STEP_MS);
    }, delayMs);
  }

  /** Creates one free folder. Returns false if there are enough, or if that fails, for example on a full disk. */
  #prepareOne(): boolean {
    if (this.#free.length >= this.#prepared) return false;
    const path = this.#newFreePath();
    try {
      create(path);
      this.#free.push(path);
      return true;
    } catch {
      removeSpoolFolder(path);
      return false;
    }
  }

  /** Takes back the folder of an attempt that has ended. */
  remove(spool: Spool): void {
    if (!this.#recycle(spool)) removeSpool(spool);
    this.#prepareAfter(PREPARE_AFTER_MS);
  }

  /** Deletes the free folders. Folders that come back later are deleted immediately. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#cancel?.();
    for (const path of this.#free.splice(0)) removeSpoolFolder(path);
  }

  #newFreePath(): string {
    return join(this.#options.spoolDir, `free-${this.#made++}`);
  }

  /** Creates a folder, if possible from a free one. */
  #take(path: string): void {
    const free = this.#free.pop();
    if (free === undefined || !tryRename(free, path)) create(path);
  }

  /** Returns false if the folder can't be reused. */
  #recycle({ folder, artifacts, ...paths }: Spool): boolean {
    if (folder === null || this.#isClosed || this.#free.length >= MAX_FREE) return false;
    try {
      if (!isFolder(folder)) return false;
      const names = readdirSync(folder);
      if (!names.includes(ARTIFACTS) || readdirSync(artifacts).length > 0) return false;
      if (!COMMON_FILES.every((file) => this.#reset(file, paths[file]))) return false;
      for (const name of names) if (!this.#isReusable(name, paths)) unlinkSync(join(folder, name));
      const path = this.#newFreePath();
      renameSync(folder, path);
      this.#free.push(path);
      return true;
    } catch {
      return false;
    }
  }

  /** Ends what a file contains of its last attempt. Returns false if it can't be reused. */
  #reset(file: CommonFile, path: string): boolean {
    return this.#withUnused(path, (fd) => {
      const { size } = fstatSync(fd);
      if (file === "status") {
        if (size > MAX_STATUS_BYTES) return false;
        // As bytes: Deno ignores the position when it writes a string.
        writeSync(fd, Buffer.from(REUSED), 0, REUSED.length, size);
      } else if (size > 0) ftruncateSync(fd);
      return true;
    });
  }

  #isReusable(name: string, { script }: Pick<Spool, "script">): boolean {
    return REUSABLE.has(name) || (name === basename(script) && this.#withUnused(script, () => true));
  }

  /** Calls `use` with a regular file that no process has open. Returns false if the file is not such a one. */
  #withUnused(path: string, use: (fd: number) => boolean): boolean {
    const fd = openSpoolFile(path, constants.O_RDWR);
    if (fd === null) return false;
    try {
      return !this.#options.runtime.isOpenElsewhere(fd) && use(fd);
    } finally {
      closeSync(fd);
    }
  }
}

const REUSABLE: ReadonlySet<string> = new Set([...COMMON_FILES, ARTIFACTS]);

const tryRename = (from: string, to: string): boolean => {
  try {
    renameSync(from, to);
    return true;
  } catch {
    removeSpoolFolder(from);
    return false;
  }
};

/** Creates the folder of an attempt with the files that every attempt has. */
const create = (folder: string): void => {
  makeSpoolFolder(folder);
  for (const file of COMMON_FILES) {
    const fd = openSync(join(folder, file), "wx", 0o600);
    try {
      // With a disk block of its own, the exit status can be recorded on a full disk.
      if (file === "status") writeSync(fd, REUSED);
    } finally {
      closeSync(fd);
    }
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
