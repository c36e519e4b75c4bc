import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A process beside the test, killed with its group at the end of it. */
export type Child = Disposable & {
  readonly pid: number;
  /** Its exit status, when it has ended; null where a signal ended it. */
  readonly exited: Promise<number | null>;
  write(text: string): void;
  /** What it says first. */
  said(): Promise<string>;
  /** All that it says. */
  text(): Promise<string>;
  /** SIGKILL, for all of its group. */
  kill(): void;
};

/** It leads a group of its own; what it says on stderr is told with the test. */
export const startChild = (argv: readonly string[], environment = process.env): Child => {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { detached: true, env: environment, stdio: ["pipe", "pipe", "inherit"] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} can't be started`);
  const kill = (): void => killGroup(pid);
  return {
    pid,
    exited: exitOf(child),
    write: (text) => void child.stdin.write(text),
    said: async () => String((await once(child.stdout, "data"))[0]),
    text: async () => (await child.stdout.setEncoding("utf8").toArray()).join(""),
    kill,
    [Symbol.dispose]: kill,
  };
};

const exitOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status) => resolve(status));
  });

const killGroup = (pid: number): void => {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
};
