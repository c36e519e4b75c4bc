import { Database } from "bun:sqlite";
import { join } from "node:path";
import { load } from "./load.ts";
import { startPetit } from "./petit-process.ts";
import { figure, halfAndMost } from "./statistics.ts";
import type { Row } from "./table.ts";
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
  await using petit = await startPetit({ jobsDir, db });
  const time = async (method: "GET" | "POST", path: string): Promise<string> =>
    halfAndMost((await load({ port: petit.port, connections: 1, seconds: 2, method, path })).latenciesMs);
  return [
    { what: "1,000,000 runs: start", petit: `${figure(petit.startMs)} ms` },
    { what: "  … newest runs of all, p50 / p99", petit: await time("GET", "/api/runs") },
    { what: "  … newest runs of a job, p50 / p99", petit: await time("GET", "/api/jobs/job-00500/runs") },
    { what: "  … trigger, p50 / p99", petit: await time("POST", "/api/jobs/job-00500/trigger") },
  ];
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
