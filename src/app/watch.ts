import { type FSWatcher, statSync, watch } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { listFiles } from "../jobfile/read/list-files.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

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

/** Polling interval in ms: the system drops events under load, and some file systems have none. */
const POLL_MS = 5_000;

/** The polling interval is at least this many times the duration of a check. */
const POLL_FACTOR = 1_000;

/** Watches the job files of a folder. System events are only hints; each check compares the folder itself. */
export const watchJobs = async (options: WatchOptions): Promise<AsyncDisposable> => {
  const startedAt = options.clock.monotonic();
  const seen = await snapshot(options.dir);
  return new JobsWatcher(options, { seen, lookMs: options.clock.monotonic() - startedAt });
};

class JobsWatcher implements AsyncDisposable {
  readonly #options: WatchOptions;
  readonly #events: FSWatcher | null;
  #seen: string;
  /** Duration of the last check in ms. */
  #lookMs: number;
  #cancelTimer: () => void = () => {};
  #lookingSoon = false;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;
  #isFailing = false;

  constructor(options: WatchOptions, first: { readonly seen: string; readonly lookMs: number }) {
    this.#options = options;
    this.#seen = first.seen;
    this.#lookMs = first.lookMs;
    this.#events = this.#openEvents();
    this.#lookInAWhile();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    this.#events?.close();
    await this.#looking;
  }

  #openEvents(): FSWatcher | null {
    const { dir, log } = this.#options;
    const fallBack = (error: unknown): void =>
      log.warn({ dir, err: error }, `job files cannot be watched; petit checks them every ${POLL_MS / 1000} s`);
    try {
      const events = watch(dir, { recursive: true }, () => this.#lookSoon());
      events.on("error", fallBack);
      events.unref();
      return events;
    } catch (error) {
      fallBack(error);
      return null;
    }
  }

  /** Later events do not postpone the check, because a file that is written constantly would postpone it forever. */
  #lookSoon(): void {
    if (!this.#lookingSoon) this.#lookIn(SETTLE_MS);
    this.#lookingSoon = true;
  }

  #lookIn(delayMs: number): void {
    this.#cancelTimer();
    if (!this.#stopped) this.#cancelTimer = this.#options.clock.setTimeout(() => this.#look(), delayMs);
  }

  #look(): void {
    this.#lookingSoon = false;
    this.#looking = this.#looking
      .then(() => this.#compare())
      .then(() => {
        if (!this.#lookingSoon) this.#lookInAWhile();
      });
  }

  #lookInAWhile(): void {
    this.#lookIn(Math.max(POLL_MS, this.#lookMs * POLL_FACTOR));
  }

  async #compare(): Promise<void> {
    try {
      const startedAt = this.#options.clock.monotonic();
      const now = await snapshot(this.#options.dir);
      this.#lookMs = this.#options.clock.monotonic() - startedAt;
      if (now === this.#seen || this.#stopped) return;
      await this.#options.onChange();
      this.#seen = now;
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing && !this.#stopped)
        this.#options.log.error({ err: error }, "job files could not be reloaded; trying again");
      this.#isFailing = true;
    }
  }
}

/** Returns the names, sizes and times of all job files and the unreadable entries, for comparison. */
const snapshot = async (dir: string): Promise<string> => {
  const { files, failures } = await listFiles(dir);
  const marks = failures.map(({ file, message }) => `${file} ${message}`);
  for (const [index, path] of files.entries()) {
    // Sequential synchronous calls are twice as fast as a thread pool. Yield between batches.
    if (index % BATCH === BATCH - 1) await setImmediate();
    marks.push(mark(dir, path));
  }
  return marks.join("\n");
};

/** Number of files per batch, which takes less than 1 ms. */
const BATCH = 250;

const mark = (dir: string, path: string): string => {
  try {
    const { ino, size, mtimeMs } = statSync(`${dir}/${path}`);
    return `${path} ${ino} ${size} ${mtimeMs}`;
  } catch {
    return `${path} gone`;
  }
};
