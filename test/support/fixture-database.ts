import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { openRuntime } from "#runtime";
import type { SqlDatabase } from "../../src/runtime/runtime.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/databases");

/** The schemas of which a database is kept, as the petit of that time left it; `make.ts` beside them makes one. */
export const KEPT_SCHEMAS: readonly number[] = readdirSync(FIXTURES)
  .filter((name) => /^\d+$/.test(name))
  .map(Number)
  .sort((a, b) => a - b);

export type LaidDatabase = {
  readonly path: string;
  /** What the petit of that time answered: by path, JSON or the text of a log. */
  readonly answers: ReadonlyMap<string, unknown>;
};

/**
 * Lays a copy into a folder: `petit.db`, its spool folder, and the job files. The times of its rows and answers move by one
 * shift, so that the newest is about 10 s ago on any day; the text of a queued notification keeps its own.
 */
export const layDatabase = (schema: number, dir: string): LaidDatabase => {
  const kept = join(FIXTURES, String(schema));
  const path = join(dir, "petit.db");
  writeFileSync(path, gunzipSync(readFileSync(join(kept, "petit.gz"))), { mode: 0o600 });
  cpSync(join(kept, "spool"), `${path}-spool`, { recursive: true });
  mkdirSync(join(dir, "jobs"));
  cpSync(join(kept, "jobs.yaml"), join(dir, "jobs/all.yaml"));
  const shiftMs = moveTimes(path, Date.now() - AGE_MS);
  const answers = readFileSync(join(kept, "answers.jsonl"), "utf8").trimEnd().split("\n");
  return { path, answers: new Map(answers.map((line) => JSON.parse(shiftTimes(line, shiftMs)))) };
};

/** Old enough for nothing to lie in the future, and young enough for nothing to have expired. */
const AGE_MS = 10_000;

/** An integer above this is a time in ms since the epoch: the databases hold no other number as large. */
const OLDEST_TIME = 1_500_000_000_000;

/** The same in text: 13 digits. */
const TIME = /\b1[5-9]\d{11}\b/g;

const shiftTimes = (text: string, shiftMs: number): string =>
  text.replaceAll(TIME, (time) => String(Number(time) + shiftMs));

/** Moves the times of all rows so that the newest is at most `newest`. Returns the shift: whole seconds, so that occurrences stay on them. */
const moveTimes = (path: string, newest: number): number => {
  const db = openRuntime().openDatabase(path);
  const columns = integerColumns(db);
  const latest = Math.max(...columns.map((each) => latestTime(db, each)));
  const shiftMs = Math.floor((newest - latest) / 1000) * 1000;
  db.exec("BEGIN");
  for (const column of columns) shiftColumn(db, column, shiftMs);
  db.exec("COMMIT");
  db.close();
  return shiftMs;
};

/** Both are quoted for SQL. */
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

/** In two steps: times are part of keys, and a moved row must not meet one that is still to be moved. */
const shiftColumn = (db: SqlDatabase, { table, name }: Column, shiftMs: number): void => {
  for (const by of [FAR_MS + shiftMs, -FAR_MS])
    db.exec(`UPDATE ${table} SET ${name} = ${name} + ${by} WHERE ${name} > ${OLDEST_TIME}`);
};

const FAR_MS = 1_000_000_000_000_000;
