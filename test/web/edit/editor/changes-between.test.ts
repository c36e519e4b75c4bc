import { describe, expect, test } from "bun:test";
import { ChangeSet, Text } from "@codemirror/state";
import fc from "fast-check";
import { changesBetween } from "../../../../src/web/edit/editor/changes-between.ts";

const textOf = (text: string): Text => Text.of(text.split("\n"));

describe("the changes between two texts", () => {
  test("make one text the other", () => {
    const some = fc.array(fc.constantFrom("a", "b", "", "c d"), { maxLength: 8 }).map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(some, some, (before, after) => {
        const changes = ChangeSet.of(changesBetween(textOf(before), textOf(after)), before.length);
        expect(changes.apply(textOf(before)).toString()).toBe(after);
      }),
    );
  });

  test("leave the lines alone that both have", () => {
    const changes = changesBetween(textOf("a\nb\nc\nd\n"), textOf("0\na\nb\nc\nx\n"));
    const set = ChangeSet.of(changes, 8);
    expect(set.mapPos("a\nb".length)).toBe("0\na\nb".length);
    expect(set.touchesRange(0, 0)).toBe(true);
    expect(set.touchesRange(1, 5)).toBe(false);
  });

  test("are the whole text where too much differs", () => {
    const before = textOf(Array.from({ length: 1_100 }, (_, index) => `a${index}`).join("\n"));
    const after = textOf(Array.from({ length: 1_100 }, (_, index) => `b${index}`).join("\n"));
    expect(changesBetween(before, after)).toEqual([{ from: 0, to: before.length, insert: after }]);
  });
});
