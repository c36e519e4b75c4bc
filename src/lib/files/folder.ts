import { isUtf8 } from "node:buffer";
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fsync,
  linkSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  type Stats,
  unlinkSync,
} from "node:fs";
import { chmod, type FileHandle, open, readdir, rename, rmdir, unlink } from "node:fs/promises";
import { promisify } from "node:util";
import { openRegular } from "./regular-file.ts";

/** Errors of `open` for what is missing, is not a folder, or is a link. */
const NO_FOLDER: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EMLINK"]);

/** On macOS, O_NOFOLLOW_ANY refuses links in any part of a path. */
const O_NOFOLLOW = process.platform === "darwin" ? 0x2000_0000 : constants.O_NOFOLLOW;

const O_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY;

const FD_FOLDER = "/proc/self/fd";

/** The name of a file; a buffer if it may not be UTF-8. */
export type FileName = string | Buffer;

/** An entry of a folder. */
type Entry = { readonly name: FileName; readonly isFolder: boolean; readonly isFile: boolean };

/**
 * An open folder. Its entries are opened relative to it and never through a link, so nobody can lead the caller to another
 * place by replacing a folder on the way.
 */
export class Folder implements Disposable {
  readonly #fd: number;
  readonly #path: FileName;

  private constructor(fd: number, path: FileName) {
    this.#fd = fd;
    // Linux resolves a path below this link relative to the open folder, as openat(2) does.
    this.#path = existsSync(FD_FOLDER) ? `${FD_FOLDER}/${fd}` : path;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** Opens a folder; the path itself may contain links. Returns null if there is no folder. */
  static open(path: string): Folder | null {
    return orNull(() => {
      const real = realpathSync(path);
      return new Folder(openSync(real, O_FOLDER), real);
    });
  }

  /** Opens a folder by a path without links. Returns null if there is none, or if the path has a link now. */
  static openReal(path: string): Folder | null {
    return orNull(() => (realpathSync(path) === path ? new Folder(openSync(path, O_FOLDER | O_NOFOLLOW), path) : null));
  }

  get fd(): number {
    return this.#fd;
  }

  /** Opens a subfolder. Returns null if there is none, or a link. */
  folder(name: FileName): Folder | null {
    const path = this.#pathOf(name);
    return orNull(() => new Folder(openSync(path, O_FOLDER | O_NOFOLLOW), path));
  }

  /** Opens a regular file for reading. Returns null if there is none, or a link or anything else. */
  file(name: FileName): number | null {
    return orNull(() => openRegular(this.#pathOf(name), constants.O_RDONLY | O_NOFOLLOW));
  }

  /** Returns what the system knows of an entry, without following a link; null if there is none. */
  stat(name: string): Stats | null {
    return lstatSync(this.#pathOf(name), { throwIfNoEntry: false }) ?? null;
  }

  /** Throws `EACCES` or `EROFS` if this process may not write to a file. */
  assertWritable(name: string): void {
    // Not with access(2), which Deno imitates, and which says nothing to root.
    closeSync(openSync(this.#pathOf(name), constants.O_WRONLY | constants.O_NONBLOCK | O_NOFOLLOW));
  }

  /** Creates a file, and opens it for writing. Rejects if there is an entry of that name. */
  async create(name: string, mode: number): Promise<FileHandle> {
    return await open(this.#pathOf(name), "wx", mode);
  }

  /** Gives a file the name of another one, which it replaces at once. */
  replace(name: string, replaced: string): void {
    renameSync(this.#pathOf(name), this.#pathOf(replaced));
  }

  /** Gives a file a second name. Throws `EEXIST` if there is an entry of that name. */
  link(name: string, newName: string): void {
    linkSync(this.#pathOf(name), this.#pathOf(newName));
  }

  /** Deletes a file, or the link itself, at once. */
  remove(name: string): void {
    unlinkSync(this.#pathOf(name));
  }

  /** Resolves when the names of the folder are on disk. */
  async sync(): Promise<void> {
    await promisify(fsync)(this.#fd);
  }

  /** Deletes a file, or the link itself. Rejects for a folder. */
  async unlink(name: FileName): Promise<void> {
    await unlink(this.#pathOf(name));
  }

  /** Deletes an empty subfolder. */
  async removeFolder(name: FileName): Promise<void> {
    await rmdir(this.#pathOf(name));
  }

  /** Moves a subfolder into another folder. */
  async moveFolder(name: FileName, to: Folder, newName: string): Promise<void> {
    await rename(this.#pathOf(name), to.#pathOf(newName));
  }

  /** Lets its owner change what is in the folder. Does nothing for others. */
  makeWritable(): void {
    try {
      fchmodSync(this.#fd, 0o700);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EPERM")) throw error;
    }
  }

  /** Lets the owner read and change a subfolder. */
  async makeAccessible(name: FileName): Promise<void> {
    await chmod(this.#pathOf(name), 0o700);
  }

  #pathOf(name: FileName): FileName {
    if (typeof this.#path === "string" && typeof name === "string") return `${this.#path}/${name}`;
    return Buffer.concat([Buffer.from(this.#path), Buffer.from("/"), Buffer.from(name)]);
  }

  async entries(): Promise<readonly Entry[]> {
    const entries = await readdir(this.#path, { withFileTypes: true });
    const named = entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory(), isFile: entry.isFile() }));
    if (!entries.some(({ name }) => name.includes(REPLACED))) return named;
    const others = (await this.names()).filter((name) => !isUtf8(name));
    const replaced = new Set(others.map(String));
    return [
      ...named.filter(({ name }) => !replaced.has(name)),
      ...others.map((name) => ({ name, isFolder: this.#hasFolder(name), isFile: !this.#hasFolder(name) })),
    ];
  }

  #hasFolder(name: Buffer): boolean {
    return lstatSync(this.#pathOf(name), { throwIfNoEntry: false })?.isDirectory() === true;
  }

  /** Returns the names of all entries. */
  async names(): Promise<readonly Buffer[]> {
    return await readdir(this.#path, { encoding: "buffer" });
  }
}

/** Stands for bytes that are not UTF-8. */
const REPLACED = "\ufffd";

const orNull = <T>(open: () => T | null): T | null => {
  try {
    return open();
  } catch (error) {
    if (error instanceof Error && "code" in error && NO_FOLDER.has(error.code)) return null;
    throw error;
  }
};
