import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cutEnd, cutStart, escapeWithin, fit } from "../../../../src/engine/notify/message/cut.ts";

const bytesOf = (text: string): number => Buffer.byteLength(text);

describe("a text that is cut", () => {
  test("keeps its start or its end, with a mark", () => {
    expect(cutEnd("abcdef", 6)).toBe("abcdef");
    expect(cutEnd("abcdef", 4)).toBe("abc…");
    expect(cutStart("abcdef", 4)).toBe("…def");
  });

  test("is never split within a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 20 }), (text, length) => {
        for (const cut of [cutEnd(text, length), cutStart(text, length)]) {
          expect(cut.isWellFormed()).toBe(true);
          expect(cut.length).toBeLessThanOrEqual(length);
        }
      }),
    );
  });

  test("fits into a limit, whatever its escaping and its unit", () => {
    const escaped = (text: string): string => text.replaceAll("&", "&amp;");
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("&", "a", "ü", "🙂") }),
        fc.integer({ min: 3, max: 40 }),
        (text, limit) => {
          expect(escapeWithin(text, { limit, escape: escaped }).length).toBeLessThanOrEqual(limit);
          const rendered = fit(text, { limit, cut: cutStart, render: (kept) => kept, sizeOf: bytesOf });
          expect(bytesOf(rendered)).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });
});
