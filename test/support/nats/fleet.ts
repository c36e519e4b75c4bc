import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { type LoggedProcess, startLoggedProcess } from "../petit/logged-process.ts";
import { baseEnvironment, petitCommand } from "../petit/petit.ts";
import { type Proxy as NatsProxy, startProxy } from "./proxy.ts";
import { type NatsServer, type NatsVersion, startNats } from "./server.ts";

export type FleetOptions = {
  /** An empty folder for everything. */
  readonly dir: string;
  readonly natsVersion: NatsVersion;
  readonly lostAfterMs: number;
  /** The texts of job files by name. */
  readonly jobs: Readonly<Record<string, string>>;
  /** The labels of each worker by its name. */
  readonly workers: Readonly<Record<string, readonly string[]>>;
  readonly slots: number;
  /** Variables of a worker by its name, in addition to the common ones. */
  readonly environments?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The command that runs petit. The default is that of `PETIT_TEST_TARGET`. */
  readonly command?: readonly string[];
  /** Further arguments of `petit run` and of `petit worker`. */
  readonly args?: readonly string[];
  readonly workerArgs?: readonly string[];
  /** True if the connections do not go through the proxies. */
  readonly isDirect?: boolean;
};

/** A process that can be killed, stopped and started again. */
export type Member = {
  readonly name: string;
  /** Its connection to NATS; null for NATS itself. */
  readonly proxy: NatsProxy | null;
  start(): Promise<void>;
  /** Sends SIGKILL, and waits for its end. */
  kill(): Promise<void>;
  /** Sends SIGTERM. Resolves with its exit status. */
  stop(): Promise<number>;
  /** Sends SIGSTOP or SIGCONT. */
  suspend(): void;
  resume(): void;
};

/** A process of petit that connects to NATS through its own proxy. */
class PetitMember implements Member {
  readonly name: string;
  readonly proxy: NatsProxy;
  readonly dir: string;
  readonly #argv: () => readonly string[];
  readonly #environment: Readonly<Record<string, string>>;
  readonly #readyMessage: string;
  readonly #logs: string[] = [];
  #process: LoggedProcess | null = null;

  constructor(options: {
    readonly name: string;
    readonly proxy: NatsProxy;
    readonly dir: string;
    readonly argv: () => readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
    readonly readyMessage: string;
  }) {
    this.name = options.name;
    this.proxy = options.proxy;
    this.dir = options.dir;
    this.#argv = options.argv;
    this.#environment = options.environment ?? {};
    this.#readyMessage = options.readyMessage;
    mkdirSync(options.dir, { recursive: true });
  }

  async start(): Promise<void> {
    this.#process = await startLoggedProcess({
      argv: this.#argv(),
      cwd: this.dir,
      env: { ...baseEnvironment(this.dir), MACHINE: this.name, ...this.#environment },
      readyMessage: this.#readyMessage,
    });
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  stop(): Promise<number> {
    return this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<number> {
    const ending = this.#process;
    this.#process = null;
    const status = (await ending?.end(signal)) ?? 0;
    this.#logs.push(ending?.stderr() ?? "");
    return status;
  }

  suspend(): void {
    this.#process?.send("SIGSTOP");
  }

  resume(): void {
    this.#process?.send("SIGCONT");
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** The fields of the log line that reports that it is ready. */
  get ready(): LoggedProcess["ready"] | null {
    return this.#process?.ready ?? null;
  }

  /** The log of all its processes. */
  get log(): string {
    return [...this.#logs, this.#process?.stderr() ?? ""].join("");
  }
}

/** A scheduler and its workers, each with its own connection to one nats-server. Disposing it kills all of them, and writes their logs to files. */
export class Fleet implements AsyncDisposable {
  readonly dbPath: string;
  readonly nats: NatsServer;
  readonly natsMember: Member;
  readonly scheduler: PetitMember;
  readonly workers: readonly PetitMember[];
  /** The key that a worker trusts from its next start on, by its name; without an entry, the scheduler's. */
  readonly trusts: Map<string, string>;

  private constructor(parts: {
    readonly dbPath: string;
    readonly nats: NatsServer;
    readonly scheduler: PetitMember;
    readonly workers: readonly PetitMember[];
    readonly trusts: Map<string, string>;
  }) {
    this.trusts = parts.trusts;
    this.dbPath = parts.dbPath;
    this.nats = parts.nats;
    this.natsMember = asMember(parts.nats);
    this.scheduler = parts.scheduler;
    this.workers = parts.workers;
  }

  /** Starts NATS, the scheduler and all workers. */
  static async start(options: FleetOptions): Promise<Fleet> {
    const { dir } = options;
    const nats = await startNats({ version: options.natsVersion });
    const key = generateSigningKey();
    const keyFile = join(dir, "signing.key");
    writeFileSync(keyFile, formatSigningKey(key), { mode: 0o600 });
    const dbPath = join(dir, "petit.db");
    const command = options.command ?? petitCommand();
    const urlOf = ({ port }: NatsProxy): string => (options.isDirect ? nats.url : `nats://127.0.0.1:${port}`);
    const proxies = await Promise.all(["", ...Object.keys(options.workers)].map(() => startProxy(nats.port)));
    const [first, ...others] = proxies;
    if (first === undefined) throw new Error("there is no proxy");
    const scheduler = new PetitMember({
      name: "scheduler",
      proxy: first,
      dir,
      readyMessage: "petit is ready",
      argv: () => [
        ...command,
        ...["run", writeJobs(dir, options.jobs), "--db", dbPath, "--api-port", "0", "--nats", urlOf(first)],
        ...["--nats-signing-key", keyFile, "--lost-after", `${options.lostAfterMs}ms`],
        ...(options.args ?? []),
      ],
    });
    const trusts = new Map<string, string>();
    const workers = Object.entries(options.workers).map(([name, labels], index) => {
      const proxy = others[index] ?? first;
      return new PetitMember({
        name,
        proxy,
        dir: join(dir, name),
        environment: options.environments?.[name] ?? {},
        readyMessage: "the worker is ready",
        argv: () => [
          ...command,
          ...["worker", "--nats", urlOf(proxy), "--trust", trusts.get(name) ?? key.publicKey, "--name", name],
          ...["--slots", String(options.slots), "--state-dir", stateDirOf(dir, name), "--kill-grace", "300ms"],
          ...["--on-shutdown", "leave", ...(options.workerArgs ?? [])],
          ...labels.flatMap((label) => ["--label", label]),
        ],
      });
    });
    const fleet = new Fleet({ dbPath, nats, scheduler, workers, trusts });
    try {
      await Promise.all([scheduler, ...workers].map((member) => member.start()));
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
    return fleet;
  }

  get members(): readonly Member[] {
    return [this.natsMember, this.scheduler, ...this.workers];
  }

  /** Sends a request to the API of the scheduler. Rejects while it is down. */
  fetch(path: string, init?: RequestInit): Promise<Response> {
    const url = this.scheduler.ready?.url;
    return typeof url === "string" ? fetch(`${url}${path}`, init) : Promise.reject(new Error("petit is down"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of [this.scheduler, ...this.workers]) {
      await member.kill();
      writeFileSync(`${member.dir}/${member.name}.log`, member.log);
    }
    for (const { proxy } of [this.scheduler, ...this.workers]) await proxy[Symbol.asyncDispose]();
    await this.nats[Symbol.asyncDispose]();
  }
}

/** The folder of what a worker keeps. */
export const stateDirOf = (dir: string, name: string): string => join(dir, name, "state");

const writeJobs = (dir: string, jobs: FleetOptions["jobs"]): string => {
  const jobsDir = join(dir, "jobs");
  mkdirSync(jobsDir, { recursive: true });
  for (const [name, text] of Object.entries(jobs)) writeFileSync(join(jobsDir, name), text);
  return jobsDir;
};

const asMember = (nats: NatsServer): Member => ({
  name: "nats",
  proxy: null,
  start: () => nats.start(),
  kill: () => nats.kill(),
  stop: async () => {
    await nats.stop();
    return 0;
  },
  suspend: () => nats.suspend(),
  resume: () => nats.resume(),
});
