import { describe, expect, test } from "bun:test";
import type { LinkState } from "../../../src/domain/workers/link.ts";
import { TransportError } from "../../../src/domain/workers/link.ts";
import type {
  ConsumeOptions,
  MessageSource,
  StreamMessage,
} from "../../../src/engine/deliveries/messages/message-source.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { job, jobId } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { filesOf, type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const CONNECTED: LinkState = { status: "connected", server: "fake" };
const LOST: LinkState = { status: "disconnected", fault: "unreachable", detail: "connection refused" };

/** A source whose messages and failures a test decides. */
class FakeSource implements MessageSource {
  state: LinkState = CONNECTED;
  /** Why consumers can't be deleted. */
  refusal: TransportError | null = null;
  readonly deleted: string[] = [];
  #next = Promise.withResolvers<{ readonly options: ConsumeOptions; readonly fail: (error: Error) => void }>();

  async consume(options: ConsumeOptions): Promise<void> {
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    options.signal.addEventListener("abort", () => resolve(), { once: true });
    this.#next.resolve({ options, fail: reject });
    await promise;
  }

  /** Waits for the next call of `consume`. */
  async consumed() {
    const found = await this.#next.promise;
    this.#next = Promise.withResolvers();
    return found;
  }

  async deleteConsumer({ consumer }: Pick<ConsumeOptions, "consumer">): Promise<void> {
    if (this.refusal !== null) throw this.refusal;
    this.deleted.push(consumer);
  }
}

const SHIP = job("ship", {
  triggers: [
    {
      type: "nats",
      name: null,
      stream: "ORDERS",
      subject: "orders.*",
      headers: [],
      if: "false",
      params: {},
      onOverlap: "queue",
      onPause: "keep",
    },
  ],
});

const STATE = { createdAt: 1_700_000_000_000, lastSequence: 5, lastStoredAt: 1_700_000_000_005 };

const message = (sequence: number, given: Partial<StreamMessage> = {}): StreamMessage => ({
  sequence,
  storedAt: 1_700_000_000_000 + sequence,
  subject: "orders.created",
  publisherId: null,
  headers: new Map(),
  body: new TextEncoder().encode("{}"),
  ...given,
});

const faults = async ({ engine }: StartedEngine) =>
  (await engine.listAttention(100)).items.flatMap((item) =>
    item.kind === "trigger_failing" ? [[item.fault, item.problem]] : [],
  );

const start = async (clock = new FakeClock()) => {
  const messages = new FakeSource();
  const petit = await startEngine({ jobs: [SHIP], messages, clock, log: silentLog });
  return { petit, messages, clock };
};

describe("a nats trigger", () => {
  test("needs attention after 10 s without a connection, and at once if NATS refuses it, until messages can arrive", async () => {
    const { petit, messages, clock } = await start();
    await using _ = petit;
    messages.state = LOST;
    const first = await messages.consumed();
    await clock.pass(9_999);
    expect(await faults(petit)).toEqual([]);
    await clock.pass(1);
    expect(await faults(petit)).toEqual([["nats_disconnected", "petit is not connected to NATS: connection refused"]]);
    messages.state = CONNECTED;
    first.options.onReady();
    expect(await faults(petit)).toEqual([]);
    // A connection that is lost, and then NATS says more.
    first.fail(new TransportError("disconnected", "lost"));
    await clock.pass(1_000);
    const second = await messages.consumed();
    expect(await faults(petit)).toEqual([]);
    second.fail(new TransportError("refused", "Permissions Violation"));
    await clock.pass(1_000);
    const third = await messages.consumed();
    expect(await faults(petit)).toEqual([["nats_refused", "Permissions Violation"]]);
    third.options.onReady();
    expect(await faults(petit)).toEqual([]);
  });

  test("begins behind the newest message, goes on where it was, and reads all of another stream", async () => {
    const { petit, messages } = await start();
    await using _ = petit;
    const { options } = await messages.consumed();
    expect(await options.onStream(STATE)).toEqual({ sequence: 6 });
    expect(await options.onMessages([message(6), message(8)], STATE)).toEqual(["stored", "stored"]);
    expect(await options.onStream({ ...STATE, lastSequence: 9 })).toEqual({ sequence: 9 });
    // NATS has lost messages that petit has, and uses their numbers again.
    expect(await options.onStream({ ...STATE, lastSequence: 6 })).toEqual({ sequence: 7 });
    expect(await options.onMessages([message(8, { storedAt: 1 })], STATE)).toEqual(["stored"]);
    const other = { ...STATE, createdAt: STATE.createdAt + 1, lastSequence: 3 };
    expect(await options.onStream(other)).toEqual({ sequence: 1 });
    const again = { publisherId: "a" };
    await options.onMessages([message(1, again), message(2, again), message(1)], other);
    const ids = petit.store.deliveries.list({ jobId: jobId("ship"), limit: 10 }).map(({ providerId }) => providerId);
    expect(ids.toReversed()).toEqual([
      "ORDERS:6@1700000000006",
      "ORDERS:8@1700000000008",
      "ORDERS:8@1",
      "ORDERS:id:a@1700000000001",
      "ORDERS:1@1700000000001",
    ]);
  });

  test("reads all of a stream that was created after it", async () => {
    const { petit, messages } = await start();
    await using _ = petit;
    const { options } = await messages.consumed();
    const createdAt = NOON + 3_600_000;
    expect(await options.onStream({ createdAt, lastSequence: 5, lastStoredAt: createdAt })).toEqual({ storedAt: NOON });
  });

  test("begins when petit learned of it, also if NATS answers only after a restart, until a message is accounted for", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const jobs = [SHIP];
    const before = await startEngine({ jobs, messages: new FakeSource(), clock, log: silentLog, dir: dir.path });
    await clock.passUntil(before.stop("leave"));
    await clock.passTo(NOON + 3_600_000);
    const messages = new FakeSource();
    await using petit = await startEngine({ jobs, messages, clock, log: silentLog, dir: dir.path });
    const { options } = await messages.consumed();
    const state = { ...STATE, lastSequence: 9, lastStoredAt: NOON + 60_000 };
    expect(await options.onStream(state)).toEqual({ storedAt: NOON });
    expect(await options.onStream({ ...state, lastSequence: 10 })).toEqual({ storedAt: NOON });
    expect(await options.onMessages([message(7)], state)).toEqual(["stored"]);
    expect(await options.onStream(state)).toEqual({ sequence: 8 });
    // Without a stream, NATS has no consumer to delete.
    const other = job("other", { triggers: (SHIP.triggers ?? []).map((each) => ({ ...each, stream: "OTHER" })) });
    petit.files = filesOf([SHIP, other]);
    await petit.engine.reload();
    expect(petit.store.messageConsumers.list().map(({ stream }) => stream)).toEqual(["ORDERS", "OTHER"]);
    petit.files = filesOf([SHIP]);
    await petit.engine.reload();
    await clock.pass(1);
    expect(petit.store.messageConsumers.list().map(({ stream }) => stream)).toEqual(["ORDERS"]);
    expect(messages.deleted).toEqual([]);
  });

  test("keeps its consumer when its job gets another id, and loses it with the trigger", async () => {
    const { petit, messages, clock } = await start();
    await using _ = petit;
    const { options } = await messages.consumed();
    await options.onStream(STATE);
    await options.onMessages([message(6)], STATE);
    petit.files = filesOf([{ ...SHIP, id: jobId("send"), formerly: [jobId("ship")] }]);
    await petit.engine.reload();
    const renamed = await messages.consumed();
    expect(options.signal.aborted).toBe(true);
    expect(renamed.options.consumer).toBe(options.consumer);
    expect(await renamed.options.onStream({ ...STATE, lastSequence: 6 })).toEqual({ sequence: 7 });
    expect(await renamed.options.onMessages([message(6)], STATE)).toEqual(["stored"]);
    expect(petit.store.deliveries.list({ jobId: jobId("send"), limit: 10 })).toHaveLength(1);
    // A new job of the old id has another consumer.
    petit.files = filesOf([{ ...SHIP, id: jobId("send") }, SHIP]);
    await petit.engine.reload();
    const fresh = await messages.consumed();
    expect(fresh.options.consumer).toBe(`${options.consumer}-2`);
    await fresh.options.onStream({ ...STATE, lastSequence: 6 });
    petit.files = filesOf([SHIP]);
    messages.refusal = new TransportError("disconnected", "lost");
    await petit.engine.reload();
    expect(messages.deleted).toEqual([]);
    messages.refusal = null;
    await clock.pass(5_000);
    expect(messages.deleted).toEqual([options.consumer]);
    expect(petit.store.messageConsumers.list()).toMatchObject([{ jobId: "ship", name: fresh.options.consumer }]);
  });

  test("stores what is large by a digest or not at all, and ignores what its subject does not mean", async () => {
    const { petit, messages } = await start();
    await using _ = petit;
    const { options } = await messages.consumed();
    await options.onStream(STATE);
    const large = [
      message(6, { body: new Uint8Array(2 ** 20 + 1) }),
      message(7, { headers: new Map([["nats-msg-id", "x".repeat(2 ** 20)]]) }),
      message(8, { publisherId: "x".repeat(1_000) }),
      message(9, { subject: "other" }),
    ];
    expect(await options.onMessages(large, STATE)).toEqual(["stored", "stored", "stored", "stored"]);
    const found = petit.store.deliveries.list({ jobId: jobId("ship"), limit: 10 }).toReversed();
    expect(found.map(({ reason }) => reason)).toEqual(["too_large", "too_large", "condition_not_met"]);
    expect(found[2]?.providerId).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(petit.store.deliveries.findEvent(found[1]?.id ?? "")?.length).toBeLessThan(1_000);
  });

  test("continues the trace of the publisher, if petit sends traces", async () => {
    const [traceId, spanId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
    const headers = new Map([["traceparent", `00-${traceId}-${spanId}-01`]]);
    const ship = { ...SHIP, triggers: (SHIP.triggers ?? []).map((each) => ({ ...each, if: "true" })) };
    const target = { url: "http://127.0.0.1:9/v1/traces", headers: {}, source: { version: "1", attributes: {} } };
    const found = [];
    for (const traces of [target, null]) {
      const messages = new FakeSource();
      await using petit = await startEngine({ jobs: [ship], messages, traces, log: silentLog });
      const { options } = await messages.consumed();
      await options.onStream(STATE);
      expect(await options.onMessages([message(6, { headers })], STATE)).toEqual(["stored"]);
      const runId = petit.store.deliveries.list({ jobId: jobId("ship"), limit: 1 })[0]?.runId;
      if (runId === undefined || runId === null) throw new Error("the message has no run");
      await petit.ended(runId);
      found.push(petit.store.runs.findTraceParent(runId));
    }
    expect(found).toEqual([{ traceId, spanId, isSampled: true, state: null }, null]);
  });
});
