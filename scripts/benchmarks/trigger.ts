import { join } from "node:path";
import { load } from "./load.ts";
import { startPetit } from "./petit-process.ts";
import { medianAndP99 } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

/** Limits the load to 100 triggers per second, so that the latency does not include queueing. */
export const PAUSE_MS = 10;

/** Measures the response time of a trigger, which includes storing the run on disk. */
export const measureTrigger = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("trigger");
  const jobsDir = writeJobs(dir, 1, (id) => trueJob(id));
  await using petit = await startPetit({ jobsDir, db: join(dir, "petit.db") });
  const path = "/api/jobs/job-00000/trigger";
  const request = { port: petit.port, connections: 1, pauseMs: PAUSE_MS, method: "POST", path } as const;
  await load({ ...request, seconds: 0.5 });
  const { latenciesMs } = await load({ ...request, seconds: 4 });
  return [{ what: "trigger, p50 / p99", petit: medianAndP99(latenciesMs) }];
};
