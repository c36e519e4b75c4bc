import { describe, expect, test } from "bun:test";
import { foldText, isSearchable, trigramsOf } from "../../../src/domain/search/fold.ts";
import { searchPatternOf, type WantedText } from "../../../src/domain/search/search-pattern.ts";

const matchOf = async (wanted: WantedText, line: string, from = 0) => {
  const pattern = await searchPatternOf(wanted);
  return "problem" in pattern ? pattern : pattern.find(foldText(line), from);
};
const text = (each: string): WantedText => ({ text: each, isExpression: false });
const expression = (each: string): WantedText => ({ text: each, isExpression: true });

describe("a text", () => {
  test.each<[string, string]>([
    ["Error", "an ERROR here"],
    ["ΟΔΟΣ", "ὁδός οδος ΟΔΟΣΑ"],
    ["red text", "a \u001b[31mred\u001b[0m text"],
    ["100%_", "at 100%_ done"],
    ['"quoted"', 'say "Quoted"'],
  ])("%p is found in %p", async (wanted, line) => {
    expect(await matchOf(text(wanted), line)).not.toBeNull();
  });

  test("is found only where it ends after a place", async () => {
    expect(await matchOf(text("abc"), "abcabc", 3)).toEqual({ start: 3, end: 6 });
    expect(await matchOf(text("abc"), "xxabc", 4)).toEqual({ start: 2, end: 5 });
    expect(await matchOf(text("abc"), "abc", 3)).toBeNull();
  });
});

describe("an expression", () => {
  test("matches whatever the case is", async () => {
    expect(await matchOf(expression("exit (code|status) [1-9]"), "Exit CODE 3")).toEqual({ start: 0, end: 11 });
    expect(await matchOf(expression("exit (code|status) [1-9]"), "exit code 0")).toBeNull();
  });

  test.each([
    ["(abc", "missing closing"],
    ["(?=abc)abc", "RE2's syntax"],
    ["\\d+", "3 or more characters"],
    ["(?-i)ERROR", "the flag '-i'"],
    ["error (?s-Ui:CODE)", "the flag '-i'"],
    ["abc(x{1,500}y){2}", "too complex"],
  ])("%p is refused", async (wanted, problem) => {
    expect(await matchOf(expression(wanted), "")).toMatchObject({ problem: expect.stringContaining(problem) });
  });

  test.each([
    ["(?i)error", "an ERROR"],
    ["\\(\\?-i\\)error", "(?-i)error"],
    ["\\Q(?-i)\\Eerror", "(?-i)error"],
    ["[(?-i)]error", ")error"],
  ])("%p is no expression that minds the case", async (wanted, line) => {
    expect(await matchOf(expression(wanted), line)).toMatchObject({ end: line.length });
  });

  test("takes time in proportion to the line", async () => {
    const line = `abc${"a".repeat(20_000)}`;
    const began = performance.now();
    expect(await matchOf(expression("abc(a+)+$x"), line)).toBeNull();
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

test("a text is searchable from three characters on, not bytes or code units", () => {
  expect(["ab", "äö", "😀😀", "a\u001b[31mb"].map(isSearchable)).toEqual([false, false, false, false]);
  expect(["abc", "äöü", "😀😀😀"].map(isSearchable)).toEqual([true, true, true]);
});

test("trigrams are of characters, each once", () => {
  expect([...trigramsOf("a😀bca😀b")]).toEqual(["a😀b", "😀bc", "bca", "ca😀"]);
});
