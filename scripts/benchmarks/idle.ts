import { join } from "node:path";
import { cpuMs, startPetit } from "./petit-process.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const SETTLE_MS = 5_000;
const WATCH_MS = 10_000;

/**
 * The share of a core that 10,000 scheduled jobs take of which none is due: right after the start, while what that left behind is
 * cleared away, and from then on.
 */
export const measureIdle = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("idle");
  const jobsDir = writeJobs(dir, 10_000, (id) => trueJob(id, 'schedule: "@yearly"\n'));
  await using petit = await startPetit({ jobsDir, db: join(dir, "petit.db") });
  await Bun.sleep(SETTLE_MS);
  return [
    row("CPU of a core, 10,000 jobs, nothing due, at first", await watch(petit.pid)),
    row("  … from then on", await watch(petit.pid)),
  ];
};

/** In percent. */
const watch = async (pid: number): Promise<number> => {
  const before = cpuMs(pid);
  await Bun.sleep(WATCH_MS);
  return ((cpuMs(pid) - before) / WATCH_MS) * 100;
};

const row = (what: string, percent: number): Row => ({
  what,
  petit: `${percent.toFixed(2)} %`,
  value: percent,
  target: { bound: "under", value: 1, unit: " %" },
});
