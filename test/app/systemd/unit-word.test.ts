import { describe, expect, test } from "bun:test";
import { commandWord, unitWord } from "../../../src/app/systemd/unit-word.ts";

describe("a word of a unit file", () => {
  test.each([
    ["/usr/local/bin/petit", "/usr/local/bin/petit"],
    ["--api-port=9000", "--api-port=9000"],
    ["/srv/my jobs", '"/srv/my jobs"'],
    ["/srv/100%", "/srv/100%%"],
    ["/srv/%h and more", '"/srv/%%h and more"'],
    ['say "no"', String.raw`"say \"no\""`],
    [String.raw`a\b`, String.raw`"a\\b"`],
    ["it's", `"it's"`],
    ["", '""'],
    [";", '";"'],
    ["/srv/jobs\nExecStartPre=/bin/evil", String.raw`"/srv/jobs\x0aExecStartPre=/bin/evil"`],
    ["tab\tand\u007f", String.raw`"tab\x09and\x7f"`],
    ["größer", '"größer"'],
  ])("'%s' is written %s", (text, written) => {
    expect(unitWord(text)).toBe(written);
  });

  test("has doubled dollar signs only on a command line", () => {
    expect(commandWord("$HOME/${jobs}")).toBe('"$$HOME/$${jobs}"');
    expect(unitWord("/opt/$x")).toBe('"/opt/$x"');
  });
});
