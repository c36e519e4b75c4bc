import { join } from "node:path";
import { cpuMs, startPetit } from "./petit-process.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const SETTLE_MS = 5_000;
const MEASURE_MS = 10_000;

/** Measures the CPU time with 10,000 scheduled jobs, none of them due: right after the start, and later. */
export const measureIdle = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("idle");
  const jobsDir = writeJobs(dir, 10_000, (id) => trueJob(id, 'schedule: "@yearly"\n'));
  await using petit = await startPetit({ jobsDir, db: join(dir, "petit.db") });
  await Bun.sleep(SETTLE_MS);
  return [
    row("CPU with 10,000 jobs, none due, at first", await measureCpu(petit.pid)),
    row("  … later", await measureCpu(petit.pid)),
  ];
};

/** Returns the CPU usage in percent of one core. */
const measureCpu = async (pid: number): Promise<number> => {
  const before = cpuMs(pid);
  await Bun.sleep(MEASURE_MS);
  return ((cpuMs(pid) - before) / MEASURE_MS) * 100;
};

const row = (what: string, percent: number): Row => ({
  what,
  petit: `${percent.toFixed(2)} %`,
  value: percent,
  target: { bound: "under", value: 1, unit: " %" },
});
