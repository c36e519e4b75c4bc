import { describe, expect, test } from "bun:test";
import { startProxy } from "../support/nats/proxy.ts";
import { NATS_VERSIONS, startNats } from "../support/nats/server.ts";
import { startScheduler, startWorker } from "../support/nats/transports.ts";

const SET = "0123456789abcdef0123456789abcdef";
const NEVER = new AbortController().signal;

describe.each(NATS_VERSIONS)("over nats-server %s", (version) => {
  test("offers, requests and control messages arrive, with their answers", async () => {
    await using nats = await startNats({ version });
    await using scheduler = startScheduler(nats.url, async ({ worker, kind, frame: { header, body } }) => ({
      worker,
      kind,
      header,
      bytes: [...body],
    }));
    await using worker = startWorker(nats.url, "a", async ({ header }) => ({ done: header }));
    await scheduler.states.next("connected");
    const awaited = worker.nextOffer(SET, NEVER);
    await scheduler.publishOffer({ set: SET, id: "7:1", header: { attempt: 7 }, body: new Uint8Array([1, 2]) });
    const offer = await awaited;
    expect(offer?.frame).toEqual({ header: { attempt: 7 }, body: new Uint8Array([1, 2]) });
    const claim = { header: { attempt: 7 }, body: new Uint8Array([3]), timeoutMs: 5_000 };
    expect((await worker.request("claim", claim)).header).toEqual({
      worker: "a",
      kind: "claim",
      header: { attempt: 7 },
      bytes: [3],
    });
    offer?.remove();
    expect((await scheduler.control("a", { end: 7 }, 5_000)).header).toEqual({ done: { end: 7 } });
  });

  test("scheduler and worker stop while they connect", async () => {
    await using nats = await startNats({ version });
    for (let time = 0; time < 3; time++) {
      await startScheduler(nats.url)[Symbol.asyncDispose]();
      await startWorker(nats.url)[Symbol.asyncDispose]();
    }
  });

  test("scripts and artifacts are stored, read and deleted by name", async () => {
    await using nats = await startNats({ version });
    await using scheduler = startScheduler(nats.url);
    await using worker = startWorker(nats.url);
    await scheduler.states.next("connected");
    await worker.states.next("connected");
    const script = new TextEncoder().encode("echo hello\n");
    await scheduler.putScript("abc", script);
    await scheduler.putScript("abc", script);
    expect(await worker.getScript("abc")).toEqual(script);
    await expect(worker.getScript("missing")).rejects.toMatchObject({ fault: "not_found" });
    await scheduler.openArtifacts("a");
    const large = new Uint8Array(700_000).map((_, index) => index % 251);
    await worker.putArtifact("s/1/1/0", new Blob([large]).stream());
    const read = await scheduler.getArtifact("a", "s/1/1/0");
    expect(new Uint8Array(await new Response(read).arrayBuffer())).toEqual(large);
    await scheduler.deleteArtifact("a", "s/1/1/0");
    await expect(scheduler.getArtifact("a", "s/1/1/0")).rejects.toMatchObject({ fault: "not_found" });
  });

  test("an offer that is larger than the server accepts arrives whole", async () => {
    await using nats = await startNats({ version, config: "max_payload: 65536" });
    await using scheduler = startScheduler(nats.url);
    await using worker = startWorker(nats.url);
    await scheduler.states.next("connected");
    const body = new Uint8Array(300_000).fill(7);
    await scheduler.publishOffer({ set: SET, id: "7:1", header: { attempt: 7 }, body });
    expect((await worker.nextOffer(SET, NEVER))?.frame).toEqual({ header: { attempt: 7 }, body });
  });

  test("a large offer is stored once however often it is published, and is dropped when it is deleted", async () => {
    await using nats = await startNats({ version, config: "max_payload: 65536" });
    await using scheduler = startScheduler(nats.url);
    await using worker = startWorker(nats.url);
    await scheduler.states.next("connected");
    const publish = async (head: number, bytes = 300_000) => {
      const body = new Uint8Array(bytes).fill(7);
      body[0] = head;
      return {
        body,
        ...(await scheduler.publishOffer({ set: SET, id: `7:${head}`, header: {}, body, stableFrom: 1 })),
      };
    };
    const first = await publish(1);
    const received = await worker.nextOffer(SET, NEVER);
    expect(received).toMatchObject({ sequence: first.sequence, frame: { header: {}, body: first.body } });
    received?.remove();
    const { stored } = await publish(2);
    expect(stored).toBe(first.stored);
    await scheduler.deleteScript(stored ?? "");
    const third = await publish(3, 10);
    expect(third.stored).toBeNull();
    expect(await worker.nextOffer(SET, NEVER)).toMatchObject({ sequence: third.sequence, frame: { body: third.body } });
  });

  test("both connect again to a server that was killed and lost its data", async () => {
    await using nats = await startNats({ version });
    await using scheduler = startScheduler(nats.url);
    await using worker = startWorker(nats.url);
    await scheduler.states.next("connected");
    await scheduler.openSets([SET]);
    const awaited = worker.nextOffer(SET, NEVER);
    await nats.kill();
    await scheduler.states.next("disconnected");
    await expect(scheduler.control("a", {}, 5_000)).rejects.toMatchObject({ fault: "disconnected" });
    nats.wipe();
    await nats.start();
    await scheduler.states.next("connected");
    await scheduler.publishOffer({ set: SET, id: "7:1", header: { attempt: 7 }, body: new Uint8Array() });
    expect((await awaited)?.frame?.header).toEqual({ attempt: 7 });
  });
});

test("an offer that arrives when nobody waits for it any more goes to another worker at once", async () => {
  await using nats = await startNats();
  await using scheduler = startScheduler(nats.url);
  await using first = startWorker(nats.url, "a");
  await using second = startWorker(nats.url, "b");
  await scheduler.states.next("connected");
  await scheduler.openSets([SET]);
  const busy = new AbortController();
  const publish = (attempt: number) =>
    scheduler.publishOffer({ set: SET, id: `${attempt}:1`, header: { attempt }, body: new Uint8Array() });
  const awaited = first.nextOffer(SET, busy.signal);
  await publish(1);
  const got = await awaited;
  got?.remove();
  const given = first.nextOffer(SET, busy.signal);
  busy.abort();
  expect(await given).toBeNull();
  await publish(2);
  expect((await second.nextOffer(SET, NEVER))?.frame?.header).toEqual({ attempt: 2 });
});

test("a request fails soon when the connection is cut, and a silent server counts as lost", async () => {
  await using nats = await startNats();
  await using proxy = await startProxy(nats.port);
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  await using scheduler = startScheduler(nats.url, () => {
    arrive();
    return new Promise(() => {});
  });
  await using worker = startWorker(`nats://127.0.0.1:${proxy.port}`);
  await scheduler.states.next("connected");
  await worker.states.next("connected");
  const request = worker.request("hello", { header: {}, timeoutMs: 60_000 });
  await arrived;
  proxy.cut();
  await expect(request).rejects.toMatchObject({ fault: "disconnected" });
  proxy.heal();
  await worker.states.next("connected");
  proxy.stall();
  await worker.states.next("disconnected");
  proxy.heal();
  await worker.states.next("connected");
});
