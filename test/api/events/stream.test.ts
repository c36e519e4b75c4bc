import { afterAll, describe, expect, test } from "bun:test";
import { EventFeed } from "../../../src/api/events/feed.ts";
import { eventStream } from "../../../src/api/events/stream.ts";
import { logStream } from "../../../src/api/logs/stream.ts";
import { selectLogFormat } from "../../../src/api/shapes/log.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";

/** A clock that records its timers, and runs them when `pass` is called. */
const handClock = () => {
  const timers: { callback: () => void; delayMs: number }[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    elapsed: () => 0,
    setTimeout: (callback, delayMs) => {
      const timer = { callback, delayMs };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer) >>> 0, 1);
    },
  };
  return { clock, timers, pass: () => timers[0]?.callback() };
};

const made = fakeApi();
afterAll(() => made.api.close());
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

describe("an idle stream", () => {
  test("of events sends a heartbeat every 15 s", async () => {
    const { clock, timers, pass } = handClock();
    using feed = new EventFeed({ ...made, clock: systemClock });
    const ending = new AbortController();
    const stream = eventStream(feed, clock, feed.newestSeq)(ending.signal);
    expect(text((await stream.next()).value ?? undefined)).toStartWith(":");
    for (let beat = 0; beat < 3; beat++) {
      const next = stream.next();
      await Promise.resolve();
      expect(timers.map((timer) => timer.delayMs)).toEqual([15_000]);
      pass();
      expect(text((await next).value ?? undefined)).toMatch(/^:.*\n\n$/);
    }
    const next = stream.next();
    made.store.events.record({ type: "jobs.reloaded", now: 5 });
    expect(text((await next).value ?? undefined)).toContain("event: jobs.reloaded\n");
    const last = stream.next();
    ending.abort();
    expect((await last).done).toBe(true);
    expect(timers).toEqual([]);
  });

  test.each([
    ["text/event-stream", true],
    ["application/x-ndjson", false],
    [null, false],
  ])("of output as %p sends heartbeats: %p", async (accept, beats) => {
    const { clock, timers, pass } = handClock();
    const run = await made.engine.trigger("hello");
    const format = selectLogFormat(accept, false);
    const ending = new AbortController();
    const stream = logStream({
      ...made,
      clock,
      format,
      filter: { runId: run.id },
      follow: true,
      fromSeq: 1,
    })(ending.signal);
    if (beats) expect(text((await stream.next()).value ?? undefined)).toStartWith(":");
    let given = 0;
    const next = stream.next().then((result) => {
      given++;
      return result;
    });
    await Promise.resolve();
    expect(timers.map((timer) => timer.delayMs)).toEqual([15_000]);
    pass();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(given).toBe(beats ? 1 : 0);
    ending.abort();
    if (!beats) expect((await next).done).toBe(true);
    await stream.return(undefined);
    expect(timers).toEqual([]);
  });
});
