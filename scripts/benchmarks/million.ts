import { Database } from "bun:sqlite";
import { join } from "node:path";
import { load } from "./load.ts";
import { startPetit } from "./petit-process.ts";
import { figure, medianAndP99, percentile } from "./statistics.ts";
import { storeRuns } from "./stored-runs.ts";
import type { Row } from "./table.ts";
import { PAUSE_MS } from "./trigger.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const JOBS = 1_000;
const RUNS = 1_000_000;
/** The interval between runs. All runs lie within the last hours, so that none exceeds the age limit. */
const STEP_MS = 40;

/** Measures queries and triggers on a database with 1,000,000 runs, 1,000 of each job. */
export const measureMillion = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("million");
  const jobsDir = writeJobs(dir, JOBS, (id) => trueJob(id));
  const db = join(dir, "petit.db");
  await (await startPetit({ jobsDir, db }))[Symbol.asyncDispose]();
  storeRuns(db, { runs: RUNS, jobs: JOBS, stepMs: STEP_MS });
  return [...(await measureFull(jobsDir, db)), ...(await measurePruning(jobsDir, db))];
};

const LOAD = { connections: 1, seconds: 3, pauseMs: PAUSE_MS } as const;

const measureFull = async (jobsDir: string, db: string): Promise<readonly Row[]> => {
  await using petit = await startPetit({ jobsDir, db });
  const time = async (method: "GET" | "POST", path: string): Promise<string> =>
    medianAndP99((await load({ ...LOAD, port: petit.port, method, path })).latenciesMs);
  return [
    { what: "1,000,000 runs: start", petit: `${figure(petit.startMs)} ms` },
    { what: "  … newest runs, p50 / p99", petit: await time("GET", "/api/runs") },
    { what: "  … newest runs of a job, p50 / p99", petit: await time("GET", "/api/jobs/job-00500/runs") },
    { what: "  … trigger, p50 / p99", petit: await time("POST", "/api/jobs/job-00500/trigger") },
  ];
};

/** The number of jobs whose retention is one run. */
const PRUNED_JOBS = 100;
const TIMEOUT_MS = 20_000;

/** Measures triggers while petit deletes the runs beyond the retention limit. */
const measurePruning = async (jobsDir: string, db: string): Promise<readonly Row[]> => {
  writeJobs(jobsDir.slice(0, jobsDir.lastIndexOf("/")), JOBS, (id, index) =>
    trueJob(id, index < PRUNED_JOBS ? "retention: {runs: 1}\n" : ""),
  );
  await using petit = await startPetit({ jobsDir, db });
  const { port } = petit;
  const startedAt = performance.now();
  const before = countPrunable(db);
  const path = "/api/jobs/job-00500/trigger";
  const { latenciesMs } = await load({ ...LOAD, port, method: "POST", path });
  while (countPrunable(db) > PRUNED_JOBS && performance.now() - startedAt < TIMEOUT_MS) await Bun.sleep(100);
  const perSecond = ((before - countPrunable(db)) / (performance.now() - startedAt)) * 1000;
  return [
    {
      what: "  … trigger while 100,000 runs are deleted, p50 / p99",
      petit: medianAndP99(latenciesMs),
      value: percentile(latenciesMs, 0.99),
      target: { bound: "under", value: 50, unit: " ms" },
    },
    { what: "  … runs deleted meanwhile", petit: `${figure(perSecond)}/s` },
  ];
};

const countPrunable = (path: string): number => {
  using db = new Database(path, { readonly: true });
  const last = `job-${String(PRUNED_JOBS).padStart(5, "0")}`;
  return (
    db.query<{ count: number }, [string]>("SELECT count(*) AS count FROM runs WHERE job_id < ?").get(last)?.count ?? 0
  );
};
