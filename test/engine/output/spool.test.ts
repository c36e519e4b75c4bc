import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { readStatus } from "../../../src/engine/output/spool.ts";
import { makeSpool } from "../../support/engine/spool.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOTHING = { pid: null, exit: null };

describe("readStatus", () => {
  test.each([
    ["", NOTHING],
    ["--\n", NOTHING],
    ["--\n12", NOTHING],
    ["--\n123\n", { pid: 123, exit: null }],
    ["--\n123\n0\n", { pid: 123, exit: 0 }],
    ["--\n123\n0\n--\n124\n", { pid: 124, exit: null }],
    ["--\nnumber\n-1\n", NOTHING],
    ["--\n99999999999999999999\n1e3\n", NOTHING],
  ])("reads %j", (text, expected) => {
    using dir = tempDir();
    const spool = makeSpool(dir.path, 1);
    writeFileSync(spool.status, text);
    expect(readStatus(spool)).toMatchObject(expected);
  });

  test.each<[string, (path: string, other: string) => void]>([
    ["a pipe", (path) => void execFileSync("mkfifo", [path])],
    ["a link", (path, other) => symlinkSync(other, path)],
    ["a folder", (path) => mkdirSync(path)],
    ["nothing", () => {}],
  ])("returns nothing and does not block if a task has put %s in place of the file", (_, replace) => {
    using dir = tempDir();
    writeFileSync(dir.file("other"), "--\n123\n0\n");
    replace(makeSpool(dir.path, 1).status, dir.file("other"));
    expect(readStatus(makeSpool(dir.path, 1))).toMatchObject(NOTHING);
  });

  test("reads a bounded part of a file that a task has filled", () => {
    using dir = tempDir();
    const spool = makeSpool(dir.path, 1);
    writeFileSync(spool.status, `--\n123\n${"x".repeat(70_000)}\n0\n`);
    expect(readStatus(spool)).toMatchObject({ pid: 123, exit: null });
  });
});
