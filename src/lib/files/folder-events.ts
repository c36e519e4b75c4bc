import { type FSWatcher, statSync, watch } from "node:fs";
import { reportsChanges } from "./reports-changes.ts";

export type FolderEventsOptions = {
  /** Path of the folder. It may be missing. */
  readonly dir: string;
  /** True to watch the folders below it as well. */
  readonly isRecursive: boolean;
  /** Called with the name of what may have changed, relative to the folder; null if the system does not say it. */
  readonly onEvent: (name: string | null) => void;
  /** Called when the system cannot report changes, for example because of a limit. */
  readonly onFailure: (error: unknown) => void;
};

/** What the system reports of changes in a folder. These are hints: compare the folder with its last state. */
export class FolderEvents implements Disposable {
  readonly #options: FolderEventsOptions;
  #watcher: FSWatcher | null = null;
  #identity: FolderIdentity | null = null;
  #isUnreliable = true;

  constructor(options: FolderEventsOptions) {
    this.#options = options;
    this.#open();
  }

  /** The folder that the events are about; null if it is missing. */
  get identity(): FolderIdentity | null {
    return this.#identity;
  }

  /** True if changes can lack an event. */
  get isUnreliable(): boolean {
    return this.#isUnreliable;
  }

  /** Follows the path to another folder that has taken the place of the first one, which no event reports. Returns whether there is one. */
  reopenIfReplaced(): boolean {
    const found = identify(this.#options.dir);
    const isReplaced = found?.inode !== this.#identity?.inode || found?.device !== this.#identity?.device;
    if (isReplaced) this.#open();
    return isReplaced;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }

  #open(): void {
    const { dir, isRecursive, onEvent, onFailure } = this.#options;
    this.#watcher?.close();
    this.#watcher = null;
    this.#identity = identify(dir);
    this.#isUnreliable = !reportsChanges(dir);
    if (this.#identity === null) return;
    const fail = (error: unknown): void => {
      this.#isUnreliable = true;
      onFailure(error);
    };
    try {
      this.#watcher = watch(dir, { recursive: isRecursive }, (_, name) => onEvent(name || null));
      this.#watcher.on("error", (error) => {
        fail(error);
        onEvent(null);
      });
      this.#watcher.unref();
    } catch (error) {
      fail(error);
    }
  }
}

type FolderIdentity = { readonly device: number; readonly inode: number };

const identify = (dir: string): FolderIdentity | null => {
  try {
    const { dev, ino } = statSync(dir);
    return { device: dev, inode: ino };
  } catch {
    return null;
  }
};
