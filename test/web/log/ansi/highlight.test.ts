import { describe, expect, test } from "bun:test";
import { highlight } from "../../../../src/web/log/ansi/highlight.ts";

const segment = (text: string) => ({ text, classes: [], color: null, background: null });

/** The text of each segment, with matches in brackets. */
const marked = (texts: readonly string[], wanted: string): string =>
  highlight(texts.map(segment), wanted)
    .map(({ text, isMatch }) => (isMatch ? `[${text}]` : text))
    .join("|");

describe("highlight", () => {
  test.each([
    [["one error, two ERRORS"], "error", "one |[error]|, two |[ERROR]|S"],
    [["error"], "error", "[error]"],
    [["er", "ro", "r."], "error", "[er]|[ro]|[r]|."],
    [["aXXb", "XX", "c"], "xx", "a|[XX]|b|[XX]|c"],
    [["aaaa"], "aa", "[aa]|[aa]"],
    [["ab", "", "cd"], "bc", "a|[b]|[c]|d"],
    [["nothing"], "error", "nothing"],
    [["nothing"], "", "nothing"],
  ])("splits %p at matches of %p into %s", (texts, wanted, expected) => {
    expect(marked(texts, wanted)).toBe(expected);
  });

  test("keeps the text of a line that matches at every character", () => {
    const segments = highlight(["a".repeat(100_000), "a".repeat(100_000)].map(segment), "a");
    expect(segments).toHaveLength(200_000);
    expect(segments.every(({ isMatch }) => isMatch)).toBe(true);
  });

  test("keeps the text of a line with a colour for every character", () => {
    const segments = highlight(
      Array.from({ length: 100_000 }, () => segment("ab")),
      "b",
    );
    expect(segments).toHaveLength(200_000);
  });
});
