import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { PetitError } from "../../../src/domain/errors.ts";
import type { SqlDatabase } from "../../../src/runtime/runtime.ts";
import { asStorageError, createTransactions } from "../../../src/store/database/transaction.ts";
import { tempDir } from "../../support/temp-dir.ts";

const open = () => {
  const dir = tempDir();
  const db = openRuntime().openDatabase(dir.file("t.db"));
  db.exec("PRAGMA journal_mode = WAL; CREATE TABLE words (word TEXT NOT NULL)");
  const calls: string[] = [];
  const { run, nest } = createTransactions(db, {
    assertInPlace: () => {},
    findLockingProcess: () => 17,
    beforeCommit: () => {},
    afterCommit: () => calls.push("commit"),
    afterRollback: () => calls.push("rollback"),
    mark: () => () => calls.push("undo"),
  });
  const insert = (word: string) => db.prepare("INSERT INTO words VALUES ($word)").run({ word });
  const words = () =>
    db
      .prepare("SELECT word FROM words")
      .all()
      .map(({ word }) => word);
  const close = () => {
    db.close();
    dir[Symbol.dispose]();
  };
  return { db, run, nest, insert, words, calls, [Symbol.dispose]: close };
};

/** Prevents the database from growing, as a full disk does. */
const fill = (db: SqlDatabase): void => {
  db.exec(`PRAGMA max_page_count = ${Number(db.prepare("PRAGMA page_count").get()?.page_count)}`);
};

const LONG = "x".repeat(100_000);

describe("a transaction", () => {
  test("includes the writes of its methods, and emits their events once after its commit", () => {
    using it = open();
    const answer = it.nest(() => {
      it.run("durable", () => it.insert("a"));
      it.run("relaxed", () => it.insert("b"));
      expect(it.calls).toEqual([]);
      return "answer";
    });
    expect(answer).toBe("answer");
    expect(it.words()).toEqual(["a", "b"]);
    expect(it.calls).toEqual(["commit"]);
  });

  test("is undone if it throws, and does not affect the next one", () => {
    using it = open();
    const work = () =>
      it.nest(() => {
        it.insert("a");
        throw new Error("no");
      });
    expect(work).toThrow("no");
    expect(it.words()).toEqual([]);
    expect(it.calls).toEqual(["rollback"]);
    it.run("durable", () => it.insert("b"));
    expect(it.words()).toEqual(["b"]);
  });

  test("is undone alone if it is nested", () => {
    using it = open();
    it.nest(() => {
      it.insert("a");
      const inner = () =>
        it.nest(() => {
          it.insert("b");
          it.nest(() => it.insert("c"));
          throw new Error("no");
        });
      expect(inner).toThrow("no");
      it.nest(() => it.insert("d"));
    });
    expect(it.words()).toEqual(["a", "d"]);
    expect(it.calls).toEqual(["undo", "commit"]);
  });

  test.each([
    ["durable", 2],
    ["relaxed", 1],
  ] as const)("that is %s sets the synchronous level", (durability, synchronous) => {
    using it = open();
    it.run(durability, () => it.insert("a"));
    expect(it.db.prepare("PRAGMA synchronous").get()).toEqual({ synchronous });
  });

  test("is undone and reported on a full disk, and succeeds when there is space again", () => {
    using it = open();
    fill(it.db);
    expect(() => it.run("durable", () => it.insert(LONG))).toThrow(
      expect.objectContaining({ code: "storage_failed", message: "the database can't be written: the disk is full" }),
    );
    expect(it.words()).toEqual([]);
    it.db.exec("PRAGMA max_page_count = 1000000");
    it.run("durable", () => it.insert(LONG));
    expect(it.words()).toEqual([LONG]);
  });

  test("is undone completely if the disk is full within a nested one", () => {
    using it = open();
    fill(it.db);
    const inner = () => it.nest(() => it.insert(LONG));
    const outer = () =>
      it.nest(() => {
        it.insert("a");
        expect(inner).toThrow(expect.objectContaining({ code: "storage_failed" }));
        it.run("durable", () => it.insert("b"));
      });
    expect(outer).toThrow(expect.objectContaining({ code: "storage_failed" }));
    expect(it.words()).toEqual([]);
    it.run("durable", () => it.insert("c"));
    expect(it.words()).toEqual(["c"]);
  });

  test("reports the lock of another process", () => {
    using it = open();
    it.db.exec("PRAGMA busy_timeout = 0");
    const other = openRuntime().openDatabase(String(it.db.prepare("PRAGMA database_list").get()?.file));
    other.exec("BEGIN IMMEDIATE");
    expect(() => it.run("durable", () => it.insert("a"))).toThrow(expect.objectContaining({ code: "storage_failed" }));
    other.exec("ROLLBACK");
    other.close();
    it.run("durable", () => it.insert("a"));
    expect(it.words()).toEqual(["a"]);
  });
});

describe("asStorageError", () => {
  test.each([
    ["SQLITE_FULL", { code: "disk_full" }],
    ["SQLITE_IOERR_WRITE", { code: "database_unwritable", sqliteCode: "SQLITE_IOERR_WRITE", error: "Error: oh" }],
    ["SQLITE_READONLY_DBMOVED", { code: "database_unwritable", sqliteCode: "SQLITE_READONLY_DBMOVED" }],
    ["SQLITE_BUSY", { code: "database_locked", pid: 17 }],
    ["SQLITE_CORRUPT", { code: "database_unwritable", sqliteCode: "SQLITE_CORRUPT" }],
    ["SQLITE_CANTOPEN", { code: "database_unwritable", sqliteCode: "SQLITE_CANTOPEN" }],
  ])("returns storage_failed for %s, with the fault %p and its cause", (code, fault) => {
    const cause = Object.assign(new Error("oh"), { code });
    const named = asStorageError(cause, () => 17);
    expect(named).toBeInstanceOf(PetitError);
    expect(named).toMatchObject({ code: "storage_failed", cause, details: { reason: "storage_failed", fault } });
  });

  test.each([
    { error: new Error("plain") },
    { error: Object.assign(new Error("unique"), { code: "SQLITE_CONSTRAINT_UNIQUE" }) },
    { error: new PetitError("conflict", "there") },
    { error: "text" },
  ])("returns other errors unchanged", ({ error }) => {
    expect(asStorageError(error)).toBe(error);
  });
});
