import { describe, expect, test } from "bun:test";
import { segmentsOf } from "../../../../src/web/log/ansi/ansi.ts";
import { styledText } from "../../../../src/web/log/ansi/line-styles.ts";
import { joined, styleIn } from "../../../../src/web/log/ansi/style.ts";
import { displayLine } from "../../../../src/web/log/book/line.ts";
import { LogPages, PAGE } from "../../../../src/web/log/book/pages.ts";

const E = "\x1b";

describe("the style that a text sets", () => {
  test.each([
    ["plain", ""],
    [`${E}[31mred`, "31"],
    [`${E}[31m${E}[1mred`, "31;1"],
    [`${E}[31mred${E}[0m`, "0"],
    [`${E}[31mred${E}[m`, "0"],
    [`${E}[31mred${E}[39m and ${E}[32mgreen`, "32"],
    [`${E}[1;38;5;208;44m`, "1;38;5;208;44"],
    [`${E}[38;2;1;2;3m`, "38;2;1;2;3"],
    [`${E}[38:2::1:2:3m${E}[4:3m`, "38;2;1;2;3;4"],
    [`${E}[31;0;4m`, "0;4"],
    [`${E}[2K${E}[1;1H`, ""],
    [`${E}[31`, ""],
  ])("of %j is %j", (text, style) => {
    expect(styleIn(text)).toBe(style);
  });

  test("stays short for any text", () => {
    const text = Array.from({ length: 1_000 }, (_, at) => `${E}[3${at % 8}mx${E}[39m`).join("");
    expect(styleIn(text)).toBe("39");
    expect(joined("31;1", "39")).toBe("1;39");
    expect(joined("31", "0")).toBe("0");
  });
});

type Written = readonly [text: string, stream?: "stdout" | "stderr", task?: string];

const lines = (written: readonly Written[], from = 0) =>
  written.map(([text, stream = "stdout", task_id = "a"], at) =>
    displayLine({ seq: from + at + 1, task_id, attempt: 1, stream, at: 0, text }),
  );

/** Returns the classes of each segment of each line. */
const looks = (pages: LogPages, from: number, count: number) =>
  Array.from({ length: count }, (_, at) => {
    const line = pages.at(from + at);
    return line === undefined
      ? []
      : segmentsOf(styledText(line)).map(({ text, classes }) => [text, ...classes].join(" "));
  });

describe("a colour that spans lines", () => {
  test("continues until it is reset, in its own stream only", () => {
    const pages = new LogPages();
    pages.put(
      0,
      lines([
        [`${E}[31mred`],
        ["still"],
        ["an error", "stderr"],
        ["another", "stdout", "b"],
        [`${E}[1mbold`],
        [""],
        [`end${E}[0m plain`],
        ["plain"],
      ]),
    );
    expect(looks(pages, 0, 8)).toEqual([
      ["red ansi-red-fg"],
      ["still ansi-red-fg"],
      ["an error"],
      ["another"],
      ["bold ansi-bold ansi-red-fg"],
      [],
      ["end ansi-bold ansi-red-fg", " plain"],
      ["plain"],
    ]);
  });

  test("applies to lines that were loaded before it", () => {
    const pages = new LogPages();
    pages.put(PAGE, lines([["later"], [`${E}[0mend`], ["after"]], PAGE));
    expect(looks(pages, PAGE, 3)).toEqual([["later"], ["end"], ["after"]]);
    pages.put(PAGE - 2, lines([["first"], [`${E}[32mgreen`]], PAGE - 2));
    expect(looks(pages, PAGE - 2, 5)).toEqual([
      ["first"],
      ["green ansi-green-fg"],
      ["later ansi-green-fg"],
      ["end"],
      ["after"],
    ]);
  });

  test("counts also in text before a carriage return", () => {
    const pages = new LogPages();
    pages.put(0, lines([[`${E}[33m10%\r20%`], ["next"]]));
    expect(looks(pages, 0, 2)).toEqual([["20% ansi-yellow-fg"], ["next ansi-yellow-fg"]]);
  });
});
