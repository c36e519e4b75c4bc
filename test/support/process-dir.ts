import { spawn } from "node:child_process";
import { tempDir } from "./temp-dir.ts";

/** Waits for the end of its input, then kills the processes that work in a folder, and removes it. */
const CLEAN_UP = `cat >/dev/null
for cwd in /proc/[0-9]*/cwd; do
  case $(readlink "$cwd") in "$0" | "$0"/*)
    pid=\${cwd#/proc/}
    kill -KILL "\${pid%/cwd}"
  esac
done 2>/dev/null
rm -rf "$0"`;

/**
 * Creates a temporary folder for processes that outlive what started them, such as attempts and guards. Disposing removes the
 * folder alone. If the test process dies before that, the processes that work there are killed.
 */
export const processDir = (): ReturnType<typeof tempDir> => {
  const dir = tempDir();
  // Its input is a pipe from this process. A group of its own survives Ctrl-C.
  const cleaner = spawn("/bin/sh", ["-c", CLEAN_UP, dir.path], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  cleaner.unref();
  return {
    ...dir,
    [Symbol.dispose]: () => {
      dir[Symbol.dispose]();
      if (cleaner.pid !== undefined) process.kill(-cleaner.pid, "SIGKILL");
    },
  };
};
