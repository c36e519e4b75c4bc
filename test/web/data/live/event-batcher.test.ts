import "../../../support/web/globals.ts";
import { expect, test } from "bun:test";
import type { LiveEvent } from "../../../../src/client/live-event.ts";
import { EventBatcher } from "../../../../src/web/data/live/event-batcher.ts";

const event = (seq: number): LiveEvent => ({
  type: "run.started",
  seq,
  at: seq,
  job_id: "hello",
  run_id: `run ${seq}`,
});

/** Adds this number of events; resolves with the batch of the next frame. */
const burst = async (count: number) => {
  const frames: (readonly LiveEvent[])[] = [];
  let overflows = 0;
  const done = Promise.withResolvers<void>();
  const queue = new EventBatcher({
    onBatch: (events) => {
      frames.push(events);
      // The overflow is reported after the batch.
      queueMicrotask(done.resolve);
    },
    onOverflow: () => {
      overflows++;
    },
  });
  for (let seq = 0; seq < count; seq++) queue.add(event(seq));
  expect(frames).toEqual([]);
  await done.promise;
  return { frames, overflows };
};

test("an event batcher delivers the events since the last frame together, in order", async () => {
  const { frames, overflows } = await burst(60);
  expect(frames).toHaveLength(1);
  expect(frames[0]?.map(({ seq }) => seq)).toEqual(Array.from({ length: 60 }, (_, seq) => seq));
  expect(overflows).toBe(0);
});

test("an event batcher delivers at most the newest 1,000 events, and reports an overflow", async () => {
  const { frames, overflows } = await burst(5_000);
  expect([frames[0]?.length, frames[0]?.[0]?.seq, frames[0]?.at(-1)?.seq]).toEqual([1_000, 4_000, 4_999]);
  expect(overflows).toBe(1);
});
