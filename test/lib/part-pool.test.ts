import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PartPool } from "../../src/lib/part-pool.ts";

describe("PartPool", () => {
  test("returns what JSON.parse returns, also after other values", () => {
    const texts = fc.constantFrom(
      "",
      "a",
      "b",
      "{",
      "[\u0002a",
      "{\u0002a\u00021",
      "a\u0001",
      "__proto__",
      "x".repeat(101),
    );
    const values = fc.jsonValue({ stringUnit: "grapheme" });
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        texts,
        fc.constantFrom(null, true, 0, 1, -1.5),
        fc.array(tie("value"), { maxLength: 10 }),
        fc.dictionary(texts, tie("value"), { maxKeys: 10 }),
      ),
    }));
    fc.assert(
      fc.property(fc.array(fc.oneof(value, values)), (list) => {
        const pool = new PartPool();
        for (const each of list) {
          const json = JSON.stringify(each);
          expect(pool.parse(json)).toStrictEqual(JSON.parse(json));
          expect(JSON.stringify(pool.parse(json))).toBe(json);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("shares equal parts", () => {
    const pool = new PartPool();
    const [first, second] = [1, 2].map((id) =>
      pool.parse(`{"id": ${id}, "list": ["a", 1], "map": {"b": null}, "empty": []}`),
    );
    const partsOf = (value: unknown): readonly unknown[] => Object.values(value ?? {}).slice(1);
    const [parts, others] = [partsOf(first), partsOf(second)];
    expect(parts).toHaveLength(3);
    for (const [index, part] of parts.entries()) expect(others[index]).toBe(part);
  });
});
