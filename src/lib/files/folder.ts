import { closeSync, constants, type Dirent, existsSync, openSync, realpathSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { openRegular } from "./regular-file.ts";

/** Errors of `open` for what is missing, is not a folder, or is a link. */
const NO_FOLDER: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EMLINK"]);

/** On macOS, O_NOFOLLOW_ANY refuses links in any part of a path. */
const O_NOFOLLOW = process.platform === "darwin" ? 0x2000_0000 : constants.O_NOFOLLOW;

const O_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY;

const FD_FOLDER = "/proc/self/fd";

/**
 * An open folder. Its entries are opened relative to it and never through a link, so nobody can lead the caller to another
 * place by replacing a folder on the way.
 */
export class Folder implements Disposable {
  readonly #fd: number;
  readonly #path: string;

  private constructor(fd: number, path: string) {
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
  folder(name: string): Folder | null {
    const path = join(this.#path, name);
    return orNull(() => new Folder(openSync(path, O_FOLDER | O_NOFOLLOW), path));
  }

  /** Opens a regular file for reading. Returns null if there is none, or a link or anything else. */
  file(name: string): number | null {
    return orNull(() => openRegular(join(this.#path, name), constants.O_RDONLY | O_NOFOLLOW));
  }

  async entries(): Promise<readonly Dirent[]> {
    return await readdir(this.#path, { withFileTypes: true });
  }
}

const orNull = <T>(open: () => T | null): T | null => {
  try {
    return open();
  } catch (error) {
    if (error instanceof Error && "code" in error && NO_FOLDER.has(error.code)) return null;
    throw error;
  }
};
