import { expect, test } from "bun:test";
import { shorten, shortenMiddle, shortLine } from "../../src/lib/text.ts";

test.each([
  ["short", 10, "short"],
  ["0123456789", 10, "0123456789"],
  ["0123456789a", 10, "012345678…"],
  // Not half of a character.
  ["01234567\u{1f600}9", 10, "01234567…"],
  ["0123456\u{1f600}9a", 10, "0123456\u{1f600}…"],
])("%j is shortened to %d", (text, length, expected) => {
  expect(shorten(text, length)).toBe(expected);
});

test.each([
  ["short", 5, "short"],
  ["0123456789", 7, "012…789"],
  ["0123456789", 6, "012…89"],
  ["ab😀cd", 4, "ab…d"],
  ["a😀😀b", 5, "a…b"],
])("%j is shortened to %d by its middle", (text, length, expected) => {
  expect(shortenMiddle(text, length)).toBe(expected);
});

test.each([
  ["a line\nand a \u001b[31mred one", 40, String.raw`a line\u{a}and a \u{1b}[31mred one`],
  ["\u001b\u001b\u001b", 10, "\\u{1b}\\u{…"],
])("%j is a safe line of at most %d", (text, length, expected) => {
  expect(shortLine(text, length)).toBe(expected);
});
