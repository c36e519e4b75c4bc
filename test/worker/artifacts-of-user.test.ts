import { describe, expect, test } from "bun:test";
import { chmodSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TaskUser } from "../../src/engine/attempt/user/task-user.ts";
import { shell } from "../support/engine/factories.ts";
import { tempDir } from "../support/temp-dir.ts";
import { eventually } from "../support/torture/run.ts";
import { startWorker } from "../support/workers/started-worker.ts";

const NOBODY: TaskUser = {
  name: "nobody",
  uid: 65_534,
  gid: 65_534,
  home: "/",
  shell: "/usr/sbin/nologin",
  setpriv: Bun.which("setpriv") ?? "",
};

/** Runs a script as nobody in a folder that everybody may write to. Returns its outcome, and its artifacts by path. */
const runAsNobody = async (dir: string, script: string, patterns: readonly string[], user: TaskUser = NOBODY) => {
  await using started = startWorker({ user });
  const { scheduler } = started;
  for (const folder of [started.dir, join(started.dir, "spool")]) chmodSync(folder, 0o711);
  const artifacts = patterns.length === 0 ? {} : { artifacts: patterns };
  scheduler.offer(shell("only", script, { workingDir: dir, ...artifacts }));
  const ended = await eventually("the outcome is handed over", () => scheduler.of(5).outcome);
  const contents = ended.artifacts.map(({ path, object }) => [
    path,
    new TextDecoder().decode(scheduler.objects.get(object ?? "")),
  ]);
  return { outcome: ended.result.outcome, artifacts: Object.fromEntries(contents) };
};

const openDir = (): ReturnType<typeof tempDir> => {
  const dir = tempDir();
  chmodSync(dir.path, 0o777);
  return dir;
};

describe.skipIf(process.geteuid?.() !== 0 || NOBODY.setpriv === "")(
  "artifacts of a task with --user (needs root)",
  () => {
    test("are what the user made, in the working directory and in $PETIT_ARTIFACTS, whatever its mode", async () => {
      using dir = openDir();
      const big = "head -c 500000 /dev/zero | tr '\\0' x > out/big; : > out/empty";
      const script = `umask 077; id -un; mkdir -p out/deep; echo 1 > out/deep/a; ${big}; echo 2 > $PETIT_ARTIFACTS/own; f=$(printf 'b\\377'); echo 3 > out/$f`;
      const { outcome, artifacts } = await runAsNobody(dir.path, script, ["out", "missing"]);
      expect(outcome).toMatchObject({ status: "completed" });
      expect(artifacts).toEqual({
        own: "2\n",
        "out/b%FF": "3\n",
        "out/big": "x".repeat(500_000),
        "out/deep/a": "1\n",
        "out/empty": "",
      });
    });

    test.each([
      ["a file", "secret"],
      ["a hard link to it", "link"],
      ["a file in a folder that is closed", "closed/inner"],
      ["a folder that is closed", "closed"],
      ["a file among others", "*"],
    ])("are not read as root: %s", async (_, pattern) => {
      using dir = openDir();
      writeFileSync(dir.file("secret"), "of root\n", { mode: 0o600 });
      linkSync(dir.file("secret"), dir.file("link"));
      mkdirSync(dir.file("closed"), { mode: 0o700 });
      writeFileSync(dir.file("closed/inner"), "of root\n");
      const { outcome, artifacts } = await runAsNobody(dir.path, "true", [pattern]);
      expect(artifacts).toEqual({});
      expect(outcome).toMatchObject({ status: "failed", reason: "artifacts_failed" });
      expect(outcome.error).toMatch(/cannot read .*: permission denied \(EACCES\)/);
    });

    test("are not read as root in $PETIT_ARTIFACTS, nor through what replaces a folder there", async () => {
      using dir = openDir();
      mkdirSync(dir.file("closed"), { mode: 0o700 });
      writeFileSync(dir.file("closed/inner"), "of root\n");
      writeFileSync(dir.file("secret"), "of root\n", { mode: 0o600 });
      const script = `ln -s ${dir.path}/closed $PETIT_ARTIFACTS/a; ln -s ${dir.path}/secret $PETIT_ARTIFACTS/b; echo 1 > $PETIT_ARTIFACTS/c`;
      const { outcome, artifacts } = await runAsNobody(dir.path, script, []);
      expect(outcome).toMatchObject({ status: "completed" });
      expect(artifacts).toEqual({ c: "1\n" });
    });

    test("name the user if petit can't read as it", async () => {
      using dir = openDir();
      const setpriv = dir.file("setpriv");
      const reads = `case "$*" in *send-files*) echo "setpriv: not here" >&2; exit 1; esac`;
      writeFileSync(setpriv, `#!/bin/sh\n${reads}\nexec ${NOBODY.setpriv} "$@"\n`, { mode: 0o755 });
      const { outcome } = await runAsNobody(dir.path, "echo 1 > a", ["a"], { ...NOBODY, setpriv });
      expect(outcome.error).toContain("the files can't be read as nobody: setpriv: not here");
    });
  },
);
