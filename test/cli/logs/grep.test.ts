import { expect, test } from "bun:test";
import { markMatches, readPattern } from "../../../src/cli/logs/grep.ts";

const pattern = (text: string) => readPattern({ text, ignoreCase: false });
const RED = "\u001b[31m";
const OFF = "\u001b[0m";
const shown = (text: string): string => text.replaceAll("\u001b[7m", "<").replaceAll("\u001b[27m", ">");

test.each([
  ["an error", "err", "an <err>or"],
  ["one one", "one", "<one> <one>"],
  ["whole", "^.*$", "<whole>"],
  ["nothing", "x*", "nothing"],
  ["a b", "", "a b"],
  ["", "a", ""],
  [`${RED}red${OFF} end`, "red end", `${RED}<red${OFF}< end>`],
  [`a${RED}b${OFF}c`, "b", `a${RED}<b>${OFF}c`],
  [`ab${RED}cd`, "c", `ab${RED}<c>d`],
])("%j is marked where %j matches", (line, text, expected) => {
  expect(shown(markMatches(line, pattern(text)))).toBe(expected);
});

test.each([
  ["error", "gi"],
  ["Error", "g"],
  ["\\S+\\W", "gi"],
  ["É", "g"],
])("the case of %j", (text, flags) => {
  expect(pattern(text).flags).toBe(flags);
  expect(readPattern({ text, ignoreCase: true }).flags).toBe("gi");
});
