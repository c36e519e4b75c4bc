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
   * Called after job files were added, changed or removed; never twice at once. Where it rejects it is called again after the
   * next look, whether or not anything has changed since.
   */
  readonly onChange: () => Promise<void>;
};

/** Editors write a file in several steps; a look this long after the first of them sees them all. */
const SETTLE_MS = 200;

/** The system drops events under load, and has none for some file systems: look every so often without one, too. */
const POLL_MS = 5_000;

/** A look at many files takes its time; looks without an event come so much further apart than that. */
const POLL_FACTOR = 1_000;

/** Watches the job files of a folder. What the system tells is only a hint: the folder itself is looked at each time. */
export const watchJobs = async (options: WatchOptions): Promise<AsyncDisposable> => {
  const startedAt = options.clock.monotonic();
  const seen = await snapshot(options.dir);
  return new JobsWatcher(options, { seen, lookMs: options.clock.monotonic() - startedAt });
};

class JobsWatcher implements AsyncDisposable {
  readonly #options: WatchOptions;
  readonly #events: FSWatcher | null;
  #seen: string;
  /** How long the last look took. */
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
      log.warn({ dir, err: error }, `job files can't be watched; they are looked at every ${POLL_MS / 1000} s`);
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

  /** Further events don't put the look off: a file that is written all the time would do so for ever. */
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

/** Names, sizes and times of all job files, and what can't be read: what differs when one was touched. */
const snapshot = async (dir: string): Promise<string> => {
  const { files, failures } = await listFiles(dir);
  const marks = failures.map(({ file, message }) => `${file} ${message}`);
  for (const [index, path] of files.entries()) {
    // One by one is twice as fast as all at once on other threads; others get their turn in between.
    if (index % BATCH === BATCH - 1) await setImmediate();
    marks.push(mark(dir, path));
  }
  return marks.join("\n");
};

/** Files that are looked at in one go: less than a millisecond. */
const BATCH = 250;

const mark = (dir: string, path: string): string => {
  try {
    const { ino, size, mtimeMs } = statSync(`${dir}/${path}`);
    return `${path} ${ino} ${size} ${mtimeMs}`;
  } catch {
    return `${path} gone`;
  }
};
