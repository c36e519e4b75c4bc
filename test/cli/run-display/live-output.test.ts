import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LiveOutput } from "../../../src/cli/run-display/live-output.ts";

const shown = (text: string, prefix = "", output = new LiveOutput()): string =>
  Buffer.from(output.lines(Buffer.from(text), { key: "t", prefix })).toString();

describe("LiveOutput", () => {
  test.each([
    ["plain text", "one\ntwo\n", "one\ntwo\n"],
    ["a line without an end", "one", "one\n"],
    ["an empty line", "\n\n", "\n\n"],
    ["a tab, a return and the end of a line in Windows", "a\tb\rc\r\n", "a\tb\rc\r\n"],
    ["colours, ended with the line", "\u001b[31mred\n", "\u001b[31mred\u001b[0m\n"],
    ["no title", "\u001b]0;title\u0007a\u001b]2;other\u001b\\\\b\n".replaceAll("\\\\", "\\"), "ab\n"],
    ["no move of the cursor", "a\u001b[2J\u001b[H\u001b[1A\u001b[?25l\u001bcb\u001b(0\n", "ab\n"],
    ["no sequence that is cut off", "a\u001b[\nb\u001b\nc\u001b]0;title\nd\n", "a\nb\nc\nd\n"],
    ["no controls", "a\u0007\u000e\u000b\u0000\u007fb\n", "ab\n"],
  ])("handles %s", (_, text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  test("carries a style over to the writer's next lines until it ends", () => {
    const output = new LiveOutput();
    expect(shown("\u001b[31mone\n", "t │ ", output)).toBe("t │ \u001b[31mone\u001b[0m\n");
    expect(Buffer.from(output.lines(Buffer.from("x\n"), { key: "u", prefix: "u │ " })).toString()).toBe("u │ x\n");
    expect(shown("two\u001b[0m\nthree\n", "t │ ", output)).toBe("t │ \u001b[31mtwo\u001b[0m\u001b[0m\nt │ three\n");
  });

  test("repeats the prefix after a carriage return", () => {
    expect(shown("1 of 2\r2 of 2\r\n", "t │ ")).toBe("t │ 1 of 2\rt │ 2 of 2\r\n");
  });

  test("bounds the styles that never end", () => {
    const output = new LiveOutput();
    for (let line = 0; line < 100; line++) shown(`${"\u001b[31ma\u001b[39m".repeat(100)}\n`, "", output);
    expect(shown("end\n", "", output).length).toBeLessThan(200);
  });

  test("keeps all other bytes, in complete lines", () => {
    const byte = fc.integer({ min: 0, max: 255 }).filter((each) => each >= 0x20 && each !== 0x7f);
    fc.assert(
      fc.property(fc.array(byte, { minLength: 1 }), (bytes) => {
        const lines = new LiveOutput().lines(Uint8Array.from(bytes), { key: "t", prefix: "" });
        expect([...lines]).toEqual([...bytes, 0x0a]);
      }),
    );
  });
});
