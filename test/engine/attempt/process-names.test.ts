import { expect, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { bootId, hasBegun, hasMembers, identify, identifyBySpool } from "../../../src/engine/attempt/identity.ts";
import { startChild } from "../../support/child.ts";
import { makeSpool } from "../../support/engine/spool.ts";
import { waitFor } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("a process is identified by pid, start time and boot, whatever its name contains", async () => {
  using dir = tempDir();
  copyFileSync("/bin/sleep", dir.file("a) S 1 (b"));
  using child = startChild([dir.file("a) S 1 (b"), "60"]);
  await waitFor(() => identify(child.pid) !== null);
  const identity = identify(child.pid);
  expect(identity).toEqual({ pid: child.pid, startTime: expect.stringMatching(/^\d+$/), bootId: bootId() });
  expect(bootId()).toMatch(/^[0-9a-f-]{36}$/);
  expect(identify(child.pid)).toEqual(identity);
  child.kill();
  await child.exited;
  expect(identify(child.pid)).toBeNull();
});

test("a zombie has no identity", async () => {
  using parent = startChild(["sh", "-c", "(exit 0) & echo $!; exec sleep 60"]);
  const pid = Number(await parent.nextLine());
  await waitFor(() => identify(pid) === null);
  expect(identify(parent.pid)).not.toBeNull();
});

test("the pid in a spool identifies a process only if its command line names the spool", async () => {
  using dir = tempDir();
  const spool = makeSpool(dir.path, 7);
  expect(identifyBySpool(spool)).toBeNull();
  using stranger = startChild(["sleep", "60"]);
  writeFileSync(spool.status, `--\n${stranger.pid}\n`);
  expect(identifyBySpool(spool)).toBeNull();
  using own = startChild(["sh", "-c", "sleep 60; true", spool.status]);
  writeFileSync(spool.status, `--\n${own.pid}\n`);
  await waitFor(() => identifyBySpool(spool)?.pid === own.pid);
});

test("a wrapper has begun when its program exists, and when the wrapper has ended", async () => {
  using shell = startChild(["sh", "-c", "read -r line; sleep 60; true"]);
  for (let look = 0; look < 20; look++) expect(hasBegun(shell.pid)).toBe(false);
  shell.write("go\n");
  await waitFor(() => hasBegun(shell.pid));
  shell.kill();
  await shell.exited;
  expect(hasBegun(shell.pid)).toBe(true);
});

test("a group has members while any of them is alive, even without its leader", async () => {
  using group = startChild(["sh", "-c", "sleep 60 & echo $!; sleep 60"]);
  const member = Number(await group.nextLine());
  const identity = identify(group.pid);
  if (identity === null) throw new Error("the leader is not there");
  process.kill(group.pid, "SIGKILL");
  await group.exited;
  expect(hasMembers(identity)).toBe(true);
  group.kill();
  await waitFor(() => !hasMembers(identity));
  expect(identify(member)).toBeNull();
});
