import { expect, test } from "bun:test";
import { type EventSourceOptions, eventSource } from "../../../src/cli/client/event-source.ts";
import { EXIT } from "../../../src/cli/exit.ts";
import { Failure } from "../../../src/cli/failure.ts";
import type { Clock } from "../../../src/lib/clock.ts";

/** Time passes when it is waited for; the watch over silence is the one long wait, and never rings. */
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

const gone = (): Failure => new Failure(EXIT.UNREACHABLE, "gone");

const event = (id: number): string => `id: ${id}\ndata: ${id}\n\n`;

type Opening = readonly (string | Failure)[];

/** Each opening in turn gives its pieces; a failure ends it. */
const source = (openings: readonly Opening[], options: Partial<EventSourceOptions> = {}) => {
  const asked: (string | null)[] = [];
  const open: EventSourceOptions["open"] = async function* (lastId) {
    const pieces = openings[asked.push(lastId) - 1] ?? [gone()];
    for (const piece of pieces) {
      if (piece instanceof Failure) throw piece;
      yield Buffer.from(piece);
    }
  };
  const isOver = async (): Promise<boolean> => true;
  return { asked, events: eventSource({ open, isOver, clock: fastClock(), patienceMs: 5_000, ...options }) };
};

const idsOf = async (events: ReturnType<typeof eventSource>): Promise<readonly (string | null)[]> =>
  (await Array.fromAsync(events)).map(({ id }) => id);

test("events go on after the last one that was had, in whatever pieces they came", async () => {
  const [first, second, third] = [event(1), event(2), event(3)];
  const openings = [[first + second.slice(0, 5), gone()], [gone()], [second, third.slice(0, 3), third.slice(3)], []];
  const { asked, events } = source(openings);
  expect(await idsOf(events)).toEqual(["1", "2", "3"]);
  expect(asked).toEqual([null, "1", "1", "3"]);
});

test("what came between the end of a stream and the end of what it tells of is not left out", async () => {
  const { asked, events } = source([[event(1)], [event(2)]]);
  expect(await idsOf(events)).toEqual(["1", "2"]);
  expect(asked).toEqual([null, "1"]);
});

test("a stream that ends too early is opened again", async () => {
  const answers = [false, true];
  const isOver = async (): Promise<boolean> => answers.shift() ?? true;
  const { asked, events } = source([[event(1)], [event(2)], []], { isOver });
  expect(await idsOf(events)).toEqual(["1", "2"]);
  expect(asked).toEqual([null, "1", "2"]);
});

test("patience has an end, is told of once, and is whole again after a sign of life", async () => {
  const told: boolean[] = [];
  const onBreak = (isBack: boolean): void => void told.push(isBack);
  const { asked, events } = source([[": life\n\n", gone()], [gone()], [": life\n\n", gone()]], { onBreak });
  await expect(idsOf(events)).rejects.toThrow("gone");
  expect(told).toEqual([false, true, false]);
  expect(asked.length).toBeGreaterThan(5);
  expect(asked.length).toBeLessThan(15);
});

test("a refusal is not waited out", async () => {
  const { asked, events } = source([[new Failure(EXIT.USAGE, "no such run")]]);
  await expect(idsOf(events)).rejects.toThrow("no such run");
  expect(asked).toEqual([null]);
});
