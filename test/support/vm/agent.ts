import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** The result of a script in a machine. */
export type CommandOutput = { readonly status: number; readonly stdout: string; readonly stderr: string };

type Waiter = { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void };

/** The connection to `test-agent` in a virtual machine, over a serial port. */
export class Agent {
  readonly #socket: Socket;
  readonly #waiters = new Map<string, Waiter>();
  #nextId = 1;

  private constructor(socket: Socket) {
    this.#socket = socket;
    createInterface({ input: socket }).on("line", (line) => this.#receive(line));
    socket.on("error", () => {}).on("close", () => this.#fail(new Error("the virtual machine is off")));
  }

  static async connect(path: string): Promise<Agent> {
    const socket = connect(path);
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Agent(socket);
  }

  /** Resolves with the boot id of the machine when it has booted. */
  async ready(limitMs: number): Promise<string> {
    return await this.#answer("ready", limitMs);
  }

  /** Runs a shell script. Only one can run at a time. */
  async run(script: string, limitMs: number): Promise<CommandOutput> {
    const id = `${this.#nextId++}`;
    this.#socket.write(`${id}\n${script}\n@end ${id}\n`);
    const [status, stdout = "", stderr = ""] = (await this.#answer(id, limitMs)).split(" ");
    return { status: Number(status), stdout: decode(stdout), stderr: decode(stderr) };
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The console may have printed something before an answer in the same line. */
  #receive(line: string): void {
    const [, id = "", answer = ""] = /@(\w+) (.*?)\r?$/.exec(line) ?? [];
    this.#waiters.get(id)?.resolve(answer);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiters.values()) reject(error);
  }

  async #answer(id: string, limitMs: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#waiters.set(id, { resolve, reject });
    const timer = setTimeout(
      () => reject(new Error(`the virtual machine did not answer within ${limitMs / 1000} s`)),
      limitMs,
    );
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(id);
    }
  }
}

const decode = (word: string): string => Buffer.from(word.replace(/\.$/, ""), "base64").toString();
