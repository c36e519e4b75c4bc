import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { RetentionPolicy } from "@nats-io/jetstream";
import type { Delivery } from "../../../src/domain/deliveries/delivery.ts";
import type { NatsTrigger } from "../../../src/domain/deliveries/trigger.ts";
import type { Job } from "../../../src/domain/job.ts";
import { remoteWorkers } from "../../../src/engine/workers/workers.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { schedulerTransport } from "../../../src/nats/scheduler-transport.ts";
import { job, jobId, param, shell } from "../../support/engine/factories.ts";
import { filesOf, type StartedEngine, type StartOptions, startEngine } from "../../support/engine/started-engine.ts";
import { startProxy } from "../../support/nats/proxy.ts";
import { hasNats, NATS_VERSIONS, startNats } from "../../support/nats/server.ts";
import { connectPublisher, publishBytes } from "../../support/nats/stream.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { eventually } from "../../support/torture/run.ts";

setDefaultTimeout(30_000);

/** Waits until `check` returns true. */
const until = (what: string, check: () => boolean | Promise<boolean>): Promise<true> =>
  eventually(what, async () => ((await check()) ? true : null));

const messages = (given: Partial<NatsTrigger> = {}): NatsTrigger => ({
  type: "nats",
  name: null,
  stream: "ORDERS",
  subject: "orders.created",
  headers: [],
  params: {},
  onOverlap: "queue",
  onPause: "keep",
  ...given,
});

const listener = (id: string, trigger: Partial<NatsTrigger> = {}, given: Partial<Omit<Job, "id">> = {}): Job =>
  job(id, { triggers: [messages(trigger)], ...given });

/** An engine that is connected to a server. */
const startListening = async (url: string, options: StartOptions): Promise<StartedEngine> => {
  const access = { urls: [url], credentialsFile: null, caFile: null, certFile: null, keyFile: null };
  const transport = schedulerTransport({ access, clock: systemClock, silenceMs: 300, leaseMs: 500 });
  const workers = remoteWorkers({ transport, signingKeys: [generateSigningKey()], lostAfterMs: 60_000, url });
  const petit = await startEngine({ ...options, workers, messages: transport.messages });
  return Object.assign(petit, {
    [Symbol.asyncDispose]: async () => {
      await petit.stop("now");
      await transport[Symbol.asyncDispose]();
    },
  });
};

const list = ({ store }: Pick<StartedEngine, "store">, id: string): readonly Delivery[] =>
  store.deliveries.list({ jobId: jobId(id), limit: 10_000 });

/** Waits until a job has so many deliveries, of an outcome if one is given. Returns them, oldest first. */
const deliveries = async (
  petit: StartedEngine,
  id: string,
  { count = 1, outcome }: { readonly count?: number; readonly outcome?: Delivery["outcome"] } = {},
): Promise<readonly Delivery[]> => {
  const found = () => list(petit, id).filter((each) => outcome === undefined || each.outcome === outcome);
  await until(`${count} deliveries of ${id}`, () => found().length >= count);
  return found().toReversed();
};

const faults = async ({ engine }: StartedEngine) =>
  (await engine.listAttention(100)).items.flatMap((item) =>
    item.kind === "trigger_failing" ? [{ job: item.jobId, trigger: item.trigger, fault: item.fault }] : [],
  );

/** Waits until the messages of a trigger can arrive. */
const listens = ({ store }: StartedEngine, publisher: Publisher, id: string, stream = "ORDERS"): Promise<unknown> =>
  until(`the consumer of ${id}`, async () => {
    const known = store.messageConsumers.list().find((each) => each.jobId === id && each.stream === stream);
    return known !== undefined && (await isDone(publisher.consumers.info(stream, known.name)));
  });

const isDone = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

type Publisher = Awaited<ReturnType<typeof connectPublisher>>;

const eventOf = ({ store }: StartedEngine, { id }: Pick<Delivery, "id">): unknown =>
  JSON.parse(store.deliveries.findEvent(id) ?? "null");

const onServer = (version: (typeof NATS_VERSIONS)[number]) => () => {
  test("starts a run for each new message of its subject, once, also over a restart", async () => {
    using dir = tempDir();
    await using nats = await startNats({ version });
    await using publisher = await connectPublisher(nats.url);
    await publisher.createStream("ORDERS");
    await publisher.publish("orders.created", { body: '{"order":0}' });
    const jobs = [
      listener(
        "ship",
        { headers: ["x-tenant"], params: { order: "${{ event.body.order }}" } },
        { params: { order: param() }, tasks: [shell("only", 'echo "$PETIT_PARAM_ORDER $PETIT_TRIGGER"')] },
      ),
      listener("watch", { subject: "orders.*" }, { enabled: false }),
    ];
    let petit = await startListening(nats.url, { jobs, dir: dir.path });
    try {
      await Promise.all([listens(petit, publisher, "ship"), listens(petit, publisher, "watch")]);
      const hostile = '{"order":"$(id) ${{ config.x }}","__proto__":1}';
      const given = { "X-Tenant": "a", "X-Other": "b", "Nats-Msg-Id": "m-1" };
      await publisher.publish("orders.created", { body: hostile, headers: given });
      await publisher.publish("orders.paid", { body: new Uint8Array([0x22, 0xff, 0x22]) });
      const [first] = await deliveries(petit, "ship");
      expect(first).toMatchObject({ type: "nats", trigger: "ORDERS", eventType: "nats", outcome: "fired" });
      const { run, output } = await petit.ended(first?.runId ?? ("" as never));
      expect(run).toMatchObject({ trigger: "nats", status: "completed", deliveryId: first?.id });
      expect(output()).toBe("$(id) ${{ config.x }} nats\n");
      expect(eventOf(petit, first ?? { id: "" })).toMatchObject({
        type: "nats",
        body: { order: "$(id) ${{ config.x }}" },
        headers: { "x-tenant": "a", "nats-msg-id": "m-1" },
        subject: "orders.created",
        stream: "ORDERS",
        seq: 2,
      });
      const skipped = await deliveries(petit, "watch", { count: 2 });
      expect(skipped).toMatchObject([{ reason: "disabled" }, { reason: "disabled" }]);
      expect(eventOf(petit, skipped[1] ?? { id: "" })).toMatchObject({ subject: "orders.paid", body: '"\ufffd"' });
      await petit[Symbol.asyncDispose]();
      // The same message, as its publisher sees it; and one that comes while petit is down.
      await until("the id to be forgotten by NATS", () =>
        isDone(publisher.publish("orders.created", { headers: { "Nats-Msg-Id": "m-1" } })),
      );
      await publisher.publish("orders.created", { body: '{"order":2}' });
      petit = await startListening(nats.url, { jobs, dir: dir.path });
      const all = await deliveries(petit, "ship", { count: 2 });
      expect(all.map(({ providerId }) => providerId?.replace(/@\d+$/, ""))).toEqual(["ORDERS:id:m-1", "ORDERS:5"]);
      await Promise.all(all.map(({ runId }) => petit.ended(runId ?? ("" as never))));
    } finally {
      await petit[Symbol.asyncDispose]();
    }
  });

  test("receives what came since it was new, while petit could not reach NATS", async () => {
    await using nats = await startNats({ version });
    await using publisher = await connectPublisher(nats.url);
    await using proxy = await startProxy(nats.port);
    await publisher.createStream("ORDERS");
    await publisher.publish("orders.created");
    proxy.cut();
    await using petit = await startListening(`nats://127.0.0.1:${proxy.port}`, {
      jobs: [listener("ship", { if: "false" })],
      log: silentLog,
    });
    await publisher.publish("orders.created");
    proxy.heal();
    await listens(petit, publisher, "ship");
    await publisher.publish("orders.created");
    const found = await deliveries(petit, "ship", { count: 2 });
    expect(found.map(({ providerId }) => providerId?.replace(/@\d+$/, ""))).toEqual(["ORDERS:2", "ORDERS:3"]);
  });

  test("knows messages by their id exactly as NATS does", async () => {
    await using nats = await startNats({ version });
    await using publisher = await connectPublisher(nats.url);
    await publisher.createStream("ORDERS");
    await using petit = await startListening(nats.url, { jobs: [listener("ship", { if: "false" })], log: silentLog });
    await listens(petit, publisher, "ship");
    const given: readonly (readonly [string, string | null])[] = [
      ["Nats-Msg-Id: a", "a"],
      ["Nats-Msg-Id: a ", "a "],
      ["Nats-Msg-Id:\ta", "\ta"],
      ["Nats-Msg-Id:b", "b"],
      ["nats-msg-id: a", null],
      ["X-Nats-Msg-Id: a", null],
      ["Nats-Msg-Id: ", null],
      ["Nats-Msg-Id: c\xff", null],
      ["Nats-Msg-Id: d\r\nNats-Msg-Id: a", "d"],
    ];
    for (const [header] of given) await publishBytes(nats.port, "orders.created", Buffer.from(header, "latin1"));
    const found = await deliveries(petit, "ship", { count: given.length });
    const ids = found.map(({ providerId }) => providerId?.replace(/@\d+$/, ""));
    expect(ids).toEqual(given.map(([, id], index) => (id === null ? `ORDERS:${index + 1}` : `ORDERS:id:${id}`)));
  });

  test("goes on with another subject, reads a stream that was created again, and loses its consumer with its job", async () => {
    await using nats = await startNats({ version });
    await using publisher = await connectPublisher(nats.url);
    await using petit = await startListening(nats.url, {
      jobs: [listener("ship", { if: "false" })],
      log: silentLog,
    });
    await until("the missing stream", async () => (await faults(petit)).length > 0);
    expect(await faults(petit)).toEqual([{ job: jobId("ship"), trigger: "ORDERS", fault: "stream_missing" }]);
    await publisher.createStream("ORDERS");
    await listens(petit, publisher, "ship");
    await publisher.publish("orders.created");
    await deliveries(petit, "ship", { count: 1 });
    expect(await faults(petit)).toEqual([]);
    petit.files = filesOf([listener("ship", { if: "false", subject: "orders.paid" })]);
    await petit.engine.reload();
    await publisher.publish("orders.created");
    await publisher.publish("orders.paid");
    // NATS may have sent the one before it already.
    expect((await deliveries(petit, "ship", { count: 2 }))[1]?.providerId).toMatch(/^ORDERS:3@\d+$/);
    await publisher.streams.delete("ORDERS");
    await publisher.createStream("ORDERS");
    await publisher.publish("orders.paid");
    expect((await deliveries(petit, "ship", { count: 3 }))[2]?.providerId).toMatch(/^ORDERS:1@\d+$/);
    const [known] = petit.store.messageConsumers.list();
    await publisher.consumers.delete("ORDERS", known?.name ?? "");
    await publisher.publish("orders.paid");
    expect((await deliveries(petit, "ship", { count: 4 }))[3]?.providerId).toMatch(/^ORDERS:2@\d+$/);
    petit.files = filesOf([]);
    await petit.engine.reload();
    await until("the consumer to be deleted", () => petit.store.messageConsumers.list().length === 0);
    expect(await publisher.consumers.list("ORDERS").next()).toEqual([]);
  });

  test.each(Object.values(RetentionPolicy))(
    "starts runs at once after another subject, also one with a wildcard, of a stream with the retention %s",
    async (retention) => {
      using dir = tempDir();
      await using nats = await startNats({ version });
      await using publisher = await connectPublisher(nats.url);
      await publisher.createStream("ORDERS", { retention });
      const start = (subject: string): Promise<StartedEngine> =>
        startListening(nats.url, { jobs: [listener("ship", { if: "false", subject })], dir: dir.path });
      let petit = await start("orders.created");
      const isAsked = (subject: string): Promise<unknown> =>
        until(`petit to wait for messages of ${subject}`, async () => {
          const consumers = await publisher.consumers.list("ORDERS").next();
          return (
            consumers.length === 1 &&
            consumers.every((each) => each.config.filter_subject === subject && each.num_waiting === 1)
          );
        });
      const arrivesAtOnce = async (subject: string, count: number): Promise<void> => {
        const before = performance.now();
        await publisher.publish(subject);
        await deliveries(petit, "ship", { count });
        // A heartbeat, which would wake the server, comes after 15 s.
        expect(performance.now() - before).toBeLessThan(5_000);
      };
      try {
        await isAsked("orders.created");
        await arrivesAtOnce("orders.created", 1);
        petit.files = filesOf([listener("ship", { if: "false", subject: "orders.paid" })]);
        await petit.engine.reload();
        await isAsked("orders.paid");
        await arrivesAtOnce("orders.paid", 2);
        await petit[Symbol.asyncDispose]();
        for (let count = 0; count < 2; count++) await publisher.publish("orders.paid");
        petit = await start("orders.*");
        await deliveries(petit, "ship", { count: 4 });
        await isAsked("orders.*");
        await arrivesAtOnce("orders.sent", 5);
        const found = await deliveries(petit, "ship", { count: 5 });
        const numbers = found.map(({ providerId }) => Number(/:(\d+)@/.exec(providerId ?? "")?.[1]));
        expect(numbers).toEqual([1, 2, 3, 4, 5]);
      } finally {
        await petit[Symbol.asyncDispose]();
      }
    },
  );
};

for (const version of NATS_VERSIONS)
  describe.skipIf(!hasNats(version))(`a nats trigger with nats-server ${version}`, onServer(version));

describe.skipIf(!hasNats("2.15"))("the messages of a nats trigger", () => {
  test("that are too large are skipped and not sent again; those of a paused job wait", async () => {
    await using nats = await startNats({ config: "max_payload: 4MB" });
    await using publisher = await connectPublisher(nats.url);
    await publisher.createStream("ORDERS");
    await using petit = await startListening(nats.url, { jobs: [listener("ship")] });
    await listens(petit, publisher, "ship");
    await publisher.publish("orders.created", { body: new Uint8Array(2 ** 20 + 1) });
    const [large] = await deliveries(petit, "ship");
    expect(large).toMatchObject({ outcome: "skipped", reason: "too_large" });
    await expect(petit.engine.replayDelivery(large?.id ?? "")).rejects.toMatchObject({ code: "conflict" });
    petit.engine.pause(jobId("ship"));
    for (const body of ["a", "b"]) await publisher.publish("orders.created", { body });
    const kept = await deliveries(petit, "ship", { count: 2, outcome: "waiting" });
    expect(kept).toMatchObject([{ reason: "paused" }, { reason: "paused" }]);
    petit.engine.resume(jobId("ship"));
    const fired = await deliveries(petit, "ship", { count: 2, outcome: "fired" });
    expect(fired.map(({ id }) => id)).toEqual(kept.map(({ id }) => id));
    await Promise.all(fired.map(({ runId }) => petit.ended(runId ?? ("" as never))));
    const [known] = petit.store.messageConsumers.list();
    await until(
      "all to be acknowledged",
      async () => (await publisher.consumers.info("ORDERS", known?.name ?? "")).num_ack_pending === 0,
    );
  });

  test.each(["$JS.API.STREAM.INFO.ORDERS", "$JS.API.CONSUMER.MSG.NEXT.ORDERS.>", "$JS.ACK.ORDERS.>"])(
    "need attention if NATS refuses %s",
    async (denied) => {
      const user = `{user: p, password: q, permissions: {publish: {deny: ["${denied}"]}}}`;
      const config = `authorization { users: [{user: a, password: b}, ${user}] }`;
      await using nats = await startNats({ config });
      await using publisher = await connectPublisher(nats.url, { user: "a", pass: "b" });
      await publisher.createStream("ORDERS");
      const url = nats.url.replace("//", "//p:q@");
      await using petit = await startListening(url, { jobs: [listener("ship", { if: "false" })], log: silentLog });
      if (denied.includes(".ACK.")) {
        await listens(petit, publisher, "ship");
        await publisher.publish("orders.created");
      }
      await until("the refusal", async () => (await faults(petit)).some(({ fault }) => fault === "nats_refused"));
    },
  );

  test("of a burst do not keep petit from other work", async () => {
    await using nats = await startNats();
    await using publisher = await connectPublisher(nats.url);
    await publisher.createStream("ORDERS");
    const jobs = [listener("ship", { debounce: { key: "", waitMs: 3_600_000, maxWaitMs: null } })];
    await using petit = await startListening(nats.url, { jobs });
    await listens(petit, publisher, "ship");
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const before = performance.now();
    const count = Number(process.env.BURST ?? 1_000);
    for (let sent = 0; sent < count; sent += 500)
      await Promise.all(Array.from({ length: 500 }, () => publisher.publish("orders.created")));
    const [known] = petit.store.messageConsumers.list();
    await until("all to be acknowledged", async () => {
      const { num_pending: waiting, num_ack_pending: sent } = await publisher.consumers.info(
        "ORDERS",
        known?.name ?? "",
      );
      return waiting + sent === 0;
    });
    delay.disable();
    if (process.env.BURST) console.log(performance.now() - before, delay.max / 1e6, delay.percentile(99) / 1e6);
    expect(new Set(list(petit, "ship").map(({ providerId }) => providerId)).size).toBe(count);
  });
});
