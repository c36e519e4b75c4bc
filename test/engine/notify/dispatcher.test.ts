import { expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import { openRuntime } from "#runtime";
import { defaultEvents, MAX_SENDING_DELAY_MS, SENDING_EXPIRES_MS } from "../../../src/domain/notification.ts";
import { MAX_WAITING, Notifier } from "../../../src/engine/notify/notifier.ts";
import type { Store } from "../../../src/store/store.ts";
import { job } from "../../support/engine/factories.ts";
import { memoryStore } from "../../support/engine/factories-store.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { type Receiver, type Responder, receiver } from "../../support/receiver.ts";
import { type RecordingLog, recordingLog } from "../../support/recording-log.ts";

type Parts = {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly log: RecordingLog;
  readonly hook: Receiver;
  readonly notifier: Notifier;
  /** Queues a notification of a missed occurrence. */
  queueMissed(at?: number): void;
  channel(): string;
  /** Resolves when the log contains the texts and their consequences are complete. */
  logged(...parts: readonly string[]): Promise<void>;
};

/** Creates a notifier with a fake clock and a receiver with these responses. */
const make = (parts: AsyncDisposableStack, answer: Responder, wrap = (store: Store): Store => store): Parts => {
  const [clock, log] = [new FakeClock(), recordingLog()];
  const store = wrap(parts.use(memoryStore()));
  const hook = parts.use(receiver(answer));
  const notifier = parts.use(
    new Notifier({
      store,
      clock,
      runtime: openRuntime(),
      log,
      environment: {},
      settings: {},
      judgeEnd: () => ({ isQuiet: false }),
      isQuietLate: () => false,
      isQuietMissed: () => false,
      isQuietApproval: () => false,
      findStale: () => null,
      retryUntilStored: async (work) => work(),
    }),
  );
  const target = { type: "webhook", url: hook.url, headers: {}, secret: null, timeoutMs: 10_000 } as const;
  const definition = job("j", { notify: [{ ...target, on: [...defaultEvents("webhook"), "missed"] }] });
  const [stored] = store.jobs.save([definition], NOON).values();
  if (stored === undefined) throw new Error("the job was not stored");
  const queueMissed = (scheduledFor = NOON): void =>
    notifier.missed(stored, [{ scheduledFor, outcome: "missed", reason: "down", jitterMs: 0 }]);
  const logged: Parts["logged"] = async (...texts) => {
    await log.holds(...texts);
    await setImmediate();
    await setImmediate();
  };
  return {
    store,
    clock,
    log,
    hook,
    notifier,
    queueMissed,
    logged,
    channel: () => store.notifications.listWaitingChannels()[0] ?? "",
  };
};

const failing: Responder = () => new Response(null, { status: 500 });

test("a failed sending is retried with growing delays, and given up after a day", async () => {
  await using parts = new AsyncDisposableStack();
  const { store, clock, logged, hook, queueMissed, channel } = make(parts, failing);
  queueMissed();
  await logged("was not delivered", "answered 500");
  expect(store.notifications.findNext(channel())).toMatchObject({ attempts: 1 });
  expect(clock.timers[0]).toBeLessThanOrEqual(1_000);
  for (let attempt = 2; attempt <= 14; attempt++) {
    await clock.pass(clock.timers[0] ?? 0);
    await logged(`"attempt":${attempt}`);
  }
  expect(hook.received).toHaveLength(14);
  expect(clock.timers[0]).toBeGreaterThanOrEqual(MAX_SENDING_DELAY_MS / 2);
  clock.step(SENDING_EXPIRES_MS);
  await clock.pass(clock.timers[0] ?? 0);
  await logged("was given up: answered 500, for 24 hours");
  expect(store.notifications.listWaitingChannels()).toEqual([]);
});

test("Retry-After of the receiver delays the next attempt", async () => {
  await using parts = new AsyncDisposableStack();
  const { clock, logged, hook, queueMissed } = make(parts, (_received, index) =>
    index === 0 ? new Response(null, { status: 429, headers: { "retry-after": "120" } }) : new Response("ok"),
  );
  queueMissed();
  await logged("was not delivered", "answered 429");
  expect(clock.timers[0]).toBe(120_000);
  await clock.pass(119_000);
  expect(hook.received).toHaveLength(1);
  await clock.pass(1_000);
  await logged("was delivered");
});

test("Retry-After can be a date", async () => {
  await using parts = new AsyncDisposableStack();
  const { clock, logged, queueMissed } = make(parts, (_received, index) => {
    const at = new Date((Math.floor(clock.now() / 1_000) + 90) * 1_000).toUTCString();
    return index === 0 ? new Response(null, { status: 503, headers: { "retry-after": at } }) : new Response("ok");
  });
  queueMissed();
  await logged("was not delivered", "answered 503");
  expect(clock.timers[0]).toBeGreaterThan(88_000);
  expect(clock.timers[0]).toBeLessThanOrEqual(90_000);
});

test("a clock that is set back does not make a sending wait longer than the maximum delay", async () => {
  await using parts = new AsyncDisposableStack();
  const { clock, logged, queueMissed } = make(parts, (_received, index) =>
    (index === 0 ? failing : () => new Response("ok"))(_received, index),
  );
  queueMissed();
  await logged("was not delivered");
  clock.step(-7 * 86_400_000);
  await clock.pass(1_000);
  await logged("was delivered");
});

test("waiting sendings are bounded, on disk and in memory", async () => {
  await using parts = new AsyncDisposableStack();
  const { store, clock, log, logged, hook, queueMissed, channel } = make(parts, failing);
  for (let at = 0; at < MAX_WAITING + 5; at++) queueMissed(NOON + at);
  await logged("was not delivered");
  expect(log.text()).toContain("too many notifications are waiting for notify[0]");
  expect(hook.received).toHaveLength(1);
  const oldest = JSON.parse(store.notifications.findNext(channel())?.notice ?? "{}");
  expect(oldest.missed.occurrences[0].scheduled_for).toBe(NOON + 5);
  expect(store.notifications.giveUpExcess(channel(), 0, NOON)).toBe(MAX_WAITING);
  // One timer per channel, however many sendings it has.
  expect(clock.timers).toHaveLength(1);
});

test("the number of concurrent sendings is bounded, to one per channel", async () => {
  await using parts = new AsyncDisposableStack();
  const silence = Promise.withResolvers<Response>();
  const { store, hook, notifier } = make(parts, async () => (await silence.promise).clone());
  const target = { type: "webhook", headers: {}, secret: null, timeoutMs: 10_000, on: ["missed" as const] } as const;
  const definition = job("many", {
    notify: Array.from({ length: 10 }, (_, index) => ({ ...target, url: `${hook.url}/${index}` })),
  });
  const stored = [...store.jobs.save([definition], NOON).values()][0];
  if (stored === undefined) throw new Error("the job was not stored");
  for (const at of [1, 2])
    notifier.missed(stored, [{ scheduledFor: at, outcome: "missed", reason: "down", jitterMs: 0 }]);
  await hook.first(4);
  expect(new Set(hook.received.map(({ path }) => path)).size).toBe(4);
  silence.resolve(new Response("ok"));
  await hook.first(20);
});

test("a receiver that hangs delays no other one, also on its host, and gets one sending at a time", async () => {
  await using parts = new AsyncDisposableStack();
  const silence = Promise.withResolvers<Response>();
  const { store, hook, notifier } = make(parts, async ({ path }) =>
    path === "/dead" ? (await silence.promise).clone() : new Response("ok"),
  );
  const target = { type: "webhook", headers: {}, secret: null, timeoutMs: 10_000, on: ["missed" as const] } as const;
  const queue = (id: string, path: string): void => {
    const definition = job(id, { notify: [{ ...target, url: `${hook.url}${path}` }] });
    const [stored] = store.jobs.save([definition], NOON).values();
    if (stored === undefined) throw new Error("the job was not stored");
    for (const at of [1, 2])
      notifier.missed(stored, [{ scheduledFor: at, outcome: "missed", reason: "down", jitterMs: 0 }]);
  };
  for (let index = 0; index < 40; index++) queue(`dead${index}`, "/dead");
  await hook.first(1);
  for (let index = 0; index < 3; index++) queue(`healthy${index}`, "/healthy");
  const received = (await hook.first(7)).map(({ path, body }) => {
    const { job: about, missed } = JSON.parse(body);
    return `${path} ${about.id} ${missed.occurrences[0].scheduled_for}`;
  });
  expect(received.filter((each) => each.startsWith("/dead"))).toEqual(["/dead dead0 1"]);
  expect(received.slice(1).toSorted()).toEqual(
    [0, 1, 2].flatMap((index) => [1, 2].map((at) => `/healthy healthy${index} ${at}`)),
  );
  silence.resolve(new Response("ok"));
  await hook.first(86);
});

test("many receivers that hang on different hosts delay no other one", async () => {
  await using parts = new AsyncDisposableStack();
  const silence = Promise.withResolvers<Response>();
  const { store, hook, notifier } = make(parts, async () => new Response("ok"));
  const dead = Array.from({ length: 12 }, () => parts.use(receiver(async () => (await silence.promise).clone())));
  parts.defer(() => silence.resolve(new Response("ok")));
  const target = { type: "webhook", headers: {}, secret: null, timeoutMs: 10_000, on: ["missed" as const] } as const;
  const notify = [...dead, hook].map(({ url }) => ({ ...target, url }));
  const [stored] = store.jobs.save([job("many", { notify })], NOON).values();
  if (stored === undefined) throw new Error("the job was not stored");
  notifier.missed(stored, [{ scheduledFor: 1, outcome: "missed", reason: "down", jitterMs: 0 }]);
  await Promise.all([hook.first(1), ...dead.map((each) => each.first(1))]);
});

test("sendings that fail delay a stop by at most two seconds", async () => {
  await using parts = new AsyncDisposableStack();
  const silence = Promise.withResolvers<Response>();
  const { store, clock, hook, notifier, queueMissed } = make(parts, async () => (await silence.promise).clone());
  queueMissed();
  const drained = notifier.drain(new AbortController().signal);
  await hook.first(1);
  await clock.pass(2_000);
  await drained;
  notifier[Symbol.dispose]();
  expect(store.notifications.listWaitingChannels()).toHaveLength(1);
  silence.resolve(new Response("too late"));
});

test("an error of the database is logged and retried", async () => {
  await using parts = new AsyncDisposableStack();
  let isBroken = true;
  const wrap = (store: Store): Store => ({
    ...store,
    notifications: {
      ...store.notifications,
      findNext: (channel) => {
        if (!isBroken) return store.notifications.findNext(channel);
        isBroken = false;
        throw new Error("a bad moment");
      },
    },
  });
  const { clock, logged, queueMissed } = make(parts, () => new Response("ok"), wrap);
  queueMissed();
  await logged("cannot send a notification", "a bad moment");
  await clock.pass(30_000);
  await logged("was delivered");
});
