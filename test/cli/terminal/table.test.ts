import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LiveRegion } from "../../../src/cli/terminal/live-region.ts";
import { columnTable } from "../../../src/cli/terminal/table.ts";
import type { Screen } from "../../../src/cli/terminal/terminal.ts";
import { fitEnd, fitMiddle, fitStart, textWidth } from "../../../src/cli/terminal/text-width.ts";

const screenOf = (columns: number, isTerminal = true): Screen & { readonly written: string[] } => {
  const written: string[] = [];
  const write = (text: string | Uint8Array): void => void written.push(Buffer.from(text).toString());
  const abilities = { isTerminal, color: false, movesCursor: isTerminal };
  return { ...abilities, written, write, columns: () => columns, rows: () => 24 };
};

const tableOf = (cells: readonly (readonly [string, string, string])[], screen: Screen): string =>
  columnTable(
    [
      { title: "ID", cells: cells.map(([id]) => id), shrink: 3, min: 10, keep: "end" },
      { title: "NAME", cells: cells.map(([, name]) => name), shrink: 1, min: 6 },
      { title: "NOTE", cells: cells.map(([, , note]) => note), drop: 2 },
    ],
    screen,
  );

const row = fc.tuple(fc.string({ minLength: 1, maxLength: 40 }), fc.string({ unit: "grapheme" }), fc.string());

describe("a table", () => {
  test("is never wider than the terminal", () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), fc.integer({ min: 18, max: 200 }), (rows, columns) => {
        for (const line of tableOf(rows, screenOf(columns)).split("\n")) {
          expect(textWidth(line)).toBeLessThanOrEqual(columns);
        }
      }),
    );
  });

  test("shrinks and omits columns in order", () => {
    const rows = [["0123456789abcdef", "a long name", "a note"]] as const;
    const at = (columns: number): string => tableOf(rows, screenOf(columns)).split("\n")[1] ?? "";
    expect(at(40)).toBe("0123456789abcdef  a long name  a note");
    expect(at(34)).toBe("0123456789abcdef  a long …  a note");
    expect(at(30)).toBe("0123456789abcdef  a long name");
    expect(at(25)).toBe("0123456789abcdef  a long…");
    expect(at(20)).toBe("…56789abcdef  a lon…");
  });

  test("is complete without a terminal, with each row on one line", () => {
    const rows = [["0123456789abcdef", "two\nlines\u001b[31m", "a note"]] as const;
    expect(tableOf(rows, screenOf(10, false))).toBe(
      "ID                NAME            NOTE\n0123456789abcdef  two lines [31m  a note\n",
    );
  });
});

test.each([
  ["abcdef", 6, "abcdef", "abcdef", "abcdef"],
  ["abcdef", 5, "abcd…", "…cdef", "ab…ef"],
  ["abcdef", 4, "abc…", "…def", "ab…f"],
  ["abcdef", 2, "a…", "…f", "a…"],
  ["abcdef", 1, "…", "…", "…"],
  ["abcdef", 0, "", "", ""],
] as const)("%p in %d columns is %p, %p or %p", (text, width, end, start, middle) => {
  expect(fitEnd(text, width)).toBe(end);
  expect(fitStart(text, width)).toBe(start);
  expect(fitMiddle(text, width)).toBe(middle);
});

test.each([
  ["wide characters", "日本", 4],
  ["an emoji sequence", "👩‍👩‍👧", 2],
  ["a text symbol with an emoji selector", "❤\ufe0f", 2],
  ["a keycap", "1\ufe0f\u20e3", 2],
  ["a flag", "🇫🇷", 2],
  ["a letter with a combining mark", "e\u0301", 1],
  ["a combining mark alone", "\u0301", 0],
  ["a zero-width space", "a\u200bb", 2],
  ["half-width kana with a voicing mark", "ｶﾞ", 2],
])("textWidth counts %s", (_, text, width) => {
  expect(textWidth(text)).toBe(width);
});

test("a wide character takes two columns", () => {
  expect(textWidth("日本")).toBe(4);
  expect(textWidth("\u{20bb7}野家")).toBe(6);
  expect(textWidth("é✓│")).toBe(3);
  expect(fitEnd("日本語", 4)).toBe("日…");
});

describe("a live region", () => {
  test("redraws lines that wrapped because the terminal became narrower", () => {
    let columns = 80;
    const screen = { ...screenOf(0), columns: () => columns };
    const region = new LiveRegion(screen);
    region.draw(["x".repeat(50), "short"]);
    region.draw(["next"]);
    expect(screen.written[1]).toContain("\r\u001b[1A\u001b[J");
    region.draw(["x".repeat(50), "short"]);
    columns = 30;
    region.draw(["next"], Buffer.from("above\n"));
    expect(screen.written[3]).toContain("\r\u001b[2A\u001b[Jabove\nnext");
  });
});
