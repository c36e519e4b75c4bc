import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { SCHEMA_VERSION } from "../../../src/store/database/migrate.ts";
import { openStore } from "../../../src/store/database/open.ts";
import { findSchemaDifferences } from "../../../src/store/database/schema.ts";
import { copyFixtureDatabase, FIXTURE_SCHEMAS } from "../../support/engine/fixture-database.ts";
import { tempDir } from "../../support/temp-dir.ts";

const runtime = openRuntime();

const differencesOf = (path: string): readonly string[] => {
  const db = runtime.openDatabase(path);
  try {
    return findSchemaDifferences(db, runtime);
  } finally {
    db.close();
  }
};

const change = (path: string, sql: string): void => {
  const db = runtime.openDatabase(path);
  try {
    db.exec(sql);
  } finally {
    db.close();
  }
};

/** Returns the differences of a new database that was changed by SQL. */
const differencesAfter = (sql: string): readonly string[] => {
  using dir = tempDir();
  const path = dir.file("petit.db");
  openStore({ path, runtime })[Symbol.dispose]();
  change(path, sql);
  return differencesOf(path);
};

describe("the schema of a database", () => {
  test.each(FIXTURE_SCHEMAS)("%d, as petit left it, is that of its version", (schema) => {
    using dir = tempDir();
    const { path, workerPath } = copyFixtureDatabase(schema, dir.path);
    for (const file of workerPath === null ? [path] : [path, workerPath]) {
      expect(differencesOf(file)).toEqual([]);
      openStore({ path: file, runtime })[Symbol.dispose]();
      expect(differencesOf(file)).toEqual([]);
    }
  });

  test.each([
    "ANALYZE",
    "VACUUM",
    "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER); CREATE TABLE _litestream_lock (id INTEGER)",
    "CREATE TABLE mine (a PRIMARY KEY); CREATE UNIQUE INDEX mine_a ON mine (a)",
    "CREATE VIEW mine AS SELECT * FROM jobs",
    "CREATE INDEX mine ON runs (status)",
  ])("is the same after %s", (sql) => {
    expect(differencesAfter(sql)).toEqual([]);
  });

  test.each([
    ["DROP TABLE artifacts", "table artifacts is missing"],
    ["DROP INDEX runs_commit", "index runs_commit is missing"],
    ["CREATE UNIQUE INDEX mine ON runs (job_id, status, created_at)", "index mine is not one of petit"],
    ["CREATE TRIGGER evil AFTER INSERT ON runs BEGIN DELETE FROM runs; END", "trigger evil is not one of petit"],
    ["ALTER TABLE jobs ADD COLUMN more TEXT", `table jobs is not that of petit's schema ${SCHEMA_VERSION}`],
    [
      "CREATE TRIGGER _litestream_seq AFTER INSERT ON runs BEGIN DELETE FROM runs; END",
      "trigger _litestream_seq is not one of petit",
    ],
  ])("differs after %s", (sql, difference) => {
    expect(differencesAfter(sql)).toContain(difference);
  });

  test("of another version differs", () => {
    expect(differencesAfter("PRAGMA user_version = 3").length).toBeGreaterThan(0);
  });
});
