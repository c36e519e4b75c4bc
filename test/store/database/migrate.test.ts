import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { openRuntime } from "#runtime";
import type { SqlRow } from "../../../src/runtime/runtime.ts";
import { migrate, readSchemaState, SCHEMA_VERSION } from "../../../src/store/database/migrate.ts";
import { openStore } from "../../../src/store/database/open.ts";
import { canInject } from "../../support/engine/faults.ts";
import { copyFixtureDatabase, FIXTURE_SCHEMAS } from "../../support/engine/fixture-database.ts";
import { isDeno, runtimeCommand } from "../../support/runtime-command.ts";
import { tempDir } from "../../support/temp-dir.ts";

const runtime = openRuntime();

const query = (path: string, sql: string): SqlRow[] => {
  const db = runtime.openDatabase(path);
  const rows = db.prepare(sql).all();
  db.close();
  return rows;
};

/** Returns the SQL of every table, index and trigger. */
const schemaOf = (path: string): readonly SqlRow[] =>
  query(path, "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name");

const versionOf = (path: string): unknown => query(path, "PRAGMA user_version")[0]?.user_version;

type Table = { readonly name: string; readonly columns: string; readonly rows: readonly SqlRow[] };

/** Returns all tables with their columns and rows. */
const tablesOf = (path: string): readonly Table[] =>
  query(path, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'").map(({ name }) => {
    const columns = query(path, `SELECT name FROM pragma_table_info('${name}')`).map((column) => `"${column.name}"`);
    return readTable(path, String(name), columns.join(", "));
  });

/** Returns the same tables of a former schema as they are now. */
const readAgain = (path: string, schema: number, tables: readonly Table[]): readonly Table[] =>
  tables.map(({ name, columns }) => ({ ...readTable(path, presentName(name, schema), columns), name }));

const presentName = (table: string, schema: number): string =>
  schema < SINCE_SENDINGS && table === "deliveries" ? "sendings" : table;

/** Sendings of notifications are called so from this schema on. */
const SINCE_SENDINGS = 12;

const readTable = (path: string, name: string, columns: string): Table => ({
  name,
  columns,
  rows: query(path, `SELECT ${columns} FROM ${name} ORDER BY ${columns}`),
});

const openAndClose = (path: string): void => openStore({ path, runtime })[Symbol.dispose]();

test("the fixtures include a database of each earlier schema (created by test/fixtures/databases/make.ts)", () => {
  const before = Array.from({ length: SCHEMA_VERSION - 1 }, (_, index) => index + 1);
  expect(FIXTURE_SCHEMAS).toEqual(expect.arrayContaining(before));
});

describe.each(FIXTURE_SCHEMAS)("a database of schema %d", (schema) => {
  test("has rows in every table", () => {
    using dir = tempDir();
    const { path, workerPath } = copyFixtureDatabase(schema, dir.path);
    expect(versionOf(path)).toBe(schema);
    const statuses = query(path, "SELECT DISTINCT status FROM runs ORDER BY status").map(({ status }) => status);
    expect(statuses).toEqual(["cancelled", "completed", "failed", "interrupted", "pending", "running"]);
    const outcomes = query(path, "SELECT DISTINCT outcome FROM occurrences ORDER BY outcome");
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["fired", "missed", "skipped"]);
    // Only a trigger with an idempotency key stores a key.
    const empty = tablesOf(path).filter(({ name, rows }) => rows.length === 0 && name !== "idempotency_keys");
    // Only workers have these rows.
    const received = workerPath === null ? [] : query(workerPath, "SELECT DISTINCT state FROM received ORDER BY state");
    expect(received.map(({ state }) => state)).toEqual(workerPath === null ? [] : ["ended", "running"]);
    expect(empty.map(({ name }) => name)).toEqual(workerPath === null ? [] : ["received"]);
  });

  test("keeps every row, and gets the schema of a new database", () => {
    using dir = tempDir();
    openAndClose(dir.file("new.db"));
    const { path, workerPath } = copyFixtureDatabase(schema, dir.path);
    for (const each of workerPath === null ? [path] : [path, workerPath]) expectKeptRows(each, dir.file("new.db"));
  });

  test("gets the extents of the output of all attempts that have not ended", () => {
    using dir = tempDir();
    const { path } = copyFixtureDatabase(schema, dir.path);
    openAndClose(path);
    const expected = query(
      path,
      `SELECT attempts.id AS attempt_id, output.seq, lines, stream, length(bytes) AS bytes, dropped
       FROM output JOIN attempts USING (run, task_id, item, attempt) WHERE attempts.status = 'running' ORDER BY 1, 2`,
    );
    expect(expected.length).toBeGreaterThan(0);
    const extents = query(
      path,
      `SELECT output_extents.* FROM output_extents JOIN attempts ON attempts.id = attempt_id WHERE status = 'running' ORDER BY 1, 2`,
    );
    expect(extents).toEqual(expected);
  });

  test("keeps all runs until somebody decides, unlike a new database", () => {
    using dir = tempDir();
    const { path } = copyFixtureDatabase(schema, dir.path);
    openAndClose(path);
    openAndClose(dir.file("new.db"));
    const keeps = (each: string): unknown => query(each, "SELECT keeps FROM scheduler")[0]?.keeps;
    expect([keeps(path), keeps(dir.file("new.db"))]).toEqual([schema < SINCE_RETENTION ? "all" : "recent", "recent"]);
  });

  const expectKeptRows = (path: string, newPath: string): void => {
    const before = tablesOf(path);
    openAndClose(path);
    expect(readAgain(path, schema, before)).toEqual([...before]);
    expect(schemaOf(path)).toEqual(schemaOf(newPath));
    expect(versionOf(path)).toBe(SCHEMA_VERSION);
    expect(query(path, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
    expect(query(path, "PRAGMA foreign_key_check")).toEqual([]);
  };

  test.skipIf(!canInject)(
    "has one complete schema after petit is killed at any system call while opening it",
    async () => {
      const wholeSchemas = schemas();
      let kills = 0;
      for (const nth of pointsOf(schema)) {
        using copy = tempDir();
        const { path } = copyFixtureDatabase(schema, copy.path);
        const before = tablesOf(path);
        if (await openKilledAt(path, nth)) kills++;
        const version = Number(versionOf(path));
        expect(version).toBeGreaterThanOrEqual(schema);
        expect([nth, schemaOf(path)]).toEqual([nth, wholeSchemas[version] ?? []]);
        openAndClose(path);
        expect(readAgain(path, schema, before)).toEqual([...before]);
        expect(versionOf(path)).toBe(SCHEMA_VERSION);
      }
      expect(kills).toBeGreaterThan(schema === SCHEMA_VERSION ? 0 : LEAST_KILLS);
    },
    120_000,
  );
});

/** New databases delete old runs by default from this schema on. */
const SINCE_RETENTION = 11;

/** System calls by which SQLite changes files. */
const CALLS = "pwrite64,fsync,fdatasync,ftruncate,unlink";
const POINTS = [1, 2, 3, 5, 8, 11, 14, 17, 20, 24, 28, 32];

const LEAST_KILLS = isDeno ? 1 : 5;

/** Under Deno, where a start takes seconds, each schema has a third of the points, another one than the schemas beside it. */
const pointsOf = (schema: number): readonly number[] =>
  isDeno ? POINTS.filter((_, index) => index % 3 === schema % 3) : POINTS;

/** Returns whether the process was killed before it finished. */
const openKilledAt = async (path: string, nth: number): Promise<boolean> => {
  const script = join(import.meta.dirname, "../../support/engine/open-database.ts");
  const inject = ["-e", `trace=${CALLS}`, "-e", `inject=${CALLS}:signal=SIGKILL:when=${nth}`];
  const command = ["-f", "-o", "/dev/null", ...inject, ...runtimeCommand, script, path];
  const child = spawn("strace", command, { stdio: "ignore" });
  const [status] = await once(child, "exit");
  return status !== 0;
};

test("a disk that is too full for the schema is reported, and leaves no partial schema", () => {
  using dir = tempDir();
  const db = runtime.openDatabase(dir.file("petit.db"));
  db.exec("PRAGMA max_page_count = 4");
  expect(() => migrate(db)).toThrow("database or disk is full");
  expect(readSchemaState(db)).toEqual({ applicationId: 0, version: 0, isEmpty: true });
  db.close();
});

/** Returns the schema after each migration, from the fixtures. Later migrations do not change their SQL. */
const schemas = (): Readonly<Record<number, readonly SqlRow[]>> => {
  using dir = tempDir();
  openAndClose(dir.file("new.db"));
  const found: Record<number, readonly SqlRow[]> = { [SCHEMA_VERSION]: schemaOf(dir.file("new.db")) };
  for (const schema of FIXTURE_SCHEMAS) {
    using copy = tempDir();
    found[schema] = schemaOf(copyFixtureDatabase(schema, copy.path).path);
  }
  return found;
};
