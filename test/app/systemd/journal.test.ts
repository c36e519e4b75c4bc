import { describe, expect, test } from "bun:test";
import { closeSync, fstatSync, openSync } from "node:fs";
import { asJournalLines, isJournal } from "../../../src/app/systemd/journal.ts";

describe("a line for the journal", () => {
  test.each([
    ["debug", "<7>text\n"],
    ["info", "<6>text\n"],
    ["warn", "<4>text\n"],
    ["error", "<3>text\n"],
    ["loud", "<6>text\n"],
  ])("of %s begins with its priority", (level, line) => {
    expect(asJournalLines(level, "text\n")).toBe(line);
  });

  test("has a priority on each line of a message", () => {
    expect(asJournalLines("error", "Error: no\n    at petit\n")).toBe("<3>Error: no\n<3>    at petit\n");
  });
});

describe("the journal", () => {
  const fd = openSync("/dev/null", "w");
  const { dev, ino } = fstatSync(fd, { bigint: true });

  test("is detected by the device and inode in JOURNAL_STREAM", () => {
    expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, fd)).toBe(true);
    expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino + 1n}` }, fd)).toBe(false);
    expect(isJournal({}, fd)).toBe(false);
    closeSync(fd);
    expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, fd)).toBe(false);
  });
});
