import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { canMount, smallDisk } from "../../support/engine/faults.ts";
import { hasNats, type NatsServer, startNats } from "../../support/nats/server.ts";
import { ask, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endOf, eventually } from "../../support/torture/run.ts";
import { startWorkerProcess, type WorkerProcess } from "../../support/workers/worker-process.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const [OLD, NEXT] = [generateSigningKey(), generateSigningKey()];

const JOB = "id: quick\nruns_on: [gpu]\ntasks: [{id: only, type: shell, script: 'sleep 0.2'}]\n";

describe.skipIf(!hasNats("2.15"))("a worker that can't take work leaves it to others", () => {
  const dir = tempDir();
  let nats: NatsServer;

  beforeAll(async () => {
    nats = await startNats();
    for (const [name, key] of Object.entries({ old: OLD, next: NEXT }))
      writeFileSync(dir.file(name), formatSigningKey(key), { mode: 0o600 });
  });

  afterAll(async () => {
    await nats[Symbol.asyncDispose]();
    dir[Symbol.dispose]();
  });

  const startScheduler = (keys: readonly string[], at?: string): Promise<Petit> =>
    startPetit({
      jobs: { "a.yaml": JOB },
      ...(at !== undefined && { dir: at }),
      args: ["--nats", nats.url, ...keys.flatMap((name) => ["--nats-signing-key", dir.file(name)])],
    });

  const worker = (name: string, trust: string): WorkerProcess =>
    startWorkerProcess({ dir: dir.path, nats: nats.url, trust, name, args: ["--slots", "2"] });

  const connected = (petit: Petit, count: number): Promise<true> =>
    eventually(`${count} workers say hello`, async () => {
      const { body } = await ask(petit, "/api/workers");
      return body.workers.filter(({ state }: { readonly state: string }) => state !== "unknown").length === count
        ? true
        : null;
    });

  const attention = async (petit: Petit): Promise<readonly string[]> => {
    const { body } = await ask(petit, "/api/attention");
    return body.items.map(({ message }: { readonly message: string }) => message);
  };

  const runTen = async (petit: Petit): Promise<number> => {
    const startedAt = performance.now();
    const runs = await Promise.all(Array.from({ length: 10 }, () => start(petit, "quick")));
    for (const run of runs) expect((await endOf(petit, run)).status).toBe("completed");
    return performance.now() - startedAt;
  };

  test("while the key of petit is replaced", async () => {
    const first = await startScheduler(["old"]);
    await using _old = worker("old1", OLD.publicKey);
    await using _next = worker("next1", `${NEXT.publicKey}`);
    await connected(first, 2);
    expect(await runTen(first)).toBeLessThan(20_000);
    expect(await attention(first)).toEqual([
      "worker 'next1' gets no work: it refuses petit's key, which is not among those of its `--trust`",
    ]);
    await first.kill();
    // An offer that was published before the key was replaced.
    const both = await startScheduler(["old", "next"], first.dir);
    await connected(both, 2);
    await eventually("nothing needs attention", async () => ((await attention(both)).length === 0 ? true : null));
    expect(await runTen(both)).toBeLessThan(20_000);
    await both.kill();
    await using petit = await startScheduler(["next"], first.dir);
    await connected(petit, 2);
    expect(await runTen(petit)).toBeLessThan(20_000);
    expect(await attention(petit)).toEqual([
      "worker 'old1' gets no work: it refuses petit's key, which is not among those of its `--trust`",
    ]);
  });

  test.skipIf(!canMount)("while its disk is full", async () => {
    mkdirSync(dir.file("full1"));
    using disk = smallDisk(dir.file("full1"), 16_000_000);
    await using petit = await startScheduler(["next"]);
    await using _full = worker("full1", NEXT.publicKey);
    await connected(petit, 1);
    disk.fill();
    await using _free = worker("free1", NEXT.publicKey);
    await connected(petit, 2);
    expect(await runTen(petit)).toBeLessThan(20_000);
    await eventually("it needs attention", async () => {
      const [message = ""] = await attention(petit);
      return message.includes("worker 'full1' gets no work: it can't store anything: the disk of") ? true : null;
    });
    disk.free();
    await eventually("it works again", async () => ((await attention(petit)).length === 0 ? true : null));
  });
});
