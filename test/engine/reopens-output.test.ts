import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { reopensOutput } from "../../src/engine/reopens-output.ts";
import { tempDir } from "../support/temp-dir.ts";

test.each([
  ["a script that says so", ["/bin/sh", "1.script"], "echo no > /dev/stderr\n", true],
  ["one of several lines", ["/bin/sh", "1.script"], "a\nb | tee /dev/stdout | c\n", true],
  ["one that goes by /proc", ["/bin/sh", "1.script"], "echo > /proc/self/fd/2", true],
  ["an argument", ["/bin/bash", "-c", "echo > /dev/fd/1"], null, true],
  ["a script of its own", ["./reopens"], null, true],
  ["a script of an interpreter", ["/usr/bin/env", "bash", "reopens"], null, true],
  ["a script that does not", ["/bin/sh", "plain"], "echo >&2; ls /dev/fd/12 /dev/stdoutx\n", false],
  ["a pipe, which is not looked into", ["/bin/sh", "pipe"], null, false],
  ["a program", ["/bin/true"], null, false],
  ["nothing that is there", ["nothing", "nowhere"], null, false],
])("reopensOutput tells of %s", (_, argv, script, expected) => {
  using dir = tempDir();
  writeFileSync(dir.file("reopens"), "#!/bin/sh\necho no > /dev/stderr\n");
  writeFileSync(dir.file("plain"), "#!/bin/sh\necho no >&2\n");
  execFileSync("mkfifo", [dir.file("pipe")]);
  expect(reopensOutput(argv, dir.path, script)).toBe(expected && process.platform === "linux");
});
