import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { canMount } from "../../support/engine/faults.ts";
import { hasNats, type NatsServer, startNats } from "../../support/nats/server.ts";
import { ask, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endOf, eventually } from "../../support/torture/run.ts";
import { startWorkerProcess, type WorkerProcess } from "../../support/workers/worker-process.ts";

// A busy machine may need this long.
setDefaultTimeout(90_000);

const KEY = generateSigningKey();

/** Each attempt makes a file of its own. */
const MARK = `touch "$MARKS/$PETIT_JOB_ID,$PETIT_RUN_ID,$$"`;

const jobsOf = (marks: string): string => `id: quick
runs_on: [gpu]
environment: {MARKS: "${marks}"}
tasks:
  - {id: only, type: shell, script: '${MARK}'}
---
id: long
runs_on: [gpu]
on_interrupt: fail
environment: {MARKS: "${marks}"}
tasks:
  - {id: only, type: shell, script: '${MARK}; until [ -e "$MARKS/go" ]; do sleep 0.1; done'}
`;

/** Each machine has a folder of its own, which it mounts at the same path. All have the same boot and the same /etc/machine-id. */
describe.skipIf(!hasNats("2.15") || !canMount)("of a worker and a clone of its machine", () => {
  const dir = tempDir();
  const marks = dir.file("marks");
  let nats: NatsServer;
  let petit: Petit;

  const machine = (folder: string): WorkerProcess =>
    startWorkerProcess({
      ...{ dir: dir.path, nats: nats.url, trust: KEY.publicKey, name: "box1" },
      args: ["--state-dir", dir.file("state"), "--slots", "4"],
      within: [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount --bind "$0" "$1" && shift && exec "$@"',
        folder,
        dir.file("state"),
      ],
    });

  const isKnown = (worker: WorkerProcess) =>
    eventually("petit knows the worker", () => (worker.log().includes("knows this worker") ? true : null));

  const startsOf = (runId: string): number => readdirSync(marks).filter((name) => name.includes(runId)).length;

  const startLong = async (): Promise<string> => {
    const runId = await start(petit, "long");
    await eventually("it runs", () => (startsOf(runId) > 0 ? true : null));
    return runId;
  };

  beforeAll(async () => {
    for (const name of ["marks", "state", "original"]) mkdirSync(dir.file(name));
    nats = await startNats();
    writeFileSync(dir.file("key"), formatSigningKey(KEY), { mode: 0o600 });
    petit = await startPetit({
      jobs: { "a.yaml": jobsOf(marks) },
      args: ["--nats", nats.url, "--nats-signing-key", dir.file("key"), "--lost-after", "60s"],
    });
  });

  afterAll(async () => {
    await petit[Symbol.asyncDispose]();
    await nats[Symbol.asyncDispose]();
    dir[Symbol.dispose]();
  });

  test("the clone is refused, nothing starts twice, and the original restarts at once", async () => {
    const before = machine(dir.file("original"));
    await isKnown(before);
    const long = await startLong();
    before.kill("SIGSTOP");
    cpSync(dir.file("original"), dir.file("cloned"), { recursive: true });
    before.kill("SIGCONT");
    const later = await startLong();

    await using clone = machine(dir.file("cloned"));
    expect(await clone.exited).toBe(4);
    expect(clone.log()).toContain("box1 has a copy of this state folder; stop one of them, or");
    const { items } = (await ask(petit, "/api/attention")).body;
    expect(items).toMatchObject([{ kind: "worker_refused", worker: "box1", reason: "copied" }]);

    before.kill("SIGKILL");
    await before.exited;
    const startedAt = performance.now();
    await using original = machine(dir.file("original"));
    await isKnown(original);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    await using again = machine(dir.file("cloned"));
    const quick = await Promise.all(Array.from({ length: 6 }, () => start(petit, "quick")));
    expect(await again.exited).toBe(4);
    writeFileSync(`${marks}/go`, "");
    for (const runId of [long, later, ...quick]) {
      expect(await endOf(petit, runId)).toMatchObject({ status: "completed" });
      expect(startsOf(runId)).toBe(1);
    }
    expect(existsSync(dir.file("cloned/worker.db"))).toBe(true);
  });

  test("the clone takes over when the original is gone, which then is the one that is refused", async () => {
    const original = machine(dir.file("original"));
    await isKnown(original);
    original.kill("SIGKILL");
    await original.exited;
    await using clone = machine(dir.file("cloned"));
    await isKnown(clone);
    await using late = machine(dir.file("original"));
    expect(await late.exited).toBe(4);
    const runId = await start(petit, "quick");
    expect(await endOf(petit, runId)).toMatchObject({ status: "completed" });
    expect(startsOf(runId)).toBe(1);
  });
});
