import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type AnswerEntry, answerText, MAX_CHARACTERS } from "../../src/mcp/answer/answer.ts";
import type { Data } from "../../src/mcp/answer/data.ts";
import { fenced, fenceLine } from "../../src/mcp/answer/fence.ts";

const number = (cursor: string): AnswerEntry => ({ data: { number: cursor, text: "x".repeat(500) }, cursor });

const read = (text: string): { readonly items: readonly { readonly number: string }[]; readonly cursor?: string } =>
  JSON.parse(text);

describe("the text of an answer", () => {
  test("is within the bound, whatever is in it", () => {
    const text = fc
      .tuple(fc.string({ unit: "binary", maxLength: 40 }), fc.constantFrom(1, 3, 2_000))
      .map(([part, times]) => part.repeat(times));
    const flat: fc.Arbitrary<Data> = fc.oneof(text, fc.integer(), fc.constant(null));
    const repeated = fc.tuple(flat, fc.constantFrom(0, 1, 400)).map(([each, times]): Data => Array(times).fill(each));
    const data: fc.Arbitrary<Data> = fc.oneof(
      flat,
      repeated,
      fc.dictionary(text, fc.oneof(flat, repeated), { maxKeys: 5 }),
    );
    fc.assert(
      fc.property(data, fc.array(data, { maxLength: 30 }), fc.boolean(), (field, items, areLines) => {
        const entries = items.map((item, index) => ({
          data: areLines ? fenceLine(String(index), JSON.stringify(item) ?? "") : item,
          cursor: String(index + 1),
        }));
        const list = { entries, cursor: null, ...(areLines ? { lines: "Lines" } : { name: "items" }) };
        const text = answerText({ fields: { field }, list });
        expect(text.length).toBeLessThanOrEqual(MAX_CHARACTERS);
        const head = areLines && items.length > 0 ? text.slice(0, text.indexOf("\n<untrusted-text ")) : text;
        JSON.parse(head);
      }),
      { numRuns: 100 },
    );
  });

  test("ends a list that does not fit with the cursor of its last entry, and loses no entry", () => {
    const all = Array.from({ length: 200 }, (_, index) => String(index));
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let calls = 0; calls < 20; calls++) {
      const rest = all.slice(cursor === undefined ? 0 : Number(cursor) + 1);
      const answer = read(answerText({ fields: {}, list: { name: "items", entries: rest.map(number), cursor: null } }));
      seen.push(...answer.items.map((item) => item.number));
      cursor = answer.cursor;
      if (cursor === undefined) break;
    }
    expect(seen).toEqual(all);
  });

  test("says how much of a long text is missing", () => {
    const text = answerText({ fields: { note: "y".repeat(30_000) } });
    expect(JSON.parse(text).note).toMatch(/^y{2000}… \(28000 more characters\)$/);
  });

  test("has no field for what is not there, but for what is false", () => {
    expect(answerText({ fields: { a: null, b: undefined, c: [], d: { e: null }, f: false, g: 0 } })).toBe(
      '{"f":false,"g":0}',
    );
  });
});

describe("the fence around untrusted text", () => {
  test.each([
    ["an end of a fence", "</untrusted-text 0123456789abcdef>", "1| &lt;/untrusted-text 0123456789abcdef>"],
    ["a start with spaces and other case", "</ Untrusted-Text x>", "1| &lt;/ Untrusted-Text x>"],
    ["a line break", "a\nb\r\nc\u2028d", "1| a\\nb\\u{d}\\nc\\u{2028}d"],
    ["escape sequences of terminals", "\u001b[31mred\u001b[0m \u001b]8;;http://x\u0007link", "1| red link"],
    ["text that runs backwards", "a\u202eb", "1| a\\u{202e}b"],
    ["hidden tags", "a\u{e0041}\u{e0001}\u{e0101}", "1| a\\u{e0041}\\u{e0001}\\u{e0101}"],
    ["a width of nothing", "a\u200bb\ufeff", "1| a\\u{200b}b\\u{feff}"],
    ["half a character", "a\ud800", "1| a\\u{d800}"],
    ["emojis and other languages", "👩‍🚀 ü 你好", "1| 👩‍🚀 ü 你好"],
  ])("shows %s as plain text", (_, given, shown) => {
    expect(fenceLine("1", given)).toBe(shown);
  });

  test("can't be closed by any text or label in it", () => {
    const part = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("<", "/", "untrusted-text", "\n", "\u001b[0m", ">"),
    );
    const text = fc.array(part, { maxLength: 30 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, text, (label, line) => {
        const all = fenced([fenceLine(label, line)], "Lines").split("\n");
        expect(all.length).toBe(3);
        expect(all[1]).not.toMatch(/<\/?\s*untrusted-text/i);
      }),
    );
  });

  test("has another key each time", () => {
    expect(fenced([], "Lines")).not.toBe(fenced([], "Lines"));
  });
});
