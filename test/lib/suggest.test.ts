import { describe, expect, test } from "bun:test";
import { suggest } from "../../src/lib/suggest.ts";

describe("suggest", () => {
  const commands = ["run", "runs", "retry", "validate", "list", "trigger", "status"];
  const cases: readonly (readonly [string, string | null])[] = [
    ["vaildate", "validate"],
    ["validat", "validate"],
    ["VALIDATE", "validate"],
    ["rnu", "run"],
    ["lsit", "list"],
    ["statsu", "status"],
    ["triger", "trigger"],
    ["completely_else", null],
    ["toString", null],
    ["", null],
  ];
  test.each(cases)("returns for %p the candidate %p", (word, expected) => {
    expect(suggest(word, commands)).toBe(expected);
  });

  test("does not take a letter for another one, except in another case", () => {
    expect(suggest("b", ["a", "c"])).toBeNull();
    expect(suggest("b", ["a", "B"])).toBe("B");
    expect(suggest("b", ["ab"])).toBe("ab");
  });

  test("accepts the beginning of a word, if it is not ambiguous", () => {
    expect(suggest("env", ["id", "environment", "tasks"])).toBe("environment");
    expect(suggest("Val", commands)).toBe("validate");
    expect(suggest("time", ["timeouts_of_all", "timeouts_of_one"])).toBeNull();
    expect(suggest("en", ["environment"])).toBeNull();
  });

  test("ignores words of more than 256 letters, which would take minutes to compare", () => {
    expect(suggest(`${"a".repeat(255)}b`, [`${"a".repeat(255)}c`])).toBe(`${"a".repeat(255)}c`);
    expect(suggest(`${"a".repeat(20_000)}b`, [`${"a".repeat(20_000)}c`])).toBeNull();
  });

  test("prefers the nearest candidate, and the first of equally near ones", () => {
    expect(suggest("runs", commands)).toBe("runs");
    expect(suggest("abc", ["abd", "abe"])).toBe("abd");
  });
});
