import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { hasNats, type NatsServer, startNats } from "../../support/nats/server.ts";
import { ask, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endOf, eventually } from "../../support/torture/run.ts";
import { startWorkerProcess } from "../../support/workers/worker-process.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const KEY = generateSigningKey();

const JOBS = `id: far
runs_on: [gpu]
tasks:
  - {id: only, type: shell, script: "echo far"}
---
id: near
tasks:
  - {id: only, type: shell, script: "echo near"}
`;

describe.skipIf(!hasNats("2.15"))("of two petits on one NATS account", () => {
  const dir = tempDir();
  let nats: NatsServer;

  const startOne = (place?: string): Promise<Petit> =>
    startPetit({
      jobs: { "a.yaml": JOBS },
      args: ["--nats", nats.url, "--nats-signing-key", dir.file("key"), "--lost-after", "6s"],
      ...(place !== undefined && { dir: place }),
    });

  const worker = (stateDir: string) =>
    startWorkerProcess({
      ...{ dir: dir.path, nats: nats.url, trust: KEY.publicKey, name: "box1" },
      args: ["--state-dir", dir.file(stateDir)],
    });

  const isConnected = (petit: Petit) =>
    eventually("petit has the account", async () =>
      (await ask(petit, "/api/workers")).body.nats.connected ? true : null,
    );

  beforeAll(async () => {
    nats = await startNats();
    writeFileSync(dir.file("key"), formatSigningKey(KEY), { mode: 0o600 });
  });

  afterAll(async () => {
    await nats[Symbol.asyncDispose]();
    dir[Symbol.dispose]();
  });

  test("a running copy names the original and runs local tasks only, and the original restarts at once after kill -9", async () => {
    await using original = await startOne();
    await isConnected(original);
    await using _worker = worker("state");
    expect(await endOf(original, await start(original, "far"))).toMatchObject({ status: "completed", log: "far\n" });

    const place = dir.file("copy");
    mkdirSync(place);
    for (const name of readdirSync(original.dir))
      if (name.startsWith("petit.db")) cpSync(join(original.dir, name), join(place, name), { recursive: true });
    cpSync(original.jobsDir, join(place, "jobs"), { recursive: true });
    await using copy = await startOne(place);
    const item = await eventually("the copy needs attention", async () => {
      const { body } = await ask(copy, "/api/attention");
      return body.items.find(({ error = null }: { readonly error?: string | null }) => error !== null) ?? null;
    });
    expect(item.kind).toBe("nats_unreachable");
    expect(item.error).toContain(`(process ${original.pid}, database ${original.dbPath}) uses this NATS account`);
    expect(await endOf(copy, await start(copy, "near"))).toMatchObject({ status: "completed", log: "near\n" });
    const waiting = await start(copy, "far");
    expect(await endOf(original, await start(original, "far"))).toMatchObject({ status: "completed", log: "far\n" });
    expect((await ask(copy, `/api/runs/${waiting}`)).body.status).toBe("running");

    await original.kill();
    const startedAt = performance.now();
    await using again = await startOne(original.dir);
    await isConnected(again);
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    expect(await endOf(again, await start(again, "far"))).toMatchObject({ status: "completed", log: "far\n" });
    await copy.fetch(`/api/runs/${waiting}/cancel`, { method: "POST" });
  });

  test("of a worker and a running copy of its state folder, the copy is refused by name", async () => {
    await using petit = await startOne();
    await isConnected(petit);
    await using original = worker("original");
    await eventually("it is known", () => (original.log().includes("knows this worker") ? true : null));
    cpSync(dir.file("original"), dir.file("copied"), { recursive: true });
    await using copy = worker("copied");
    expect(await copy.exited).toBe(4);
    expect(copy.log()).toContain("another worker named box1 is connected; stop it, or choose another name");
    rmSync(dir.file("copied"), { recursive: true });
    expect(await endOf(petit, await start(petit, "far"))).toMatchObject({ status: "completed", log: "far\n" });
  });
});
