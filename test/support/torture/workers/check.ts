import { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stateDirOf } from "../../nats/fleet.ts";
import { ledgerViolations, type Row, rows } from "../invariants.ts";
import { type FullDisk, tookTooLate, uptimeS, wasFull } from "./disks.ts";
import { lineOf, type TaskPlan, taskPlans, WRONG_OUTPUT } from "./jobs.ts";
import { type Mark, markFaults, overlaps, readMarks } from "./marks.ts";
import type { Restore } from "./restores.ts";

export type CheckOptions = {
  readonly dir: string;
  readonly dbPath: string;
  readonly marksDir: string;
  readonly workers: readonly string[];
  /** The ids of the runs whose trigger succeeded. */
  readonly accepted: ReadonlySet<string>;
  readonly fullDisks: readonly FullDisk[];
  readonly restores: readonly Restore[];
};

/** What restored databases do not know, so that it is no violation if it is missing, or was done again. Attempts are given by the keys of their marks. */
type Excuses = {
  /** The ids of forgotten runs. */
  readonly runs: ReadonlySet<string>;
  /** Attempts that were forgotten. Their tasks can be done again, but not before the end of what was forgotten. */
  readonly forgotten: ReadonlySet<string>;
  /** Attempts that were unfinished in a copy. */
  readonly unfinished: ReadonlySet<string>;
};

const excusesOf = (restores: readonly Restore[]): Excuses => ({
  runs: new Set(restores.flatMap(({ runs }) => [...runs])),
  forgotten: new Set(restores.flatMap(({ attempts }) => [...attempts.values()])),
  unfinished: new Set(restores.flatMap(({ unfinished }) => [...unfinished])),
});

/** Checks the files and databases of a fleet that became idle and was stopped. Returns a sentence for each violation. */
export const workerViolations = (options: CheckOptions): readonly string[] => {
  const db = new Database(options.dbPath, { readonly: true });
  try {
    const all = readMarks(options.marksDir);
    const excuses = excusesOf(options.restores);
    const marks = withoutForgotten(all, excuses);
    const { accepted } = options;
    return [
      ...ledgerViolations(db, new Set([...accepted].filter((id) => !excuses.runs.has(id)))),
      ...askEach(db),
      ...usedAgain(db, options.restores),
      ...markFaults(options.marksDir)
        .filter(({ isTwice, key }) => !(isTwice && excuses.forgotten.has(key)))
        .map(({ line }) => line),
      ...overlaps(all),
      ...compareMarks(db, marks, { ...options, excuses }),
      ...tookWork(all, options.fullDisks),
      ...wrongOutput(db, { ...options, excuses }),
      ...wrongArtifacts(db, options.dbPath),
      ...options.workers.flatMap((name) => leftovers(stateDirOf(options.dir, name))),
    ];
  } finally {
    db.close();
  }
};

/** Queries that must return no rows. */
const NEVER: Readonly<Record<string, string>> = {
  "an offer is still open": "SELECT attempt_id, state, worker FROM offers WHERE state IN ('offered', 'claimed')",
  "a lost attempt of a job that is not to rerun was made again": `SELECT run, task_id, item FROM attempts AS a
    JOIN runs ON runs.seq = a.run WHERE a.reason IN ('worker_lost', 'interrupted') AND job_id NOT IN ('rerun', 'items', 'long_rerun')
    AND EXISTS (SELECT 1 FROM attempts WHERE run = a.run AND task_id = a.task_id AND item = a.item AND attempt > a.attempt)`,
  "a task did not get the output of another one": `SELECT run, task_id FROM attempts WHERE exit_code = ${WRONG_OUTPUT}`,
  "an attempt ended before it started": "SELECT id FROM attempts WHERE ended_at < started_at",
};

const askEach = (db: Database): readonly string[] =>
  Object.entries(NEVER).flatMap(([what, sql]) => rows(db, sql).map((row) => `${what}: ${JSON.stringify(row)}`));

/** The attempts, with the key of their mark, and the plan of their task. */
const ATTEMPTS = `SELECT a.id, a.run, a.task_id, a.item, a.attempt, a.status, a.reason, a.worker, a.exit_code, a.started_at, a.ended_at, runs.status AS run_status, job_id || '/' || a.task_id AS plan,
  runs.id || ' ' || a.task_id || ' ' || iif(a.item < 0, '-', a.item) || ' ' || a.attempt AS key
  FROM attempts AS a JOIN runs ON runs.seq = a.run WHERE a.child_run_id IS NULL`;

/** Returns the last mark of each attempt, without those of runs that were forgotten. */
const withoutForgotten = (marks: readonly Mark[], { runs }: Excuses): readonly Mark[] =>
  [...Map.groupBy(marks, ({ key }) => key).values()]
    .flatMap((same) => same.toSorted((a, b) => b.begunS - a.begunS).slice(0, 1))
    .filter(({ key }) => !runs.has(key.split(" ")[0] ?? ""));

/** Returns the ids of forgotten runs and attempts that came back. */
const usedAgain = (db: Database, restores: readonly Restore[]): readonly string[] => {
  const runs = new Set(rows(db, "SELECT id FROM runs").map(({ id }) => String(id)));
  const attempts = new Set(rows(db, "SELECT id FROM attempts").map(({ id }) => Number(id)));
  return restores.flatMap((restore) => [
    ...[...restore.runs].filter((id) => runs.has(id)).map((id) => `the id of the forgotten run ${id} came back`),
    ...[...restore.attempts]
      .filter(([id]) => attempts.has(id))
      .map(([id, key]) => `the id ${id} of the forgotten attempt ${key} came back`),
  ]);
};

type Judged = { readonly fullDisks: readonly FullDisk[]; readonly excuses: Excuses };

/** Compares what the attempts recorded with what is stored. */
const compareMarks = (db: Database, marks: readonly Mark[], { fullDisks, excuses }: Judged): readonly string[] => {
  const stored = new Map(rows(db, ATTEMPTS).map((row) => [String(row.key), row]));
  const known = new Map(marks.map((mark) => [mark.key, mark]));
  return [
    ...marks.flatMap((mark) => compare(mark, stored.get(mark.key), { fullDisks, excuses })),
    ...[...stored]
      .filter(([key, { status, reason }]) => (status === "completed" || reason === "exit_code") && !known.has(key))
      .filter(([, attempt]) => !(attempt.exit_code === NOT_STARTED && lackedRoom(attempt, fullDisks)))
      .map(([key, { status }]) => `is ${status} but did not run: ${key}`),
  ];
};

/** The exit status of an attempt whose pid can't be recorded. It starts no program. */
const NOT_STARTED = 125;

/** Returns whether the disk of the machine of an attempt was full at some time while it ran, so that it can't have written everything. */
const lackedRoom = ({ worker, started_at, ended_at }: Row, fullDisks: readonly FullDisk[]): boolean => {
  const bootedAtMs = Date.now() - uptimeS() * 1_000;
  const secondsOf = (at: Row[string] | undefined): number => (Number(at) - bootedAtMs) / 1_000;
  return wasFull(fullDisks, {
    machine: String(worker ?? "scheduler"),
    fromS: secondsOf(started_at),
    toS: ended_at === null ? Number.POSITIVE_INFINITY : secondsOf(ended_at),
  });
};

/** Returns the attempts that workers began although they could store nothing. */
const tookWork = (marks: readonly Mark[], fullDisks: readonly FullDisk[]): readonly string[] =>
  marks
    .filter(({ machine, begunS }) => machine !== "scheduler" && tookTooLate(fullDisks, machine, begunS))
    .map(({ key, machine }) => `began on ${machine}, whose disk was full: ${key}`);

const compare = (mark: Mark, attempt: Row | undefined, { fullDisks, excuses }: Judged): readonly string[] => {
  const { key } = mark;
  if (attempt === undefined && excuses.forgotten.has(key)) return [];
  if (attempt === undefined) return [`ran but is not stored: ${mark.key} on ${mark.machine}`];
  const { status, reason, worker } = attempt;
  const found: string[] = [];
  // It was claimed after the copy, or is that of a forgotten attempt whose successor has not begun.
  const isUnknown = status === "failed" && (excuses.unfinished.has(key) || excuses.forgotten.has(key));
  if (mark.machine !== (worker ?? "scheduler") && !isUnknown)
    found.push(`ran on ${mark.machine}, not on ${worker}: ${mark.key}`);
  if (status === "completed" && mark.endedS === null) found.push(`is completed but did not reach its end: ${mark.key}`);
  // A cancelled run does not wait until NATS has room for artifacts.
  const isExcused =
    reason === "artifacts_failed" && (attempt.run_status === "cancelled" || lackedRoom(attempt, fullDisks));
  if (mark.endedS !== null && status !== "completed" && !MAY_FOLLOW_END.has(String(reason)) && !isExcused)
    found.push(`reached its end but is ${status}, ${reason}: ${mark.key}`);
  return found;
};

/** The stored outcomes that are possible after the last record of an attempt. */
const MAY_FOLLOW_END = new Set(["cancelled", "timeout", "shutdown", "interrupted", "worker_lost"]);

/** Checks that attempts which ended by themselves have all of their output, and that the others have a prefix of it. */
const wrongOutput = (db: Database, { fullDisks, excuses }: Judged): readonly string[] => {
  const plans = taskPlans();
  const read = db.query<{ readonly bytes: Uint8Array }, Record<string, string | number>>(
    `SELECT bytes FROM output WHERE run = $run AND task_id = $task_id AND item = $item AND attempt = $attempt AND stream = 'stdout'
     ORDER BY seq`,
  );
  return rows(db, ATTEMPTS).flatMap((row) => {
    const { key, plan, status, reason, run, task_id, item, attempt } = row;
    const task = plans.get(String(plan));
    if (task === undefined) return [`the plan of ${plan} is unknown`];
    const place = { $run: run ?? 0, $task_id: task_id ?? "", $item: item ?? 0, $attempt: attempt ?? 0 };
    const text = Buffer.concat(read.all(place).map(({ bytes }) => bytes)).toString();
    const expected = expectedOutput(String(key), task);
    // A task whose output finds no room fails.
    const isWhole = status === "completed" || (reason === "exit_code" && !lackedRoom(row, fullDisks));
    if (isWhole ? text === expected : expected.startsWith(text)) return [];
    // A worker keeps no output that petit has stored, so a copy that is restored lacks what was stored after it.
    if (excuses.unfinished.has(String(key)) && isPartOf(text, expected)) return [];
    return [`the output of ${key} (${reason ?? status}) ${describeDifference(text, expected)}`];
  });
};

/** Returns whether a text has only lines of another one, in their order. */
const isPartOf = (text: string, whole: string): boolean => {
  const lines = whole.split("\n");
  let next = 0;
  return text.split("\n").every((line) => {
    const at = lines.indexOf(line, next);
    next = at + 1;
    return at >= 0;
  });
};

const expectedOutput = (key: string, { lines }: TaskPlan): string => numbered(key, lines);

const numbered = (key: string, count: number): string =>
  Array.from({ length: count }, (_, index) => `${lineOf(key, index + 1)}\n`).join("");

const describeDifference = (text: string, expected: string): string => {
  let at = 0;
  while (at < text.length && text[at] === expected[at]) at++;
  const part = JSON.stringify(text.slice(Math.max(0, at - 20), at + 60));
  return `has ${text.length} of ${expected.length} bytes, and differs at ${at}: ${part}`;
};

/** Checks that the artifacts of completed attempts are listed and kept as they were written. */
const wrongArtifacts = (db: Database, dbPath: string): readonly string[] => {
  const plans = taskPlans();
  const listed = new Map(
    rows(db, "SELECT run, task_id, item, attempt, path, sha256 FROM artifacts").map((row) => [placeOf(row), row]),
  );
  return rows(db, `${ATTEMPTS} AND a.status = 'completed'`).flatMap((attempt) => {
    const lines = plans.get(String(attempt.plan))?.artifactLines ?? 0;
    if (lines === 0) return [];
    const [runId] = String(attempt.key).split(" ");
    const artifact = listed.get(placeOf(attempt));
    if (artifact === undefined) return [`the artifact of ${attempt.key} is missing`];
    const expected = numbered(String(attempt.key), lines);
    const file = join(`${dbPath}-artifacts`, runId ?? "", String(artifact.path));
    const isListed = artifact.sha256 === createHash("sha256").update(expected).digest("hex");
    const isKept = existsSync(file) && readFileSync(file, "utf8") === expected;
    return isListed && isKept ? [] : [`the artifact of ${attempt.key} is wrong: ${artifact.path}`];
  });
};

const placeOf = ({ run, task_id, item, attempt }: Row): string => [run, task_id, item, attempt].join(" ");

/** Returns what a worker has not deleted, although the scheduler has everything. */
const leftovers = (stateDir: string): readonly string[] => {
  const db = new Database(join(stateDir, "worker.db"), { readonly: true });
  const held = rows(db, "SELECT attempt_id, epoch, state FROM received").map((row) => JSON.stringify(row));
  const runs = rows(db, "SELECT id FROM runs").map(({ id }) => `run ${id}`);
  db.close();
  const files = ["worker.db-spool", "worker.db-artifacts", "guarded"].flatMap((name) => {
    const folder = join(stateDir, name);
    const found = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : [];
    // The folder of incomplete artifacts remains, empty.
    return found.filter((each) => each !== ".new").map((each) => `${name}/${each}`);
  });
  return [...held, ...runs, ...files].map((what) => `${stateDir} still has ${what}`);
};
