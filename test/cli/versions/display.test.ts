import { describe, expect, test } from "bun:test";
import { comparisonLines, historyTable } from "../../../src/cli/versions/display.ts";
import { NOON } from "../../support/engine/fake-clock.ts";

type Versions = Parameters<typeof historyTable>[0];
type Version = Versions[number];
type Detail = Parameters<typeof comparisonLines>[0];

/** What a command gets that prints to a terminal of 100 columns, with colours. */
const context = (columns = 100) => {
  const screen = {
    isTerminal: true,
    movesCursor: true,
    color: true,
    columns: () => columns,
    rows: () => 24,
    write: () => {},
  };
  const settings = { timezone: "UTC" };
  return { terminal: { out: screen, err: screen }, settings, clock: { now: () => NOON } } as unknown as Parameters<
    typeof historyTable
  >[1];
};

const USE: Version["uses"][number] = {
  since: NOON - 60_000,
  until: null,
  cause: "watch",
  by: null,
  file: "a.yaml",
  file_modified_at: NOON - 61_000,
  commit: null,
};

const VERSION: Version = {
  version: 1,
  digest: "0123456789abcdef".repeat(4),
  changed_at: NOON - 60_000,
  current: true,
  uses: [USE],
  use_count: 1,
  runs: { count: 3, first: null, last: null },
};

const DETAIL: Detail = {
  ...VERSION,
  version: 2,
  definition: {},
  text: "id: a\n",
  before: 1,
  before_digest: "f".repeat(64),
  changed: true,
  changes: [],
  move: null,
  diff: null,
};

/** Removes colours. */
const plain = (text: string): string => text.replaceAll(/\u001b\[\d+m/g, "");

describe("the history on a terminal", () => {
  test("is short, and marks what is in use", () => {
    const text = historyTable([VERSION], context());
    expect(plain(text)).toBe(
      "VERSION  DIGEST    SINCE  UNTIL  RUNS  WHY           SOURCE  MODIFIED\n" +
        "1        01234567  11:59  now    3     file changed  a.yaml  11:58:59\n",
    );
    expect(text).toContain("\u001b[32mnow\u001b[39m");
  });

  test("names the commit and its author instead of the file", () => {
    const commit = { id: "c0ffee0123456789", author: "Ada" };
    expect(plain(historyTable([{ ...VERSION, uses: [{ ...USE, commit, cause: null }] }], context()))).toContain(
      "-    c0ffee012345 Ada  ",
    );
  });

  test("has a version that was never in use, because a command ran it once", () => {
    const text = plain(historyTable([{ ...VERSION, uses: [], use_count: 0 }], context()));
    expect(text).toMatch(/^1 +01234567 +- +- +3 +- +- +-$/m);
  });

  test("fits a narrow terminal", () => {
    for (const line of plain(historyTable([VERSION], context(40))).split("\n"))
      expect(line.length).toBeLessThanOrEqual(40);
  });
});

describe("a comparison on a terminal", () => {
  const lines = (given: Partial<Detail>): string => plain(comparisonLines({ ...DETAIL, ...given }, context()));

  test("names added values as people write them", () => {
    const after = { id: "load", args: ["a", "b c", "d: e", "true", ""], n: 1, none: null, delay: "1m30s" };
    expect(lines({ changes: [{ path: "tasks.load", kind: "added", before: null, after, diff: null }] })).toContain(
      '\n+ tasks.load: {id: load, args: [a, b c, "d: e", "true", ""], n: 1, none: null, delay: 1m30s}\n',
    );
  });

  test("says first how the schedule moves", () => {
    const move = { kind: "scheduled", message: "newly scheduled" } as const;
    expect(lines({ changes: [{ path: "x", kind: "removed", before: 1, after: null, diff: null }], move })).toContain(
      "\nnewly scheduled\n- x: 1\n",
    );
  });

  test("prints control characters of job files as blanks", () => {
    const text = comparisonLines(
      {
        ...DETAIL,
        changes: [{ path: "description", kind: "changed", before: "a", after: "\u001b[31mred", diff: null }],
        diff: ["+\u001b[2Jcleared"],
      },
      context(),
    );
    expect(text).not.toContain("\u001b[31mred");
    expect(text).not.toContain("\u001b[2J");
  });

  test.each<readonly [Partial<Detail>, string]>([
    [{ before: null, before_digest: null }, "It is the first version that is stored."],
    [{ changed: false, diff: ["+# a comment"] }, "No field differs, only comments and form."],
    [{ changed: false }, "Nothing differs."],
    [
      { changes: [{ path: "x", kind: "removed", before: 1, after: null, diff: null }], text: null },
      "Its text is not stored.",
    ],
  ])("says why there are no lines", (given, sentence) => {
    expect(lines(given)).toContain(`${sentence}\n`);
  });
});
