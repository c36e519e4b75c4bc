import type { Clock } from "../../../lib/clock.ts";
import type { Store } from "../../../store/store.ts";
import type { FileTriggerKey, SeenFile } from "../../../store/triggers/seen-files.ts";
import type { AddHooks, Commits } from "../../commits.ts";
import { type FolderState, join, type MatchedFile } from "./look.ts";
import type { SettledFile } from "./settling.ts";

/** How many changes one transaction stores. */
const BATCH = 500;

export type SeenFilesOptions = {
  readonly key: FileTriggerKey;
  readonly store: Store;
  readonly clock: Clock;
  readonly commits: Commits;
  /** Aborted when the trigger is watched no more: from then on nothing is stored. */
  readonly signal: AbortSignal;
};

/** The files that a trigger has seen, in memory as in the store. */
export class SeenFiles {
  readonly #options: SeenFilesOptions;
  /** By folder and state. */
  readonly #files = new Map<string, SeenFile>();
  /** By the inode of the folder, and state: a folder that was renamed has the same files. */
  readonly #byInode = new Map<string, SeenFile>();
  /** The one that was seen last, by path. */
  readonly #byPath = new Map<string, SeenFile>();
  readonly #byDigest = new Map<string, Set<SeenFile>>();

  constructor(options: SeenFilesOptions) {
    this.#options = options;
  }

  load(): void {
    const { store, key } = this.#options;
    for (const file of store.seenFiles.list(key)) this.#add(file);
  }

  get all(): Iterable<SeenFile> {
    return this.#files.values();
  }

  hasPath(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** Notes that no file is at a path any more. It may have been renamed, so it stays seen; but the same content may come again. */
  notePathGone(path: string): void {
    this.#byPath.delete(path);
  }

  /** Notes that a file is not at its path any more. Another file, or another state of it, that was seen there later stays. */
  noteGone(file: SeenFile): void {
    remove(this.#byPath, pathOf(file), file);
  }

  /** Returns the newest file of each path that had this content. */
  withContent(digest: string): readonly SeenFile[] {
    return [...(this.#byDigest.get(digest) ?? [])].filter((each) => this.#byPath.get(pathOf(each)) === each);
  }

  /**
   * Finds a file by its folder and its state, or by the inode of its folder if that was renamed or is here under two paths. `folders` are
   * those that are there now, by path: the same inode in two file systems is a coincidence.
   */
  find(file: FileIdentity, folders: ReadonlyMap<string, FolderState>): SeenFile | null {
    const same = this.#files.get(keyOf(file.folder, file));
    if (same !== undefined) return same;
    const moved = this.#byInode.get(keyOf(file.folderInode, file));
    if (moved === undefined) return null;
    const former = folders.get(moved.folder);
    const isOther = former?.inode === file.folderInode && former.device !== folders.get(file.folder)?.device;
    return isOther ? null : moved;
  }

  /** Stores that a file was seen, within the current transaction. Returns false if it was before, with the same content and ctime. */
  claim(file: SeenFile, addHooks: AddHooks): boolean {
    const { store, key, clock } = this.#options;
    const isAdded = store.seenFiles.add(key, file, clock.now());
    if (isAdded) addHooks({ onCommit: () => this.#add(file) });
    return isAdded;
  }

  /** Stores that files were seen. */
  async add(files: readonly SeenFile[]): Promise<void> {
    const { store, key, clock } = this.#options;
    await this.#inBatches(files, (batch) => {
      store.seenFiles.addAll(key, batch, clock.now());
      return () => {
        for (const file of batch) this.#add(file);
      };
    });
  }

  /** Stores where seen files are now: their folder was renamed, or has another inode on a file system that does not keep it. */
  async move(found: ReadonlyMap<SeenFile, MatchedFile>): Promise<void> {
    const { store, key } = this.#options;
    const moved = [...found].filter(
      ([seen, file]) => !isPlaceOf(seen, file) && this.#files.get(keyOf(seen.folder, seen)) === seen,
    );
    await this.#inBatches(moved, (batch) => {
      const changes = batch.map(([seen, file]) => ({
        seen,
        now: { ...seenFile({ file, digest: seen.digest }), digestedCtime: seen.digestedCtime },
      }));
      for (const { seen, now } of changes) store.seenFiles.move(key, seen.folder, now);
      return () => {
        for (const { seen, now } of changes) {
          this.#delete(seen);
          this.#add(now);
        }
      };
    });
  }

  /** Forgets files. */
  async delete(files: readonly SeenFile[]): Promise<void> {
    const { store, key } = this.#options;
    await this.#inBatches(files, (batch) => {
      store.seenFiles.delete(key, batch);
      return () => {
        for (const file of batch) this.#delete(file);
      };
    });
  }

  /** Stores changes in parts. `store` returns what follows in memory after the commit. */
  async #inBatches<T>(changes: readonly T[], store: (batch: readonly T[]) => () => void): Promise<void> {
    const { commits, signal } = this.#options;
    for (let at = 0; at < changes.length && !signal.aborted; at += BATCH)
      await commits.enqueueUntilStored((addHooks) => {
        if (!signal.aborted) addHooks({ onCommit: store(changes.slice(at, at + BATCH)) });
      });
  }

  #add(file: SeenFile): void {
    const former = this.#files.get(keyOf(file.folder, file));
    if (former !== undefined) this.#delete(former);
    this.#files.set(keyOf(file.folder, file), file);
    this.#byInode.set(keyOf(file.folderInode, file), file);
    this.#byPath.set(pathOf(file), file);
    if (file.digest === null) return;
    const same = this.#byDigest.get(file.digest);
    if (same === undefined) this.#byDigest.set(file.digest, new Set([file]));
    else same.add(file);
  }

  #delete(file: SeenFile): void {
    remove(this.#files, keyOf(file.folder, file), file);
    remove(this.#byInode, keyOf(file.folderInode, file), file);
    remove(this.#byPath, pathOf(file), file);
    if (file.digest === null) return;
    const same = this.#byDigest.get(file.digest);
    same?.delete(file);
    if (same?.size === 0) this.#byDigest.delete(file.digest);
  }
}

type FileIdentity = Pick<SeenFile, "folder" | "folderInode" | "stat">;

const keyOf = (folder: string, { stat }: Pick<SeenFile, "stat">): string => `${folder}\0${stat}`;

const pathOf = ({ folder, name }: Pick<SeenFile, "folder" | "name">): string => join(folder, name);

const remove = <Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void => {
  if (map.get(key) === value) map.delete(key);
};

/** Returns whether a seen file is where it was. */
export const isPlaceOf = (seen: SeenFile, found: MatchedFile | undefined): boolean =>
  found !== undefined &&
  seen.folder === found.folder &&
  seen.folderInode === found.folderInode &&
  seen.name === found.name;

export const seenFile = ({ file, digest }: SettledFile): SeenFile => ({
  folder: file.folder,
  folderInode: file.folderInode,
  name: file.name,
  stat: file.stat,
  digest,
  digestedCtime: digest === null ? null : file.ctimeNs,
});

/** Returns whether the content of a seen file may be another one by now. */
export const mayHaveChanged = (seen: SeenFile, { ctimeNs }: MatchedFile): boolean =>
  seen.digest !== null && seen.digestedCtime !== ctimeNs;
