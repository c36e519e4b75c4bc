import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A process that leads a process group. Disposing it kills the group. */
export type Child = Disposable & {
  readonly pid: number;
  /** Resolves with its exit status, or null if a signal ended it. */
  readonly exited: Promise<number | null>;
  write(text: string): void;
  /** Resolves with the next line of its stdout, without the line break. */
  nextLine(): Promise<string>;
  /** Resolves with its whole stdout. */
  text(): Promise<string>;
  /** Sends SIGKILL to its group. */
  kill(): void;
};

/** Starts a program in a new process group. It inherits the stderr of the test. */
export const startChild = (argv: readonly string[], environment = process.env): Child => {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { detached: true, env: environment, stdio: ["pipe", "pipe", "inherit"] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} can't be started`);
  const kill = (): void => killGroup(pid);
  let lines: AsyncIterator<string> | undefined;
  const nextLine = async (): Promise<string> => {
    // One reader for the whole stream: what arrives between two calls must not be lost.
    lines ??= createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = await lines.next();
    if (next.done) throw new Error(`${program} has ended its output`);
    return next.value;
  };
  return {
    pid,
    exited: exitOf(child),
    write: (text) => void child.stdin.write(text),
    nextLine,
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
    // The group has already ended.
  }
};
