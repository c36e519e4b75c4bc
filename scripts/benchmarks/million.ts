import { Database } from "bun:sqlite";
import { join } from "node:path";
import { load } from "./load.ts";
import { startPetit } from "./petit-process.ts";
import { figure, halfAndMost, percentile } from "./statistics.ts";
import type { Row } from "./table.ts";
import { PAUSE_MS } from "./trigger.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const JOBS = 1_000;
const RUNS = 1_000_000;

/** Reads and triggers on a database that has a million runs, a thousand of each job, all of the last hours. */
export const measureMillion = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("million");
  const jobsDir = writeJobs(dir, JOBS, (id) => trueJob(id));
  const db = join(dir, "petit.db");
  await (await startPetit({ jobsDir, db }))[Symbol.asyncDispose]();
  storeRuns(db);
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

/** Straight into the tables: runs that were made one by one would take an hour. */
const storeRuns = (path: string): void => {
  using db = new Database(path, { strict: true });
  db.run("PRAGMA journal_mode = DELETE");
  db.run("PRAGMA synchronous = OFF");
  db.run("PRAGMA cache_size = -500000");
  const firstAt = Date.now() - RUNS * STEP_MS;
  db.transaction(() => {
    for (const sql of FILL) db.query(sql).run({ runs: RUNS, jobs: JOBS, firstAt, step: STEP_MS });
  })();
  db.run("PRAGMA journal_mode = WAL");
};

/** Between two runs: all of them within the last hours, so that none is old. */
const STEP_MS = 40;

const NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $runs)";
const AT = "$firstAt + i * $step";

const FILL = [
  `${NUMBERS} INSERT INTO runs (seq, id, job_id, version, status, reason, error, "trigger", params, created_at, started_at, ended_at)
   SELECT i, printf('%08x-%04x-7000-8000-%012x', (${AT}) >> 16, (${AT}) & 65535, i), jobs.id, jobs.version,
     iif(i % 50 = 0, 'failed', 'completed'), iif(i % 50 = 0, 'exit_code', NULL), iif(i % 50 = 0, 'exit code 1', NULL),
     'manual', '{}', ${AT}, ${AT} + 1, ${AT} + 30
   FROM n JOIN jobs ON jobs.id = printf('job-%05d', i % $jobs)`,
  `${NUMBERS} INSERT INTO task_runs (run, task_id, position, status, reason, attempts, started_at, ended_at, exit_code)
   SELECT i, 'main', 0, iif(i % 50 = 0, 'failed', 'completed'), iif(i % 50 = 0, 'exit_code', NULL), 1, ${AT} + 1, ${AT} + 30, i % 50 = 0
   FROM n WHERE $jobs > 0`,
  `${NUMBERS} INSERT INTO attempts (run, task_id, attempt, status, reason, exit_code, started_at, ended_at)
   SELECT i, 'main', 1, iif(i % 50 = 0, 'failed', 'completed'), iif(i % 50 = 0, 'exit_code', NULL), i % 50 = 0, ${AT} + 1, ${AT} + 30
   FROM n WHERE $jobs > 0`,
];
