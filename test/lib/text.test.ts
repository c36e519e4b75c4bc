import { expect, test } from "bun:test";
import { shorten } from "../../src/lib/text.ts";

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
