import { expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { petit as runPetit } from "../../support/cli.ts";
import { hasNats, startNats } from "../../support/nats/server.ts";
import { startWorker } from "../../support/nats/transports.ts";
import { ask, start } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endOf, eventually } from "../../support/torture/run.ts";
import { fakeWorker } from "../../support/workers/fake-worker.ts";
import { startWorkerProcess } from "../../support/workers/worker-process.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const JOBS = `
id: plain
runs_on: gpu
tasks: [{id: only, type: shell, script: "true"}]
---
id: skips
runs_on: gpu
tasks: [{id: only, type: shell, script: "exit 9", skip_exit_codes: [9]}]
`;

const SENTENCE = "a worker with gpu: box7 has a version of petit that does not know skip_exit_codes";

test.skipIf(!hasNats("2.15"))(
  "a task with a feature that a worker does not know waits for another one, and says so",
  async () => {
    using dir = tempDir();
    await using nats = await startNats();
    const key = generateSigningKey();
    writeFileSync(dir.file("key"), formatSigningKey(key), { mode: 0o600 });
    await using petit = await startPetit({
      jobs: { "jobs.yaml": JOBS },
      args: ["--nats", nats.url, "--nats-signing-key", dir.file("key")],
    });
    await using link = startWorker(nats.url, "box7", async () => ({ done: true }));
    await link.states.next("connected");
    const box7 = fakeWorker(
      {
        request: async (_name, kind, header, body = new Uint8Array()) =>
          (await link.request(kind, { header: header as object, body, timeoutMs: 10_000 })).header as object,
      },
      "box7",
      { features: ["artifacts"] },
    );
    const hello = () => eventually("petit answers a hello", () => box7.hello().catch(() => null));
    await hello();
    const skips = await start(petit, "skips");
    const waitsFor = async (): Promise<{ readonly refused?: unknown } | null> =>
      (await ask(petit, `/api/runs/${skips}`)).body.waits_for;
    const found = await eventually("it waits", async () =>
      (await waitsFor())?.refused === undefined ? null : waitsFor(),
    );
    const refused = [{ worker: "box7", reason: "lacks_features", lacks: ["skip_exit_codes"] }];
    expect<unknown>(found).toEqual({ code: "worker", labels: ["gpu"], type: null, connected: 0, refused });
    for (const command of [["why", "skips"], ["status", skips], ["workers"]])
      expect((await runPetit([...command, "--url", petit.url])).stdout.replaceAll(/\s+/g, " ")).toContain(SENTENCE);
    const { body } = await ask(petit, "/api/attention");
    expect(body.items[0].message).toBe(`task 'only' of job 'skips' waits for ${SENTENCE}`);

    const plain = await start(petit, "plain");
    await eventually("it is given what it knows", async () => ((await hello()).sets.length > 0 ? true : null));
    await using _new = startWorkerProcess({ dir: dir.path, nats: nats.url, trust: key.publicKey, name: "box8" });
    expect((await endOf(petit, skips)).status).toBe("completed");
    expect((await endOf(petit, plain)).status).toBe("completed");
  },
);
