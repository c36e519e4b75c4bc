import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { openRuntime } from "#runtime";
import type { SqlDatabase } from "../../../src/runtime/runtime.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/databases");

/** The schemas of which there is a database that an older petit left. `make.ts` in that folder creates them. */
export const FIXTURE_SCHEMAS: readonly number[] = readdirSync(FIXTURES)
  .filter((name) => /^\d+$/.test(name))
  .map(Number)
  .sort((a, b) => a - b);

export type FixtureDatabase = {
  readonly path: string;
  /** The database of a worker; null before schema 10. */
  readonly workerPath: string | null;
  /** The older petit's responses by path: JSON, or the text of a log. */
  readonly answers: ReadonlyMap<string, unknown>;
};

/**
 * Copies a database, its spool folder and its job files to a folder. Shifts the times of its rows and answers, so that the newest
 * is about 10 s ago. The text of a queued notification keeps its times.
 */
export const copyFixtureDatabase = (schema: number, dir: string): FixtureDatabase => {
  const fixture = join(FIXTURES, String(schema));
  const path = join(dir, "petit.db");
  extract(join(fixture, "petit.gz"), path);
  cpSync(join(fixture, "spool"), `${path}-spool`, { recursive: true });
  mkdirSync(join(dir, "jobs"));
  cpSync(join(fixture, "jobs.yaml"), join(dir, "jobs/all.yaml"));
  const shiftMs = moveTimes(path, Date.now() - AGE_MS);
  const answers = readFileSync(join(fixture, "answers.jsonl"), "utf8").trimEnd().split("\n");
  const workerPath = existsSync(join(fixture, "worker.gz")) ? join(dir, "worker.db") : null;
  if (workerPath !== null) {
    extract(join(fixture, "worker.gz"), workerPath);
    moveTimes(workerPath, Date.now() - AGE_MS);
  }
  return { path, workerPath, answers: new Map(answers.map((line) => JSON.parse(shiftTimes(line, shiftMs)))) };
};

const extract = (from: string, to: string): void => writeFileSync(to, gunzipSync(readFileSync(from)), { mode: 0o600 });

/** Old enough that no time is in the future, and young enough that nothing has expired. */
const AGE_MS = 10_000;

/** Larger integers are times in ms since the epoch; the databases have no other numbers of this size. */
const OLDEST_TIME = 1_500_000_000_000;

/** Such a time in text: 13 digits. */
const TIME = /\b1[5-9]\d{11}\b/g;

const shiftTimes = (text: string, shiftMs: number): string =>
  text.replaceAll(TIME, (time) => String(Number(time) + shiftMs));

/** Moves the times of all rows so that the newest is at most `newest`. Returns the shift, which is in whole seconds, so that occurrences stay on full seconds. */
const moveTimes = (path: string, newest: number): number => {
  const db = openRuntime().openDatabase(path);
  const columns = integerColumns(db);
  const latest = Math.max(...columns.map((each) => latestTime(db, each)));
  const shiftMs = Math.floor((newest - latest) / 1000) * 1000;
  // A row can compare times that are shifted one after the other.
  db.exec("PRAGMA ignore_check_constraints = ON");
  db.exec("BEGIN");
  for (const column of columns) shiftColumn(db, column, shiftMs);
  db.exec("COMMIT");
  db.close();
  return shiftMs;
};

/** Names, quoted for SQL. */
type Column = { readonly table: string; readonly name: string };

const integerColumns = (db: SqlDatabase): readonly Column[] =>
  db
    .prepare(
      `SELECT tables.name AS "table", columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
       WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite%' AND columns.type = 'INTEGER'`,
    )
    .all()
    .map(({ table, name }) => ({ table: `"${table}"`, name: `"${name}"` }));

const latestTime = (db: SqlDatabase, { table, name }: Column): number =>
  Number(db.prepare(`SELECT max(${name}) AS latest FROM ${table}`).get()?.latest ?? 0);

/** Shifts in two steps, because times are part of keys, and a shifted key must not equal one that is not shifted yet. */
const shiftColumn = (db: SqlDatabase, { table, name }: Column, shiftMs: number): void => {
  for (const by of [FAR_MS + shiftMs, -FAR_MS])
    db.exec(`UPDATE ${table} SET ${name} = ${name} + ${by} WHERE ${name} > ${OLDEST_TIME}`);
};

const FAR_MS = 1_000_000_000_000_000;
