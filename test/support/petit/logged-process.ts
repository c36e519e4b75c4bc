import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";

export type LoggedProcessOptions = {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The message of the log line that says that the process is ready. */
  readonly readyMessage: string;
};

/** A process that logs JSON lines to its stderr. */
export type LoggedProcess = {
  readonly pid: number;
  /** The fields of the log line that says that it is ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Returns its log so far. */
  stderr(): string;
  /** Sends a signal, unless it has exited. */
  send(signal: NodeJS.Signals): void;
  /** Sends a signal, and resolves with its exit status when its whole log was read. */
  end(signal: NodeJS.Signals): Promise<number>;
  /** Resolves with its exit status, or 128 plus the number of the signal that ended it. */
  readonly exited: Promise<number>;
};

/** Starts a process. Resolves when it is ready. Throws with its log if it exits before that. */
export const startLoggedProcess = async (options: LoggedProcessOptions): Promise<LoggedProcess> => {
  const [program = "", ...args] = options.argv;
  const child = spawn(program, args, { cwd: options.cwd, env: options.env, stdio: ["ignore", "ignore", "pipe"] });
  const { pid = expectPid(program) } = child;
  const exited = exitOf(child);
  /** In Deno, `child.kill` marks the child as ended by the signal, so this calls `process.kill`. */
  const send = (signal: NodeJS.Signals): void => {
    if (isAlive(child)) process.kill(pid, signal);
  };
  const log = readLog(child.stderr, options.readyMessage);
  const ready = await Promise.race([log.ready, exited.then(() => log.ended).then(() => null)]);
  if (ready === null) throw new Error(`petit exited with ${await exited}:\n${log.text()}`);
  return {
    pid,
    ready,
    stderr: log.text,
    send,
    end: async (signal) => {
      send(signal);
      const status = await exited;
      await log.ended;
      return status;
    },
    exited,
  };
};

const expectPid = (program: string): never => {
  throw new Error(`${program} can't be started`);
};

const isAlive = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null;

const exitOf = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status, signal) => resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });

const readLog = (stream: AsyncIterable<Uint8Array>, readyMessage: string) => {
  let text = "";
  const ready = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let isReady = false;
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      const line: string | undefined = isReady ? undefined : findLine(text, readyMessage);
      if (line !== undefined) ready.resolve(JSON.parse(line));
      isReady ||= line !== undefined;
    }
  };
  return { text: () => text, ready: ready.promise, ended: read() };
};

const findLine = (log: string, message: string): string | undefined =>
  log.split("\n").find((each) => each.includes(`"${message}"`) && each.endsWith("}"));
