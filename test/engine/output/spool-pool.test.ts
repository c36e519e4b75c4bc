import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openRuntime } from "#runtime";
import { makeSpoolDir, readStatus, type Spool, spoolOf } from "../../../src/engine/output/spool.ts";
import { SpoolPool } from "../../../src/engine/output/spool-pool.ts";
import { startChild } from "../../support/child.ts";
import { canMount, smallDisk } from "../../support/engine/faults.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOTHING = { script: null, stdin: null, workdir: null };
const runtime = openRuntime();

let spoolDir = "";
let timers: (() => void)[] = [];
let pool: SpoolPool;

beforeEach(() => {
  spoolDir = mkdtempSync(join(tmpdir(), "petit-pool-"));
  timers = [];
  const setTimeout = (callback: () => void): (() => void) => {
    timers.push(callback);
    return () => {
      timers = timers.filter((each) => each !== callback);
    };
  };
  pool = new SpoolPool({
    spoolDir,
    runtime,
    clock: { now: () => 0, monotonic: () => 0, elapsed: () => 0, setTimeout },
  });
});

afterEach(() => {
  pool[Symbol.dispose]();
  rmSync(spoolDir, { recursive: true, force: true });
});

/** Makes the spool of an attempt, which is what a silent attempt leaves. */
const attempted = (attemptId: number): Spool => {
  const spool = spoolOf(spoolDir, attemptId);
  pool.make(spool, NOTHING);
  return spool;
};

/** The names in the spool folder that belong to an attempt. */
const namesOf = (attemptId: string): readonly string[] =>
  readdirSync(spoolDir)
    .filter((name) => name.split(".")[0] === attemptId)
    .sort();

const inodes = (spool: Spool): readonly number[] =>
  [spool.status, spool.stdout, spool.stderr].map((path) => statSync(path).ino);

/** The inodes of all that a folder contains, without following links. */
const inodesIn = (folder: string): readonly number[] =>
  readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return [lstatSync(path).ino, ...(entry.isDirectory() ? inodesIn(path) : [])];
    })
    .sort();

/** The path of the only such file that waits for an attempt. */
const waitingFile = (file: string): string =>
  join(spoolDir, readdirSync(spoolDir).find((name) => name.startsWith("free-") && name.endsWith(`.${file}`)) ?? file);

const runTimers = (): void => {
  while (timers.length > 0) timers.shift()?.();
};

describe("SpoolPool", () => {
  test("recreates a deleted folder", () => {
    rmSync(spoolDir, { recursive: true });
    const spool = spoolOf(spoolDir, 1);
    pool.make(spool, { script: "true", stdin: null, workdir: null });
    expect(namesOf("1")).toEqual(["1", "1.script", "1.status", "1.stderr", "1.stdout"]);
    expect(readdirSync(spool.artifacts)).toEqual([]);
    expect((statSync(spoolDir).mode & 0o777).toString(8)).toBe("700");
  });

  test("restricts a folder that other users could enter", () => {
    chmodSync(spoolDir, 0o777);
    makeSpoolDir(spoolDir);
    expect((statSync(spoolDir).mode & 0o777).toString(8)).toBe("700");
  });

  test("does not follow a link in place of a new file", () => {
    using dir = tempDir();
    writeFileSync(dir.file("precious"), "precious");
    const first = spoolOf(spoolDir, 1);
    pool.make(first, { ...NOTHING, script: "false" });
    pool.remove(first);
    const spool = spoolOf(spoolDir, 2);
    const waiting = waitingFile("script");
    rmSync(waiting);
    for (const path of [waiting, spool.script, spool.stdin]) symlinkSync(dir.file("precious"), path);
    pool.make(spool, { script: "true", stdin: "in", workdir: null });
    expect([spool.script, spool.stdin].map((path) => readFileSync(path, "utf8"))).toEqual(["true", "in"]);
    expect(readFileSync(dir.file("precious"), "utf8")).toBe("precious");
  });

  test("does not follow a link in place of a new folder", () => {
    using dir = tempDir();
    writeFileSync(dir.file("script"), "precious");
    mkdirSync(dir.file("artifacts"));
    symlinkSync(dir.path, join(spoolDir, "1"));
    const spool = pool.make(spoolOf(spoolDir, 1), { script: "true", stdin: "in", workdir: null });
    writeFileSync(join(spool.artifacts, "own"), "");
    expect([spool.script, spool.stdin].map((path) => readFileSync(path, "utf8"))).toEqual(["true", "in"]);
    expect(readFileSync(dir.file("script"), "utf8")).toBe("precious");
    expect(readdirSync(dir.file("artifacts"))).toEqual([]);
  });

  test("reuses the files of an ended attempt", () => {
    const first = attempted(1);
    const before = inodes(first);
    pool.remove(first);
    expect(inodes(attempted(2))).toEqual([...before]);
  });

  test("leaves no file under the id of an ended attempt: a restored database could take it for one that is to be started", () => {
    const [first, second] = [1, 2].map((id) => spoolOf(spoolDir, id)) as [Spool, Spool];
    for (const spool of [first, second]) pool.make(spool, { ...NOTHING, script: "true" });
    pool.remove(first);
    expect(namesOf("1")).toEqual([]);
    expect(namesOf("2")).toEqual(["2", "2.script", "2.status", "2.stderr", "2.stdout"]);
  });

  test.skipIf(!canMount)("leaves no waiting files if an attempt can't get its own", () => {
    using disk = smallDisk(spoolDir, 64 * 1024);
    const first = attempted(1);
    // Its file can't be reused, and no other one can be created.
    const held = openSync(first.status, "a");
    pool.remove(first);
    disk.fill();
    expect(() => attempted(2)).toThrow();
    closeSync(held);
    pool.remove(spoolOf(spoolDir, 2));
    runTimers();
    expect(readdirSync(spoolDir)).toEqual(["filler"]);
  });

  test("keeps a bounded number of free files", () => {
    const spools = Array.from({ length: 130 }, (_, index) => attempted(index + 1));
    for (const spool of spools) pool.remove(spool);
    expect(readdirSync(spoolDir).filter((name) => name.endsWith(".status"))).toHaveLength(128);
  });

  test("reuses a status file without the status of the previous attempt", () => {
    const [first] = [attempted(1), attempted(2)];
    writeFileSync(first.status, "123\n0\n");
    pool.remove(first);
    const again = attempted(3);
    expect(readStatus(again)).toMatchObject({ pid: null, exit: null });
    writeFileSync(again.status, "124\n7\n", { flag: "a" });
    expect(readStatus(again)).toMatchObject({ pid: 124, exit: 7 });
  });

  test("leaves no status of an ended attempt in the files that wait for another one", () => {
    const first = attempted(1);
    appendFileSync(first.status, "4711\n0\n");
    pool.remove(first);
    const status = waitingFile("status");
    expect(readStatus({ ...first, status })).toMatchObject({ pid: null, exit: null });
    const { ino } = statSync(status);
    expect(statSync(attempted(2).status).ino).toBe(ino);
  });

  test("reuses no status file into which somebody has written after the attempt ended", () => {
    const first = attempted(1);
    pool.remove(first);
    appendFileSync(waitingFile("status"), "4711\n0\n");
    expect(readStatus(attempted(2))).toMatchObject({ pid: null, exit: null });
  });

  test("reuses output files without their content", () => {
    const first = attempted(1);
    const before = inodes(first);
    writeFileSync(first.stdout, "hello\n");
    pool.remove(first);
    const next = attempted(2);
    expect(inodes(next)).toEqual([...before]);
    expect(statSync(next.stdout).size).toBe(0);
  });

  test("creates a new folder once the status file has grown", () => {
    const first = attempted(1);
    writeFileSync(first.status, "x".repeat(5_000));
    pool.remove(first);
    expect(statSync(attempted(2).status).size).toBe(3);
  });

  test("reuses a script file with the text of the next script", () => {
    const [first, second, third] = [1, 2, 3].map((id) => spoolOf(spoolDir, id)) as [Spool, Spool, Spool];
    pool.make(first, { ...NOTHING, script: "echo a long script" });
    const { ino } = statSync(first.script);
    pool.remove(first);
    pool.make(second, { ...NOTHING, script: "é" });
    expect(statSync(second.script).ino).toBe(ino);
    expect(readFileSync(second.script, "utf8")).toBe("é");
    const held = openSync(second.script, "r");
    pool.remove(second);
    pool.make(third, { ...NOTHING, script: "echo other" });
    expect(readFileSync(held, "utf8")).toBe("é");
    closeSync(held);
  });

  test.each<[string, (path: string) => void]>([
    ["a pipe", (path) => void execFileSync("mkfifo", [path])],
    ["a link", (path) => symlinkSync(join(spoolDir, "elsewhere"), path)],
  ])("creates new files if a task has put %s in place of the old ones", (_, replace) => {
    writeFileSync(join(spoolDir, "elsewhere"), "");
    const [first] = [attempted(1), attempted(2)];
    for (const path of [first.status, first.stdout]) {
      rmSync(path);
      replace(path);
    }
    pool.remove(first);
    const next = attempted(3);
    for (const path of [next.status, next.stdout]) expect(lstatSync(path).isFile()).toBe(true);
    expect(statSync(join(spoolDir, "elsewhere")).size).toBe(0);
  });

  test("creates new files if a process still has the old ones open", () => {
    const [first] = [attempted(1), attempted(2)];
    const [, stdout] = inodes(first);
    const held = openSync(first.stdout, "a");
    pool.remove(first);
    expect(inodes(attempted(3))).not.toContain(Number(stdout));
    closeSync(held);
  });

  test("ignores stale files of the same attempt id", () => {
    const spool = attempted(1);
    writeFileSync(spool.status, "99\n");
    writeFileSync(spool.stdout, "old");
    pool.make(spool, NOTHING);
    expect(readStatus(spool)).toMatchObject({ pid: null, exit: null });
    expect(statSync(spool.stdout).size).toBe(0);
  });

  test("prepares files in the background, and attempts take them", () => {
    pool.prepare(2);
    expect(readdirSync(spoolDir)).toEqual([]);
    runTimers();
    const prepared = inodesIn(spoolDir);
    // Three files, and a link to a folder that contains one.
    expect(prepared).toHaveLength(2 * 6);
    const [first] = [attempted(1), attempted(2)];
    expect(inodesIn(spoolDir)).toEqual(prepared);
    expect(readStatus(first)).toMatchObject({ pid: null, exit: null });
  });

  test("reuses no other files of an ended attempt", () => {
    const first = attempted(1);
    for (const path of [first.outputs, first.stdin, first.given, join(first.artifacts, "strange")])
      writeFileSync(path, "x");
    pool.remove(first);
    const next = attempted(2);
    expect(namesOf("2")).toEqual(["2", "2.status", "2.stderr", "2.stdout"]);
    expect(readdirSync(next.artifacts)).toEqual([]);
    expect(namesOf("1")).toEqual([]);
  });

  test.each(["when no attempt has ended for a moment", "when petit stops"])(
    "deletes what a task left beside its files %s",
    (when) => {
      const [first, second] = [attempted(1), attempted(2)];
      for (const spool of [first, second]) {
        writeFileSync(`${spool.outputs}.old`, "x");
        mkdirSync(`${spool.status}-withdrawn/sub`, { recursive: true });
      }
      pool.remove(first);
      if (when === "when petit stops") pool[Symbol.dispose]();
      else runTimers();
      expect(namesOf("1")).toEqual([]);
      expect(namesOf("2")).toContain("2.outputs.old");
    },
  );

  const folders = ({ artifacts }: Spool): readonly number[] =>
    [artifacts, dirname(artifacts)].map((path) => statSync(path).ino);

  test("reuses a folder of artifacts that no process has used", () => {
    // Its path does not lead through the link, as those that petit uses.
    const [first, second] = [1, 2].map((id) => spoolOf(spoolDir, id)) as [Spool, Spool];
    const before = folders(pool.make(first, NOTHING));
    pool.remove(first);
    expect(folders(pool.make(second, NOTHING))).toEqual([...before]);
    expect(folders(second)).toEqual([...before]);
  });

  test.skipIf(!canMount)("has no links where the access to links is not recorded", () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "noatime,size=1m", "tmpfs", spoolDir]);
    try {
      for (const id of [1, 2, 3]) {
        const named = spoolOf(spoolDir, id);
        const spool = pool.make(named, NOTHING);
        expect(lstatSync(spool.parent).isDirectory()).toBe(true);
        expect(readdirSync(named.artifacts)).toEqual([]);
        writeFileSync(join(named.artifacts, "x"), "");
        pool.remove(named);
      }
      pool[Symbol.dispose]();
      expect(readdirSync(spoolDir)).toEqual([]);
    } finally {
      execFileSync("umount", [spoolDir]);
    }
  });

  test.each<[string, (spool: Spool) => void]>([
    ["has looked into", ({ artifacts }) => void readdirSync(artifacts)],
    ["has looked for", ({ artifacts }) => void statSync(artifacts)],
    ["has followed the link to", ({ parent }) => void realpathSync(parent)],
    ["has given another name", ({ parent }) => linkSync(parent, join(spoolDir, "other-name"))],
    [
      "has replaced",
      ({ parent }) => {
        renameSync(parent, join(spoolDir, "moved"));
        symlinkSync(String(readdirSync(spoolDir).find((name) => name.startsWith("linked-"))), parent);
      },
    ],
    ["has opened", ({ artifacts }) => void openSync(artifacts, "r")],
  ])("reuses no folder of artifacts that a process %s", (_, use) => {
    const first = spoolOf(spoolDir, 1);
    const before = folders(pool.make(first, NOTHING));
    use(first);
    pool.remove(first);
    const second = pool.make(spoolOf(spoolDir, 2), NOTHING);
    expect(folders(second).filter((ino) => before.includes(ino))).toEqual([]);
    expect(readdirSync(second.artifacts)).toEqual([]);
  });

  test("reuses no folder of artifacts that a process has used after the attempt ended", () => {
    const first = spoolOf(spoolDir, 1);
    const before = folders(pool.make(first, NOTHING));
    pool.remove(first);
    const free = readdirSync(spoolDir).find((name) => name.startsWith("free-") && !name.includes("."));
    readdirSync(join(spoolDir, String(free), "artifacts"));
    const second = pool.make(spoolOf(spoolDir, 2), NOTHING);
    expect(folders(second).filter((ino) => before.includes(ino))).toEqual([]);
  });

  test.each(["stdout", "stderr", "status", "script"] as const)(
    "creates a new %s if the old one has another name",
    (file) => {
      const first = spoolOf(spoolDir, 1);
      pool.make(first, { ...NOTHING, script: "true" });
      writeFileSync(first[file], "kept\n");
      const { ino } = statSync(first[file]);
      const link = join(spoolDir, "link");
      linkSync(first[file], link);
      pool.remove(first);
      const next = spoolOf(spoolDir, 2);
      pool.make(next, { ...NOTHING, script: "false" });
      expect(statSync(next[file]).ino).not.toBe(ino);
      expect(readFileSync(link, "utf8")).toBe("kept\n");
    },
  );

  test("creates new files if a process has opened the old ones after the attempt ended", async () => {
    const first = attempted(1);
    const script =
      'cd "$0" && echo in; read -r _; exec 5>>"$(echo free-*.stdout)" 6>>"$(echo free-*.status)"; echo open; read -r _; echo late >&5; echo done';
    using child = startChild(["/bin/sh", "-c", script, spoolDir]);
    await child.nextLine();
    pool.remove(first);
    child.write("go\n");
    await child.nextLine();
    const next = attempted(2);
    child.write("go\n");
    expect(await child.nextLine()).toBe("done");
    expect([statSync(next.stdout).size, readStatus(next)]).toMatchObject([0, { pid: null, exit: null }]);
  });

  test("reuses no file that a container mounts", () => {
    const first = spoolOf(spoolDir, 1);
    pool.make(first, { ...NOTHING, script: "true", isShared: true });
    expect(lstatSync(first.parent).isDirectory()).toBe(true);
    pool.remove(first);
    expect(readdirSync(spoolDir)).toEqual([]);
    const next = spoolOf(spoolDir, 2);
    pool.make(next, { ...NOTHING, script: "true" });
    expect(statSync(next.script).mode & 0o777).toBe(0o600);
  });

  test("does not follow a link that a task has put in place of its folder", () => {
    using dir = tempDir();
    writeFileSync(dir.file("precious"), "precious");
    const { parent } = attempted(1);
    renameSync(parent, join(spoolDir, "moved"));
    symlinkSync(dir.path, parent);
    pool.remove(spoolOf(spoolDir, 1));
    runTimers();
    expect(readdirSync(dir.path)).toEqual(["precious"]);
    expect(namesOf("1")).not.toContain("1");
  });

  test("replaces a folder that a task has put in place of a file", () => {
    const first = attempted(1);
    mkdirSync(join(first.outputs, "strange"), { recursive: true });
    pool.remove(first);
    expect(namesOf("1")).toEqual([]);
    attempted(2);
    expect(namesOf("2")).toEqual(["2", "2.status", "2.stderr", "2.stdout"]);
  });

  test("replaces a folder that contains artifacts", () => {
    const first = attempted(1);
    writeFileSync(join(first.artifacts, "kept"), "");
    pool.remove(first);
    runTimers();
    expect(readdirSync(attempted(2).artifacts)).toEqual([]);
  });

  test("prepares no files if it can't", () => {
    rmSync(spoolDir, { recursive: true });
    writeFileSync(spoolDir, "");
    pool.prepare(2);
    runTimers();
    expect(statSync(spoolDir).isFile()).toBe(true);
  });

  test("deletes files that come back after it was disposed", () => {
    const spools = [attempted(1), attempted(2), attempted(3)];
    pool[Symbol.dispose]();
    for (const spool of spools) pool.remove(spool);
    expect(readdirSync(spoolDir)).toEqual([]);
  });
});
