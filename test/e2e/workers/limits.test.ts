import { expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { cgroupBase, whyNoCgroups } from "../../support/cgroups.ts";
import { petit as runPetit } from "../../support/cli.ts";
import { hasNats, startNats } from "../../support/nats/server.ts";
import { ask, start } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endOf, eventually } from "../../support/torture/run.ts";
import { startWorkerProcess } from "../../support/workers/worker-process.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const JOBS = `
id: required
runs_on: gpu
limits: {memory: 64MiB}
tasks: [{id: only, type: shell, script: "true"}]
---
id: best_effort
runs_on: gpu
limits: {memory: 64MiB, enforce: best_effort}
tasks: [{id: only, type: shell, script: "cat /proc/self/cgroup"}]
`;

/** A petit with NATS, and what starts a worker of it. */
const startAll = async (jobs: string) => {
  const parts = new AsyncDisposableStack();
  const dir = parts.use(tempDir());
  const nats = parts.use(await startNats());
  const key = generateSigningKey();
  writeFileSync(dir.file("key"), formatSigningKey(key), { mode: 0o600 });
  const petit = parts.use(
    await startPetit({
      jobs: { "jobs.yaml": jobs },
      args: ["--nats", nats.url, "--nats-signing-key", dir.file("key")],
    }),
  );
  return {
    petit,
    startWorker: (environment: Readonly<Record<string, string>>, args: readonly string[] = []) =>
      startWorkerProcess({ dir: dir.path, nats: nats.url, trust: key.publicKey, name: "box7", args, environment }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};

// No worker of a test enforces limits: the cgroup of the test has no controllers.
test.skipIf(!hasNats("2.15") || whyNoCgroups !== null)(
  "a task whose limits a worker can't enforce waits and says why, unless it accepts that",
  async () => {
    using base = cgroupBase();
    await using all = await startAll(JOBS);
    const { petit } = all;
    await using _worker = all.startWorker({ PETIT_CGROUP: base.path });
    const limited = await start(petit, "required");
    const waitsFor = await eventually("it waits for another worker", async () => {
      const { waits_for } = (await ask(petit, `/api/runs/${limited}`)).body;
      return waits_for?.refused === undefined ? null : waits_for;
    });
    const { reason, advice } = waitsFor.refused[0].gap;
    const refused = [{ worker: "box7", reason: "lacks_limits", lacks: ["memory"] }];
    expect(waitsFor).toMatchObject({ code: "worker", connected: 0, refused });
    const sentence = `box7 can't enforce the limit on memory because ${reason} (${advice}, or accept that with limits.enforce: best_effort)`;
    for (const command of [["why", "required"], ["status", limited], ["workers"]])
      expect((await runPetit([...command, "--url", petit.url])).stdout.replaceAll(/\s+/g, " ")).toContain(sentence);
    expect((await ask(petit, "/api/workers/box7")).body).toMatchObject({ limits: [], limits_gap: { reason, advice } });

    const accepted = await start(petit, "best_effort");
    expect((await endOf(petit, accepted)).status).toBe("completed");
    const { tasks } = (await ask(petit, `/api/runs/${accepted}/tasks`)).body;
    expect(tasks[0]).toMatchObject({ limits_enforced: false, usage: { cpu_user_ms: expect.any(Number) } });
  },
);
