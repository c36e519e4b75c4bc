import { expect, test } from "bun:test";
import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { openSpoolDir } from "../../src/app/spool-dir.ts";
import { MEMORY } from "../../src/store/database/open.ts";
import { tempDir } from "../support/temp-dir.ts";

test("openSpoolDir returns the same folder for each symlink to a database", () => {
  using dir = tempDir();
  symlinkSync("petit.db", dir.file("link.db"));
  using direct = openSpoolDir(dir.file("petit.db"));
  using linked = openSpoolDir(dir.file("link.db"));
  expect(direct.path).toBe(dir.file("petit.db-spool"));
  expect(linked.path).toBe(direct.path);
});

test("openSpoolDir returns a temporary folder for an in-memory database", () => {
  const spool = openSpoolDir(MEMORY);
  expect(existsSync(spool.path)).toBe(true);
  spool[Symbol.dispose]();
  expect(existsSync(spool.path)).toBe(false);
});

test("openSpoolDir refuses a file in the place of its folder", () => {
  using dir = tempDir();
  writeFileSync(dir.file("petit.db-spool"), "");
  expect(() => openSpoolDir(dir.file("petit.db"))).toThrow(
    "petit.db-spool is not a folder, but petit needs a spool folder there",
  );
});
