import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
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

/** Maximum of free folders. */
const MAX_FREE = 128;

/** How long after the start, or after attempts have ended, folders are created in advance, and the period of that. */
const PREPARE_AFTER_MS = 200;
const PREPARE_STEP_MS = 4;

/** Larger files are not reused: truncating one makes the system write it to disk first. */
const MAX_BYTES = { status: 4_096, stdout: 0, stderr: 0 } as const satisfies Record<CommonFile, number>;

/** A folder of an attempt that has ended, or of none yet. */
type FreeFolder = {
  readonly path: string;
  /** The files that every attempt has and that this folder lacks. */
  readonly missing: readonly CommonFile[];
};

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
  /** The complete folders, which are taken first, are at the end. */
  readonly #free: FreeFolder[] = [];
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
    // What else is missing is created when it is opened.
    if (this.#take(spool.folder).includes("status")) create(spool.status);
    if (texts.script !== null) writeNew(spool.script, texts.script);
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

  /** Completes or creates one free folder. Returns false if none is missing, or if that fails, for example on a full disk. */
  #prepareOne(): boolean {
    const [first] = this.#free;
    const incomplete = first === undefined || first.missing.length === 0 ? undefined : this.#free.shift();
    if (incomplete === undefined && this.#free.length >= this.#prepared) return false;
    const path = incomplete?.path ?? this.#newFreePath();
    try {
      if (incomplete === undefined) makeSpoolFolder(path);
      for (const file of incomplete?.missing ?? COMMON_FILES) CREATE[file](join(path, file));
      this.#free.push({ path, missing: [] });
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
    for (const { path } of this.#free.splice(0)) removeSpoolFolder(path);
  }

  #newFreePath(): string {
    return join(this.#options.spoolDir, `free-${this.#made++}`);
  }

  /** Creates a folder, if possible from a free one. Returns the files that it lacks. */
  #take(path: string): readonly CommonFile[] {
    const free = this.#free.pop();
    if (free !== undefined && tryRename(free.path, path)) return free.missing;
    makeSpoolFolder(path);
    return COMMON_FILES;
  }

  /** Returns false if the folder can't be reused. */
  #recycle({ folder, artifacts, ...paths }: Spool): boolean {
    if (folder === null || this.#isClosed || this.#free.length >= MAX_FREE) return false;
    try {
      if (!isFolder(folder)) return false;
      const names = readdirSync(folder);
      if (!names.includes(ARTIFACTS) || readdirSync(artifacts).length > 0) return false;
      const missing: CommonFile[] = [];
      for (const file of COMMON_FILES) {
        const state = names.includes(file) ? this.#reset(file, paths[file]) : "missing";
        if (state === "in use") return false;
        if (state === "missing") missing.push(file);
      }
      for (const name of names) if (name !== ARTIFACTS && !isCommon(name)) unlinkSync(join(folder, name));
      const path = this.#newFreePath();
      renameSync(folder, path);
      if (missing.length > 0) this.#free.unshift({ path, missing });
      else this.#free.push({ path, missing });
      return true;
    } catch {
      return false;
    }
  }

  /** Ends what a file contains of its last attempt, or deletes it if it has too much of that. */
  #reset(file: CommonFile, path: string): "empty" | "missing" | "in use" {
    const fd = openSpoolFile(path, constants.O_RDWR);
    if (fd === null) return "in use";
    try {
      if (this.#options.runtime.isOpenElsewhere(fd)) return "in use";
      const { size } = fstatSync(fd);
      if (size > MAX_BYTES[file]) {
        unlinkSync(path);
        return "missing";
      }
      // As bytes: Deno ignores the position when it writes a string.
      if (size > 0) writeSync(fd, Buffer.from(REUSED), 0, REUSED.length, size);
      return "empty";
    } finally {
      closeSync(fd);
    }
  }
}

const isCommon = (name: string): boolean => COMMON_FILES.some((common) => common === name);

const tryRename = (from: string, to: string): boolean => {
  try {
    renameSync(from, to);
    return true;
  } catch {
    removeSpoolFolder(from);
    return false;
  }
};

/** Writes to the file immediately, so that it has a disk block: the exit status can then be recorded on a full disk. */
const create = (statusPath: string): void => {
  const fd = openSync(statusPath, "wx", 0o600);
  try {
    writeSync(fd, REUSED);
  } finally {
    closeSync(fd);
  }
};

const createEmpty = (path: string): void => closeSync(openSync(path, "wx", 0o600));

const CREATE: Readonly<Record<CommonFile, (path: string) => void>> = {
  status: create,
  stdout: createEmpty,
  stderr: createEmpty,
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
