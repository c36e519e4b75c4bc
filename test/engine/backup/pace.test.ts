import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { pace } from "../../../src/engine/backup/pace.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Returns the state of a process, such as T for stopped; null if it has ended. */
const stateOf = (pid: number | undefined): string | null => {
  try {
    return /\) (\S) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? null;
  } catch {
    return null;
  }
};

test.skipIf(process.platform !== "linux")(
  "a process is stopped now and then, goes on, and ends by itself",
  async () => {
    using dir = tempDir();
    const file = dir.file("copy");
    writeFileSync(file, "some bytes");
    const child = spawn("/bin/sh", ["-c", "read -r _; exit 7"], { stdio: ["pipe", "ignore", "ignore"] });
    const ended = once(child, "exit");
    let asked = 0;
    const paced = pace(child, () => {
      asked += 1;
      return asked === 1 ? null : asked === 2 ? dir.file("gone") : file;
    });
    for (const state of ["T", "S", "T", "S"]) while (stateOf(child.pid) !== state) await setTimeout(1);
    while (asked < 3) await setTimeout(1);
    child.stdin?.end("\n");
    expect(await ended).toEqual([7, null]);
    await paced;
  },
);

test("nothing is paced that could not be started, or is killed", async () => {
  const missing = spawn("/nowhere/program");
  missing.on("error", () => {});
  await pace(missing, () => null);
  const killed = spawn("/bin/sh", ["-c", "read -r _"], { stdio: ["pipe", "ignore", "ignore"] });
  const paced = pace(killed, () => null);
  killed.kill("SIGKILL");
  await paced;
  expect(killed.signalCode ?? "SIGKILL").toBe("SIGKILL");
});
