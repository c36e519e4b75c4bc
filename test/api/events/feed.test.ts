import { afterEach, describe, expect, test } from "bun:test";
import { EventFeed } from "../../../src/api/events/feed.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";

const made = fakeApi();
let clock = new FakeClock();
const makeFeed = (): EventFeed => {
  clock = new FakeClock();
  return new EventFeed({ ...made, clock });
};
let feed = makeFeed();
afterEach(() => feed[Symbol.dispose]());

const happen = (count: number): void => {
  for (let each = 0; each < count; each++) made.store.events.record({ type: "jobs.reloaded", now: each });
};

/** Returns the events as a reader gets them, a few at a time. */
const readAll = (since: number, limit: number): number[] => {
  const seqs: number[] = [];
  for (let seq = since; ; ) {
    const events = feed.after(seq, limit);
    if (events.length === 0) return seqs;
    seqs.push(...events.map((event) => event.seq));
    seq = events.at(-1)?.seq ?? seq;
  }
};

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("the feed of events", () => {
  test("returns each event once, from the store and from memory, wherever a reader begins", () => {
    happen(300);
    feed = makeFeed();
    const first = made.store.events.getNewestSeq() - 299;
    happen(2500);
    const last = first + 2799;
    expect(feed.newestSeq).toBe(last);
    for (const since of [first - 1, first + 150, first + 299, first + 300, first + 1700, last - 1, last]) {
      for (const limit of [7, 256, 10_000]) expect(readAll(since, limit)).toEqual(numbers(since + 1, last));
    }
  });

  test("notifies listeners immediately, and once for events that follow closely", async () => {
    feed = makeFeed();
    let told = 0;
    feed.onNew(() => told++);
    happen(5);
    expect(told).toBe(1);
    await clock.pass(9);
    happen(5);
    expect(told).toBe(1);
    await clock.pass(1);
    expect(told).toBe(2);
    await clock.pass(100);
    expect(told).toBe(2);
    happen(1);
    expect(told).toBe(3);
  });

  test("notifies no listener that has unsubscribed, and notifies new ones", async () => {
    feed = makeFeed();
    let [first, second] = [0, 0];
    const end = feed.onNew(() => first++);
    happen(1);
    end();
    happen(1);
    await clock.pass(10);
    feed.onNew(() => second++);
    happen(1);
    expect([first, second]).toEqual([1, 1]);
  });

  test("keeps a bounded number of events", () => {
    feed = makeFeed();
    happen(5000);
    expect(feed.after(feed.newestSeq - 500, 10_000)).toHaveLength(500);
    let read = 0;
    const { after } = made.store.events;
    made.store.events.after = (seq, limit) => {
      read++;
      return after(seq, limit);
    };
    feed.after(feed.newestSeq - 500, 10);
    expect(read).toBe(0);
    feed.after(feed.newestSeq - 2000, 10);
    expect(read).toBe(1);
    made.store.events.after = after;
  });
});
