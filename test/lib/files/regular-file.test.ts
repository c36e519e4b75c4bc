import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { openRegular, readStart } from "../../../src/lib/files/regular-file.ts";
import { tempDir } from "../../support/temp-dir.ts";

const folder = () => {
  const dir = tempDir();
  writeFileSync(dir.file("file"), "content");
  symlinkSync("file", dir.file("link"));
  symlinkSync("nothing", dir.file("dangling"));
  mkdirSync(dir.file("folder"));
  execFileSync("mkfifo", [dir.file("pipe")]);
  return dir;
};

describe("openRegular", () => {
  test.each([
    ["pipe", constants.O_RDONLY],
    ["pipe", constants.O_WRONLY],
    ["pipe", constants.O_RDWR],
    ["folder", constants.O_RDONLY],
    ["folder", constants.O_RDWR],
    ["link", constants.O_RDONLY | constants.O_NOFOLLOW],
    ["dangling", constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW],
  ])("returns null for a %s with flags %d, and does not block", (name, flags) => {
    using dir = folder();
    expect(openRegular(dir.file(name), flags)).toBeNull();
  });

  test("opens a file, and follows a link unless that is disabled", () => {
    using dir = folder();
    for (const name of ["file", "link"]) {
      const fd = openRegular(dir.file(name)) ?? expect.unreachable();
      expect(readStart(fd, 100).toString()).toBe("content");
      closeSync(fd);
    }
  });

  test("throws for a missing file", () => {
    using dir = folder();
    expect(() => openRegular(dir.file("missing"))).toThrow("ENOENT");
  });
});

describe("readStart", () => {
  test.each([
    [0, ""],
    [3, "con"],
    [7, "content"],
    [8, "content"],
  ])("reads at most %d bytes", (maxBytes, text) => {
    using dir = folder();
    const fd = openRegular(dir.file("file")) ?? expect.unreachable();
    expect(readStart(fd, maxBytes).toString()).toBe(text);
    closeSync(fd);
  });

  test("reads a file of /proc, whose size is 0", () => {
    const fd = openRegular("/proc/self/comm") ?? expect.unreachable();
    expect(readStart(fd, 100).toString()).toBe(readFileSync("/proc/self/comm", "utf8"));
    closeSync(fd);
  });
});
