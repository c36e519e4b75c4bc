import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { openRuntime } from "#runtime";
import { backUp } from "../../../src/store/backup/backup.ts";
import { APPLICATION_ID, SCHEMA_VERSION } from "../../../src/store/database/migrate.ts";
import { MEMORY, openStore } from "../../../src/store/database/open.ts";
import { job, jobId } from "../../support/engine/factories.ts";
import { startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const runtime = openRuntime();
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

/** Runs SQL on a file. */
const pragmas = (path: string, ...names: readonly string[]) => {
  const db = runtime.openDatabase(path);
  const values = names.map((name) => db.prepare(`PRAGMA ${name}`).get()?.[name]);
  db.close();
  return values;
};

const sqlite = (path: string, sql: string): void => {
  const db = runtime.openDatabase(path);
  db.exec(sql);
  db.close();
};

describe("openStore", () => {
  test("creates a database with its schema, application id and version", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    openStore({ path, runtime })[Symbol.dispose]();
    expect(pragmas(path, "application_id", "user_version", "journal_mode")).toEqual([
      APPLICATION_ID,
      SCHEMA_VERSION,
      "wal",
    ]);
    const db = runtime.openDatabase(path);
    const tables = db
      .prepare("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%'")
      .all();
    expect(tables.length).toBeGreaterThan(8);
    expect(tables.filter(({ strict }) => strict !== 1)).toEqual([]);
    db.close();
  });

  test("creates the database and its sibling files for the owner only", () => {
    using dir = tempDir();
    const before = process.umask(0);
    try {
      using store = openStore({ path: dir.file("petit.db"), runtime });
      startRun(store);
      expect(readdirSync(dir.path).sort()).toEqual(["petit.db", "petit.db-shm", "petit.db-wal"]);
      for (const file of readdirSync(dir.path)) expect(`${file} ${modeOf(dir.file(file))}`).toBe(`${file} 600`);
    } finally {
      process.umask(before);
    }
  });

  test("accepts an existing empty file, and restricts its mode", () => {
    using dir = tempDir();
    writeFileSync(dir.file("petit.db"), "");
    chmodSync(dir.file("petit.db"), 0o644);
    openStore({ path: dir.file("petit.db"), runtime })[Symbol.dispose]();
    expect(modeOf(dir.file("petit.db"))).toBe("600");
  });

  test("restricts the mode of an existing database and its logs", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    openStore({ path, runtime })[Symbol.dispose]();
    writeFileSync(`${path}-wal`, "");
    for (const file of readdirSync(dir.path)) chmodSync(dir.file(file), 0o644);
    using store = openStore({ path, runtime });
    startRun(store);
    expect(readdirSync(dir.path).map((file) => modeOf(dir.file(file)))).toEqual(["600", "600", "600"]);
  });

  test("does not change the mode of a file that is not a petit database", () => {
    using dir = tempDir();
    writeFileSync(dir.file("notes"), "notes ".repeat(100));
    chmodSync(dir.file("notes"), 0o644);
    expect(() => openStore({ path: dir.file("notes"), runtime })).toThrow(
      expect.objectContaining({ code: "unusable_database" }),
    );
    expect(modeOf(dir.file("notes"))).toBe("644");
  });

  test("opens an existing database with its rows", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    const first = openStore({ path, runtime });
    const run = startRun(first);
    first[Symbol.dispose]();
    using second = openStore({ path, runtime });
    expect(second.runs.find(run.id)).toEqual(run);
    expect([...second.jobs.list().keys()]).toEqual([jobId("hello")]);
  });

  test("follows a link to the database", () => {
    using dir = tempDir();
    mkdirSync(dir.file("real"));
    symlinkSync(dir.file("real/petit.db"), dir.file("petit.db"));
    openStore({ path: dir.file("real/petit.db"), runtime })[Symbol.dispose]();
    using store = openStore({ path: dir.file("petit.db"), runtime });
    expect(store.sizeBytes()).toBeGreaterThan(0);
  });

  test("does not change the mode of a file that a link beside the database leads to", () => {
    using dir = tempDir();
    writeFileSync(dir.file("other"), "the file of somebody else");
    chmodSync(dir.file("other"), 0o644);
    symlinkSync("other", dir.file("petit.db-wal"));
    openStore({ path: dir.file("petit.db"), runtime })[Symbol.dispose]();
    expect(statSync(dir.file("other")).mode & 0o777).toBe(0o644);
  });

  test("stores nothing of a database in memory", () => {
    using one = openStore({ path: MEMORY, runtime });
    startRun(one);
    expect(one.sizeBytes()).toBeGreaterThan(4_096);
    using two = openStore({ path: MEMORY, runtime });
    expect(two.runs.list({ limit: 9 })).toEqual([]);
  });

  test("migrates an earlier schema", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    const first = runtime.openDatabase(path);
    first.exec(readFileSync("src/store/migrations/0001_init.sql", "utf8"));
    first.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 1`);
    first.exec(
      'INSERT INTO job_versions VALUES (1, \'old\', \'x\', \'{"id":"old","source":{"file":"old.yaml","line":1,"folder":"/jobs"}}\', 0)',
    );
    first.exec(
      "INSERT INTO runs (seq, id, job_id, version, status, trigger, params, created_at, started_at) VALUES (1, '01900000-0000-7000-8000-000000000000', 'old', 1, 'running', 'manual', '{}', 1, 1)",
    );
    first.close();
    using store = openStore({ path, runtime });
    expect(store.runs.listUnfinished()).toMatchObject([{ jobId: "old", status: "running" }]);
    expect(store.notifications.listWaitingChannels()).toEqual([]);
    startRun(store, { job: job("new"), now: NOON });
  });

  test("returns the size including the log", () => {
    using dir = tempDir();
    using store = openStore({ path: dir.file("petit.db"), runtime });
    const before = store.sizeBytes();
    store.jobs.save([job("big", { description: "x".repeat(1_000_000) })], NOON);
    expect(store.sizeBytes() - before).toBeGreaterThan(1_000_000);
  });

  test("refuses writes if the file was removed", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    using store = openStore({ path, runtime });
    startRun(store, { job: job("a"), now: NOON });
    renameSync(path, `${path}-away`);
    const gone = expect.objectContaining({
      code: "storage_failed",
      message: `the database can't be written: ${path} was removed; put it back, or restart petit to begin with an empty database`,
    });
    expect(() => store.probe(NOON)).toThrow(gone);
    expect(() => startRun(store, { job: job("b"), now: NOON })).toThrow(gone);
    renameSync(`${path}-away`, path);
    store.probe(NOON);
    startRun(store, { job: job("b"), now: NOON });
  });

  test("refuses writes while another file is in its place", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    using store = openStore({ path, runtime });
    startRun(store, { job: job("a"), now: NOON });
    backUp({ path, target: dir.file("copy.db"), runtime });
    renameSync(path, `${path}-away`);
    renameSync(dir.file("copy.db"), path);
    const replaced = expect.objectContaining({
      code: "storage_failed",
      message: `the database can't be written: ${path} was replaced by another file; restart petit to use that one, or put the original file back`,
    });
    expect(() => store.probe(NOON)).toThrow(replaced);
    expect(() => startRun(store, { job: job("b"), now: NOON })).toThrow(replaced);
    expect(() => store.scheduler.setPaused({ at: NOON, by: null }, NOON)).toThrow(replaced);
    expect(() => store.transaction(() => store.scheduler.setPaused({ at: NOON, by: null }, NOON))).toThrow(replaced);
    renameSync(`${path}-away`, path);
    startRun(store, { job: job("b"), now: NOON });
    expect(store.runs.list({ limit: 9 })).toHaveLength(2);
  });

  test("names the log of a replaced file, and how to repair the database", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    {
      using store = openStore({ path, runtime });
      for (let run = 0; run < 50; run++) startRun(store, { job: job(`a${run}`), now: NOON });
      backUp({ path, target: dir.file("copy.db"), runtime });
      // From here on, the log alone is not enough to restore the database.
      const other = runtime.openDatabase(path);
      other.exec("PRAGMA wal_checkpoint(RESTART)");
      other.close();
      for (let run = 0; run < 50; run++) startRun(store, { job: job(`b${run}`), now: NOON });
      // These files remain when petit is killed.
      copyFileSync(`${path}-wal`, dir.file("left-wal"));
    }
    renameSync(dir.file("copy.db"), path);
    renameSync(dir.file("left-wal"), `${path}-wal`);
    expect(() => openStore({ path, runtime })).toThrow(
      expect.objectContaining({
        code: "unusable_database",
        message: expect.stringContaining(`Move ${path}-wal and ${path}-shm away, then start petit again`),
      }),
    );
    renameSync(`${path}-wal`, `${path}-wal-away`);
    rmSync(`${path}-shm`, { force: true });
    using store = openStore({ path, runtime });
    expect(store.runs.list({ limit: 100 })).toHaveLength(50);
  });

  describe("openStore refuses, without changing a byte,", () => {
    const GARBAGE = Buffer.from("this is no database at all".repeat(1_000));

    test.each([
      [
        "a file that is not a database",
        (path: string) => writeFileSync(path, GARBAGE),
        "can't be used as petit's database",
      ],
      ["a file of zeros", (path: string) => writeFileSync(path, Buffer.alloc(8_192)), "petit.db"],
      [
        "another program's database",
        (path: string) => sqlite(path, "CREATE TABLE t (x); INSERT INTO t VALUES (1)"),
        "is not a petit database",
      ],
      [
        "another program's database with a log",
        (path: string) => sqlite(path, "PRAGMA journal_mode = WAL; CREATE TABLE t (x)"),
        "is not a petit database",
      ],
      [
        "another program's empty database",
        (path: string) => sqlite(path, "PRAGMA application_id = 7"),
        "is not a petit database",
      ],
      [
        "an empty database with a version",
        (path: string) => sqlite(path, "PRAGMA user_version = 3"),
        "is not a petit database",
      ],
      [
        "a database of a newer petit",
        (path: string) => {
          openStore({ path, runtime })[Symbol.dispose]();
          sqlite(path, `PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
        },
        `has schema ${SCHEMA_VERSION + 1} of a newer petit; this petit supports up to ${SCHEMA_VERSION}`,
      ],
      [
        "a database whose first page is damaged",
        (path: string) => {
          openStore({ path, runtime })[Symbol.dispose]();
          const bytes = readFileSync(path);
          bytes.fill(0xff, 16, 100);
          writeFileSync(path, bytes);
        },
        "petit.db",
      ],
    ])("%s", (_, make, message) => {
      using dir = tempDir();
      const path = dir.file("petit.db");
      make(path);
      const before = { bytes: readFileSync(path), files: readdirSync(dir.path), mode: modeOf(path) };
      expect(() => openStore({ path, runtime })).toThrow(
        expect.objectContaining({ code: "unusable_database", message: expect.stringContaining(message) }),
      );
      expect({ bytes: readFileSync(path), files: readdirSync(dir.path), mode: modeOf(path) }).toEqual(before);
    });

    test("a folder", () => {
      using dir = tempDir();
      mkdirSync(dir.file("petit.db"));
      expect(() => openStore({ path: dir.file("petit.db"), runtime })).toThrow(
        expect.objectContaining({ code: "unusable_database" }),
      );
      expect(readdirSync(dir.file("petit.db"))).toEqual([]);
    });

    test("a path in a missing folder", () => {
      expect(() => openStore({ path: "/no/such/folder/petit.db", runtime })).toThrow(
        expect.objectContaining({ code: "unusable_database" }),
      );
    });
  });

  test("names the program that has locked the database", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    openStore({ path, runtime })[Symbol.dispose]();
    const other = runtime.openDatabase(path);
    other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    expect(() => openStore({ path, runtime })).toThrow(expect.objectContaining({ code: "taken" }));
    other.exec("ROLLBACK");
    other.close();
    openStore({ path, runtime })[Symbol.dispose]();
  });
});
