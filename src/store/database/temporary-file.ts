import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, fchmodSync, openSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * An empty file beside `path`, of the same disk therefore, that only its owner can read. It is gone when it is disposed
 * of, and also when this process ends in any other way. Throws the system's error where it can't be made.
 */
export const makeTemporaryFile = (path: string): { readonly path: string } & Disposable => {
  const file = join(dirname(path), `.${basename(path)}-${randomUUID().slice(0, 8)}`);
  const heir = bequeath(file);
  const remove = (): void => {
    rmSync(file, { force: true });
    heir.stdin.end();
  };
  try {
    createPrivate(file);
    return { path: file, [Symbol.dispose]: remove };
  } catch (error) {
    remove();
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
 * A shell that waits for the end of this process, seen at the pipe between them, and removes the file. While SQLite is
 * busy no handler of a signal runs here, and of `kill -9` none ever does.
 */
const bequeath = (file: string) => {
  const heir = spawn("/bin/sh", ["-c", 'read -r _; rm -f -- "$1" "$1-journal"', "sh", file], {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["pipe", "ignore", "ignore"],
    // A signal of the terminal goes to all of a group; this one has to outlive it.
    detached: true,
  });
  // Without it the file is still removed at every end but a violent one.
  heir.on("error", () => {});
  heir.stdin.on("error", () => {});
  heir.unref();
  return heir;
};
