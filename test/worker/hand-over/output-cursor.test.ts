import { describe, expect, test } from "bun:test";
import type { RunId } from "../../../src/domain/ids.ts";
import { OutputBudget } from "../../../src/engine/output/budget.ts";
import type { Store } from "../../../src/store/store.ts";
import { storeGranted } from "../../../src/worker/attempt/local-attempt.ts";
import { type OutputBatch, OutputCursor } from "../../../src/worker/hand-over/output-cursor.ts";
import { job, shell } from "../../support/engine/factories.ts";
import { memoryStore } from "../../support/engine/factories-store.ts";
import { FakeScheduler } from "../../support/workers/fake-scheduler.ts";

const LIMIT_BYTES = 4_096;

/** An attempt whose output may have 4 KiB, and a cursor that reads it. */
const openOutput = () => {
  const store = memoryStore();
  const offer = new FakeScheduler().offerOf(shell("only", "true"));
  const { versionId } = [...store.jobs.saveDefinitions([job("worker")], 1).values()][0] ?? { versionId: 0 };
  const { run, attempt } = storeGranted(store, offer, { versionId, now: 1_000 });
  const clock = { now: () => 1_500 };
  const budget = new OutputBudget({ store, attempt, isNew: true, limitBytes: LIMIT_BYTES, clock });
  let printed = "";
  return {
    /** Prints lines of 16 bytes, each with its number. */
    print: (lines: number) => {
      const from = printed.length / 16;
      const chunks = Array.from({ length: lines }, (_, i) => `${String(from + i).padStart(15, ".")}\n`);
      printed += chunks.join("");
      const stored = chunks.map((text) => ({
        stream: "stdout" as const,
        at: 1_250,
        lines: 1,
        bytes: new TextEncoder().encode(text),
      }));
      budget.store(stored, { stdout: 0, stderr: 0 });
    },
    settle: () => budget.settle(),
    cursor: (maxBytes?: number) => cursorOf(store, run.id, maxBytes),
    printed: () => printed,
    [Symbol.dispose]: () => store[Symbol.dispose](),
  };
};

/** What the cursor leaves free in a message. */
const HEADROOM_BYTES = 12 * 1024;

const cursorOf = (store: Store, runId: RunId, maxBytes = 2 ** 20) =>
  new OutputCursor({
    received: store.received,
    runId,
    claimedAt: 1_000,
    maxMessageBytes: () => HEADROOM_BYTES + maxBytes,
  });

const readAll = (cursor: OutputCursor): readonly OutputBatch[] => {
  const batches: OutputBatch[] = [];
  for (let batch = cursor.next(); batch !== null; batch = cursor.next()) batches.push(batch);
  return batches;
};

/** Returns what a receiver has of batches: output at its position, and `-` for what was dropped. */
const received = (batches: readonly OutputBatch[]): string => {
  let text = "";
  for (const { offset, end, chunks, bytes } of batches) {
    expect(offset).toBe(text.length);
    let read = 0;
    for (const { bytes: size, dropped = 0 } of chunks) {
      text += new TextDecoder().decode(bytes.subarray(read, read + size)) + "-".repeat(dropped);
      read += size;
    }
    expect(end).toBe(text.length);
  }
  return text;
};

/** Expects the output with only some of it replaced by `-`. */
const expectPart = (text: string, printed: string): void => {
  expect(text).toHaveLength(printed.length);
  expect([...text].every((char, at) => char === "-" || char === printed[at])).toBe(true);
};

describe("the cursor of the output of an attempt", () => {
  test("reads all of it, with times since the claim", () => {
    using output = openOutput();
    output.print(100);
    const batches = readAll(output.cursor());
    expect(received(batches)).toBe(output.printed());
    expect(batches[0]?.chunks[0]).toEqual({ stream: "stdout", at: 250, lines: 1, bytes: 16 });
  });

  test("reads it in parts that fit into the messages of the server", () => {
    using output = openOutput();
    output.print(100);
    const batches = readAll(output.cursor(10));
    expect(received(batches)).toBe(output.printed());
    expect(Math.max(...batches.map(({ bytes }) => bytes.length))).toBe(10);
  });

  test("counts what the limit has dropped before it was read", () => {
    using output = openOutput();
    output.print(100_000);
    output.settle();
    const text = received(readAll(output.cursor()));
    expectPart(text, output.printed());
    expect(text.replaceAll("-", "").length).toBeLessThanOrEqual(LIMIT_BYTES);
    expect(text.endsWith(output.printed().slice(-1_600))).toBe(true);
  });

  test.each([
    [2 ** 20, 1_000, 80],
    [10, 40, 20],
  ])("reads everything once if the limit drops output that was read, %i bytes at a time", (max, lines, times) => {
    using output = openOutput();
    const cursor = output.cursor(max);
    const batches: OutputBatch[] = [];
    for (let i = 0; i < times; i++) {
      output.print(lines);
      if (i % 3 === 0) continue;
      if (max > 10) batches.push(...readAll(cursor));
      // Stops within a piece.
      else for (let each = 0; each < 33; each++) batches.push(...[cursor.next() ?? []].flat());
    }
    output.settle();
    batches.push(...readAll(cursor));
    expectPart(received(batches), output.printed());
  });

  test.each([0, 1_600, 8_000, 1_000_000])("continues at position %i after the limit has dropped output", (position) => {
    using output = openOutput();
    output.print(100_000);
    output.settle();
    const cursor = output.cursor();
    cursor.seek(position);
    expect(cursor.position).toBe(position);
    const text = received([
      {
        offset: 0,
        end: position,
        chunks: [{ stream: "stdout", at: 0, lines: 0, bytes: 0, dropped: position }],
        bytes: new Uint8Array(),
      },
      ...readAll(cursor),
    ]);
    expectPart(text, output.printed());
    expect(text.endsWith(output.printed().slice(-1_600))).toBe(true);
  });
});
