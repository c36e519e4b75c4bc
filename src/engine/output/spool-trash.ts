import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { removeTree } from "../../lib/files/remove-tree.ts";
import { namesIn, removeLeftover, removeSmall, tryRename } from "./spool.ts";

/** Number of folders that are deleted together, even while attempts end. */
const BATCH = 512;

/** Maximum number of folders that wait to be deleted. */
const MAX_WAITING = 4_096;

/** How long a stop deletes folders, in ms. The next start deletes the rest, and large folders. */
const STOP_MS = 1_000;

export type SpoolTrashOptions = { readonly spoolDir: string; readonly clock: Clock };

/**
 * Deletes old folders of attempts in the background and many at once. On a file system that discards freed blocks immediately, to
 * delete a folder takes as long as to start a process.
 */
export class SpoolTrash implements Disposable {
  readonly #options: SpoolTrashOptions;
  /** The folder that contains what will be deleted next, or null. */
  #current: string | null = null;
  #count = 0;
  /** By the path of a folder that is being deleted: how many folders it had. */
  readonly #deleting = new Map<string, number>();
  readonly #stop = new AbortController();

  constructor(options: SpoolTrashOptions) {
    this.#options = options;
  }

  /** Takes a folder. Its path is free when this returns. */
  add(folder: string): void {
    const waiting = [...this.#deleting.values()].reduce((sum, count) => sum + count, this.#count);
    if (waiting >= MAX_WAITING || !this.#move(folder)) removeLeftover(folder);
    else if (this.#count >= BATCH) this.empty();
  }

  /** Deletes what was added, in the background. */
  empty(): void {
    if (this.#current === null) return;
    const [path, count] = [this.#current, this.#count];
    this.#deleting.set(path, count);
    this.#current = null;
    this.#count = 0;
    void removeTree(path, this.#stop.signal).then(() => this.#deleting.delete(path));
  }

  [Symbol.dispose](): void {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + STOP_MS;
    this.empty();
    this.#stop.abort();
    for (const path of this.#deleting.keys()) {
      for (const name of namesIn(path)) {
        if (clock.monotonic() > deadline) return;
        removeSmall(join(path, name));
      }
      removeSmall(path);
    }
  }

  #move(folder: string): boolean {
    this.#current ??= this.#create();
    if (this.#current === null || !tryRename(folder, join(this.#current, String(this.#count)))) return false;
    this.#count++;
    return true;
  }

  #create(): string | null {
    const path = join(this.#options.spoolDir, `free-old-${randomUUID()}`);
    try {
      mkdirSync(path, { mode: 0o700 });
      return path;
    } catch {
      return null;
    }
  }
}
