import { describe, expect, test } from "bun:test";
import { ClientError } from "../../src/client/error.ts";
import {
  type EventStreamOptions,
  eventStream,
  type StreamItem,
  type Suspension,
} from "../../src/client/event-stream.ts";
import { Reconnect, type ReconnectOptions } from "../../src/client/reconnect.ts";
import type { Clock } from "../../src/lib/clock.ts";

/** Time passes only by waiting. The timer that detects silence is the only long one, and never fires. */
const fastClock = (): Clock => {
  let now = 0;
  const setTimeout: Clock["setTimeout"] = (callback, delayMs) => {
    if (delayMs > 10_000) return () => {};
    now += delayMs;
    queueMicrotask(callback);
    return () => {};
  };
  return { now: () => now, monotonic: () => now, elapsed: () => now, setTimeout };
};

const gone = (): ClientError =>
  new ClientError({ kind: "unreachable", why: "no_connection", response: null }, "no connection");

const notFound = (): ClientError =>
  new ClientError(
    { kind: "refused", status: 404, code: "NOT_FOUND", message: "no such run", details: null },
    "no such run",
  );

const event = (id: number): string => `id: ${id}\ndata: ${id}\n\n`;

const HEARTBEAT = ": petit\n\n";

type Connection = readonly (string | ClientError)[];

type SourceOptions = Partial<Omit<EventStreamOptions, "clock">> &
  Omit<ReconnectOptions, "clock"> & { readonly clock?: Clock };

/** Each connection sends its pieces and then ends; an error breaks it. Further connections fail. */
const connect = (connections: readonly Connection[], options: SourceOptions = {}) => {
  const resumedAfter: (string | null)[] = [];
  async function* send(pieces: Connection): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) {
      if (piece instanceof ClientError) throw piece;
      yield Buffer.from(piece);
    }
  }
  const open: EventStreamOptions["open"] = async (lastId) =>
    send(connections[resumedAfter.push(lastId) - 1] ?? [gone()]);
  const clock = fastClock();
  const reconnect = new Reconnect({ clock, patienceMs: 5_000, ...options });
  const isComplete = async (): Promise<boolean> => true;
  return { resumedAfter, items: eventStream({ open, isComplete, clock, reconnect, ...options }) };
};

const idsOf = async (items: AsyncIterable<StreamItem>): Promise<readonly (string | null)[]> =>
  (await Array.fromAsync(items)).flatMap((item) => (item.kind === "event" ? [item.id] : []));

describe("an event stream", () => {
  test("resumes after its last event, however the bytes are split", async () => {
    const [first, second, third] = [event(1), event(2), event(3)];
    const connections = [
      [first + second.slice(0, 5), gone()],
      [gone()],
      [second, third.slice(0, 3), third.slice(3)],
      [],
    ];
    const { resumedAfter, items } = connect(connections);
    expect(await idsOf(items)).toEqual(["1", "2", "3"]);
    expect(resumedAfter).toEqual([null, "1", "1", "3"]);
  });

  test("starts after a given event", async () => {
    const { resumedAfter, items } = connect([[event(8)], []], { lastId: "7" });
    expect(await idsOf(items)).toEqual(["8"]);
    expect(resumedAfter).toEqual(["7", "8"]);
  });

  test("yields type and data of events, heartbeats, and the start of each connection", async () => {
    const { items } = connect([
      [`${HEARTBEAT}id: 4\nevent: run.started\ndata: {"é": 1}\n\n`, "data: a\ndata: b\n\n"],
      [],
    ]);
    expect(await Array.fromAsync(items)).toEqual([
      { kind: "open" },
      { kind: "heartbeat" },
      { kind: "event", id: "4", type: "run.started", data: '{"é": 1}' },
      { kind: "event", id: null, type: "message", data: "a\nb" },
    ]);
  });

  test("decodes characters that are split between two pieces", async () => {
    const bytes = Buffer.from("data: é\n\n");
    const open: EventStreamOptions["open"] = async () =>
      (async function* () {
        yield bytes.subarray(0, 7);
        yield bytes.subarray(7);
      })();
    const { items } = connect([], { open });
    expect(await Array.fromAsync(items)).toContainEqual({ kind: "event", id: null, type: "message", data: "é" });
  });

  test("yields events that came between its end and the answer that it is complete", async () => {
    const { resumedAfter, items } = connect([[event(1)], [event(2)]]);
    expect(await idsOf(items)).toEqual(["1", "2"]);
    expect(resumedAfter).toEqual([null, "1"]);
  });

  test("connects again if it ended too early", async () => {
    const answers = [false, true];
    const isComplete = async (): Promise<boolean> => answers.shift() ?? true;
    const { resumedAfter, items } = connect([[event(1)], [event(2)], []], { isComplete });
    expect(await idsOf(items)).toEqual(["1", "2"]);
    expect(resumedAfter).toEqual([null, "1", "2"]);
  });

  test("fails when patience ends, which starts again with each sign of life", async () => {
    const outage: string[] = [];
    const { resumedAfter, items } = connect([[HEARTBEAT, gone()], [gone()], [HEARTBEAT, gone()]], {
      onAway: (_, awayMs) => void (awayMs === 0 && outage.push("away")),
      onBack: () => void outage.push("back"),
    });
    await expect(idsOf(items)).rejects.toThrow("no connection");
    expect(outage).toEqual(["away", "back", "away"]);
    expect(resumedAfter.length).toBeGreaterThan(5);
    expect(resumedAfter.length).toBeLessThan(15);
  });

  test("fails at once when petit refuses", async () => {
    const { resumedAfter, items } = connect([[notFound()]]);
    await expect(idsOf(items)).rejects.toThrow("no such run");
    expect(resumedAfter).toEqual([null]);
  });

  test("counts a connection that is silent for too long as broken", async () => {
    const clock: Clock = {
      ...fastClock(),
      setTimeout: (callback) => {
        const timer = setTimeout(callback, 1);
        return () => clearTimeout(timer);
      },
    };
    const open: EventStreamOptions["open"] = async (_, signal) =>
      (async function* () {
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(gone())));
        yield new Uint8Array();
      })();
    const { items } = connect([], { open, clock, patienceMs: 0 });
    await expect(idsOf(items)).rejects.toMatchObject({ failure: { kind: "unreachable", why: "timeout" } });
  });

  test("ends without an error when its signal aborts, also in the middle of a wait", async () => {
    const stop = new AbortController();
    const { items } = connect([], { signal: stop.signal, onAway: () => stop.abort() });
    expect(await idsOf(items)).toEqual([]);
  });

  test("closes its connection while it is suspended, and resumes without a wait", async () => {
    const hide = new AbortController();
    const shown: string[] = [];
    const suspension: Suspension = {
      resumed: async () => void shown.push("resumed"),
      suspended: () => (shown.length === 1 ? hide.signal : new AbortController().signal),
    };
    const opened: (string | null)[] = [];
    const open: EventStreamOptions["open"] = async (lastId, signal) => {
      const isFirst = opened.push(lastId) === 1;
      return (async function* () {
        yield Buffer.from(event(isFirst ? 1 : 2));
        if (!isFirst) return;
        await new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(gone()));
          hide.abort();
        });
      })();
    };
    const { items } = connect([], { open, suspension, onAway: () => expect.unreachable() });
    expect(await idsOf(items)).toEqual(["1", "2", "2"]);
    expect(opened).toEqual([null, "1", "2"]);
    expect(shown).toEqual(["resumed", "resumed", "resumed"]);
  });
});

/** Returns the waits after each of `count` failures, in ms. */
const waitsOf = async (count: number, options: Partial<ReconnectOptions>): Promise<readonly number[]> => {
  const waits: number[] = [];
  let now = 0;
  const clock: ReconnectOptions["clock"] = {
    monotonic: () => now,
    setTimeout: (callback, delayMs) => {
      waits.push(delayMs);
      now += delayMs;
      queueMicrotask(callback);
      return () => {};
    },
  };
  const reconnect = new Reconnect({ clock, ...options });
  for (let failures = 0; failures < count; failures++) await reconnect.failed(gone());
  return waits;
};

describe("the reconnect policy", () => {
  test("doubles its delay up to 5 s", async () => {
    expect(await waitsOf(7, { random: () => 0.5 })).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  test("varies each delay by a quarter in either direction", async () => {
    expect(await waitsOf(1, { random: () => 0 })).toEqual([187.5]);
    expect(await waitsOf(1, { random: () => 1 })).toEqual([312.5]);
  });

  test("makes its last attempt when patience ends", async () => {
    const waits: readonly number[] = await waitsOf(3, { random: () => 0.5, patienceMs: 1_000 });
    expect(waits).toEqual([250, 500, 250]);
    await expect(waitsOf(4, { random: () => 0.5, patienceMs: 1_000 })).rejects.toThrow("no connection");
  });

  test("makes one attempt without patience, and reports no outage", async () => {
    const onAway = () => expect.unreachable();
    await expect(waitsOf(1, { patienceMs: 0, onAway })).rejects.toThrow("no connection");
  });

  test("reports the first failure of an outage with 0 ms", async () => {
    let now = 0;
    const setTimeout: Clock["setTimeout"] = (callback) => {
      queueMicrotask(callback);
      return () => {};
    };
    const awayMs: number[] = [];
    const onAway = (_: unknown, ms: number): void => void awayMs.push(ms);
    const reconnect = new Reconnect({ clock: { monotonic: () => now++, setTimeout }, onAway });
    await reconnect.failed(gone());
    await reconnect.failed(gone());
    expect(awayMs[0]).toBe(0);
    expect(awayMs[1]).toBeGreaterThan(0);
  });

  test("starts again with the shortest delay after a success", async () => {
    const waits: number[] = [];
    const clock: ReconnectOptions["clock"] = {
      monotonic: () => 0,
      setTimeout: (callback, delayMs) => {
        waits.push(delayMs);
        queueMicrotask(callback);
        return () => {};
      },
    };
    const reconnect = new Reconnect({ clock, random: () => 0.5 });
    await reconnect.failed(gone());
    await reconnect.failed(gone());
    reconnect.succeeded();
    await reconnect.failed(gone());
    expect(waits).toEqual([250, 500, 250]);
  });

  test("ends its wait when it is told to retry now", async () => {
    const clock: ReconnectOptions["clock"] = { monotonic: () => 0, setTimeout: () => () => {} };
    const reconnect = new Reconnect({ clock });
    const waiting = reconnect.failed(gone());
    reconnect.retryNow();
    await waiting;
  });
});
