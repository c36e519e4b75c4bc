import { join } from "node:path";
import { cpuMs, startPetit } from "./petit-process.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

/** The numbers of jobs, and the limits in percent of one processor. */
const SIZES = [
  { jobs: 1_000, underPercent: 0.05 },
  { jobs: 10_000, underPercent: 0.1 },
] as const;

/** Within this time after a start, petit compares all files with the database and releases memory. */
const SETTLE_MS = 25_000;
/** Long, because the kernel counts CPU time in steps of 10 ms, and because petit looks at all files every minute, or more rarely if that takes long. */
const MEASURE_MS = 120_000;

/** Measures the CPU time with known jobs, none of them due, for all numbers of jobs at the same time. */
export const measureIdle = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("idle");
  return await Promise.all(
    SIZES.map(async ({ jobs, underPercent }) => {
      const jobsDir = writeJobs(dir, jobs, (id) => trueJob(id, 'schedule: "@yearly"\n'));
      const db = join(dir, `${jobs}.db`);
      await (await startPetit({ jobsDir, db }))[Symbol.asyncDispose]();
      await using petit = await startPetit({ jobsDir, db });
      await Bun.sleep(SETTLE_MS);
      return row(`CPU when idle with ${jobs.toLocaleString("en")} jobs`, await measureCpu(petit.pid), underPercent);
    }),
  );
};

/** Returns the CPU usage in percent of one processor. */
const measureCpu = async (pid: number): Promise<number> => {
  const before = cpuMs(pid);
  await Bun.sleep(MEASURE_MS);
  return ((cpuMs(pid) - before) / MEASURE_MS) * 100;
};

const row = (what: string, percent: number, underPercent: number): Row => ({
  what,
  petit: `${percent.toFixed(3)} %`,
  value: percent,
  target: { bound: "under", value: underPercent, unit: " %" },
});
