import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { ROOT } from "./workspace.ts";

export const EXECUTABLE = join(ROOT, "dist/petit");

export type StartOptions = {
  readonly jobsDir: string;
  readonly db: string;
  readonly args?: readonly string[];
};

/** A running petit. Disposing it stops it. */
export interface PetitProcess extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** The time from exec until it was healthy and accepted triggers, in ms. */
  readonly startMs: number;
}

const TIMEOUT_MS = 60_000;

/** Starts the executable. Throws if it is not healthy within a minute. */
export const startPetit = async ({ jobsDir, db, args = [] }: StartOptions): Promise<PetitProcess> => {
  const port = await freePort();
  const startedAt = performance.now();
  const child = Bun.spawn([EXECUTABLE, "run", jobsDir, "--db", db, "--api-port", String(port), ...QUIET, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await waitUntil(() => isHealthy(port), child.exited);
  return {
    port,
    pid: child.pid,
    startMs: performance.now() - startedAt,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
};

const QUIET = ["--log-level", "error", "--log-format", "json"];

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });

const waitUntil = async (isDone: () => Promise<boolean>, exited: Promise<number>): Promise<void> => {
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  const deadline = performance.now() + TIMEOUT_MS;
  while (!(await isDone())) {
    if (ended) throw new Error("petit exited during its start");
    if (performance.now() > deadline) throw new Error("petit was not healthy within a minute");
    await Bun.sleep(1);
  }
};

const isHealthy = async (port: number): Promise<boolean> => {
  try {
    const health = await fetch(`http://127.0.0.1:${port}/api/health`);
    const state = await fetch(`http://127.0.0.1:${port}/api/scheduler/state`);
    return health.status === 200 && (await state.text()).includes('"running"');
  } catch {
    return false;
  }
};

/** Returns the resident memory of a process, in MiB. */
export const residentMiB = (pid: number): number => memoryMiB(pid, "VmRSS");

/** Returns the peak resident memory of a process since its start or since `resetPeak`, in MiB. */
export const peakMiB = (pid: number): number => memoryMiB(pid, "VmHWM");

export const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, "5");

const memoryMiB = (pid: number, field: "VmRSS" | "VmHWM"): number => {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
};

/** Clock ticks per second in /proc. It is 100 on every Linux (proc(5), USER_HZ). */
const TICKS = 100;

/** Returns the user and system CPU time of a process, in ms. */
export const cpuMs = (pid: number): number => cpuTimes(pid).own;

/** Returns the CPU time of a process and of its children that have ended, in ms. */
export const cpuWithChildrenMs = (pid: number): number => {
  const { own, children } = cpuTimes(pid);
  return own + children;
};

const cpuTimes = (pid: number): { readonly own: number; readonly children: number } => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 15)
    .map((ticks) => (Number(ticks) / TICKS) * 1000);
  return { own: user + system, children: childUser + childSystem };
};
