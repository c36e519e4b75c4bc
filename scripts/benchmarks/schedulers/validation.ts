import { makeFolder, writeJobs } from "../workspace.ts";
import type { Scheduler } from "./scheduler.ts";

const FILES = 1_000;

/** Returns the CPU time of a check of FILES job files in ms; no value if the scheduler can't do that. */
export const measureValidation = ({ name, executable, validation }: Scheduler): readonly number[] => {
  if (validation === null) return [];
  const jobsDir = writeJobs(makeFolder("validation"), FILES, validation.jobFile);
  const { success, resourceUsage } = Bun.spawnSync([executable, ...validation.args(jobsDir)]);
  if (success) return [Number(resourceUsage.cpuTime.total) / 1000];
  console.error(`${name}: the job files are not valid`);
  return [];
};
