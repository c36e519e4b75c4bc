import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, fchmodSync, openSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * Creates an empty file, mode 0600, in the folder of `path` and so on the same disk. It is deleted when it is disposed, and
 * when this process ends in any other way. Throws the system's error if it cannot be created.
 */
export const createTemporaryFile = (path: string): { readonly path: string } & Disposable => {
  const file = join(dirname(path), `.${basename(path)}-${randomUUID().slice(0, 8)}`);
  const cleaner = spawnCleaner(file);
  const remove = (): void => {
    for (const suffix of ["", "-journal", "-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true });
    cleaner.stdin.end();
  };
  try {
    createPrivate(file);
    return { path: file, [Symbol.dispose]: remove };
  } catch (error) {
    try {
      remove();
    } catch {
      // The first error says why there is no file.
    }
    throw error;
  }
};

const createPrivate = (file: string): void => {
  const fd = openSync(file, "wx", 0o600);
  try {
    fchmodSync(fd, 0o600);
  } finally {
    closeSync(fd);
  }
};

/**
 * Starts a shell that deletes the file when this process ends, which closes the pipe between them. A signal handler could
 * not do it: it does not run while SQLite is busy, and never for `kill -9`.
 */
const spawnCleaner = (file: string) => {
  const cleaner = spawn("/bin/sh", ["-c", 'read -r _; rm -f -- "$1" "$1-journal" "$1-wal" "$1-shm"', "sh", file], {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["pipe", "ignore", "ignore"],
    // Ctrl-C signals the whole process group, which the cleaner must survive.
    detached: true,
  });
  // Without a cleaner, the file is still deleted unless the process crashes.
  cleaner.on("error", () => {});
  cleaner.stdin.on("error", () => {});
  cleaner.unref();
  return cleaner;
};
