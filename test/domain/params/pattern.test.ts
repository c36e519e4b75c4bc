import { beforeAll, describe, expect, test } from "bun:test";
import { loadPatterns, whyNotPattern, whyUnmatched } from "../../../src/domain/params/pattern.ts";

beforeAll(loadPatterns);

describe("a pattern", () => {
  test.each([
    ["^\\d{4}-\\d\\d-\\d\\d$"],
    ["^[\\w.+-]+@[\\w-]+\\.[a-z]{2,}$"],
    ["^(?:fast|full)$"],
    ["^\\p{Lu}[^\\s/]*$"],
    ["(?i)^yes$"],
    ["^.{1,1000}$"],
  ])("%p is accepted", (pattern) => {
    expect(whyNotPattern(pattern)).toBeNull();
  });

  test.each([
    ["(", "missing closing ): `(`"],
    ["[a", "missing closing ]: `[a`"],
    ["^(?=a)b", "invalid or unsupported Perl syntax: `(?=`"],
    ["^(?!a)b", "invalid or unsupported Perl syntax: `(?!`"],
    ["(?<!a)b", "invalid named capture: `(?<!a)b`"],
    ["(?<=a)b", "invalid named capture: `(?<=a)b`"],
    ["(a)\\1", "invalid escape sequence: `\\1`"],
    ["(?<n>a)\\k<n>", "invalid escape sequence: `\\k`"],
    ["a{1,1001}", "invalid repeat count: `{1,1001}`"],
  ])("%p is refused with the feature that RE2 lacks", (pattern, why) => {
    expect(whyNotPattern(pattern)).toBe(
      `'${pattern}' is not a regular expression: ${why}; expected RE2's syntax, which has no lookaround and no backreferences`,
    );
  });

  test("that is too complex is refused", () => {
    expect(whyNotPattern(".{1000}".repeat(9))).toBeNull();
    expect(whyNotPattern(".{1000}".repeat(10))).toBe("is too complex (10002 instructions); expected at most 10000");
  });

  test("that is stored but unusable refuses every value", () => {
    expect(whyUnmatched("(?=a)a", "a")).toStartWith("has a pattern that cannot be used: '(?=a)a' is not");
  });

  test("with many instructions limits the length of a value", () => {
    expect(whyUnmatched("^.{0,1000}$", "a".repeat(1000))).toBeNull();
    expect(whyUnmatched("^.{0,1000}$", "a".repeat(2000))).toBe(
      "has 2000 characters, too many for its pattern; expected at most 1046",
    );
  });
});

const HOSTILE: readonly (readonly [pattern: string, value: string])[] = [
  ["^\\S+@\\S+\\.\\S+$", `a@${".a@".repeat(43_000)} `],
  ["^(a+)+$", `${"a".repeat(130_000)}b`],
  ["^(a|a)*$", `${"a".repeat(130_000)}b`],
  ["^(([a-z])+.)+[A-Z]([a-z])+$", "a".repeat(60_000)],
  ["(x+x+)+y$", `y${"x".repeat(60_000)}`],
];

describe("a hostile value", () => {
  // A backtracking engine needs hours for some of these.
  test.each(HOSTILE)("takes linear time against %p", (pattern, value) => {
    expect(whyUnmatched(pattern, value)).toStartWith(
      `can't be '${value.slice(0, 79)}…'; expected a value that matches`,
    );
  });
});
