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

/** A petit that runs; disposing stops it. */
export interface PetitProcess extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** From exec until it was healthy and took triggers, in ms. */
  readonly startMs: number;
}

const PATIENCE_MS = 60_000;

/** Starts the executable. Throws where it isn't healthy within a minute. */
export const startPetit = async ({ jobsDir, db, args = [] }: StartOptions): Promise<PetitProcess> => {
  const port = await freePort();
  const startedAt = performance.now();
  const child = Bun.spawn([EXECUTABLE, "run", jobsDir, "--db", db, "--api-port", String(port), ...QUIET, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await until(() => isHealthy(port), child.exited);
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

const until = async (isDone: () => Promise<boolean>, exited: Promise<number>): Promise<void> => {
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isDone())) {
    if (ended) throw new Error("petit ended at its start");
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

/** Resident memory of a process, in MiB. */
export const residentMiB = (pid: number): number => memoryMiB(pid, "VmRSS");

/** The most that a process has had since its start, or since `resetPeak`, in MiB. */
export const peakMiB = (pid: number): number => memoryMiB(pid, "VmHWM");

export const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, "5");

const memoryMiB = (pid: number, field: "VmRSS" | "VmHWM"): number => {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
};

/** Clock ticks a second; Linux has told 100 to programs for ever. */
const TICKS = 100;

/** CPU time that a process has used so far, user and system, in ms. */
export const cpuMs = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) / TICKS) * 1000;
};
