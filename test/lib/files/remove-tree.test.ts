import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { removeTree } from "../../../src/lib/files/remove-tree.ts";
import { isDeno } from "../../support/runtime-command.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Makes folders in each other, some of which have a file, a link and a name that is not UTF-8, which Deno can't use. */
const makeDeep = (cwd: string, depth: number): void => {
  const steps = depth / 3;
  const name = isDeno ? "n" : "n\\377";
  const inner = `mkdir "$(printf '${name}')"; : > f; ln -s / l; mkdir -p ${"d/".repeat(steps)}; cd -P ${"d/".repeat(steps)}`;
  execFileSync("/bin/sh", ["-ec", [inner, inner, inner].join("\n")], { cwd });
};

test.each([3, 3_000])("a tree of %d folders in each other is deleted", async (depth) => {
  using dir = tempDir();
  const path = dir.file("tree");
  mkdirSync(path);
  makeDeep(path, depth);
  expect(await removeTree(path)).toBe(true);
  expect(existsSync(path)).toBe(false);
});

test("a deep tree is deleted without what its links lead to", async () => {
  using dir = tempDir();
  mkdirSync(dir.file("tree"));
  makeDeep(dir.file("tree"), 3_000);
  mkdirSync(dir.file("kept"));
  writeFileSync(dir.file("kept/file"), "kept");
  symlinkSync("../kept", dir.file("tree/link"));
  expect(await removeTree(dir.file("tree"))).toBe(true);
  expect(readFileSync(dir.file("kept/file"), "utf8")).toBe("kept");
});

test("folders that nobody may enter or change are deleted, by whoever owns them", async () => {
  using dir = tempDir();
  const script =
    "mkdir -p tree/a/b tree/c/d; : > tree/a/f; : > tree/c/d/f; chmod 0 tree/c/d; chmod 500 tree/a tree/c tree; chmod 777 .";
  execFileSync("/bin/sh", ["-ec", script], { cwd: dir.path });
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) execFileSync("chown", ["-R", "65534", dir.path]);
  if (isRoot) process.seteuid?.(65_534);
  try {
    expect(await removeTree(dir.file("tree"))).toBe(true);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
  expect(existsSync(dir.file("tree"))).toBe(false);
});

test("a link is deleted, and not what it leads to", async () => {
  using dir = tempDir();
  mkdirSync(dir.file("kept"));
  symlinkSync("kept", dir.file("link"));
  expect(await removeTree(dir.file("link"))).toBe(true);
  expect([existsSync(dir.file("link")), existsSync(dir.file("kept"))]).toEqual([false, true]);
});

test("what does not exist is gone", async () => {
  expect(await removeTree("/nonexistent/tree")).toBe(true);
});

test("a tree that another call began to delete, and was told to leave, is deleted under its new name", async () => {
  for (let steps = 0; steps < 10; steps++) {
    using dir = tempDir();
    mkdirSync(dir.file("tree"));
    makeDeep(dir.file("tree"), 300);
    const stop = new AbortController();
    const first = removeTree(dir.file("tree"), stop.signal);
    for (let step = 0; step < steps; step++) await readdir(dir.path);
    stop.abort();
    renameSync(dir.file("tree"), dir.file("moved"));
    expect(await removeTree(dir.file("moved"))).toBe(true);
    await first;
    expect(existsSync(dir.file("moved"))).toBe(false);
  }
});
