import { describe, expect, test } from "bun:test";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import type { StartOptions } from "../../support/engine/started-engine.ts";
import { startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { receiver } from "../../support/receiver.ts";
import { recordingLog } from "../../support/recording-log.ts";

const MINUTE = 60_000;
/** So the timeout is 10 s, which pass in 100 ms here: enough for an answer on a busy machine. */
const EVERY = 20_000;

const to = (url: string, everyMs = EVERY): Pick<StartOptions, "heartbeat"> => ({
  heartbeat: { heartbeat: { url, everyMs }, folder: "/" },
});

describe("the heartbeat", () => {
  test("is a GET at the start and then at each interval, also while the scheduler is paused", async () => {
    await using hook = receiver();
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, ...to(`${hook.url}/ping/1?x=y`) });
    await petit.engine.pause();
    for (let count = 1; count <= 4; count++) {
      await clock.passUntil(hook.first(count));
      expect(hook.received).toHaveLength(count);
    }
    expect(hook.received.map(({ method, path, body }) => [method, path, body])).toEqual(
      Array.from({ length: 4 }, () => ["GET", "/ping/1?x=y", ""]),
    );
    await clock.passUntil(hook.first(5));
    await clock.passUntil(waitFor(() => petit.engine.heartbeat?.failing === null));
    expect(petit.engine.heartbeat).toMatchObject({ url: `${hook.url}/…`, everyMs: EVERY });
  });

  test("is one request at a time, which ends after a timeout, and none after the stop", async () => {
    let [open, most] = [0, 0];
    await using hook = receiver(async () => {
      most = Math.max(most, ++open);
      const { promise, resolve } = Promise.withResolvers<Response>();
      silent.push(() => resolve(new Response("late")));
      return await promise.finally(() => open--);
    });
    const silent: (() => void)[] = [];
    const clock = new FakeClock();
    const log = recordingLog();
    await using petit = await startEngine({ clock, log, ...to(hook.url, 1_000) });
    for (let count = 1; count <= 5; count++) {
      await clock.passUntil(hook.first(count));
      // petit no longer waits for the answer to the request before.
      for (const answer of silent.splice(0, silent.length - 1)) answer();
    }
    expect(petit.engine.heartbeat?.failing?.error).toBe("no answer within 1s");
    await petit.stop("drain");
    const { length } = hook.received;
    await clock.pass(10 * MINUTE);
    expect([hook.received.length, most <= 2]).toEqual([length, true]);
    for (const answer of silent) answer();
  });

  test("stops while the database can't be written", async () => {
    await using hook = receiver();
    const clock = new FakeClock();
    let isFull = false;
    await using petit = await startEngine({
      clock,
      ...to(hook.url),
      wrap: (store) => ({
        ...store,
        probe: (now) => {
          if (isFull) throw new Error("disk full");
          store.probe(now);
        },
      }),
    });
    await clock.passUntil(hook.first(2));
    isFull = true;
    const before = hook.received.length;
    await clock.pass(30 * MINUTE);
    expect(hook.received.length).toBeLessThanOrEqual(before + 1);
    const meanwhile = hook.received.length;
    isFull = false;
    await clock.passUntil(hook.first(meanwhile + 1));
    // On a busy machine the first answers can come after the timeout.
    await clock.passUntil(waitFor(() => petit.engine.heartbeat?.failing === null));
  });

  test("that fails is logged once without the URL, and needs attention until it works again", async () => {
    let status = 503;
    await using hook = receiver(() => new Response("", { status }));
    const clock = new FakeClock();
    const log = recordingLog();
    await using petit = await startEngine({ clock, log, ...to(`${hook.url}/s3cret`) });
    await clock.passUntil(hook.first(4));
    const url = `${hook.url}/…`;
    const { items } = await petit.engine.listAttention(10);
    expect(items).toMatchObject([
      { kind: "heartbeat_failing", id: "heartbeat_failing:petit", url, error: "answered 503" },
    ]);
    expect(items[0]?.since).toBeGreaterThanOrEqual(NOON);
    status = 200;
    await clock.passUntil(log.holds("the heartbeat works again"));
    expect((await petit.engine.listAttention(10)).items).toEqual([]);
    expect(log.text().match(/heartbeat/g)).toHaveLength(2);
    expect(log.text()).not.toContain("s3cret");
  });

  test("whose secret can't be read fails, and recovers when it can", async () => {
    await using hook = receiver();
    const clock = new FakeClock();
    const environment: Record<string, string> = { PATH: process.env.PATH ?? "", HOME: "/" };
    const heartbeat = { heartbeat: { url: { env: "HEARTBEAT_URL" }, everyMs: EVERY }, folder: "/" };
    const log = recordingLog();
    await using petit = await startEngine({ clock, log, environment, heartbeat });
    await clock.pass(1);
    expect(petit.engine.heartbeat).toMatchObject({ url: expect.stringContaining("HEARTBEAT_URL"), lastAt: null });
    expect(petit.engine.heartbeat?.failing?.error).toContain("HEARTBEAT_URL");
    environment.HEARTBEAT_URL = `${hook.url}/secret`;
    await clock.passUntil(log.holds("the heartbeat works again"));
    expect(petit.engine.heartbeat?.failing).toBeNull();
    expect(log.text()).not.toContain("/secret");
  });
});
