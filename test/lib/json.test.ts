import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { JsonError, MAX_JSON_DEPTH, MAX_JSON_NAMES, parseJson, toJson } from "../../src/lib/json.ts";

/** Parts of strings that a search for their end, or for numbers, can mistake. */
const hardString = fc
  .array(fc.constantFrom('"', "\\", "\\\\", "[", "{", "}", "1e5", "4503599627370496123", ".", "é", "\n"), {
    maxLength: 8,
  })
  .map((parts) => parts.join(""));

/** A JSON text whose numbers are written in the way in which they must be kept. */
const jsonText: fc.Arbitrary<string> = fc.letrec<{ readonly value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    hardString.map((text) => JSON.stringify(text)),
    fc.constantFrom(
      "0",
      "-7",
      "0.1",
      "true",
      "false",
      "null",
      "9007199254740993",
      "-12345678901234567890",
      "0.10000000000000000001",
    ),
    fc.array(tie("value"), { maxLength: 4 }).map((values) => `[${values.join(",")}]`),
    fc
      .array(fc.tuple(hardString, tie("value")), { maxLength: 4 })
      .map((pairs) => new Map(pairs))
      .map((map) => `{${[...map].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`),
  ),
})).value;

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

describe("a JSON text from outside", () => {
  test("keeps all numbers, and what strings contain", () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(JSON.stringify(parseJson(text))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test("keeps a number that is written with an exponent if no JavaScript number has its value", () => {
    expect(JSON.stringify(parseJson('{"a": 1e400, "b": 1e2}'))).toBe('{"a":1e400,"b":100}');
  });

  test("has a maximum number of names, also within lists", () => {
    const maps = (count: number): string => `[${Array(count).fill('{"a:b":1}').join(",")}]`;
    expect(() => parseJson(maps(MAX_JSON_NAMES))).not.toThrow();
    expect(() => parseJson(maps(MAX_JSON_NAMES + 1))).toThrow("has more than 50000 names");
  });

  test("is written as it was read", () => {
    const text = '{ "a": [1e400, "\\u0041"],\n"b": 12345678901234567890 }';
    expect(toJson(parseJson(text))).toBe(text);
    expect([toJson("a"), toJson(null), toJson([1])]).toEqual(['"a"', "null", "[1]"]);
  });

  test("has a maximum depth, whatever its strings contain", () => {
    expect(() => parseJson(nested(MAX_JSON_DEPTH))).not.toThrow();
    expect(() => parseJson(nested(MAX_JSON_DEPTH + 1))).toThrow(JsonError);
    const quoted = JSON.stringify(`\\"${nested(MAX_JSON_DEPTH + 1)}\\`);
    expect(() => parseJson(`[${quoted}]`)).not.toThrow();
    expect(() => parseJson(`[${quoted}, ${nested(MAX_JSON_DEPTH)}]`)).toThrow(JsonError);
  });

  test.each(['"', '"\\', '"\\"', "[", '{"a":}', "1e", "tru", '"a" "b"', '\\"[', ""])(
    "is refused if it is not JSON: %j",
    (text) => {
      expect(() => parseJson(text)).toThrow(JsonError);
    },
  );
});
