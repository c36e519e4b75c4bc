import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { OutputBudget } from "../../../src/engine/output/budget.ts";
import type { AttemptKey, NewChunk } from "../../../src/store/output.ts";
import type { Store } from "../../../src/store/store.ts";
import { memoryStore, startAttempt } from "../../support/engine/factories-store.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";

const clock = new FakeClock();
const offsets = { stdout: 0, stderr: 0 };

const chunk = (text: string, stream: NewChunk["stream"] = "stdout"): NewChunk => ({
  stream,
  at: clock.now(),
  bytes: new TextEncoder().encode(text),
  lines: Math.max(1, text.split("\n").length - 1),
});

const stored = (store: Store, { runId }: AttemptKey): readonly string[] =>
  store.output.read({ runId, fromSeq: 1, limit: 1_000 }).map(({ bytes }) => Buffer.from(bytes).toString());

const numbers = (store: Store, attempt: AttemptKey): readonly number[] =>
  store.output.listExtents(attempt).map(({ seq }) => seq);

const marker = (dropped: number, half: string): string =>
  `[petit: ${dropped} bytes dropped here; the first and last ${half} of an attempt are kept]\n`;

/** Opens the budget of a new attempt, or of one that has output. */
const open = (limitBytes: number, of: { readonly store?: Store; readonly attempt?: AttemptKey } = {}) => {
  const store = of.store ?? memoryStore();
  const attempt = of.attempt ?? startAttempt(store);
  const isNew = of.attempt === undefined;
  return { store, attempt, budget: new OutputBudget({ store, attempt, clock, limitBytes, isNew }) };
};

describe("OutputBudget", () => {
  test("keeps everything within the limit", () => {
    const { store, attempt, budget } = open(2_048);
    budget.store([chunk("a\n"), chunk("b\n", "stderr")], offsets);
    budget.settle();
    expect(stored(store, attempt)).toEqual(["a\n", "b\n"]);
  });

  test("keeps output of exactly the limit, however it is split into chunks", () => {
    const { store, attempt, budget } = open(10);
    budget.store([chunk("aaa\n"), chunk("bbb\n"), chunk("c\n")], offsets);
    budget.settle();
    expect(stored(store, attempt)).toEqual(["aaa\n", "bbb\n", "c\n"]);
  });

  test("keeps the first and the last half of more output, with a marker between them", () => {
    const { store, attempt, budget } = open(8);
    budget.store(
      ["aa\n", "bb\n", "cc\n", "dd\n", "ee\n"].map((text) => chunk(text)),
      offsets,
    );
    budget.settle();
    expect(stored(store, attempt)).toEqual(["aa\n", marker(9, "4B"), "ee\n"]);
  });

  test("updates the one marker", () => {
    const { store, attempt, budget } = open(8);
    for (let index = 0; index < 10; index++) budget.store([chunk(`${index}${index}\n`)], offsets);
    budget.settle();
    expect(stored(store, attempt)).toEqual(["00\n", marker(24, "4B"), "99\n"]);
  });

  test("counts skipped output and what came right before it", () => {
    const { store, attempt, budget } = open(8);
    budget.store([chunk("aa\n"), chunk("bb\n"), chunk("c\n")], offsets);
    expect(budget.headIsFull).toBe(true);
    budget.skip(1_000, "stdout");
    budget.store([chunk("dd\n")], offsets);
    expect(stored(store, attempt)).toEqual(["aa\n", marker(1_005, "4B"), "dd\n"]);
  });

  test("gives the marker a number that no reader has passed, and never reuses a number", () => {
    const { store, attempt, budget } = open(8);
    budget.store([chunk("aa\n"), chunk("b\nb\n"), chunk("c\n")], offsets);
    expect(numbers(store, attempt)).toEqual([1, 2, 4]);
    budget.skip(1_000, "stderr");
    budget.store([chunk("dd\n")], offsets);
    expect(numbers(store, attempt)).toEqual([1, 5, 6]);
    expect(store.output.listExtents(attempt)).toMatchObject([{}, { stream: "stderr", dropped: 1_006 }, {}]);
    budget.skip(1_000, "stdout");
    budget.store([chunk("ee\n"), chunk("f\nf\n"), chunk("gg\n")], offsets);
    expect(numbers(store, attempt)).toEqual([1, 7, 8, 9, 11]);
    budget.settle();
    expect(numbers(store, attempt)).toEqual([1, 10, 11]);
    expect(store.output.listExtents(attempt)).toMatchObject([{}, { stream: "stdout", dropped: 2_016 }, {}]);
  });

  test("lets the last half exceed its limit, so that not every line costs a deletion", () => {
    const { store, attempt, budget } = open(8);
    for (let index = 0; index < 10; index++) budget.store([chunk(`${index}${index}\n`)], offsets);
    expect(stored(store, attempt)).toHaveLength(10);
  });

  test("bounds that excess", () => {
    const { store, attempt, budget } = open(131_072);
    const big = chunk(`${"x".repeat(65_535)}\n`);
    for (let index = 0; index < 40; index++) budget.store([big], offsets);
    const bytes = store.output.listExtents(attempt).reduce((sum, extent) => sum + extent.bytes, 0);
    expect(bytes).toBeLessThan(131_072 + 1_048_576 + 65_536 + 100);
  });

  test("stores nothing after an error, and accepts the same chunks again", () => {
    const { store, attempt, budget } = open(8);
    const broken: Store = { ...store, output: { ...store.output, append: () => expect.unreachable() } };
    const failing = new OutputBudget({ store: broken, attempt, clock, limitBytes: 8, isNew: true });
    failing.skip(5, "stdout");
    expect(() => failing.store([chunk("aa\n")], offsets)).toThrow();
    expect(stored(store, attempt)).toEqual([]);
    budget.store([chunk("aa\n")], offsets);
    expect(stored(store, attempt)).toEqual(["aa\n"]);
  });

  test("uses small chunks for a small limit", () => {
    expect([1_024, 65_536, 1_048_576, 16_777_216].map((limit) => open(limit).budget.chunkBytes)).toEqual([
      256, 2_048, 32_768, 65_536,
    ]);
  });

  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("store" as const),
        sizes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("pass" as const), bytes: fc.integer({ min: 1, max: 500 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail" as const) }) },
  );

  test("keeps the beginning and the end within the limit and counts every byte, for any sequence of calls", () => {
    using shared = memoryStore();
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 80, max: 400 }), (steps, limitBytes) => {
        let { store, attempt, budget } = open(limitBytes, { store: shared });
        let letter = 0;
        let [written, all] = ["", 0];
        const next = (size: number): NewChunk => {
          const text = String.fromCharCode(97 + (letter++ % 26)).repeat(size - 1);
          written += `${text}\n`;
          all += size;
          return chunk(`${text}\n`);
        };
        for (const each of steps) {
          if (each.kind === "store") budget.store(each.sizes.map(next), offsets);
          else if (each.kind === "restart") ({ store, attempt, budget } = open(limitBytes, { store, attempt }));
          else if (each.kind === "fail") {
            const before = stored(store, attempt);
            expect(() =>
              store.transaction(() => {
                budget.store([chunk("lost\n")], offsets);
                throw new Error("undone");
              }),
            ).toThrow("undone");
            expect(stored(store, attempt)).toEqual(before);
            ({ store, attempt, budget } = open(limitBytes, { store, attempt }));
          } else if (budget.headIsFull) {
            budget.skip(each.bytes, "stdout");
            all += each.bytes;
            // A last half remains to be read after the skipped output.
            for (let left = limitBytes / 2; left > 0; left -= 10) budget.store([next(10)], offsets);
          }
        }
        budget.settle();
        const extents = store.output.listExtents(attempt);
        const place = extents.findIndex(({ dropped }) => dropped > 0);
        const rows = stored(store, attempt);
        const head = rows.slice(0, place === -1 ? rows.length : place).join("");
        const tail = place === -1 ? "" : rows.slice(place + 1).join("");
        const dropped = extents.reduce((sum, extent) => sum + extent.dropped, 0);
        const half = Math.floor(limitBytes / 2);
        expect(written.startsWith(head)).toBe(true);
        expect(written.endsWith(tail)).toBe(true);
        expect(head.length + tail.length + dropped).toBe(all);
        if (all <= limitBytes) expect(place).toBe(-1);
        expect(head.length + tail.length).toBeLessThanOrEqual(limitBytes);
        if (place === -1) expect(head.length).toBeLessThanOrEqual(limitBytes);
        else {
          expect(head.length).toBeLessThanOrEqual(half);
          expect(head.length).toBeGreaterThan(half - 40);
          expect(extents.filter((extent) => extent.dropped > 0)).toHaveLength(1);
        }
      }),
      { numRuns: 150 },
    );
  });
});
