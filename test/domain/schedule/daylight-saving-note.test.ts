import { describe, expect, test } from "bun:test";
import { scheduleNote } from "../../../src/domain/schedule/daylight-saving-note.ts";

const note = (expressions: string | readonly string[], iso: string, zone = "America/New_York"): string | null =>
  scheduleNote({ expressions: typeof expressions === "string" ? [expressions] : expressions }, Date.parse(iso), zone);

describe("the note on an occurrence", () => {
  test.each([
    ["30 2 * * *", "2026-03-08T07:00Z", "clock went forward: due at 02:30, which did not exist"],
    ["15 30 2 * * *", "2026-03-08T07:00Z", "clock went forward: due at 02:30:15, which did not exist"],
    [["40 2 * * *", "20 2 * * *"], "2026-03-08T07:00Z", "clock went forward: due at 02:20, which did not exist"],
    ["30 1 * * *", "2026-11-01T05:30Z", "clock went back: 01:30 occurs twice, this is the first time"],
    ["30 * * * *", "2026-11-01T06:30Z", "clock went back: 01:30 occurs twice, this is the second time"],
    ["@every 1h", "2026-11-01T06:00Z", "clock went back: 01:00 occurs twice, this is the second time"],
  ])("of %p at %s: %s", (expressions, iso, expected) => {
    expect(note(expressions, iso)).toBe(expected);
  });

  test.each([
    ["30 2 * * *", "2026-03-09T06:30Z", "America/New_York"],
    ["0 3 * * *", "2026-03-08T07:00Z", "America/New_York"],
    ["0 * * * *", "2026-03-08T07:00Z", "America/New_York"],
    ["@every 1h", "2026-03-08T07:00Z", "America/New_York"],
    ["30 4 * * *", "2026-03-08T08:30Z", "America/New_York"],
    ["30 0 * * *", "2026-11-01T04:30Z", "America/New_York"],
    ["0 2 * * *", "2026-11-01T07:00Z", "America/New_York"],
    ["30 2 * * *", "2026-03-08T02:30Z", "UTC"],
  ])("of %p at %s in %s: none", (expressions, iso, zone) => {
    expect(note(expressions, iso, zone)).toBeNull();
  });
});
