import { type FSWatcher, statSync, watch } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { listFiles } from "../jobfile/read/list-files.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { reportsChanges } from "./file-system.ts";

export type WatchOptions = {
  /** JOBS_DIR. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Called after job files were added, changed or removed; never concurrently. If it rejects, it is called again after
   * the next check, even if nothing has changed.
   */
  readonly onChange: () => Promise<void>;
};

/** Debounce time in ms: editors write a file in several steps. */
const SETTLE_MS = 200;

/** Interval of the checks whether JOBS_DIR is still the same folder, and of all checks if changes can lack an event. */
const POLL_MS = 5_000;

/** The interval between two full checks is at least this many times the duration of one. */
const POLL_FACTOR = 1_000;

/**
 * Interval of full checks if changes have events. The checks find what has no event all the same, such as a write through
 * a memory map, or through a hard link in another folder. An overflow of the system's queue needs no check: the events
 * that are still in the queue cause one, after the events that were dropped.
 */
const RARE_POLL_MS = 60_000;
const RARE_POLL_FACTOR = 4_000;

/** Watches the job files of a folder. System events are only hints; each check compares the folder itself. */
export const watchJobs = async (options: WatchOptions): Promise<AsyncDisposable> => {
  const watcher = new JobsWatcher(options);
  await watcher.start();
  return watcher;
};

class JobsWatcher implements AsyncDisposable {
  readonly #options: WatchOptions;
  #events: FSWatcher | null = null;
  /** The folder that the events are about; null if it is missing. */
  #identity: string | null = null;
  /** True if changes can lack an event. */
  #isUnreliable = true;
  #seen = "";
  /** Time until the next full check in ms. */
  #untilLookMs = 0;
  #cancelTimer: () => void = () => {};
  #lookingSoon = false;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;
  #isFailing = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { clock, dir } = this.#options;
    // Before the first snapshot, so that no change falls between them.
    this.#openEvents();
    const startedAt = clock.monotonic();
    const first = takeSnapshot(dir);
    this.#looking = first.then(({ text }) => {
      this.#seen = text;
    });
    this.#planLook(await first, clock.monotonic() - startedAt);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    this.#events?.close();
    await this.#looking;
  }

  #openEvents(): void {
    const { dir, log } = this.#options;
    this.#events?.close();
    this.#events = null;
    this.#identity = identify(dir);
    this.#isUnreliable = !reportsChanges(dir);
    if (this.#identity === null) return;
    const fallBack = (error: unknown): void => {
      this.#isUnreliable = true;
      log.warn({ dir, err: error }, `job files cannot be watched; petit checks them every ${POLL_MS / 1000} s`);
    };
    try {
      this.#events = watch(dir, { recursive: true }, () => this.#lookSoon());
      this.#events.on("error", (error) => {
        fallBack(error);
        this.#lookSoon();
      });
      this.#events.unref();
    } catch (error) {
      fallBack(error);
    }
  }

  /** Later events do not postpone the check, because a file that is written constantly would postpone it forever. */
  #lookSoon(): void {
    if (this.#lookingSoon) return;
    this.#lookingSoon = true;
    this.#wait(SETTLE_MS, () => this.#look());
  }

  #wait(delayMs: number, callback: () => void): void {
    this.#cancelTimer();
    if (!this.#stopped) this.#cancelTimer = this.#options.clock.setTimeout(callback, delayMs);
  }

  #planLook({ isWatchable }: Pick<Snapshot, "isWatchable">, lookMs: number): void {
    const isRare = isWatchable && !this.#isUnreliable && !this.#isFailing;
    this.#untilLookMs = isRare
      ? Math.max(RARE_POLL_MS, lookMs * RARE_POLL_FACTOR)
      : Math.max(POLL_MS, lookMs * POLL_FACTOR);
    this.#poll();
  }

  #poll(): void {
    if (this.#lookingSoon) return;
    const delayMs = Math.min(POLL_MS, this.#untilLookMs);
    this.#wait(delayMs, () => {
      this.#untilLookMs -= delayMs;
      // The events of a folder do not tell that another one has taken its place, as a deployment does by renaming.
      const isReplaced = identify(this.#options.dir) !== this.#identity;
      if (isReplaced) this.#openEvents();
      if (isReplaced || this.#untilLookMs <= 0) this.#look();
      else this.#poll();
    });
  }

  #look(): void {
    this.#lookingSoon = false;
    this.#looking = this.#looking.then(() => this.#compare());
  }

  async #compare(): Promise<void> {
    let now: Pick<Snapshot, "isWatchable"> = { isWatchable: false };
    const startedAt = this.#options.clock.monotonic();
    let lookMs = 0;
    try {
      const snapshot = await takeSnapshot(this.#options.dir);
      lookMs = this.#options.clock.monotonic() - startedAt;
      now = snapshot;
      if (snapshot.text !== this.#seen && !this.#stopped) {
        await this.#options.onChange();
        this.#seen = snapshot.text;
      }
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing && !this.#stopped)
        this.#options.log.error({ err: error }, "job files could not be reloaded; trying again");
      this.#isFailing = true;
    }
    this.#planLook(now, lookMs);
  }
}

const identify = (dir: string): string | null => {
  const found = statFile(dir);
  return found === null ? null : `${found.dev} ${found.ino}`;
};

type Snapshot = {
  /** The names, sizes and times of all job files and the unreadable entries, for comparison. */
  readonly text: string;
  /** False if some of the files are outside of the folder, on another file system, or unreadable: their changes have no event. */
  readonly isWatchable: boolean;
};

const takeSnapshot = async (dir: string): Promise<Snapshot> => {
  const { files, failures, hasLinks } = await listFiles(dir);
  const marks = failures.map(({ file, message }) => `${file} ${message}`);
  const devices = new Set([statFile(dir)?.dev]);
  for (const [index, path] of files.entries()) {
    // Sequential synchronous calls are twice as fast as a thread pool. Yield between batches.
    if (index % BATCH === BATCH - 1) await setImmediate();
    const found = statFile(`${dir}/${path}`);
    marks.push(found === null ? `${path} gone` : `${path} ${found.ino} ${found.size} ${found.mtimeMs}`);
    devices.add(found?.dev);
  }
  return { text: marks.join("\n"), isWatchable: !hasLinks && failures.length === 0 && devices.size <= 1 };
};

/** Number of files per batch, which takes less than 1 ms. */
const BATCH = 250;

const statFile = (path: string) => {
  try {
    return statSync(path);
  } catch {
    return null;
  }
};
