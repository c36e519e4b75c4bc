import { describe, expect, test } from "bun:test";
import { normalise, plainLine } from "../../../src/domain/output/plain-line.ts";

describe("a plain line", () => {
  test.each([
    ["\u001b[31merror\u001b[0m: x", "error: x"],
    ["text\r", "text"],
    ["text \r\n", "text"],
    ["10 %\r50 %\r100 %", "100 %"],
    ["10 %\rdone\r\u001b[K", "done"],
    ["\r\r\r", ""],
    ["  indented", "  indented"],
    ["a\u0000b\u009bc\u061cd\u2069e\u0007", "a b c d e"],
    ["\tat main.go:3", "\tat main.go:3"],
  ])("of %j is %j", (text, plain) => {
    expect(plainLine(text)).toBe(plain);
  });

  test("has 2,000 characters at most", () => {
    expect(plainLine("x".repeat(1_000_000))).toBe("x".repeat(2_000));
  });
});

describe("normalising", () => {
  test.each([
    ["a time", "2026-11-29T03:15:00.104Z synced", "2027-01-02 04:05:06,7 synced"],
    ["a date in words", "Sun Nov 29 03:15:00 2026 start", "Fri Jan  2 04:05:06 2027 start"],
    ["a number", "42 rows in 3.1 s", "7 rows in 12 s"],
    ["a UUID", "run 7d444840-9dc0-11d1-b245-5ffdce74fad2 ok", "run 6ba7b810-9dad-41d1-80b4-00c04fd430c8 ok"],
    ["a commit", "HEAD is now at 4f2c9d1 lists", "HEAD is now at 10ab33e lists"],
    ["an address", "object at 0x7f1c2b5a1d90", "object at 0x55d0aa"],
    ["a temporary name", "removed /tmp/tmp.Xk3fA9 now", "removed /tmp/tmp.QQwert now"],
    ["a process id", "cron[8123]: done", "cron[9]: done"],
    ["a colour", "\u001b[32mok\u001b[0m", "ok"],
  ])("removes %s", (_, one, other) => {
    expect(normalise(one)).toBe(normalise(other));
  });

  test("keeps words apart", () => {
    const lines = [
      "table orders missing",
      "table items missing",
      "deadbeef",
      "facade",
      "user a denied",
      "user b denied",
    ];
    expect(new Set(lines.map(normalise)).size).toBe(lines.length);
  });
});
