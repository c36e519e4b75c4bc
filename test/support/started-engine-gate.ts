import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, read, writeSync } from "node:fs";
import { tempDir } from "./temp-dir.ts";

export type Gate = Disposable & {
  /** Lines of a shell script that say that they are reached, and wait. */
  readonly wait: string;
  /** Lets as many go on. */
  readonly open: (times?: number) => void;
  /** Resolves when a script waits here; as often as one does. */
  readonly reached: () => Promise<void>;
};

/** Where a task's script waits until the test lets it go on. */
export const gate = (): Gate => {
  const dir = tempDir();
  const [out, back] = [dir.file("gate"), dir.file("reached")];
  execFileSync("mkfifo", [out, back]);
  const [gateFd, reachedFd] = [out, back].map((path) => openSync(path, constants.O_RDWR));
  if (gateFd === undefined || reachedFd === undefined) throw new Error("a gate needs two pipes");
  return {
    wait: `echo > ${back}; read -r line < ${out}`,
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
