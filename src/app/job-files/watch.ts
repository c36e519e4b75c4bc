import { createHash } from "node:crypto";
import { lstatSync } from "node:fs";
import { resolve, sep } from "node:path";
import { type FolderScan, readState, scanFolder } from "../../jobfile/read/scan.ts";
import type { Reference } from "../../jobfile/reference.ts";
import type { Clock } from "../../lib/clock.ts";
import { FolderEvents } from "../../lib/files/folder-events.ts";
import type { Log } from "../../lib/log.ts";

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
  /** Returns other files that are watched as well, with their state before they were read last. */
  readonly references?: () => readonly Reference[];
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
const RARE_POLL_FACTOR = 10_000;

/**
 * Watches the job files of a folder, from its creation on. System events are only hints; each check compares the folder with
 * its state at the start.
 */
export class JobsWatcher implements AsyncDisposable {
  readonly #options: WatchOptions;
  readonly #events: FolderEvents;
  /** The last snapshot; null before the start. */
  #seen: string | null = null;
  /** Time until the next full check in ms. */
  #untilLookMs = 0;
  #cancelTimer: () => void = () => {};
  #lookingSoon = false;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;
  #isFailing = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    const { dir, log } = options;
    this.#events = new FolderEvents({
      dir,
      isRecursive: true,
      onEvent: () => this.#lookSoon(),
      onFailure: (error) =>
        log.warn({ dir, err: error }, `job files cannot be watched; petit checks them every ${POLL_MS / 1000} s`),
    });
  }

  /** Begins to check. `seen` is the state of the files before they were read. */
  start(seen: FolderScan): void {
    this.#seen = snapshotOf(seen);
    const isEarlyEvent = this.#lookingSoon;
    this.#lookingSoon = false;
    if (isEarlyEvent) this.#lookSoon();
    else this.#planLook(this.#isWatchable(seen), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    this.#events[Symbol.dispose]();
    await this.#looking;
  }

  /** Later events do not postpone the check, because a file that is written constantly would postpone it forever. */
  #lookSoon(): void {
    if (this.#lookingSoon) return;
    this.#lookingSoon = true;
    if (this.#seen !== null) this.#wait(SETTLE_MS, () => this.#look());
  }

  #wait(delayMs: number, callback: () => void): void {
    this.#cancelTimer();
    if (!this.#stopped) this.#cancelTimer = this.#options.clock.setTimeout(callback, delayMs);
  }

  #planLook(isWatchable: boolean, lookMs: number): void {
    const isRare = isWatchable && !this.#events.isUnreliable && !this.#isFailing;
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
      // No event reports that another folder has replaced this one, which a deployment can do by renaming.
      const isReplaced = this.#events.reopenIfReplaced();
      if (isReplaced || this.#untilLookMs <= 0) this.#look();
      else this.#poll();
    });
  }

  #look(): void {
    this.#lookingSoon = false;
    this.#looking = this.#looking.then(() => this.#compare());
  }

  async #compare(): Promise<void> {
    const { clock, dir, log, onChange } = this.#options;
    const startedAt = clock.monotonic();
    let isWatchable = false;
    let lookMs = 0;
    try {
      const scan = await scanFolder(dir);
      lookMs = clock.monotonic() - startedAt;
      isWatchable = this.#isWatchable(scan);
      const now = snapshotOf(scan);
      if ((now !== this.#seen || this.#hasChangedReference()) && !this.#stopped) {
        await onChange();
        this.#seen = now;
      }
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing && !this.#stopped)
        log.error({ err: error }, "job files could not be reloaded; trying again");
      this.#isFailing = true;
    }
    this.#planLook(isWatchable, lookMs);
  }

  #hasChangedReference(): boolean {
    return this.#references.some(({ path, stamp }) => (readState(path)?.stamp ?? null) !== stamp);
  }

  get #references(): readonly Reference[] {
    return this.#options.references?.() ?? [];
  }

  /** False if files are outside of the folder, on another file system, or unreadable: their changes have no event. */
  #isWatchable({ hasLinks, failures, states }: FolderScan): boolean {
    const device = this.#events.identity?.device;
    const isInside = states.values().every((state) => state?.device === device);
    return (
      !hasLinks && failures.length === 0 && isInside && this.#references.every(({ path }) => this.#hasEvents(path))
    );
  }

  #hasEvents(path: string): boolean {
    const device = this.#events.identity?.device;
    const isBelow = path.startsWith(`${resolve(this.#options.dir)}${sep}`);
    return isBelow && (readState(path)?.device ?? device) === device && !isLink(path);
  }
}

const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;

/** Returns a digest of the states of all files and of the unreadable entries, for comparison. */
const snapshotOf = ({ states, failures }: FolderScan): string => {
  const hash = createHash("sha256");
  for (const { file, message } of failures) hash.update(`${file} ${message}\n`);
  for (const [file, state] of states) hash.update(`${file} ${state?.stamp ?? "gone"}\n`);
  return hash.digest("hex");
};
