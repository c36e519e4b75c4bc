import { describe, expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import fc from "fast-check";
import { openRuntime } from "#runtime";
import { type OutputStream, STREAMS } from "../../../src/domain/task-run.ts";
import { OutputCollector } from "../../../src/engine/output/collector.ts";
import type { AttemptKey } from "../../../src/store/output.ts";
import type { Store } from "../../../src/store/store.ts";
import { memoryStore, startAttempt } from "../../support/engine/factories-store.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { makeSpool } from "../../support/engine/spool.ts";
import { tempDir } from "../../support/temp-dir.ts";

const LINE_BYTES = 24;

/** Reads as the API's followers do: from the line after the newest one that it has received. */
class Follower {
  readonly #store: Store;
  readonly #attempt: AttemptKey;
  #newest = 0;
  readonly seqs: number[] = [];
  readonly lines: string[] = [];

  constructor(store: Store, attempt: AttemptKey) {
    this.#store = store;
    this.#attempt = attempt;
  }

  /** Reads at most `limit` chunks. Returns false if there is nothing new. */
  read(limit: number): boolean {
    const fromSeq = this.#newest + 1;
    const chunks = this.#store.output.read({ runId: this.#attempt.runId, fromSeq, limit });
    for (const { seq, bytes } of chunks)
      for (const [index, line] of Buffer.from(bytes).toString().trimEnd().split("\n").entries()) {
        if (seq + index < fromSeq) continue;
        this.#newest = seq + index;
        this.seqs.push(this.#newest);
        this.lines.push(line);
      }
    return chunks.length > 0;
  }
}

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      stream: fc.constantFrom(...STREAMS),
      // From a few lines to many times the limit.
      lines: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 100, max: 2_000 })),
      isLooked: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("read" as const), limit: fc.integer({ min: 1, max: 40 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail" as const) }) },
);

describe("a follower of output", () => {
  test("receives every stored line once and in order, a marker at every gap, and the last line, for any bursts", () => {
    // Opening a store takes longer than everything else here.
    using store = memoryStore();
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 1_024, max: 16_384 }), (steps, limitBytes) => {
        using dir = tempDir();
        const attempt = startAttempt(store);
        const spool = makeSpool(dir.path, attempt.id);
        let isFailing = false;
        const failing: Store = {
          ...store,
          output: {
            ...store.output,
            append: (...args) => {
              if (isFailing) throw new Error("the disk is full");
              return store.output.append(...args);
            },
          },
        };
        const options = { store: failing, runtime: openRuntime(), clock: new FakeClock(), attempt, spool, limitBytes };
        const open = (isNew: boolean) => new OutputCollector({ ...options, isNew, onStored: () => {} });
        const written: Record<OutputStream, number> = { stdout: 0, stderr: 0 };
        const follower = new Follower(store, attempt);
        let output = open(true);
        for (const each of steps) {
          if (each.kind === "read") follower.read(each.limit);
          else if (each.kind === "restart") {
            output[Symbol.dispose]();
            output = open(false);
          } else if (each.kind === "fail") {
            isFailing = true;
            try {
              output.collect();
            } catch (error) {
              expect(error).toMatchObject({ message: "the disk is full" });
            }
            isFailing = false;
          } else {
            const from = written[each.stream];
            const lines = Array.from({ length: each.lines }, (_, index) => `${each.stream} ${from + index}`);
            appendFileSync(spool[each.stream], lines.map((line) => `${line.padEnd(LINE_BYTES - 1)}\n`).join(""));
            written[each.stream] += each.lines;
            if (each.isLooked) output.collect();
          }
        }
        output.finish();
        output[Symbol.dispose]();
        while (follower.read(16)) {}

        expect(follower.seqs).toEqual([...new Set(follower.seqs)].sort((a, b) => a - b));
        const stored = new Follower(store, attempt);
        while (stored.read(1_000)) {}
        const known = new Set(follower.lines);
        expect(stored.lines.filter((line) => !isMarker(line) && !known.has(line))).toEqual([]);
        expect(follower.lines.at(-1)).toEqual(stored.lines.at(-1));
        expect(bareGaps(follower.lines, written)).toEqual([]);
        expect(bareGaps(stored.lines, written)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

const isMarker = (line: string): boolean => line.startsWith("[petit: ");

/** Returns where lines of a stream are missing, repeated or out of order without a marker. */
const bareGaps = (lines: readonly string[], written: Readonly<Record<OutputStream, number>>): readonly string[] =>
  STREAMS.flatMap((stream) => {
    const gaps: string[] = [];
    let [next, isMarked] = [0, false];
    for (const line of [...lines, `${stream} ${written[stream]}`]) {
      if (isMarker(line)) isMarked = true;
      if (!line.startsWith(`${stream} `)) continue;
      const number = Number(line.slice(stream.length));
      if (number < next || (number > next && !isMarked)) gaps.push(`${stream} ${number} after ${next - 1}`);
      [next, isMarked] = [number + 1, false];
    }
    return gaps;
  });
