import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, PETIT, petit, type TempFolder, tempFolder } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: tick
schedule: "* * * * * *"
tasks: [{id: t, type: shell, script: 'echo tick'}]
---
id: hello
tasks: [{id: t, type: shell, script: 'echo hello'}]
---
id: sleeper
tasks: [{id: s, type: command, command: sleep, args: ["60"]}]
---
id: parent
tasks:
  - {id: child, type: job, job: waiter}
  - {id: cleans, type: shell, script: "true", depends_on: [child], condition: all_done}
---
id: waiter
tasks: [{id: ask, type: approval}]
`;

const trigger = async (running: Petit, job: string, query = ""): Promise<string> => {
  const response = await running.fetch(`/api/jobs/${job}/trigger${query}`, { method: "POST" });
  expect(response.status).toBe(200);
  return (await response.json()).run_id;
};

/** Bun creates a folder in its HOME. */
const NO_HOME = "/nonexistent";

/** Lists a folder without petit's lock, spool and shared-memory files. */
const filesOf = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => !/-(lock|lock-journal|spool|wal|shm)$/.test(name))
    .sort();

const check = (file: string): readonly unknown[] => {
  const db = new Database(file, { readonly: true });
  try {
    return db.query("PRAGMA integrity_check").values().flat();
  } finally {
    db.close();
  }
};

const count = (file: string, sql: string): unknown => {
  const db = new Database(file, { readonly: true });
  try {
    return db.query(sql).values()[0]?.[0];
  } finally {
    db.close();
  }
};

/** Creates a database with a run that no petit uses. */
const quietDatabase = async (folder: TempFolder): Promise<string> => {
  folder.write("jobs/a.yaml", JOBS);
  const { status } = await petit(["trigger", "jobs", "hello", "--db", "petit.db"], { cwd: folder.path });
  expect(status).toBe(0);
  return join(folder.path, "petit.db");
};

/** Grows the database so that a copy takes a while. */
const blowUp = (file: string): void => {
  const db = new Database(file);
  db.run("CREATE TABLE ballast (x)");
  db.run(
    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100000) INSERT INTO ballast SELECT randomblob(2000) FROM c",
  );
  db.close();
};

describe("petit backup", () => {
  test("copies the database of a busy petit to a copy that petit can start on", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": JOBS } });
    const before = await trigger(running, "hello", "?wait=10");
    let isOver = false;
    const load = Array.from({ length: 4 }, async () => {
      while (!isOver) await trigger(running, "hello");
    });
    using folder = tempFolder();
    const copies = ["one.db", "two.db", "three.db"];
    for (const copy of copies) {
      const ended = await petit(["--db", running.dbPath, "backup", copy], { cwd: folder.path });
      expect(ended).toMatchObject({ status: 0, stdout: "" });
      expect(ended.stderr).toMatch(new RegExp(`^copied .* to ${copy}: [0-9.]+ [KM]iB\\n$`));
    }
    isOver = true;
    await Promise.all(load);
    for (const copy of copies) {
      expect(check(join(folder.path, copy))).toEqual(["ok"]);
      expect(statSync(join(folder.path, copy)).mode & 0o777).toBe(0o600);
    }
    expect(filesOf(folder.path)).toEqual([...copies].sort());
    renameSync(join(folder.path, "three.db"), join(folder.path, "petit.db"));
    await using restored = await startPetit({ dir: folder.path, jobsDir: running.jobsDir });
    expect(await (await restored.fetch(`/api/runs/${before}`)).json()).toMatchObject({ status: "completed" });
    expect(await (await restored.fetch(`/api/runs/${before}/logs`)).text()).toBe("hello\n");
    expect(await trigger(restored, "hello", "?wait=10")).not.toBe(before);
  });

  test("creates a copy that does not adopt the processes of the original", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": JOBS } });
    const run = await trigger(running, "sleeper");
    expect(
      await until(() => count(running.dbPath, "SELECT pid FROM attempts WHERE pid IS NOT NULL") !== undefined),
    ).toBe(true);
    using folder = tempFolder();
    await petit(["--db", running.dbPath, "backup", join(folder.path, "petit.db")]);
    await using restored = await startPetit({ dir: folder.path, jobsDir: running.jobsDir });
    const statusIn = async (one: Petit) => (await (await one.fetch(`/api/runs/${run}`)).json()).status;
    expect(await until(async () => (await statusIn(restored)) === "interrupted")).toBe(true);
    expect(await statusIn(running)).toBe("running");
    const [task] = (await (await running.fetch(`/api/runs/${run}/tasks`)).json()).tasks;
    expect(task).toMatchObject({ status: "running", attempts: 1 });
  });

  test("creates a copy in which a task goes on waiting for the run that it started", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": JOBS } });
    const parent = await trigger(running, "parent");
    const asks = "SELECT id FROM runs WHERE job_id = 'waiter' AND status = 'running'";
    expect(await until(() => count(running.dbPath, asks) !== undefined)).toBe(true);
    const child = count(running.dbPath, asks);
    using folder = tempFolder();
    const ended = await petit(["--db", running.dbPath, "backup", join(folder.path, "petit.db")]);
    expect(ended).toMatchObject({ status: 0 });
    await using restored = await startPetit({ dir: folder.path, jobsDir: running.jobsDir });
    const decided = await restored.fetch(`/api/runs/${child}/tasks/ask/approve`, { method: "POST" });
    expect(decided.status).toBe(200);
    const statusIn = async (one: Petit) => (await (await one.fetch(`/api/runs/${parent}`)).json()).status;
    expect(await until(async () => (await statusIn(restored)) === "completed")).toBe(true);
    expect(await statusIn(running)).toBe("running");
  });

  test("prints file and bytes with --json", async () => {
    using folder = tempFolder();
    await quietDatabase(folder);
    const { status, stdout, stderr } = await petit(["backup", "copy.db", "--json"], { cwd: folder.path });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({ file: "copy.db", bytes: statSync(join(folder.path, "copy.db")).size });
  });

  test("replaces an older copy and the target of a symbolic link", async () => {
    using folder = tempFolder();
    await quietDatabase(folder);
    const old = makeOlderCopy(join(folder.path, "old.db"));
    symlinkSync("old.db", join(folder.path, "link.db"));
    expect(await petit(["backup", "link.db"], { cwd: folder.path })).toMatchObject({ status: 0 });
    expect(check(old)).toEqual(["ok"]);
    expect(statSync(old).mode & 0o777).toBe(0o600);
    expect(count(old, "SELECT count(*) FROM runs")).toBe(1);
    expect(readdirSync(folder.path)).toContain("link.db");
    folder.write("empty.db", "");
    expect(await petit(["backup", "empty.db"], { cwd: folder.path })).toMatchObject({ status: 0 });
    expect(check(join(folder.path, "empty.db"))).toEqual(["ok"]);
  });

  test("changes nothing in the database, not even after a crash", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": JOBS }, args: ["--no-watch"] });
    const run = await trigger(running, "hello", "?wait=10");
    await running.kill();
    const before = readFileSync(running.dbPath);
    const copy = join(running.dir, "copy.db");
    expect(await petit(["--db", running.dbPath, "backup", copy])).toMatchObject({ status: 0 });
    expect(readFileSync(running.dbPath).equals(before)).toBe(true);
    expect(count(copy, `SELECT status FROM runs WHERE id = '${run}'`)).toBe("completed");
  });
});

describe("petit backup of a database that no petit uses", () => {
  test("creates no file next to it", async () => {
    using folder = tempFolder();
    await quietDatabase(folder);
    const before = readdirSync(folder.path).sort();
    expect(await petit(["backup", "copy.db"], { cwd: folder.path })).toMatchObject({ status: 0 });
    expect(readdirSync(folder.path).sort()).toEqual(["copy.db", ...before]);
  });

  test.skipIf(process.getuid?.() !== 0)("works on a read-only disk", async () => {
    using folder = tempFolder();
    const db = await quietDatabase(folder);
    using disk = smallDisk(join(folder.path, "disk"), "1m");
    copyFileSync(db, join(disk.path, "petit.db"));
    spawnSync("mount", ["-o", "remount,ro", disk.path]);
    const ended = await petit(["backup", "copy.db", "--db", "disk/petit.db"], { cwd: folder.path });
    expect(ended).toMatchObject({ status: 0 });
    expect(check(join(folder.path, "copy.db"))).toEqual(["ok"]);
  });
});

describe("petit backup refuses", () => {
  const refused: readonly (readonly [string, readonly string[], string])[] = [
    ["the database itself", ["petit.db"], "petit.db is the database itself"],
    ["another name of it", ["hard.db"], "hard.db is the database itself"],
    ["a link to it", ["soft.db"], "soft.db is the database itself"],
    ["its journal", ["petit.db-wal"], "is the database itself"],
    ["a missing folder", ["no/where.db"], "there is no folder no"],
    ["a name with a trailing slash", ["copy/"], "copy/ is a folder; name a file, for example copy/petit.db"],
    ["a device", ["/dev/null"], "not a regular file"],
    ["a link to a pipe", ["/dev/stdout"], "/dev/stdout is not a regular file"],
    [
      "a file that is not a database in place of the copy",
      ["notes.txt"],
      "notes.txt is not a petit database, so it is not replaced; name another",
    ],
    [
      "a database of another program in place of the copy",
      ["foreign.db"],
      "foreign.db is not a petit database, so it is not replaced",
    ],
    ["a missing database", ["copy.db", "--db", "none.db"], "there is no database none.db"],
    ["a file that is not a database", ["copy.db", "--db", "notes.txt"], "notes.txt can't be used as petit's database"],
    ["an empty file", ["copy.db", "--db", "empty.db"], "not a petit database yet"],
    ["a database of another program", ["copy.db", "--db", "foreign.db"], "is not a petit database"],
    ["a database of a newer petit", ["copy.db", "--db", "newer.db"], "of a newer petit"],
    ["a folder in place of the database", ["copy.db", "--db", "folder"], "is not a file"],
    ["an in-memory database", ["copy.db", "--db", ":memory:"], ":memory: is not a file"],
  ];
  test.each(refused)("%s with 2", async (_, args, message) => {
    using folder = tempFolder();
    const db = await quietDatabase(folder);
    linkSync(db, join(folder.path, "hard.db"));
    symlinkSync("petit.db", join(folder.path, "soft.db"));
    mkdirSync(join(folder.path, "folder"));
    folder.write("notes.txt", "these are notes, and no database at all; ".repeat(50));
    folder.write("empty.db", "");
    makeDatabase(join(folder.path, "foreign.db"), 1, 1);
    makeDatabase(join(folder.path, "newer.db"), 0x7065746a, 9999);
    const before = filesOf(folder.path);
    const { status, stdout, stderr } = await petit(["backup", ...args], { cwd: folder.path });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(filesOf(folder.path)).toEqual(before);
    expect(readFileSync(join(folder.path, "notes.txt"), "utf8")).toStartWith("these are notes");
  });

  test("a database that another petit uses with 4", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": JOBS } });
    using folder = tempFolder();
    await quietDatabase(folder);
    const ended = await petit(["backup", running.dbPath], { cwd: folder.path });
    expect(ended).toMatchObject({ status: 4, stdout: "" });
    expect(ended.stderr).toContain("in use");
    expect((await running.fetch("/api/health")).status).toBe(200);
  });

  test("a database with a journal left by a crash with 4", async () => {
    using folder = tempFolder();
    await quietDatabase(folder);
    folder.write("crashed.db", "x");
    folder.write("crashed.db-wal", "what was not yet in it");
    const ended = await petit(["backup", "crashed.db"], { cwd: folder.path });
    expect(ended).toMatchObject({ status: 4, stdout: "" });
    expect(ended.stderr).toContain("crashed.db-wal");
    expect(readFileSync(join(folder.path, "crashed.db"), "utf8")).toBe("x");
  });
});

describe("a backup that fails", () => {
  test("leaves no partial file at the file size limit, and keeps the older copy", async () => {
    using folder = tempFolder();
    await quietDatabase(folder);
    const old = makeOlderCopy(join(folder.path, "copy.db"));
    const before = readFileSync(old);
    // In blocks of 512 bytes: 64 KiB, smaller than a new database.
    const ended = shell(folder, 'ulimit -f 128; exec "$@" backup copy.db');
    expect(ended.status).not.toBe(0);
    expect(readFileSync(old).equals(before)).toBe(true);
    expect(await until(() => filesOf(folder.path).join() === "copy.db,jobs,petit.db,petit.db-incarnation")).toBe(true);
  });

  test.skipIf(process.getuid?.() !== 0)("leaves no partial file on a full disk, and exits with 1", async () => {
    using folder = tempFolder();
    await quietDatabase(folder);
    using disk = smallDisk(join(folder.path, "disk"), "64k");
    const old = makeOlderCopy(join(disk.path, "copy.db"));
    const before = readFileSync(old);
    const ended = await petit(["backup", "disk/copy.db"], { cwd: folder.path });
    expect(ended).toMatchObject({ status: 1, stdout: "" });
    expect(ended.stderr).toContain("disk/copy.db can't be written: database or disk is full");
    expect(readdirSync(disk.path)).toEqual(["copy.db"]);
    expect(readFileSync(old).equals(before)).toBe(true);
  });

  test("leaves no copy of a damaged database, and reports the damage", async () => {
    using folder = tempFolder();
    const db = await quietDatabase(folder);
    const bytes = readFileSync(db);
    bytes.fill(0xa5, 4096 * 2, 4096 * 8);
    writeFileSync(db, bytes);
    const ended = await petit(["backup", "copy.db"], { cwd: folder.path });
    expect(ended).toMatchObject({ status: 1, stdout: "" });
    expect(ended.stderr).toContain("the database is damaged");
    expect(filesOf(folder.path)).toEqual(["jobs", "petit.db", "petit.db-incarnation"]);
  });

  test.each(["SIGTERM", "SIGKILL"] as const)("leaves no partial file after %s", async (signal) => {
    using folder = tempFolder();
    blowUp(await quietDatabase(folder));
    const [program = "", ...before] = PETIT;
    const child = spawn(program, [...before, "backup", "copy.db"], {
      cwd: folder.path,
      env: cleanEnvironment(NO_HOME),
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => child.on("close", (_, by) => resolve(by)));
    const isWriting = (): boolean => filesOf(folder.path).some((name) => name.startsWith(".copy.db-"));
    expect(await until(isWriting, 1)).toBe(true);
    child.kill(signal);
    expect(await ended).toBe(signal);
    expect(await until(() => !isWriting())).toBe(true);
    expect(filesOf(folder.path)).toEqual(["jobs", "petit.db", "petit.db-incarnation"]);
  });
});

/** Creates an older backup. */
const makeOlderCopy = (file: string): string => {
  makeDatabase(file, 0x7065746a, 1);
  return file;
};

const makeDatabase = (file: string, applicationId: number, version: number): void => {
  const db = new Database(file);
  db.run(`PRAGMA application_id = ${applicationId}`);
  db.run(`PRAGMA user_version = ${version}`);
  db.run("CREATE TABLE t (x)");
  db.close();
};

/** Runs a script with the command line of petit in `"$@"`. */
const shell = (folder: TempFolder, script: string) =>
  spawnSync("/bin/sh", ["-c", script, "sh", ...PETIT], { cwd: folder.path, env: cleanEnvironment(NO_HOME) });

const smallDisk = (path: string, size: string): { readonly path: string } & Disposable => {
  mkdirSync(path);
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path]);
  if (status !== 0) throw new Error(`no disk could be made: ${stderr}`);
  return { path, [Symbol.dispose]: () => void spawnSync("umount", [path]) };
};

/** Waits up to ten seconds for a condition, and returns whether it became true. */
const until = async (isTrue: () => boolean | Promise<boolean>, everyMs = 25): Promise<boolean> => {
  const deadline = Date.now() + 10_000;
  while (!(await isTrue())) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  return true;
};
