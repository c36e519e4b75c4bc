import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import {
  COMMON_PARTS,
  type CommonPart,
  makeArtifactsFolder,
  makeSpoolDir,
  openSpoolFile,
  REUSED,
  type ReusablePart,
  removeLeftover,
  removeSpool,
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

/** Maximum of free files of one kind. */
const MAX_FREE = 128;

/** How long after the start, or after attempts have ended, files are created in advance, and the period of that. */
const PREPARE_AFTER_MS = 200;
const PREPARE_STEP_MS = 4;

/** What every attempt has: files, and the folder of artifacts. */
const REUSABLE_PARTS: readonly ReusablePart[] = [...COMMON_PARTS, "artifacts"];

/** Larger files are not reused: truncating one makes the system write it to disk first. */
const MAX_BYTES = { status: 4_096, stdout: 0, stderr: 0 } as const satisfies Record<CommonPart, number>;

export type SpoolPoolOptions = {
  readonly spoolDir: string;
  readonly runtime: Pick<Runtime, "isOpenElsewhere">;
  readonly clock: Clock;
};

/**
 * Creates the spool files of attempts, and reuses the files of ended attempts for the next ones. On ext4 without a journal,
 * creating a file takes longer the more files any process has deleted in the last minutes, up to several times the duration of
 * a short run. A file that any process still has open is never reused.
 */
export class SpoolPool implements Disposable {
  readonly #options: SpoolPoolOptions;
  readonly #free: Readonly<Record<ReusablePart, string[]>> = { status: [], stdout: [], stderr: [], artifacts: [] };
  #made = 0;
  /** The number of attempts for which files are created in advance. */
  #prepared = 0;
  #cancel: (() => void) | null = null;
  #isClosed = false;

  constructor(options: SpoolPoolOptions) {
    this.#options = options;
  }

  /**
   * Creates the status file, the files that the process reads, and its folder of artifacts. Files of the same attempt id that already exist are
   * stale.
   */
  make(spool: Spool, texts: SpoolTexts): void {
    if (existsSync(spool.status)) removeSpool(spool);
    if (!this.#take("status", spool.status)) create(spool.status);
    // If no free file is left, opening creates it.
    this.#take("stdout", spool.stdout);
    this.#take("stderr", spool.stderr);
    if (texts.script !== null) writeNew(spool.script, texts.script);
    if (texts.stdin !== null) writeNew(spool.stdin, texts.stdin);
    if (texts.workdir !== null) writeNew(spool.workdir, texts.workdir);
    if (!this.#take("artifacts", spool.artifacts)) makeArtifactsFolder(spool.artifacts);
    if (texts.isShared !== true) return;
    writeNew(spool.outputs, "");
    chmodSync(spool.outputs, 0o666);
    chmodSync(spool.artifacts, 0o777);
    if (texts.script !== null) chmodSync(spool.script, 0o644);
  }

  /** Creates files in the background from now on, so that `count` attempts can start together without creating any. */
  prepare(count: number): void {
    this.#prepared = Math.min(count, MAX_FREE);
    this.#prepareAfter(PREPARE_AFTER_MS);
  }

  #prepareAfter(delayMs: number): void {
    if (this.#isClosed || this.#prepared === 0 || this.#cancel !== null) return;
    this.#cancel = this.#options.clock.setTimeout(() => {
      this.#cancel = null;
      const missing = REUSABLE_PARTS.filter((part) => this.#free[part].length < this.#prepared);
      if (missing.length > 0 && this.#createFree(missing)) this.#prepareAfter(PREPARE_STEP_MS);
    }, delayMs);
  }

  /** Returns false if that fails, for example because the disk is full. */
  #createFree(parts: readonly ReusablePart[]): boolean {
    try {
      for (const part of parts) {
        const path = this.#newFreePath();
        CREATE[part](path);
        this.#free[part].push(path);
      }
      return true;
    } catch {
      return false;
    }
  }

  /** Takes back the files of an attempt that has ended. */
  remove(spool: Spool): void {
    let isUnused = !this.#isClosed;
    removeSpool(spool, (part) => {
      const isRecycled =
        !this.#isClosed &&
        (part === "artifacts" ? isUnused && this.#recycleFolder(spool.artifacts) : this.#recycle(part, spool[part]));
      isUnused &&= isRecycled;
      return isRecycled;
    });
    this.#prepareAfter(PREPARE_AFTER_MS);
  }

  /** Deletes the free files. Files that come back later are deleted immediately. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#cancel?.();
    for (const part of Object.values(this.#free)) for (const path of part.splice(0)) removeFree(path);
  }

  #newFreePath(): string {
    return join(this.#options.spoolDir, `free-${this.#made++}`);
  }

  #take(part: ReusablePart, path: string): boolean {
    const free = this.#free[part].pop();
    if (free === undefined) return false;
    try {
      renameSync(free, path);
      return true;
    } catch {
      return false;
    }
  }

  #recycle(part: CommonPart, path: string): boolean {
    if (this.#free[part].length >= MAX_FREE) return false;
    const free = this.#newFreePath();
    try {
      if (!this.#reset(part, path)) return false;
      renameSync(path, free);
      this.#free[part].push(free);
      return true;
    } catch {
      return false;
    }
  }

  /** Takes back an empty folder. The caller knows that no process of its attempt has the output open. */
  #recycleFolder(path: string): boolean {
    if (this.#free.artifacts.length >= MAX_FREE) return false;
    const free = this.#newFreePath();
    try {
      if (readdirSync(path).length > 0) return false;
      renameSync(path, free);
      this.#free.artifacts.push(free);
      return true;
    } catch {
      return false;
    }
  }

  /** Ends what the file contains of its last attempt. Returns false if the file can't be reused. */
  #reset(part: CommonPart, path: string): boolean {
    const fd = openSpoolFile(path, constants.O_RDWR);
    if (fd === null) return false;
    try {
      const { size } = fstatSync(fd);
      if (size > MAX_BYTES[part] || this.#options.runtime.isOpenElsewhere(fd)) return false;
      // As bytes: Deno ignores the position when it writes a string.
      if (size > 0) writeSync(fd, Buffer.from(REUSED), 0, REUSED.length, size);
      return true;
    } finally {
      closeSync(fd);
    }
  }
}

/** Writes to the file immediately, so that it has a disk block: the exit status can then be recorded on a full disk. */
const create = (statusPath: string): void => {
  const fd = openNew(statusPath);
  try {
    writeSync(fd, REUSED);
  } finally {
    closeSync(fd);
  }
};

const createEmpty = (path: string): void => closeSync(openNew(path));

const CREATE: Readonly<Record<ReusablePart, (path: string) => void>> = {
  status: create,
  stdout: createEmpty,
  stderr: createEmpty,
  artifacts: makeArtifactsFolder,
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

/** Creates a file, and its folder if that was deleted. */
const openNew = (path: string): number => {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    if (existsSync(dirname(path))) throw error;
    makeSpoolDir(dirname(path));
    return openSync(path, "wx", 0o600);
  }
};

const removeFree = (path: string): void => {
  try {
    removeLeftover(path);
  } catch {
    // The next start deletes it.
  }
};
