import { describe, expect, test } from "bun:test";
import { neededTexts } from "../../../src/domain/search/needed-texts.ts";

describe("neededTexts", () => {
  test.each<[string, readonly (readonly string[])[]]>([
    ["timeout", [["timeout"]]],
    ["Connection Refused", [["connection refused"]]],
    ["error.*timeout", [["error"], ["timeout"]]],
    ["exit (code|status) [1-9]", [["exit "], ["code", "status"]]],
    ["(foo|ba)r", []],
    ["(error|warning)", [["error", "warning"]]],
    ["error|warning: disk", [["error", "warning: disk"]]],
    ["error|no", []],
    ["fo+bar", [["obar"]]],
    ["foo+bar", [["foo"], ["obar"]]],
    ["abcd*efg", [["abc"], ["efg"]]],
    ["abcd?efg", [["abc"], ["efg"]]],
    ["abcd{0,3}efg", [["abc"], ["efg"]]],
    ["abcd{2}efg", [["abcd"], ["defg"]]],
    ["a{b}cd", [["a{b}cd"]]],
    ["(abc)?def", [["def"]]],
    ["(?:abc)+def", [["abc"], ["def"]]],
    ["(?P<name>abc)def", [["abc"], ["def"]]],
    ["(?i)abc", [["abc"]]],
    ["[abc]def[^]x]ghi", [["def"], ["ghi"]]],
    ["[[:alpha:]]def", [["def"]]],
    ["\\d+ms", []],
    ["took \\d+ ms", [["took "], [" ms"]]],
    ["\\[error\\]", [["[error]"]]],
    ["\\Q(a.b)\\E", [["(a.b"]]],
    ["\\x41bcd", [["bcd"]]],
    ["\\x{1F600}bcd", [["bcd"]]],
    ["\\p{Lu}bcd\\pNefg", [["bcd"], ["efg"]]],
    ["^fatal$", [["fatal"]]],
    ["\\bfatal\\b", [["fatal"]]],
    ["a.b", []],
    ["", []],
    ["()abc", [["abc"]]],
    ["((abc|def)x|ghi)", [["abc", "def", "ghi"]]],
    ["ΣΑΣ.", [["σασ"]]],
  ])("of %p", (expression, expected) => {
    expect(neededTexts(expression)).toEqual(expected);
  });
});
