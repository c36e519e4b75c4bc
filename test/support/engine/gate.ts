import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, read, writeSync } from "node:fs";
import { tempDir } from "../temp-dir.ts";

/** A point at which the script of a task waits for the test. */
export type Gate = Disposable & {
  /** Shell code that reports its execution and waits. */
  readonly wait: string;
  /** Lets waiting scripts continue; by default one. */
  readonly open: (times?: number) => void;
  /** Resolves when a script has reached the gate, once for each time. */
  readonly reached: () => Promise<void>;
};

/** Creates a gate. */
export const gate = (): Gate => {
  const dir = tempDir();
  const [gatePath, reachedPath] = [dir.file("gate"), dir.file("reached")];
  execFileSync("mkfifo", [gatePath, reachedPath]);
  const [gateFd, reachedFd] = [gatePath, reachedPath].map((path) => openSync(path, constants.O_RDWR));
  if (gateFd === undefined || reachedFd === undefined) throw new Error("a gate needs two pipes");
  return {
    wait: `echo > ${reachedPath}; read -r line < ${gatePath}`,
    open: (times = 1) => {
      writeSync(gateFd, "open\n".repeat(times));
    },
    reached: () =>
      new Promise((resolve, reject) => {
        read(reachedFd, Buffer.alloc(1), 0, 1, null, (error) => (error === null ? resolve() : reject(error)));
      }),
    [Symbol.dispose]: () => {
      for (const fd of [gateFd, reachedFd]) closeSync(fd);
      dir[Symbol.dispose]();
    },
  };
};
