import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { type SmallDisk, smallDisk } from "../engine/faults.ts";
import { type LoggedProcess, startLoggedProcess } from "../petit/logged-process.ts";
import { baseEnvironment, petitCommand } from "../petit/petit.ts";
import { startCluster } from "./cluster.ts";
import { combineProxies, type Proxy as NatsProxy, startProxy } from "./proxy.ts";
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
  /** True for three nats-servers of the current version in place of one. */
  readonly isCluster?: boolean;
  /** The sizes of small disks in bytes: one for petit's database and its folders, and one for the state of each worker. */
  readonly disks?: { readonly scheduler: number; readonly worker: number };
};

/** A proxy to one nats-server, or to all of a cluster. */
type ProxyPart = Omit<NatsProxy, "port">;

/** A process that can be killed, stopped and started again. */
export type Member = {
  readonly name: string;
  /** Its connection to NATS; null for NATS itself. */
  readonly proxy: ProxyPart | null;
  /** A small disk for what it stores, if it has one. */
  readonly disk: SmallDisk | null;
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
  readonly proxy: ProxyPart;
  readonly disk: SmallDisk | null;
  readonly dir: string;
  readonly #argv: () => readonly string[];
  readonly #environment: Readonly<Record<string, string>>;
  readonly #readyMessage: string;
  readonly #logs: string[] = [];
  #process: LoggedProcess | null = null;

  constructor(options: {
    readonly name: string;
    readonly proxy: ProxyPart;
    readonly disk: SmallDisk | null;
    readonly dir: string;
    readonly argv: () => readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
    readonly readyMessage: string;
  }) {
    this.name = options.name;
    this.proxy = options.proxy;
    this.disk = options.disk;
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

  /**
   * Runs this member a second time, with the folder `copy` at the path of the original, until it exits. Resolves with its exit status, or
   * null if it runs for longer than `limitMs`, and with its log.
   */
  async runCopy(options: {
    readonly copy: string;
    readonly place: string;
    readonly limitMs: number;
  }): Promise<{ readonly status: number | null; readonly log: string }> {
    const { copy, place, limitMs } = options;
    const script = 'mount --bind "$0" "$1" && shift && exec "$@"';
    const running = await startLoggedProcess({
      argv: ["unshare", "--mount", "sh", "-c", script, copy, place, ...this.#argv()],
      cwd: this.dir,
      env: { ...baseEnvironment(this.dir), MACHINE: `copy of ${this.name}`, ...this.#environment },
      readyMessage: this.#readyMessage,
    });
    const status = await Promise.race([running.exited, Bun.sleep(limitMs).then(() => null)]);
    await running.end("SIGKILL");
    return { status, log: running.stderr() };
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

/** A scheduler and its workers, each with its own connection to one nats-server or a cluster. Disposing it kills all of them, and writes their logs to files. */
export class Fleet implements AsyncDisposable {
  readonly dbPath: string;
  /** The nats-servers. */
  readonly nodes: readonly NatsServer[];
  /** The only nats-server, or the first one of the cluster. */
  readonly nats: NatsServer;
  readonly natsMember: Member;
  readonly scheduler: PetitMember;
  readonly workers: readonly PetitMember[];
  /** The key that a worker trusts from its next start on, by its name; without an entry, the scheduler's. */
  readonly trusts: Map<string, string>;
  readonly keyFile: string;

  private constructor(parts: {
    readonly keyFile: string;
    readonly dbPath: string;
    readonly nodes: readonly [NatsServer, ...NatsServer[]];
    readonly scheduler: PetitMember;
    readonly workers: readonly PetitMember[];
    readonly trusts: Map<string, string>;
  }) {
    this.trusts = parts.trusts;
    this.keyFile = parts.keyFile;
    this.dbPath = parts.dbPath;
    this.nodes = parts.nodes;
    this.nats = parts.nodes[0];
    this.natsMember = asMember(this.nats);
    this.scheduler = parts.scheduler;
    this.workers = parts.workers;
  }

  /** Starts NATS, the scheduler and all workers. */
  static async start(options: FleetOptions): Promise<Fleet> {
    const { dir } = options;
    const nodes = options.isCluster
      ? (await startCluster()).nodes
      : ([await startNats({ version: options.natsVersion })] as const);
    const key = generateSigningKey();
    const keyFile = join(dir, "signing.key");
    writeFileSync(keyFile, formatSigningKey(key), { mode: 0o600 });
    const dbPath = join(dir, "petit", "petit.db");
    const command = options.command ?? petitCommand();
    const connect = async () => {
      const proxies = await Promise.all(nodes.map(({ port }) => startProxy(port)));
      const urls = options.isDirect
        ? nodes.map(({ url }) => url)
        : proxies.map(({ port }) => `nats://127.0.0.1:${port}`);
      return { proxy: combineProxies(proxies), args: urls.flatMap((url) => ["--nats", url]) };
    };
    const diskAt = (path: string, bytes: number | undefined): SmallDisk | null => {
      mkdirSync(path, { recursive: true });
      return bytes === undefined ? null : smallDisk(path, bytes);
    };
    const connection = await connect();
    const scheduler = new PetitMember({
      name: "scheduler",
      proxy: connection.proxy,
      disk: diskAt(dirname(dbPath), options.disks?.scheduler),
      dir,
      readyMessage: "petit is ready",
      argv: () => [
        ...command,
        ...["run", writeJobs(dir, options.jobs), "--db", dbPath, "--api-port", "0", ...connection.args],
        ...["--nats-signing-key", keyFile, "--lost-after", `${options.lostAfterMs}ms`],
        ...(options.args ?? []),
      ],
    });
    const trusts = new Map<string, string>();
    const workerOf = async ([name, labels]: readonly [string, readonly string[]]): Promise<PetitMember> => {
      const { proxy, args } = await connect();
      return new PetitMember({
        name,
        proxy,
        disk: diskAt(stateDirOf(dir, name), options.disks?.worker),
        dir: join(dir, name),
        environment: options.environments?.[name] ?? {},
        readyMessage: "the worker is ready",
        argv: () => [
          ...command,
          ...["worker", ...args, "--trust", trusts.get(name) ?? key.publicKey, "--name", name],
          ...["--slots", String(options.slots), "--state-dir", stateDirOf(dir, name), "--kill-grace", "300ms"],
          ...["--on-shutdown", "leave", ...(options.workerArgs ?? [])],
          ...labels.flatMap((label) => ["--label", label]),
        ],
      });
    };
    const workers = await Promise.all(Object.entries(options.workers).map(workerOf));
    const fleet = new Fleet({ keyFile, dbPath, nodes, scheduler, workers, trusts });
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
    for (const { proxy, disk } of [this.scheduler, ...this.workers]) {
      await proxy[Symbol.asyncDispose]();
      disk?.dissolve();
    }
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
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
  disk: null,
  start: () => nats.start(),
  kill: () => nats.kill(),
  stop: async () => {
    await nats.stop();
    return 0;
  },
  suspend: () => nats.suspend(),
  resume: () => nats.resume(),
});
