import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { petit as cli } from "../../support/cli.ts";
import { hasNats, startNats } from "../../support/nats/server.ts";
import { connectPublisher } from "../../support/nats/stream.ts";
import { ask } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { eventually } from "../../support/torture/run.ts";

// A busy machine may need this long.
setDefaultTimeout(120_000);

const JOB = `
id: ship
max_concurrency: 4
params: {order: {required: true}}
triggers:
  - {type: nats, stream: ORDERS, subject: "orders.*", if: "event.body.order != 'none'", params: {order: "\${{ event.body.order }}"}}
tasks: [{id: note, type: shell, script: 'echo "$PETIT_PARAM_ORDER" >> "$HOME/shipped"'}]
`;

const start = (dir: string, url: string | null): Promise<Petit> => {
  const nats = url === null ? [] : ["--nats", url, "--nats-signing-key", join(dir, "key")];
  return startPetit({ dir, jobsDir: join(dir, "jobs"), args: [...nats, "--on-shutdown", "leave"] });
};

type DeliveryRow = { readonly provider_id: string; readonly outcome: string; readonly run_id: string | null };

const deliveriesOf = async (petit: Petit): Promise<readonly DeliveryRow[]> =>
  (await ask(petit, "/api/jobs/ship/deliveries?limit=1000")).body.deliveries;

/** Waits until so many messages are accounted for, and none waits any more if `isOver`. */
const accounted = (petit: Petit, count: number, { isOver = false } = {}): Promise<readonly DeliveryRow[]> =>
  eventually(
    `${count} messages`,
    async () => {
      const found = await deliveriesOf(petit);
      return found.length >= count && !(isOver && found.some(({ outcome }) => outcome === "waiting")) ? found : null;
    },
    60_000,
  );

describe.skipIf(!hasNats("2.15"))("messages of NATS", () => {
  test("are accounted for once over kills of petit and of nats-server", async () => {
    using dir = tempDir();
    await using nats = await startNats();
    let publisher = await connectPublisher(nats.url);
    await publisher.createStream("ORDERS");
    writeFileSync(dir.file("key"), formatSigningKey(generateSigningKey()), { mode: 0o600 });
    mkdirSync(dir.file("jobs"));
    writeFileSync(dir.file("jobs/ship.yaml"), JOB);
    let petit = await start(dir.path, nats.url);
    try {
      await eventually("the consumer", async () => {
        const [consumer] = await publisher.consumers.list("ORDERS").next();
        return consumer ?? null;
      });
      const published: number[] = [];
      const publish = async (count: number): Promise<void> => {
        for (let each = 0; each < count; each++) {
          const order = published.length + 1;
          published.push(await publisher.publish("orders.created", { body: JSON.stringify({ order }) }));
        }
      };
      await publish(70);
      await accounted(petit, 10);
      await petit.kill();
      await publish(30);
      petit = await start(dir.path, nats.url);
      await accounted(petit, 75);
      await publisher[Symbol.asyncDispose]();
      await nats.kill();
      await nats.start();
      publisher = await connectPublisher(nats.url);
      await publish(60);
      await accounted(petit, 110);
      await petit.kill();
      petit = await start(dir.path, nats.url);
      await publish(40);
      const all = await accounted(petit, 200, { isOver: true });
      expect(all.map(({ provider_id: id }) => id.replace(/@\d+$/, "")).sort()).toEqual(
        published.map((sequence) => `ORDERS:${sequence}`).sort(),
      );
      expect(new Set(all.map(({ outcome }) => outcome))).toEqual(new Set(["fired"]));
      expect(new Set(all.map(({ run_id }) => run_id)).size).toBe(200);
      await eventually("the runs to end", async () => {
        const { body } = await ask(petit, "/api/runs?limit=1000&status=completed");
        return body.count === 200 ? true : null;
      });
      const shipped = readFileSync(dir.file("shipped"), "utf8").trim().split("\n");
      expect(shipped.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
      const [consumer] = await publisher.consumers.list("ORDERS").next();
      expect(consumer).toMatchObject({ num_pending: 0, config: { max_ack_pending: 64 } });
    } finally {
      await petit[Symbol.asyncDispose]();
      await publisher[Symbol.asyncDispose]();
    }
  });

  test("are listed, shown and explained by the command line; without --nats the job file has a problem", async () => {
    using dir = tempDir();
    await using nats = await startNats();
    await using publisher = await connectPublisher(nats.url);
    writeFileSync(dir.file("key"), formatSigningKey(generateSigningKey()), { mode: 0o600 });
    mkdirSync(dir.file("jobs"));
    writeFileSync(dir.file("jobs/ship.yaml"), JOB);
    const run = (petit: Petit, ...args: readonly string[]) => cli([...args, "--url", petit.url], { cwd: dir.path });
    let petit = await start(dir.path, nats.url);
    try {
      const missing = await eventually("the missing stream", async () => {
        const { items } = (await ask(petit, "/api/attention")).body;
        return items.find(({ kind }: { readonly kind: string }) => kind === "trigger_failing") ?? null;
      });
      expect(missing).toMatchObject({ job_id: "ship", trigger: "ORDERS", fault: "stream_missing" });
      expect((await run(petit, "why", "ship")).stdout).toContain("there is no stream ORDERS");
      await publisher.createStream("ORDERS");
      await eventually("the end of that", async () => {
        const { items } = (await ask(petit, "/api/attention")).body;
        return items.length === 0 ? true : null;
      });
      await publisher.publish("orders.created", { body: '{"order":"none"}' });
      await publisher.publish("orders.created", { body: '{"order":7}', headers: { "Nats-Msg-Id": "order-7" } });
      const [newest] = await accounted(petit, 2, { isOver: true });
      const list = await run(petit, "deliveries", "ship");
      expect(list.stdout).toMatch(/nats +fired.*\n.*nats +skipped/);
      const { stdout } = await run(petit, "deliveries", "--json");
      const { deliveries } = JSON.parse(stdout);
      expect(deliveries).toMatchObject([{ type: "nats", run_id: newest?.run_id }, { reason: "condition_not_met" }]);
      const shown = await run(petit, "deliveries", "show", deliveries[0].id);
      expect(shown.stdout).toContain('"subject": "orders.created"');
      expect(shown.stdout).toContain('"nats-msg-id": "order-7"');
      expect((await run(petit, "why", "ship")).stdout).toContain("a message of NATS started it");
      expect((await cli(["validate", join(dir.path, "jobs")])).status).toBe(0);
      await petit.stop();
      petit = await start(dir.path, null);
      const { body } = await ask(petit, "/api/attention");
      const needed = { kind: "job_file_broken", problem: expect.stringContaining("a nats trigger needs --nats") };
      // The last good version of the job goes on.
      const silent = {
        kind: "trigger_failing",
        fault: "nats_disconnected",
        problem: "petit was started without --nats",
      };
      expect(body.items).toEqual(expect.arrayContaining([needed, silent].map((each) => expect.objectContaining(each))));
    } finally {
      await petit[Symbol.asyncDispose]();
    }
  });
});
