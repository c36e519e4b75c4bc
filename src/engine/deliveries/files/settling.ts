import type { MatchedFile } from "./look.ts";

/** A file that has settled. */
export type SettledFile = {
  readonly file: MatchedFile;
  /** SHA-256 of its content; null if the trigger does not compare it. */
  readonly digest: string | null;
};

export type SettlingOptions = {
  /** For how long a file must be the same, in ms. */
  readonly settleMs: number;
  /** Maximum number of files of a run. */
  readonly max: number;
  /** True if a run waits for files that still settle. */
  readonly isTogether: boolean;
};

/**
 * New files: first each settles, then it may wait for another file (`done`) or until it can be read, then it is ready for a run. Nothing of it is
 * stored: after a restart they settle again. Times are of the monotonic clock, in ms.
 */
export class SettlingFiles {
  readonly #options: SettlingOptions;
  /** By path, with the time since when they are the same, the oldest first. */
  readonly #settling = new Map<string, { readonly file: MatchedFile; readonly since: number }>();
  /** By path, with the path of the file that they wait for. */
  readonly #undone = new Map<string, { readonly file: MatchedFile; readonly waitsFor: string }>();
  /** Those that can't be read, by path. */
  readonly #unreadable = new Map<string, MatchedFile>();
  /** Why, by path, until that has changed. */
  readonly #problems = new Map<string, string>();
  /** Those that an event or a look may have completed, by path. */
  readonly #again = new Map<string, MatchedFile>();
  readonly #ready = new Map<string, SettledFile>();
  /** When `#ready` got its first file. */
  #readySince = 0;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.reduce((sum, { size }) => sum + size, 0);
  }

  get paths(): readonly string[] {
    return this.#all.flatMap((each) => [...each.keys()]);
  }

  /** Why files can't be read, by path. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  get #all(): readonly Map<string, unknown>[] {
    return [this.#settling, this.#undone, this.#unreadable, this.#again, this.#ready];
  }

  /** Notes how a file is now. If it has changed, it settles again. */
  note(file: MatchedFile, now: number): void {
    const { path } = file;
    const known =
      this.#settling.get(path)?.file ??
      this.#undone.get(path)?.file ??
      this.#unreadable.get(path) ??
      this.#again.get(path) ??
      this.#ready.get(path)?.file;
    if (known?.stat === file.stat && known.folderInode === file.folderInode) return;
    this.delete(path);
    this.#settling.set(path, { file, since: now });
  }

  has(path: string): boolean {
    return this.#all.some((each) => each.has(path));
  }

  delete(path: string): void {
    for (const each of this.#all) each.delete(path);
    this.#problems.delete(path);
  }

  /** Removes and returns up to `limit` files that have been the same for long enough. */
  takeDue(now: number, limit: number): readonly MatchedFile[] {
    const due: MatchedFile[] = [];
    for (const [path, file] of this.#again) {
      if (due.length >= limit) return due;
      this.#again.delete(path);
      due.push(file);
    }
    for (const [path, { file, since }] of this.#settling) {
      if (due.length >= limit || since + this.#options.settleMs > now) return due;
      this.#settling.delete(path);
      due.push(file);
    }
    return due;
  }

  /** A file that has settled waits for another one. */
  waitFor(file: MatchedFile, waitsFor: string): void {
    this.#undone.set(file.path, { file, waitsFor });
  }

  /** A file that has settled waits until it can be read. */
  waitUntilReadable(file: MatchedFile, problem: string): void {
    this.#unreadable.set(file.path, file);
    this.#problems.set(file.path, problem);
  }

  /**
   * Checks the files again that wait for another file, or until they can be read. `changed` limits that to files for which one of these paths
   * matters; null checks all.
   */
  checkAgain(changed: ReadonlySet<string> | null): void {
    for (const [key, { file, waitsFor }] of this.#undone) {
      if (changed !== null && !changed.has(waitsFor)) continue;
      this.#undone.delete(key);
      this.#again.set(key, file);
    }
    for (const [path, file] of this.#unreadable) {
      if (changed !== null && !changed.has(path)) continue;
      this.#unreadable.delete(path);
      this.#again.set(path, file);
    }
  }

  addReady(file: SettledFile, now: number): void {
    if (this.#ready.size === 0) this.#readySince = now;
    this.#ready.set(file.file.path, file);
    this.#problems.delete(file.file.path);
  }

  /** Removes and returns the files of the next run; none if it waits for more. */
  takeBatch(now: number): readonly SettledFile[] {
    const isDue = this.#ready.size > 0 && this.#batchDueAt(now) <= now;
    if (!isDue) return [];
    const batch: SettledFile[] = [];
    let length = 0;
    for (const [path, ready] of this.#ready) {
      length += path.length;
      if (batch.length >= this.#options.max || (batch.length > 0 && length > MAX_PATHS_LENGTH)) break;
      this.#ready.delete(path);
      batch.push(ready);
    }
    return batch;
  }

  /** Returns when the next run starts. With `batch: all` it waits for files that still settle, for at most `settle`. */
  #batchDueAt(now: number): number {
    const { isTogether, max, settleMs } = this.#options;
    const isFull = this.#ready.size >= max;
    if (!isTogether || isFull || (this.#settling.size === 0 && this.#again.size === 0)) return now;
    return this.#readySince + settleMs;
  }

  /** When there is something to do next; null if there is nothing. */
  nextDueAt(now: number): number | null {
    if (this.#again.size > 0) return now;
    const [first] = this.#settling.values();
    const times = [
      ...(first === undefined ? [] : [first.since + this.#options.settleMs]),
      ...(this.#ready.size === 0 ? [] : [this.#batchDueAt(now)]),
    ];
    return times.length === 0 ? null : Math.min(...times);
  }
}

/** Maximum length of the paths in one event, in characters. */
const MAX_PATHS_LENGTH = 2 ** 19;
