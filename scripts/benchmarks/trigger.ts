import { join } from "node:path";
import { load } from "./load.ts";
import { startPetit } from "./petit-process.ts";
import { halfAndMost } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

/** A hundred a second at most: what is measured is the trigger, not what it waits for behind others. */
export const PAUSE_MS = 10;

/** How long a POST takes whose run is on disk when it is answered. */
export const measureTrigger = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("trigger");
  const jobsDir = writeJobs(dir, 1, (id) => trueJob(id));
  await using petit = await startPetit({ jobsDir, db: join(dir, "petit.db") });
  const path = "/api/jobs/job-00000/trigger";
  const request = { port: petit.port, connections: 1, pauseMs: PAUSE_MS, method: "POST", path } as const;
  await load({ ...request, seconds: 0.5 });
  const { latenciesMs } = await load({ ...request, seconds: 4 });
  return [{ what: "trigger, p50 / p99", petit: halfAndMost(latenciesMs) }];
};
