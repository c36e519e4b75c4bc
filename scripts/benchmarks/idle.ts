import { join } from "node:path";
import { cpuMs, startPetit } from "./petit-process.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

/** What a start with 10,000 jobs leaves behind is cleared away for some seconds after it. */
const SETTLE_MS = 20_000;
const WATCH_MS = 10_000;

/** The share of a core that 10,000 scheduled jobs take of which none is due. */
export const measureIdle = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("idle");
  const jobsDir = writeJobs(dir, 10_000, (id) => trueJob(id, 'schedule: "@yearly"\n'));
  await using petit = await startPetit({ jobsDir, db: join(dir, "petit.db") });
  await Bun.sleep(SETTLE_MS);
  const before = cpuMs(petit.pid);
  await Bun.sleep(WATCH_MS);
  const percent = ((cpuMs(petit.pid) - before) / WATCH_MS) * 100;
  return [
    {
      what: "CPU of a core, 10,000 jobs, nothing due",
      petit: `${percent.toFixed(2)} %`,
      value: percent,
      target: { bound: "under", value: 1, unit: " %" },
    },
  ];
};
