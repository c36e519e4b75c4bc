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
import { type CommonPart, makeSpoolDir, openSpoolFile, REUSED, removeSpool, type Spool } from "./spool.ts";

/** What a process reads from files; null where it doesn't. */
export type SpoolTexts = { readonly script: string | null; readonly stdin: string | null };

/** So long after the last attempt, the files that nobody has taken up again are removed. */
const LINGER_MS = 50;

/** Files of one kind that wait for an attempt, at most. */
const MAX_FREE = 32;

/** Files that hold more are not used again: emptying one would have the system write it to disk first. */
const MAX_BYTES = { status: 4_096, stdout: 0, stderr: 0 } as const satisfies Record<CommonPart, number>;

export type SpoolPoolOptions = {
  readonly spoolDir: string;
  readonly runtime: Pick<Runtime, "isOpenElsewhere">;
  readonly clock: Clock;
};

/**
 * Makes the files of attempts. While several attempts follow each other, those of one that is over become those of the
 * next: where ext4 keeps no journal, a new file takes the longer the more were removed in the last minutes, up to several
 * times what a short run takes. A file that some process still has open is never used again.
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

  /** A fresh status file, and what the process reads. Files of that number that lie there are nobody's. */
  make(spool: Spool, texts: SpoolTexts): void {
    this.#cancel();
    this.#inUse++;
    if (existsSync(spool.status)) removeSpool(spool);
    if (!this.#take("status", spool.status)) create(spool.status);
    // Where there are none, whoever opens them makes them.
    this.#take("stdout", spool.stdout);
    this.#take("stderr", spool.stderr);
    if (texts.script !== null) writeNew(spool.script, texts.script);
    if (texts.stdin !== null) writeNew(spool.stdin, texts.stdin);
  }

  /** Takes back the files of an attempt that is over. */
  remove(spool: Spool): void {
    this.#inUse = Math.max(0, this.#inUse - 1);
    const isAlone = this.#inUse === 0 && this.#free.status.length === 0;
    removeSpool(spool, (part) => !isAlone && !this.#isClosed && this.#keep(part, spool[part]));
    if (this.#inUse === 0) this.#clearSoon();
  }

  /** What comes back later is removed at once. */
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

  #keep(part: CommonPart, path: string): boolean {
    if (this.#free[part].length >= MAX_FREE) return false;
    const free = join(this.#options.spoolDir, `free-${this.#made++}`);
    try {
      if (!this.#blank(part, path)) return false;
      renameSync(path, free);
      this.#free[part].push(free);
      return true;
    } catch {
      return false;
    }
  }

  /** Lets a file say nothing of its last attempt, before it gets another name; false where that can't be. */
  #blank(part: CommonPart, path: string): boolean {
    const fd = openSpoolFile(path, constants.O_RDWR);
    if (fd === null) return false;
    try {
      const { size } = fstatSync(fd);
      if (size > MAX_BYTES[part] || this.#options.runtime.isOpenElsewhere(fd)) return false;
      // As bytes: Deno writes a text where the file begins, whatever place is named.
      if (size > 0) writeSync(fd, Buffer.from(REUSED), 0, REUSED.length, size);
      return true;
    } finally {
      closeSync(fd);
    }
  }

  #clearSoon(): void {
    this.#cancel();
    if (!this.#isClosed) this.#cancel = this.#options.clock.setTimeout(() => this.#clear(), LINGER_MS);
  }

  #clear(): void {
    for (const part of Object.values(this.#free)) for (const path of part.splice(0)) unlink(path);
  }
}

/** Takes its place on the disk at once: how a program ended is written down where nothing else has room any more. */
const create = (statusPath: string): void => {
  const fd = openNew(statusPath);
  try {
    writeSync(fd, REUSED);
  } finally {
    closeSync(fd);
  }
};

/** Replaces what lies there, without following a link. */
const writeNew = (path: string, text: string): void => {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    unlinkSync(path);
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  }
};

/** In a folder that somebody may have cleared away. */
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
    // The next start clears it away.
  }
};
