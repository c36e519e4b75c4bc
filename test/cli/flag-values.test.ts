import { expect, test } from "bun:test";
import { parseSince } from "../../src/cli/flag-values.ts";

const NOW = Date.parse("2026-03-08T12:00:00Z");
const parse = (text: string): string => new Date(parseSince(text, { now: NOW, zone: "Europe/Paris" })).toISOString();

test.each([
  ["10m", "2026-03-08T11:50:00.000Z"],
  ["1h30m", "2026-03-08T10:30:00.000Z"],
  ["2h ago", "2026-03-08T10:00:00.000Z"],
  ["0s", "2026-03-08T12:00:00.000Z"],
  ["99999d", "1970-01-01T00:00:00.000Z"],
  ["yesterday", "2026-03-06T23:00:00.000Z"],
  ["2026-03-08", "2026-03-07T23:00:00.000Z"],
  ["2026-03-08T01:30", "2026-03-08T00:30:00.000Z"],
  ["2026-03-08 01:30:00Z", "2026-03-08T01:30:00.000Z"],
])("--since %s is %s", (text, expected) => {
  expect(parse(text)).toBe(expected);
});

test.each(["", "someday", "10", "-5m", "2026-13-01"])("--since %j is refused", (text) => {
  expect(() => parse(text)).toThrow(`--since is '${text}'; expected a duration such as 10m`);
});
