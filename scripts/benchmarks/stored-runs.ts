import { Database } from "bun:sqlite";

/** Finished runs for `storeRuns` to insert. */
export type StoredRuns = {
  /** The number of runs, spread evenly over the jobs `job-00000`, `job-00001`, … */
  readonly runs: number;
  readonly jobs: number;
  /** The interval between two runs, in ms. The last run is from now. */
  readonly stepMs: number;
  /** The duration of run `i` in ms, as an SQL expression. */
  readonly durationMs?: string;
};

/** Inserts runs into the database of a stopped petit. Executing them would take an hour. */
export const storeRuns = (path: string, { runs, jobs, stepMs, durationMs = "29" }: StoredRuns): void => {
  using db = new Database(path, { strict: true });
  db.run("PRAGMA journal_mode = DELETE");
  db.run("PRAGMA synchronous = OFF");
  db.run("PRAGMA cache_size = -500000");
  const firstAt = Date.now() - runs * stepMs;
  db.transaction(() => {
    for (const sql of statements(durationMs)) db.query(sql).run({ runs, jobs, firstAt, step: stepMs });
  })();
  db.run("PRAGMA journal_mode = WAL");
};

const NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $runs)";
const AT = "$firstAt + i * $step";

const statements = (durationMs: string): readonly string[] => [
  `${NUMBERS} INSERT INTO runs (seq, id, job_id, version, status, reason, error, "trigger", params, created_at, started_at, ended_at)
   SELECT i, printf('%08x-%04x-7000-8000-%012x', (${AT}) >> 16, (${AT}) & 65535, i), jobs.id, jobs.version,
     iif(i % 50 = 0, 'failed', 'completed'), iif(i % 50 = 0, 'exit_code', NULL), iif(i % 50 = 0, 'exit code 1', NULL),
     'manual', '{}', ${AT}, ${AT} + 1, ${AT} + 1 + ${durationMs}
   FROM n JOIN jobs ON jobs.id = printf('job-%05d', i % $jobs)`,
  `${NUMBERS} INSERT INTO task_runs (run, task_id, position, status, reason, attempts, started_at, ended_at, exit_code)
   SELECT i, 'main', 0, iif(i % 50 = 0, 'failed', 'completed'), iif(i % 50 = 0, 'exit_code', NULL), 1, ${AT} + 1, ${AT} + 1 + ${durationMs}, i % 50 = 0
   FROM n WHERE $jobs > 0`,
  `${NUMBERS} INSERT INTO attempts (run, task_id, attempt, status, reason, exit_code, started_at, ended_at)
   SELECT i, 'main', 1, iif(i % 50 = 0, 'failed', 'completed'), iif(i % 50 = 0, 'exit_code', NULL), i % 50 = 0, ${AT} + 1, ${AT} + 1 + ${durationMs}
   FROM n WHERE $jobs > 0`,
];
