import type { SeenFile } from "../../../store/triggers/seen-files.ts";
import { type FolderState, join } from "./look.ts";

/** The files that a trigger has seen, in memory as in the store. */
export class SeenFiles {
  /** By folder and state. */
  readonly #files = new Map<string, SeenFile>();
  /** By the inode of the folder, and state: a folder that was renamed has the same files. */
  readonly #byInode = new Map<string, SeenFile>();
  /** The one that was seen last, by path. */
  readonly #byPath = new Map<string, SeenFile>();
  readonly #byDigest = new Map<string, Set<SeenFile>>();

  constructor(files: Iterable<SeenFile>) {
    for (const file of files) this.add(file);
  }

  get all(): Iterable<SeenFile> {
    return this.#files.values();
  }

  get size(): number {
    return this.#files.size;
  }

  add(file: SeenFile): void {
    this.#files.set(keyOf(file.folder, file), file);
    this.#byInode.set(keyOf(file.folderInode, file), file);
    this.#byPath.set(join(file.folder, file.name), file);
    if (file.digest === null) return;
    const same = this.#byDigest.get(file.digest);
    if (same === undefined) this.#byDigest.set(file.digest, new Set([file]));
    else same.add(file);
  }

  delete(file: SeenFile): void {
    remove(this.#files, keyOf(file.folder, file), file);
    remove(this.#byInode, keyOf(file.folderInode, file), file);
    remove(this.#byPath, join(file.folder, file.name), file);
    if (file.digest !== null) this.#byDigest.get(file.digest)?.delete(file);
    if (file.digest !== null && this.#byDigest.get(file.digest)?.size === 0) this.#byDigest.delete(file.digest);
  }

  has(file: SeenFile): boolean {
    return this.#files.get(keyOf(file.folder, file)) === file;
  }

  hasPath(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** Returns the newest file of each path that had this content. */
  withContent(digest: string): readonly SeenFile[] {
    return [...(this.#byDigest.get(digest) ?? [])].filter(
      (each) => this.#byPath.get(join(each.folder, each.name)) === each,
    );
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
}

type FileIdentity = Pick<SeenFile, "folder" | "folderInode" | "stat">;

const keyOf = (folder: string, { stat }: Pick<SeenFile, "stat">): string => `${folder}\0${stat}`;

const remove = <Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void => {
  if (map.get(key) === value) map.delete(key);
};
