import type { Clock } from "../../../lib/clock.ts";
import { FolderEvents } from "../../../lib/files/folder-events.ts";

/** How long events are collected, in ms. Later ones do not postpone that, because constant events would do so forever. */
const COLLECT_MS = 100;

/** Beyond so many names at once, everything is to be looked at. */
const MAX_NAMES = 2_000;

/** Maximum number of folders of a trigger whose changes the system reports. */
const MAX_FOLDERS = 1_000;

export type FolderWatchesOptions = {
  readonly clock: Clock;
  /** Called some time after something may have changed. */
  readonly onChange: () => void;
  /** Called when the system cannot report the changes of a folder. */
  readonly onFailure: (folder: string, error: unknown) => void;
};

/** What the system reports of changes in some folders. */
export class FolderWatches implements Disposable {
  readonly #options: FolderWatchesOptions;
  readonly #folders = new Map<string, FolderEvents>();
  /** Names that may have changed, by folder. */
  #names = new Map<string, Set<string>>();
  /** How many; infinite if the system did not say which. */
  #count = 0;
  #cancel: (() => void) | null = null;

  constructor(options: FolderWatchesOptions) {
    this.#options = options;
  }

  [Symbol.dispose](): void {
    this.#cancel?.();
    for (const events of this.#folders.values()) events[Symbol.dispose]();
    this.#folders.clear();
  }

  /** Watches a folder from now on. If another one has taken its place, watches that. */
  open(folder: string): void {
    const known = this.#folders.get(folder);
    if (known !== undefined) known.reopenIfReplaced();
    else if (this.#folders.size < MAX_FOLDERS) {
      const { onFailure } = this.#options;
      const onEvent = (name: string | null): void => this.#note(folder, name);
      const events = new FolderEvents({
        dir: folder,
        isRecursive: false,
        onEvent,
        onFailure: (error) => onFailure(folder, error),
      });
      this.#folders.set(folder, events);
    }
  }

  /** Watches no other folders than these any more. */
  keepOnly(folders: ReadonlyMap<string, unknown>): void {
    for (const [folder, events] of this.#folders) {
      if (folders.has(folder)) continue;
      events[Symbol.dispose]();
      this.#folders.delete(folder);
    }
  }

  /** Returns whether the system reports all changes in so many folders. */
  isReliable(folders: number): boolean {
    return this.#folders.size >= folders && this.#folders.values().every(({ isUnreliable }) => !isUnreliable);
  }

  /** True if so much has changed, or something unknown, that everything is to be looked at. */
  get isAnything(): boolean {
    return this.#count > MAX_NAMES;
  }

  /** Removes and returns the names that may have changed, by folder. */
  take(): ReadonlyMap<string, ReadonlySet<string>> {
    const names = this.#names;
    this.#names = new Map();
    this.#count = 0;
    return names;
  }

  #note(folder: string, name: string | null): void {
    if (name === null) this.#count = Number.POSITIVE_INFINITY;
    else {
      const names = this.#names.get(folder);
      if (names === undefined) this.#names.set(folder, new Set([name]));
      else names.add(name);
      this.#count++;
    }
    this.#cancel ??= this.#options.clock.setTimeout(() => {
      this.#cancel = null;
      this.#options.onChange();
    }, COLLECT_MS);
  }
}
