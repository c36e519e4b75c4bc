import { describe, expect, test } from "bun:test";
import { TerminalText, visible } from "../../../src/cli/logs/terminal-text.ts";

const COLOR = "\u001b[1;38;5;208m";

test.each([
  ["a title", "\u001b]0;title\u0007x", "␛]0;title␇x"],
  ["the clipboard", "\u001b]52;c;aGk=\u001b\\", "␛]52;c;aGk=␛\\"],
  ["a link", "\u001b]8;;http://e.example\u001b\\l", "␛]8;;http://e.example␛\\l"],
  ["backspaces", "ab\b\bcd", "ab␈␈cd"],
  ["the cursor", "\u001b[2J\u001b[10A", "␛[2J␛[10A"],
  ["a carriage return", "50%\r100%\r\n", "50%␍100%␍\n"],
  ["an 8-bit sequence", "\u009b2J", "\\u{9b}2J"],
  ["reversed text", "a\u202eb", "a\\u{202e}b"],
  ["colours, tabs and lines", `${COLOR}a\tb\u001b[0m\n`, `${COLOR}a\tb\u001b[0m\n`],
])("%s on a terminal", (_, text, expected) => {
  expect(visible(text)).toBe(expected);
});

describe("output that arrives in pieces", () => {
  const chunk = (bytes: Uint8Array, stream: "stdout" | "stderr" = "stdout") => ({
    taskId: "t",
    item: null,
    attempt: 1,
    at: 0,
    stream,
    bytes,
  });

  test.each([1, 2, 3, 7])("of %i bytes is shown as in one", (size) => {
    const text = `${COLOR}größe\u001b[0m \u001b]0;x\u0007 ${COLOR}€\b\u001b[`;
    const bytes = Buffer.from(text);
    const terminal = new TerminalText();
    let all = "";
    for (let at = 0; at < bytes.length; at += size) {
      all += Buffer.from(terminal.show(chunk(bytes.subarray(at, at + size))).bytes).toString();
      terminal.show(chunk(Buffer.from("\u001b"), "stderr"));
    }
    expect(all + terminal.end().replace(/␛+$/, "")).toBe(visible(text));
  });
});
