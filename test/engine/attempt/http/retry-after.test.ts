import { expect, test } from "bun:test";
import { retryAfterMs } from "../../../../src/engine/attempt/http/retry-after.ts";

const NOW = Date.parse("2026-11-27T10:00:00Z");

const delayOf = (retryAfter: string, date: string | null = null): number | null => {
  const headers = new Headers({ "retry-after": retryAfter, ...(date !== null && { date }) });
  return retryAfterMs(headers, NOW);
};

test.each([
  ["120", 120_000],
  [" 0 ", 0],
  ["99999999999", 86_400_000],
  ["Fri, 27 Nov 2026 10:01:30 GMT", 90_000],
  ["Fri, 27 Nov 2026 09:00:00 GMT", 0],
  ["-5", null],
  ["1.5", null],
  ["soon", null],
  ["2026-11-27", null],
  ["", null],
])("Retry-After: %s is a delay of %p ms", (text, expected) => {
  expect(delayOf(text)).toBe(expected);
});

test("the date of Retry-After is compared with the clock of the server", () => {
  expect(delayOf("Fri, 27 Nov 2026 12:00:10 GMT", "Fri, 27 Nov 2026 12:00:00 GMT")).toBe(10_000);
});
