import { Database } from "bun:sqlite";
import { join } from "node:path";
import { load } from "./load.ts";
import { startPetit } from "./petit-process.ts";
import { figure, halfAndMost, percentile } from "./statistics.ts";
import { storeRuns } from "./stored-runs.ts";
import type { Row } from "./table.ts";
import { PAUSE_MS } from "./trigger.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const JOBS = 1_000;
const RUNS = 1_000_000;
/** Between two runs: all of them within the last hours, so that none is old. */
const STEP_MS = 40;

/** Reads and triggers on a database that has a million runs, a thousand of each job, all of the last hours. */
export const measureMillion = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("million");
  const jobsDir = writeJobs(dir, JOBS, (id) => trueJob(id));
  const db = join(dir, "petit.db");
  await (await startPetit({ jobsDir, db }))[Symbol.asyncDispose]();
  storeRuns(db, { runs: RUNS, jobs: JOBS, stepMs: STEP_MS });
  return [...(await measureFull(jobsDir, db)), ...(await measurePruning(jobsDir, db))];
};

const ASKING = { connections: 1, seconds: 3, pauseMs: PAUSE_MS } as const;

const measureFull = async (jobsDir: string, db: string): Promise<readonly Row[]> => {
  await using petit = await startPetit({ jobsDir, db });
  const time = async (method: "GET" | "POST", path: string): Promise<string> =>
    halfAndMost((await load({ ...ASKING, port: petit.port, method, path })).latenciesMs);
  return [
    { what: "1,000,000 runs: start", petit: `${figure(petit.startMs)} ms` },
    { what: "  … newest runs of all, p50 / p99", petit: await time("GET", "/api/runs") },
    { what: "  … newest runs of a job, p50 / p99", petit: await time("GET", "/api/jobs/job-00500/runs") },
    { what: "  … trigger, p50 / p99", petit: await time("POST", "/api/jobs/job-00500/trigger") },
  ];
};

/** Jobs that are to keep one run of their thousand. */
const PRUNED_JOBS = 100;
const PATIENCE_MS = 20_000;

/** Triggers while what is one too many goes. */
const measurePruning = async (jobsDir: string, db: string): Promise<readonly Row[]> => {
  writeJobs(jobsDir.slice(0, jobsDir.lastIndexOf("/")), JOBS, (id, index) =>
    trueJob(id, index < PRUNED_JOBS ? "retention: {runs: 1}\n" : ""),
  );
  await using petit = await startPetit({ jobsDir, db });
  const { port } = petit;
  const startedAt = performance.now();
  const before = runsOfPruned(db);
  const path = "/api/jobs/job-00500/trigger";
  const { latenciesMs } = await load({ ...ASKING, port, method: "POST", path });
  while (runsOfPruned(db) > PRUNED_JOBS && performance.now() - startedAt < PATIENCE_MS) await Bun.sleep(100);
  const perSecond = ((before - runsOfPruned(db)) / (performance.now() - startedAt)) * 1000;
  return [
    {
      what: "  … trigger while 100,000 are pruned, p50 / p99",
      petit: halfAndMost(latenciesMs),
      value: percentile(latenciesMs, 0.99),
      target: { bound: "under", value: 50, unit: " ms" },
    },
    { what: "  … pruned meanwhile", petit: `${figure(perSecond)}/s` },
  ];
};

const runsOfPruned = (path: string): number => {
  using db = new Database(path, { readonly: true });
  const last = `job-${String(PRUNED_JOBS).padStart(5, "0")}`;
  return (
    db.query<{ count: number }, [string]>("SELECT count(*) AS count FROM runs WHERE job_id < ?").get(last)?.count ?? 0
  );
};
