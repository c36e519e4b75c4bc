import { spawn } from "node:child_process";
import { join } from "node:path";
import { petitCommand } from "../petit/petit.ts";
import { runtimeEnvironment } from "../runtime-command.ts";

export type WorkerProcessOptions = {
  readonly dir: string;
  readonly nats: string;
  readonly trust: string;
  readonly name: string;
  readonly args?: readonly string[];
  /** Variables besides the usual ones. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A command that executes the one that follows it. */
  readonly within?: readonly string[];
};

/** A `petit worker`. Disposing kills it. */
export interface WorkerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly exited: Promise<number | null>;
  /** Returns its log so far. */
  log(): string;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a worker with the label `gpu`, whose state is in a folder of its name. */
export const startWorkerProcess = ({
  dir,
  nats,
  trust,
  name,
  args = [],
  environment = {},
  within = [],
}: WorkerProcessOptions): WorkerProcess => {
  const [program = "", ...before] = [...within, ...petitCommand()];
  const own = ["--nats", nats, "--trust", trust, "--name", name, "--label", "gpu", "--state-dir", join(dir, name)];
  const child = spawn(program, [...before, "worker", ...own, ...args], {
    cwd: dir,
    env: { ...runtimeEnvironment, PATH: process.env.PATH ?? "", HOME: dir, ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("the worker can't be started");
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const exited = new Promise<number | null>((resolve) => {
    child.on("close", (status) => resolve(status));
  });
  const kill = (signal: NodeJS.Signals): void => void child.kill(signal);
  return {
    pid,
    exited,
    log: () => text,
    kill,
    [Symbol.asyncDispose]: async () => {
      kill("SIGKILL");
      await exited;
    },
  };
};
