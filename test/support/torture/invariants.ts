import { Database } from "bun:sqlite";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { compileSchedule } from "../../../src/domain/schedule/schedule.ts";
import { wrongFiles } from "./inbox.ts";
import { LINES } from "./jobs.ts";
import { taskProcesses } from "./processes.ts";
import type { Torture } from "./torture.ts";
import { lostWebhooks, NEVER_OF_DELIVERIES } from "./webhooks.ts";

/** Checks the database and files of an idle petit that was stopped. Returns a sentence for each violation. */
export const violations = ({
  dbPath,
  accepted,
  webhooks,
  files,
  refused,
  killed,
}: Pick<Torture, "dbPath" | "accepted" | "webhooks" | "files" | "refused" | "killed">): readonly string[] => {
  const db = new Database(dbPath, { readonly: true });
  try {
    return [
      ...ledgerViolations(db, accepted),
      ...askEach(db, NEVER_OF_DELIVERIES),
      ...lostWebhooks(db, webhooks),
      ...wrongFiles(db, files),
      ...begunThoughRefused(db, refused),
      ...wrongOutput(db),
      ...wrongRecords(db, { file: join(dirname(dbPath), "did"), killed }),
      ...leftovers(dbPath),
    ];
  } finally {
    db.close();
  }
};

/** Checks what is true of every database of an idle petit, whatever its jobs do. Returns a sentence for each violation. */
export const ledgerViolations = (db: Database, accepted: ReadonlySet<string>): readonly string[] => [
  ...integrity(db),
  ...askEach(db, NEVER),
  ...unaccepted(db, accepted),
  ...ledgerHoles(db),
];

export type Row = Record<string, string | number | null>;

export const rows = (db: Database, sql: string): readonly Row[] => db.query<Row, []>(sql).all();

const integrity = (db: Database): readonly string[] => {
  const found = rows(db, "PRAGMA integrity_check").map((row) => String(row.integrity_check));
  const broken = rows(db, "PRAGMA foreign_key_check").map((row) => `a row of ${row.table} has no parent`);
  return [...found.filter((line) => line !== "ok"), ...broken];
};

/** Queries that must return no rows. */
const NEVER: Readonly<Record<string, string>> = {
  "an occurrence fired twice": `SELECT job_id, scheduled_for, count(*) AS times FROM runs
    WHERE "trigger" IN ('schedule', 'catchup') GROUP BY 1, 2 HAVING times > 1`,
  "a fired occurrence has no run": `SELECT job_id, scheduled_for FROM occurrences AS o WHERE outcome = 'fired' AND NOT EXISTS
    (SELECT 1 FROM runs WHERE id = o.run_id AND job_id = o.job_id AND scheduled_for = o.scheduled_for)`,
  "a scheduled run is not in the ledger": `SELECT id, job_id FROM runs AS r WHERE "trigger" IN ('schedule', 'catchup') AND NOT EXISTS
    (SELECT 1 FROM occurrences WHERE run_id = r.id AND outcome = 'fired')`,
  "a run is not over": "SELECT id, job_id, status FROM runs WHERE status IN ('pending', 'running')",
  "a task of a run that is over is not":
    "SELECT run, task_id, status FROM task_runs WHERE status IN ('pending', 'running')",
  "an attempt is not over": "SELECT id, run, task_id FROM attempts WHERE status = 'running'",
  "a completed run has a task that failed": `SELECT id, task_id FROM runs JOIN task_runs ON run = runs.seq
    WHERE runs.status = 'completed' AND task_runs.status = 'failed'`,
  "a failed run has no task that failed": `SELECT id, job_id FROM runs AS r WHERE status = 'failed' AND reason IS NOT 'timeout' AND NOT EXISTS
    (SELECT 1 FROM task_runs WHERE run = r.seq AND status = 'failed')`,
  "a task completed without such an attempt": `SELECT run, task_id FROM task_runs AS t WHERE status = 'completed' AND NOT reused
    AND items IS NULL AND task_id <> 'ask' AND 1 <> (SELECT count(*) FROM attempts WHERE run = t.run AND task_id = t.task_id AND status = 'completed')`,
  "a task has other attempts than it counts": `SELECT run, task_id, attempts FROM task_runs AS t WHERE items IS NULL AND attempts <>
    (SELECT count(*) FROM attempts WHERE run = t.run AND task_id = t.task_id)`,
  "an item of a run that is over is not": "SELECT run, task_id, item FROM items WHERE status IN ('pending', 'running')",
  "an item completed without such an attempt": `SELECT run, task_id, item FROM items AS i WHERE status = 'completed' AND NOT reused
    AND 1 <> (SELECT count(*) FROM attempts WHERE run = i.run AND task_id = i.task_id AND item = i.item AND status = 'completed')`,
  "a task with items completed although one of them did not": `SELECT run, task_id FROM task_runs AS t WHERE status = 'completed'
    AND items <> (SELECT count(*) FROM items WHERE run = t.run AND task_id = t.task_id AND status = 'completed')`,
  "a child run has two parents": `SELECT child_run_id, count(*) AS times FROM attempts WHERE child_run_id IS NOT NULL
    GROUP BY 1 HAVING times > 1`,
  "a run has two events of its end": `SELECT run_id, count(*) AS times FROM events WHERE type = 'run.finished'
    GROUP BY 1 HAVING times > 1`,
  "another version of a job is in use than its own": `SELECT jobs.id, in_use.number FROM jobs JOIN job_versions AS own ON own.id = jobs.version
    LEFT JOIN job_uses AS in_use ON in_use.job_id = jobs.id AND in_use.until IS NULL
    WHERE iif(removed_at IS NULL, own.number, NULL) IS NOT in_use.number`,
  "a run has another status than its request to end": `SELECT id, job_id, reason FROM runs WHERE (status = 'cancelled') <> (ending IS 'cancelled')`,
};

const askEach = (db: Database, queries: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(queries).flatMap(([what, sql]) => rows(db, sql).map((row) => `${what}: ${JSON.stringify(row)}`));

const unaccepted = (db: Database, accepted: ReadonlySet<string>): readonly string[] => {
  const known = new Set(rows(db, "SELECT id FROM runs").map(({ id }) => String(id)));
  return [...accepted].filter((id) => !known.has(id)).map((id) => `the run ${id} was accepted but does not exist`);
};

const begunThoughRefused = (db: Database, refused: ReadonlySet<string>): readonly string[] =>
  rows(db, "SELECT id, params ->> '$.n' AS n FROM runs WHERE job_id = 'manual'")
    .filter(({ n }) => refused.has(String(n)))
    .map(({ id, n }) => `the trigger ${n} was refused but created the run ${id}`);

/** Checks that the ledger has every occurrence from the first one to the current time. Later ones will come due again. */
const ledgerHoles = (db: Database): readonly string[] =>
  rows(
    db,
    "SELECT jobs.id, accounted_until, definition FROM jobs JOIN job_versions ON job_versions.id = version WHERE definition ->> '$.schedule' IS NOT NULL",
  ).flatMap((row) =>
    holesOf(db, String(row.id), {
      spec: JSON.parse(String(row.definition)).schedule,
      until: Number(row.accounted_until),
    }),
  );

type Accounted = { readonly spec: Parameters<typeof compileSchedule>[0]; readonly until: number };

const holesOf = (db: Database, jobId: string, { spec, until }: Accounted): readonly string[] => {
  const known = new Set(
    db
      .query<{ at: number }, [string]>("SELECT scheduled_for AS at FROM occurrences WHERE job_id = ? ORDER BY 1")
      .all(jobId)
      .map(({ at }) => at),
  );
  if (known.size === 0) return [];
  const due = dueBetween(spec, Math.min(...known), Math.max(...known));
  const missing = [...due].filter((at) => at <= until && !known.has(at));
  const extra = [...known].filter((at) => !due.has(at));
  const describe = (what: string, list: readonly number[]): string[] =>
    list.length === 0 ? [] : [`${list.length} occurrences of ${jobId} ${what}, ${times(list)}`];
  return [
    ...describe("are missing in the ledger", missing),
    ...describe("are in the ledger and were never due", extra),
  ];
};

const dueBetween = (spec: Parameters<typeof compileSchedule>[0], first: number, last: number): ReadonlySet<number> => {
  const due = new Set<number>();
  const schedule = compileSchedule(spec, Intl.DateTimeFormat().resolvedOptions().timeZone);
  for (let at = schedule.next(first - 1); at !== null && at <= last; at = schedule.next(at)) due.add(at);
  return due;
};

const times = (list: readonly number[]): string =>
  `${new Date(list[0] ?? 0).toISOString()} to ${new Date(list.at(-1) ?? 0).toISOString()}`;

/** Checks that the output of completed attempts is stored once and in order; of a burst, its end. */
const wrongOutput = (db: Database): readonly string[] => {
  const printed = Array.from({ length: LINES }, (_, index) => `${index + 1}\n`).join("");
  const found = rows(
    db,
    `SELECT run, task_id, attempt, (SELECT group_concat(CAST(bytes AS TEXT), '' ORDER BY seq) FROM output AS o
       WHERE o.run = a.run AND o.task_id = a.task_id AND o.item = a.item AND o.attempt = a.attempt) AS text
     FROM attempts AS a WHERE status = 'completed' AND child_run_id IS NULL`,
  );
  return found
    .filter(({ task_id, text }) => (task_id === "burst" ? !String(text).endsWith(`\n${printed}`) : text !== printed))
    .map((row) => `output is wrong: ${JSON.stringify(row)}`);
};

/** Compares the records that tasks wrote with the stored attempts. */
const wrongRecords = (
  db: Database,
  { file, killed }: { readonly file: string; readonly killed: ReadonlySet<string> },
): readonly string[] => {
  const stored = new Map(
    rows(
      db,
      `SELECT runs.id || ' ' || task_id || iif(item < 0, '', '/' || item) || ' ' || attempt AS key, attempts.status, attempts.reason
       FROM attempts JOIN runs ON runs.seq = attempts.run WHERE child_run_id IS NULL`,
    ).map(({ key, status, reason }) => [String(key), { status, reason }]),
  );
  const records = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  const recordsOf = (verb: string): readonly string[] =>
    records.filter((line) => line.startsWith(`${verb} `)).map((line) => line.slice(verb.length + 1));
  const ended = new Set(recordsOf("end"));
  const completed = [...stored].filter(([, { status }]) => status === "completed").map(([key]) => key);
  return [
    ...recordsOf("crowded").map((key) => `ran beside another run of its queue: ${key}`),
    ...recordsOf("beside").map((key) => `ran twice at the same time: ${key}`),
    ...twice(recordsOf("start")).map((key) => `started twice: ${key}`),
    ...recordsOf("start")
      .filter((key) => !stored.has(key))
      .map((key) => `started but is not stored: ${key}`),
    ...completed.filter((key) => !ended.has(key)).map((key) => `is completed but did not reach its end: ${key}`),
    ...[...ended]
      .filter((key) => !isRightEnd(stored.get(key)) && !killed.has(key))
      .map((key) => `exited with 0 but is stored as ${JSON.stringify(stored.get(key))}: ${key}`),
  ];
};

/** A task can still be ended or lost between its last record and its exit. */
const isRightEnd = (attempt: { readonly status: unknown; readonly reason: unknown } | undefined): boolean =>
  attempt?.status === "completed" || ["cancelled", "timeout", "shutdown"].includes(String(attempt?.reason));

const twice = (list: readonly string[]): readonly string[] => list.filter((each, index) => list.indexOf(each) < index);

const leftovers = (dbPath: string): readonly string[] => [
  ...taskProcesses(dbPath).map((pid) => `process ${pid} of a task is still alive`),
  ...readdirSync(`${dbPath}-spool`).map((name) => `${name} remains in the spool folder`),
];
