import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRuntime } from "#runtime";
import { makeSpoolDir, readStatus, type Spool, spoolOf } from "../../../src/engine/output/spool.ts";
import { SpoolPool } from "../../../src/engine/output/spool-pool.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOTHING = { script: null, stdin: null };
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

/** As an attempt leaves it that said nothing. */
const attempted = (attemptId: number): Spool => {
  const spool = spoolOf(spoolDir, attemptId);
  pool.make(spool, NOTHING);
  for (const path of [spool.stdout, spool.stderr]) closeSync(openSync(path, "a"));
  return spool;
};

const inodes = (spool: Spool): readonly number[] =>
  [spool.status, spool.stdout, spool.stderr].map((path) => statSync(path).ino);

describe("SpoolPool", () => {
  test("makes the folder anew where somebody has cleared it away", () => {
    rmSync(spoolDir, { recursive: true });
    const spool = spoolOf(spoolDir, 1);
    pool.make(spool, { script: "true", stdin: null });
    expect(readdirSync(spoolDir).sort()).toEqual(["1.script", "1.status"]);
    expect((statSync(spoolDir).mode & 0o777).toString(8)).toBe("700");
  });

  test("takes a folder from others that they could enter", () => {
    chmodSync(spoolDir, 0o777);
    makeSpoolDir(spoolDir);
    expect((statSync(spoolDir).mode & 0o777).toString(8)).toBe("700");
  });

  test("does not follow a link that lies in the place of a new file", () => {
    using dir = tempDir();
    writeFileSync(dir.file("precious"), "precious");
    const spool = spoolOf(spoolDir, 1);
    for (const part of [spool.script, spool.stdin]) symlinkSync(dir.file("precious"), part);
    pool.make(spool, { script: "true", stdin: "in" });
    expect([spool.script, spool.stdin].map((path) => readFileSync(path, "utf8"))).toEqual(["true", "in"]);
    expect(readFileSync(dir.file("precious"), "utf8")).toBe("precious");
  });

  test("leaves nothing of an attempt that was alone", () => {
    pool.remove(attempted(1));
    expect(readdirSync(spoolDir)).toEqual([]);
  });

  test("gives the files of one attempt to the next, while others go on", () => {
    const [first] = [attempted(1), attempted(2)];
    const before = inodes(first);
    pool.remove(first);
    expect(inodes(attempted(3))).toEqual([...before]);
  });

  test("gives a status file that says nothing of the attempt before", () => {
    const [first] = [attempted(1), attempted(2)];
    writeFileSync(first.status, "123\n0\n");
    pool.remove(first);
    const again = attempted(3);
    expect(readStatus(again)).toEqual({ pid: null, exit: null });
    writeFileSync(again.status, "124\n7\n", { flag: "a" });
    expect(readStatus(again)).toEqual({ pid: 124, exit: 7 });
  });

  test("makes new files where there is something in the old ones", () => {
    const [first] = [attempted(1), attempted(2)];
    writeFileSync(first.stdout, "hello\n");
    pool.remove(first);
    expect(statSync(attempted(3).stdout, { throwIfNoEntry: false })?.size).toBe(0);
  });

  test.each<[string, (path: string) => void]>([
    ["a pipe", (path) => void execFileSync("mkfifo", [path])],
    ["a link", (path) => symlinkSync(join(spoolDir, "elsewhere"), path)],
  ])("makes new files where a task has put %s in the place of the old ones", (_, replace) => {
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

  test("makes new files where a process still has the old ones open", () => {
    const [first] = [attempted(1), attempted(2)];
    const [, stdout] = inodes(first);
    const held = openSync(first.stdout, "a");
    pool.remove(first);
    expect(inodes(attempted(3))).not.toContain(Number(stdout));
    closeSync(held);
  });

  test("does not take what lies at the place of an attempt for its own", () => {
    const spool = spoolOf(spoolDir, 1);
    writeFileSync(spool.status, "99\n");
    writeFileSync(spool.stdout, "old");
    pool.make(spool, NOTHING);
    expect(readStatus(spool)).toEqual({ pid: null, exit: null });
    expect(statSync(spool.stdout, { throwIfNoEntry: false })).toBeUndefined();
  });

  test("removes what nobody takes up, a moment after the last attempt", () => {
    for (const spool of [attempted(1), attempted(2)]) pool.remove(spool);
    expect(readdirSync(spoolDir)).not.toEqual([]);
    for (const timer of timers) timer();
    expect(readdirSync(spoolDir)).toEqual([]);
  });

  test("keeps nothing that comes back after it was closed", () => {
    const spools = [attempted(1), attempted(2), attempted(3)];
    pool[Symbol.dispose]();
    for (const spool of spools) pool.remove(spool);
    expect(readdirSync(spoolDir)).toEqual([]);
  });
});
