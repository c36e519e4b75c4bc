import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { bootId } from "../../engine/attempt/identity.ts";
import { systemReadings } from "../../lib/suspension.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { GUARD_SCRIPT } from "./guard-script.ts";

export type GuardOptions = {
  /** The state folder of the worker. */
  readonly stateDir: string;
  readonly spoolDir: string;
  /** The id of the worker's database. A folder that was deleted can get another worker, whose leases the guard must ignore. */
  readonly instance: string;
  readonly runtime: Pick<Runtime, "spawn">;
};

/** What the guard ends. */
export type GuardedAttempt = {
  /** The id of the attempt in the worker's database. */
  readonly id: number;
  /** Path of its status file. */
  readonly status: string;
  /** The container that it runs in, and the path of the client that can remove it. Null without a container. */
  readonly container: { readonly engine: string; readonly name: string } | null;
  /** The folder of its cgroup, which need not exist; null if it has none. */
  readonly cgroup: string | null;
};

/** What the guard and the worker leave for each other in the state folder. */
export const GUARD_FILES = ["guarded", "lease", "lease.spare", "guard.pid"] as const;

/** After how many checks without guarded attempts the guard ends. */
const IDLE_CHECKS = 10;

const MAX_PERIOD_S = 1;
const CHECKS_IN_MARGIN = 4;
const CS_PER_MS = 0.1;

/** All leases have the same size, so that one can be written over another. */
const LEASE_BYTES = 256;

/** `untilMs`: until when attempts may run, in ms since boot. They may be started elsewhere `marginMs` after that. */
export type Lease = { readonly untilMs: number; readonly marginMs: number };

const MAX_MARGIN_MS = 30_000;

/** Returns the lease that an answered hello gives. The scheduler's own count begins later, when it receives the hello. */
export const leaseOf = (hello: { readonly sentUptimeMs: number; readonly lostAfterMs: number }): Lease => {
  const marginMs = Math.min(MAX_MARGIN_MS, hello.lostAfterMs / 3);
  return { untilMs: hello.sentUptimeMs + hello.lostAfterMs - marginMs, marginMs };
};

/** Returns the time since boot in ms, which includes suspensions. Null if the system does not report it. */
export const uptimeMs = (): number | null => systemReadings.uptime();

/**
 * Ends attempts when the worker has had no contact with the scheduler for so long that they may be started elsewhere. A small separate
 * process does that, because the worker may have been killed or stopped.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #folder: string;
  #isRunning = false;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#folder = join(options.stateDir, "guarded");
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** Until when the attempts may run, in ms since boot. 0 if it is unknown, of another worker, or from before the last boot. */
  get leaseMs(): number {
    const [until, , boot, instance] = readWords(this.#path("lease"));
    return boot === bootId() && instance === this.#options.instance ? Number(until) / CS_PER_MS : 0;
  }

  /** False on a system that does not report the time since boot, such as macOS: there, nothing can be guarded. */
  readonly isSupported = uptimeMs() !== null;

  /** True while no guarded attempt can have been started elsewhere. */
  get isWithinLease(): boolean {
    return (uptimeMs() ?? Number.POSITIVE_INFINITY) < this.leaseMs;
  }

  setLease({ untilMs, marginMs }: Lease): void {
    const { instance } = this.#options;
    const periodS = Math.min(MAX_PERIOD_S, marginMs / CHECKS_IN_MARGIN / 1_000);
    const words = [Math.floor(untilMs * CS_PER_MS), periodS.toFixed(3), bootId(), instance];
    exchangeFile(this.#path("lease"), `${words.join(" ").padEnd(LEASE_BYTES - 1)}\n`);
  }

  /** Starts to guard an attempt. Call it when its status file exists, and before its process is started. */
  add({ id, status, container, cgroup }: GuardedAttempt): void {
    const lines = [status, container?.engine ?? "", container?.name ?? "", cgroup ?? ""];
    replaceFile(this.#path("guarded", String(id)), `${lines.join("\n")}\n`);
    this.#ensureProcess();
  }

  /** Returns whether the guard has ended an attempt. */
  hasEnded(id: number): boolean {
    return readText(this.#path("guarded", `${id}.ended`)) !== null;
  }

  remove(id: number): void {
    for (const name of [`${id}`, `${id}.ended`]) rmSync(this.#path("guarded", name), { force: true });
  }

  /** Stops guarding all attempts except `ids`, and starts the guard process if they need it. */
  retain(ids: ReadonlySet<number>): void {
    if (!this.isSupported) return;
    for (const name of readdirSync(this.#folder)) {
      const [id = ""] = name.split(".");
      if (!ids.has(Number(id))) rmSync(this.#path("guarded", name), { force: true });
    }
    if (ids.size > 0) this.#ensureProcess();
  }

  #path(...names: readonly string[]): string {
    return join(this.#options.stateDir, ...names);
  }

  #ensureProcess(): void {
    if (this.#isRunning || this.#findProcess()) return;
    const { runtime, spoolDir } = this.#options;
    const nothing = openSync("/dev/null", "r");
    try {
      const { exited } = runtime.spawn({
        argv: ["/bin/sh", "-c", GUARD_SCRIPT, "petit-guard", ...this.#identity, spoolDir],
        cwd: "/",
        environment: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
        stdin: null,
        stdout: null,
        stderr: null,
        status: nothing,
      });
      this.#isRunning = true;
      void exited.then(() => {
        this.#isRunning = false;
        if (this.#hasAttempts()) this.#ensureProcess();
      });
    } finally {
      closeSync(nothing);
    }
  }

  #hasAttempts(): boolean {
    try {
      return readdirSync(this.#folder).some((name) => !name.includes("."));
    } catch {
      return false;
    }
  }

  /** Returns whether the process that an earlier worker started is alive. */
  #findProcess(): boolean {
    const [pid] = readWords(this.#path("guard.pid"));
    const line = pid === undefined || !/^\d+$/.test(pid) ? null : readText(`/proc/${pid}/cmdline`);
    return line?.includes(`\0${["petit-guard", ...this.#identity].join("\0")}\0`) === true;
  }

  /** The arguments by which the guard of this worker is recognized. */
  get #identity(): readonly string[] {
    const { stateDir, instance } = this.#options;
    return [stateDir, String(IDLE_CHECKS), instance];
  }
}

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
};

const readWords = (path: string): readonly string[] => (readText(path) ?? "").split(/\s+/);

/** Replaces a file atomically, so that a reader never sees a partial file. */
const replaceFile = (path: string, text: string): void => {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
};

/**
 * Replaces a file atomically by a text of the same size. It needs no space on the disk, which may be full: the text is written over the
 * file that was replaced the last time.
 */
const exchangeFile = (path: string, text: string): void => {
  const [spare, replaced] = [`${path}.spare`, `${path}.replaced`];
  try {
    const fd = openSync(spare, "r+");
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
    rmSync(replaced, { force: true });
    linkSync(path, replaced);
    renameSync(spare, path);
    renameSync(replaced, spare);
  } catch {
    // It is the first time, or the file system has no hard links.
    replaceFile(path, text);
    writeFileSync(spare, text, { mode: 0o600 });
  }
};
