import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { renameSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { reopensOutput } from "../../../src/engine/attempt/reopens-output.ts";
import { tempDir } from "../../support/temp-dir.ts";

test.each([
  ["a script that reopens stderr", ["/bin/sh", "1.script"], "echo no > /dev/stderr\n", true],
  ["a script of several lines", ["/bin/sh", "1.script"], "a\nb | tee /dev/stdout | c\n", true],
  ["a script that uses /proc", ["/bin/sh", "1.script"], "echo > /proc/self/fd/2", true],
  ["an argument", ["/bin/bash", "-c", "echo > /dev/fd/1"], null, true],
  ["a script as the program", ["./reopens"], null, true],
  ["a script as the argument of an interpreter", ["/usr/bin/env", "bash", "reopens"], null, true],
  ["a script that a script runs", ["/bin/sh", "1.script"], "set -e\nVERBOSE=1 ./reopens --fast | sort\n", true],
  ["a script that a script runs with an interpreter", ["/bin/sh", "1.script"], "bash reopens.sh;echo done\n", true],
  ["a script that an argument runs", ["/bin/bash", "-c", "(./reopens)"], null, true],
  ["no script without a file", ["/bin/sh", "1.script"], "echo ./nowhere https://example.com/x.sh\n", false],
  ["no script that only duplicates descriptors", ["/bin/sh", "plain"], "echo >&2; ls /dev/fd/12 /dev/stdoutx\n", false],
  ["no pipe", ["/bin/sh", "pipe"], null, false],
  ["a program", ["/bin/true"], null, false],
  ["no missing files", ["nothing", "nowhere"], null, false],
])("reopensOutput detects %s", (_, argv, script, expected) => {
  using dir = tempDir();
  writeFileSync(dir.file("reopens"), "#!/bin/sh\necho no > /dev/stderr\n");
  writeFileSync(dir.file("reopens.sh"), "ls | tee /dev/stderr | wc -l\n");
  writeFileSync(dir.file("plain"), "#!/bin/sh\necho no >&2\n");
  execFileSync("mkfifo", [dir.file("pipe")]);
  const isLinux = process.platform === "linux";
  expect(reopensOutput({ argv, cwd: dir.path, script, file: null })).toBe(expected && isLinux);
});

test("reopensOutput searches a file again after it was changed or replaced", () => {
  using dir = tempDir();
  const isLinux = process.platform === "linux";
  const search = (): boolean => reopensOutput({ argv: ["./program"], cwd: dir.path, script: null, file: null });
  expect(search()).toBe(false);
  writeFileSync(dir.file("program"), "echo no\n");
  expect([search(), search()]).toEqual([false, false]);
  writeFileSync(dir.file("program"), "echo no > /dev/stderr\n");
  expect([search(), search()]).toEqual([isLinux, isLinux]);
  // The same size and times: only the inode differs.
  writeFileSync(dir.file("other"), "echo no >> /dev/other\n");
  const { atime, mtime } = statSync(dir.file("program"));
  utimesSync(dir.file("other"), atime, mtime);
  renameSync(dir.file("other"), dir.file("program"));
  expect(search()).toBe(false);
});

test("reopensOutput reads the program's own file anywhere, and other files only below the working directory", () => {
  using dir = tempDir();
  writeFileSync(dir.file("a.py"), "open('/dev/stderr', 'w')\n");
  const asked = { argv: ["/usr/bin/python3", dir.file("a.py")], cwd: "/", script: null };
  expect(reopensOutput({ ...asked, file: null })).toBe(false);
  expect(reopensOutput({ ...asked, file: dir.file("a.py") })).toBe(process.platform === "linux");
});
