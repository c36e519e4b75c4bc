import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import {
  type CommonPart,
  makeArtifactsFolder,
  makeSpoolDir,
  openSpoolFile,
  REUSED,
  removeSpool,
  type Spool,
} from "./spool.ts";

/** Contents of files; null for none. The process reads `script` and `stdin`. */
export type SpoolTexts = {
  readonly script: string | null;
  readonly stdin: string | null;
  /** The working directory, which the next petit process reads. */
  readonly workdir: string | null;
};

/** How long after the last attempt the free files are deleted. */
const LINGER_MS = 600_000;

/** Maximum of free files of one kind. */
const MAX_FREE = 128;

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
  readonly #free: Readonly<Record<CommonPart, string[]>> = { status: [], stdout: [], stderr: [] };
  #made = 0;
  #inUse = 0;
  #cancel: () => void = () => {};
  #isClosed = false;

  constructor(options: SpoolPoolOptions) {
    this.#options = options;
  }

  /**
   * Creates the status file, the files that the process reads, and its folder of artifacts. Files of the same attempt id that already exist are
   * stale.
   */
  make(spool: Spool, texts: SpoolTexts): void {
    this.#cancel();
    this.#inUse++;
    if (existsSync(spool.status)) removeSpool(spool);
    if (!this.#take("status", spool.status)) create(spool.status);
    // If no free file is left, opening creates it.
    this.#take("stdout", spool.stdout);
    this.#take("stderr", spool.stderr);
    if (texts.script !== null) writeNew(spool.script, texts.script);
    if (texts.stdin !== null) writeNew(spool.stdin, texts.stdin);
    if (texts.workdir !== null) writeNew(spool.workdir, texts.workdir);
    makeArtifactsFolder(spool.artifacts);
  }

  /** Takes back the files of an attempt that has ended. */
  remove(spool: Spool): void {
    this.#inUse = Math.max(0, this.#inUse - 1);
    removeSpool(spool, (part) => !this.#isClosed && this.#recycle(part, spool[part]));
    if (this.#inUse === 0) this.#scheduleClear();
  }

  /** Deletes the free files. Files that come back later are deleted immediately. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#cancel();
    this.#clear();
  }

  #take(part: CommonPart, path: string): boolean {
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
    const free = join(this.#options.spoolDir, `free-${this.#made++}`);
    try {
      if (!this.#reset(part, path)) return false;
      renameSync(path, free);
      this.#free[part].push(free);
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

  #scheduleClear(): void {
    this.#cancel();
    if (!this.#isClosed) this.#cancel = this.#options.clock.setTimeout(() => this.#clear(), LINGER_MS);
  }

  #clear(): void {
    for (const part of Object.values(this.#free)) for (const path of part.splice(0)) unlink(path);
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

const unlink = (path: string): void => {
  try {
    unlinkSync(path);
  } catch {
    // The next start deletes it.
  }
};
