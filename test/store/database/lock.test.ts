import { describe, expect, test } from "bun:test";
import { statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openRuntime } from "#runtime";
import { findLockOwner, lockDatabase } from "../../../src/store/database/lock.ts";
import { openStore } from "../../../src/store/database/open.ts";
import { startChild } from "../../support/child.ts";
import { runtimeCommand } from "../../support/runtime-command.ts";
import { tempDir } from "../../support/temp-dir.ts";

const runtime = openRuntime();

/** Starts another process that locks the database. */
const lockInOtherProcess = async (path: string, ...owner: readonly string[]) => {
  const script = join(import.meta.dirname, "../../support/engine/factories-lock.ts");
  const child = startChild([...runtimeCommand, script, path, ...owner]);
  expect(await child.nextLine()).toBe("held");
  const kill = async (): Promise<void> => {
    child.kill();
    await child.exited;
  };
  return { kill, [Symbol.asyncDispose]: kill };
};

describe("lockDatabase", () => {
  test("refuses a second process, and names the owner", async () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    await using _ = await lockInOtherProcess(path, "17", "http://127.0.0.1:8565");
    const begun = performance.now();
    expect(() => lockDatabase(runtime, path)).toThrow(
      expect.objectContaining({
        code: "taken",
        message: `${path} is in use by process 17 (http://127.0.0.1:8565); stop it, or name another file with --db`,
      }),
    );
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(findLockOwner(runtime, path)).toEqual({ pid: 17, url: "http://127.0.0.1:8565" });
  });

  test("is released when its process ends, even by kill -9", async () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    const other = await lockInOtherProcess(path, "17");
    await other.kill();
    expect(findLockOwner(runtime, path)).toBeNull();
    using lock = lockDatabase(runtime, path);
    expect(lock).toBeDefined();
  });

  test("can be taken again after its release", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    lockDatabase(runtime, path)[Symbol.dispose]();
    lockDatabase(runtime, path)[Symbol.dispose]();
  });

  test("refuses a second lock in the same process while the database is in use", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    using lock = lockDatabase(runtime, path);
    using store = openStore({ path, runtime });
    expect(store.runs.list({ limit: 1 })).toEqual([]);
    expect(() => lockDatabase(runtime, path)).toThrow(expect.objectContaining({ code: "taken" }));
    expect(lock).toBeDefined();
  });

  test.each(["link.db", "link-of-link.db", "folder/petit.db"])("is the same lock if %s names the database", (name) => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    symlinkSync("petit.db", dir.file("link.db"));
    symlinkSync(dir.file("link.db"), dir.file("link-of-link.db"));
    symlinkSync(".", dir.file("folder"));
    // Before the database exists, and after.
    for (const _ of [1, 2]) {
      using lock = lockDatabase(runtime, path);
      expect(lock).toBeDefined();
      expect(() => lockDatabase(runtime, dir.file(name))).toThrow(expect.objectContaining({ code: "taken" }));
      using store = openStore({ path, runtime });
      store.scheduler.setOwner({ pid: 17, url: null });
      expect(findLockOwner(runtime, dir.file(name))).toEqual({ pid: 17, url: null });
    }
  });

  test("reports links that lead to each other", () => {
    using dir = tempDir();
    symlinkSync("b.db", dir.file("a.db"));
    symlinkSync("a.db", dir.file("b.db"));
    expect(() => openStore({ path: dir.file("a.db"), runtime })).toThrow(
      expect.objectContaining({ code: "unusable_database" }),
    );
  });

  test("is a separate lock for each database", () => {
    using dir = tempDir();
    using one = lockDatabase(runtime, dir.file("a.db"));
    using two = lockDatabase(runtime, dir.file("b.db"));
    expect(one).not.toBe(two);
  });

  test("names an unknown owner 'another petit', and creates a private file", async () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    using _ = lockDatabase(runtime, path);
    expect((statSync(`${path}-lock`).mode & 0o777).toString(8)).toBe("600");
    expect(() => lockDatabase(runtime, path)).toThrow(`${path} is in use by another petit`);
    expect(findLockOwner(runtime, path)).toEqual({ pid: null, url: null });
  });

  test("reports a folder that cannot be written to", () => {
    expect(() => lockDatabase(runtime, "/no/such/folder/petit.db")).toThrow(
      expect.objectContaining({
        code: "unusable_database",
        message: expect.stringContaining(
          "/no/such/folder/petit.db can't be used, because /no/such/folder/petit.db-lock can't be written: ",
        ),
      }),
    );
    expect(findLockOwner(runtime, "/no/such/folder/petit.db")).toBeNull();
  });

  test("reports a lock file that is not a database", () => {
    using dir = tempDir();
    const path = dir.file("petit.db");
    writeFileSync(
      `${path}-lock`,
      "Somebody's notes, and long enough to be no database: more than a hundred bytes. ".repeat(2),
    );
    expect(() => lockDatabase(runtime, path)).toThrow(
      expect.objectContaining({
        code: "unusable_database",
        message: expect.stringContaining(`${path}-lock can't be written: file is not a database`),
      }),
    );
  });
});
