import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { tempDir } from "../temp-dir.ts";

/** The versions that petit has to work with: Debian's package, and a current one. scripts/setup-tests installs both. */
export const NATS_VERSIONS = ["2.9", "2.15"] as const;
export type NatsVersion = (typeof NATS_VERSIONS)[number];

const PROGRAMS: Readonly<Record<NatsVersion, string>> = {
  "2.9": "/usr/sbin/nats-server",
  "2.15": join(import.meta.dirname, "../../../.tools/nats-server/bin/nats-server"),
};

export const natsProgram = (version: NatsVersion): string => PROGRAMS[version];
export const hasNats = (version: NatsVersion): boolean => existsSync(PROGRAMS[version]);

export type NatsServerOptions = {
  /** The current one by default. */
  readonly version?: NatsVersion;
  /** Configuration besides the port and JetStream's folder, in the language of nats-server. */
  readonly config?: string;
  readonly hasJetStream?: boolean;
  /** Limits of JetStream, such as `max_file: 5MB`. */
  readonly limits?: string;
  /** A free one by default. */
  readonly port?: number;
};

/** A real nats-server with JetStream on a free port of this machine, with its data in a temporary folder. */
export type NatsServer = AsyncDisposable & {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** What the current process has logged. */
  readonly log: string;
  /** Sends SIGKILL and waits until the process is gone. Its data stays. */
  kill(): Promise<void>;
  /** Stops it with SIGTERM. */
  stop(): Promise<void>;
  /** Starts it again on the same port, after `kill` or `stop`. */
  start(): Promise<void>;
  /** Deletes its data. It has to be stopped. */
  wipe(): void;
  /** Limits JetStream from its next start on, such as with `max_file: 5MB`; an empty text ends that. */
  limit(limits: string): void;
  /** Sends SIGSTOP or SIGCONT. */
  suspend(): void;
  resume(): void;
};

export const startNats = async (options: NatsServerOptions = {}): Promise<NatsServer> => {
  const dir = tempDir();
  const port = options.port ?? (await freePort());
  const store = dir.file("jetstream");
  const configFile = dir.file("nats.conf");
  const configWith = (limits: string): string => {
    const jetStream = options.hasJetStream === false ? "" : `jetstream { store_dir: "${store}", ${limits} }\n`;
    return `listen: "127.0.0.1:${port}"\n${jetStream}${options.config ?? ""}`;
  };
  writeFileSync(configFile, configWith(options.limits ?? ""));
  let running: Running | null = null;
  const current = (): Running => {
    if (running === null) throw new Error("the nats-server does not run");
    return running;
  };
  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    if (running === null) return;
    const { child, exited } = running;
    running = null;
    // A suspended process handles only SIGKILL.
    if (signal === "SIGTERM") child.kill("SIGCONT");
    child.kill(signal);
    await exited;
  };
  const start = async (): Promise<void> => {
    if (running !== null) throw new Error("the nats-server runs already");
    mkdirSync(store, { recursive: true });
    running = await launch(natsProgram(options.version ?? "2.15"), configFile);
  };
  await start();
  return {
    port,
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return current().child.pid ?? 0;
    },
    get log() {
      return current().log();
    },
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    start,
    limit: (limits) => writeFileSync(configFile, configWith(limits)),
    wipe: () => {
      if (running !== null) throw new Error("stop the nats-server first");
      rmSync(store, { recursive: true, force: true });
    },
    suspend: () => void current().child.kill("SIGSTOP"),
    resume: () => void current().child.kill("SIGCONT"),
    [Symbol.asyncDispose]: async () => {
      await end("SIGKILL");
      dir[Symbol.dispose]();
    },
  };
};

type Running = { readonly child: ChildProcess; readonly exited: Promise<void>; readonly log: () => string };

/** Starts the program and waits until it says that it is ready. Another server may have taken the port: then it exits. */
const launch = async (program: string, configFile: string): Promise<Running> => {
  const child = spawn(program, ["-c", configFile], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  const ready = Promise.withResolvers<void>();
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    log += chunk;
    if (log.includes("Server is ready")) ready.resolve();
  });
  const exited = new Promise<void>((resolve) => {
    const done = (): void => {
      ready.reject(new Error(`nats-server has exited:\n${log}`));
      resolve();
    };
    child.once("error", done);
    child.once("exit", done);
  });
  await ready.promise;
  return { child, exited, log: () => log };
};
