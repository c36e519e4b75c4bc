import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { startCluster } from "../../support/nats/cluster.ts";
import { hasNats, startNats } from "../../support/nats/server.ts";
import { ask, post, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endOf, eventually } from "../../support/torture/run.ts";
import { startWorkerProcess, type WorkerProcess } from "../../support/workers/worker-process.ts";

// A busy machine may need this long.
setDefaultTimeout(120_000);

const KEY = generateSigningKey();

const job = (id: string, script: string): string =>
  `id: ${id}\nruns_on: [gpu]\ntasks: [{id: only, type: shell, script: ${JSON.stringify(script)}}]\n`;

const JOBS = [
  job("quick", "true"),
  job("small", 'head -c 100000 /dev/urandom > "$PETIT_ARTIFACTS/small"'),
  job("big", 'head -c 20000000 /dev/urandom > "$PETIT_ARTIFACTS/big"'),
  job(
    "wide",
    `head -c 300000 /dev/zero | tr '\\0' x; echo; seq 1 20000
     head -c 500000 /dev/zero > "$PETIT_ARTIFACTS/wide"
     echo "text=$(head -c 100000 /dev/zero | tr '\\0' y)" >> "$PETIT_OUTPUT"`,
  ),
];

describe.skipIf(!hasNats("2.15"))("petit and a worker", () => {
  const dir = tempDir();
  writeFileSync(dir.file("key"), formatSigningKey(KEY), { mode: 0o600 });
  afterAll(() => dir[Symbol.dispose]());

  const startScheduler = (urls: readonly string[], args: readonly string[] = [], at?: string): Promise<Petit> =>
    startPetit({
      jobs: { "a.yaml": JOBS.join("---\n") },
      ...(at !== undefined && { dir: at }),
      args: [...urls.flatMap((url) => ["--nats", url]), "--nats-signing-key", dir.file("key"), ...args],
    });

  const worker = (name: string, [url = "", ...others]: readonly string[]): WorkerProcess =>
    startWorkerProcess({
      dir: dir.path,
      nats: url,
      trust: KEY.publicKey,
      name,
      args: ["--slots", "4", ...others.flatMap((each) => ["--nats", each])],
    });

  const attention = async (petit: Petit): Promise<readonly string[]> =>
    (await ask(petit, "/api/attention")).body.items.map(({ message }: { readonly message: string }) => message);

  test("work with a server that accepts only small messages", async () => {
    await using nats = await startNats({ config: "max_payload: 65536\n" });
    await using petit = await startScheduler([nats.url]);
    await using _ = worker("limited1", [nats.url]);
    const run = await start(petit, "wide");
    const { status, log } = await endOf(petit, run);
    expect([status, log.length]).toEqual(["completed", 300_001 + 108_894]);
    const { body } = await ask(petit, `/api/runs/${run}/tasks`);
    expect(body.tasks[0].outputs.text).toHaveLength(100_000);
    expect((await ask(petit, `/api/runs/${run}/artifacts`)).body.artifacts).toMatchObject([{ size: 500_000 }]);
  });

  test("say that a limit of JetStream is reached, go on with what fits, and end what is cancelled", async () => {
    await using nats = await startNats({ limits: "max_file: 5MB" });
    await using petit = await startScheduler([nats.url]);
    await using _ = worker("limited2", [nats.url]);
    const big = await start(petit, "big");
    await eventually(
      "it needs attention",
      async () => {
        const [message = ""] = await attention(petit);
        return message.startsWith(
          "NATS does not store what goes to workers or comes from them; task 'only' of job 'big'",
        )
          ? true
          : null;
      },
      30_000,
    );
    const { body } = await ask(petit, `/api/runs/${big}/tasks`);
    expect(body.tasks[0].waits_for.blocked).toMatchObject({ by: "nats", worker: "limited2" });
    for (let time = 0; time < 3; time++)
      expect((await endOf(petit, await start(petit, "small"))).status).toBe("completed");
    await post(petit, `/api/runs/${big}/cancel`);
    expect((await endOf(petit, big)).status).toBe("cancelled");
    await eventually("nothing needs attention", async () => ((await attention(petit)).length === 0 ? true : null));
  });

  test("go on after the loss of one of three servers, and start without it", async () => {
    await using cluster = await startCluster();
    const { urls, nodes } = cluster;
    let petit = await startScheduler(urls, ["--nats-replicas", "3"]);
    try {
      await using _ = worker("clustered1", urls);
      expect((await endOf(petit, await start(petit, "small"))).status).toBe("completed");
      const lostAt = performance.now();
      await nodes[0].kill();
      expect((await endOf(petit, await start(petit, "small"))).status).toBe("completed");
      console.log(
        `after the loss of a server, a run completed in ${((performance.now() - lostAt) / 1_000).toFixed(1)} s`,
      );
      expect(performance.now() - lostAt).toBeLessThan(30_000);
      await petit.kill();
      petit = await startScheduler(urls, ["--nats-replicas", "3"], petit.dir);
      const startedAt = performance.now();
      expect((await endOf(petit, await start(petit, "small"))).status).toBe("completed");
      console.log(`after its start without it, in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
      await nodes[0].start();
      await nodes[1].kill();
      expect((await endOf(petit, await start(petit, "small"))).status).toBe("completed");
      // Until the others have chosen new leaders, JetStream may not answer.
      await eventually("nothing needs attention", async () => ((await attention(petit)).length === 0 ? true : null));
    } finally {
      await petit[Symbol.asyncDispose]();
    }
  });

  test("say that the only server with their streams is lost, and go on when it is back", async () => {
    await using cluster = await startCluster();
    const { urls, nodes } = cluster;
    await using petit = await startScheduler(urls);
    await using _ = worker("clustered2", urls);
    expect((await endOf(petit, await start(petit, "quick"))).status).toBe("completed");
    // With one replica, each stream is on some server.
    for (const node of nodes) {
      await node.kill();
      const run = await start(petit, "small");
      const isLost = await Promise.race([
        endOf(petit, run).then(() => false),
        eventually("it needs attention", async () => ((await attention(petit)).length > 0 ? true : null), 60_000),
      ]);
      await node.start();
      expect((await endOf(petit, run)).status).toBe("completed");
      await eventually(
        "nothing needs attention",
        async () => ((await attention(petit)).length === 0 ? true : null),
        60_000,
      );
      if (isLost) return;
    }
    throw new Error("the loss of no server needed attention");
  });
});
