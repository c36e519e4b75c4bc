import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { tempDir } from "./temp-dir.ts";

/** Where a task's script waits until the test lets it go on. */
export const gate = (): { readonly wait: string; readonly open: (times?: number) => void } & Disposable => {
  const dir = tempDir();
  const path = dir.file("gate");
  execFileSync("mkfifo", [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return {
    /** A line of a shell script. */
    wait: `read -r line < ${path}`,
    open: (times = 1) => {
      writeSync(fd, "open\n".repeat(times));
    },
    [Symbol.dispose]: () => {
      closeSync(fd);
      dir[Symbol.dispose]();
    },
  };
};
