import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MinHeap } from "../../src/lib/heap.ts";

describe("MinHeap", () => {
  test("is empty at first", () => {
    const heap = new MinHeap<string>();
    expect([heap.size, heap.smallest, heap.pop()]).toEqual([0, null, null]);
  });

  test("returns items by key, after any pushes and pops", () => {
    const step = fc.oneof(fc.record({ push: fc.integer({ min: -50, max: 50 }) }), fc.constant("pop" as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new MinHeap<number>();
        let model: number[] = [];
        for (const each of steps) {
          if (each === "pop") {
            model.sort((a, b) => a - b);
            expect(heap.pop()).toBe(model[0] ?? null);
            model = model.slice(1);
          } else {
            heap.push(each.push, each.push);
            model.push(each.push);
          }
          expect(heap.size).toBe(model.length);
          expect(heap.smallest).toBe(model.length === 0 ? null : Math.min(...model));
        }
      }),
    );
  });

  test("is empty after `clear`, and can be used again", () => {
    const heap = new MinHeap<string>();
    heap.push("a", 1);
    heap.clear();
    expect(heap.pop()).toBeNull();
    heap.push("b", 2);
    expect(heap.pop()).toBe("b");
  });
});
