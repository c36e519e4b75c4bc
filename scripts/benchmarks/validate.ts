import { EXECUTABLE } from "./petit-process.ts";
import { figure, median } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, typicalJob, writeJobs } from "./workspace.ts";

const ROUNDS = 5;

/** Measures the user and system CPU time of `petit validate` with 1,000 files. */
export const measureValidate = async (): Promise<readonly Row[]> => {
  const jobsDir = writeJobs(makeFolder("validate"), 1_000, (id, index) => typicalJob(id, index));
  const ms = median(Array.from({ length: ROUNDS }, () => validateMs(jobsDir)));
  return [
    {
      what: "validate 1,000 files, CPU time",
      petit: `${figure(ms)} ms`,
      value: ms,
      target: { bound: "under", value: 400, unit: " ms" },
    },
  ];
};

const validateMs = (jobsDir: string): number => {
  const { success, resourceUsage } = Bun.spawnSync([EXECUTABLE, "validate", jobsDir]);
  if (!success) throw new Error("petit validate failed");
  return Number(resourceUsage.cpuTime.total) / 1000;
};
