import { describe, expect, test } from "bun:test";
import { steadyRows } from "../../../src/web/now/steady-rows.ts";

const rowsOf = (...ids: readonly string[]) => ids.map((id) => ({ run: { id }, isEnded: false }));

describe("the rows of a list that is held", () => {
  test("keep their places, mark what ended, and append what is new", () => {
    const rows = steadyRows(rowsOf("a", "b", "c"), [{ id: "d" }, { id: "c" }, { id: "a" }]);
    expect(rows.map(({ run: { id }, isEnded }) => [id, isEnded])).toEqual([
      ["a", false],
      ["b", true],
      ["c", false],
      ["d", false],
    ]);
  });

  test("show the newest data of a run", () => {
    const before = [{ run: { id: "a", text: "old" }, isEnded: false }];
    expect(steadyRows(before, [{ id: "a", text: "new" }])).toEqual([{ run: { id: "a", text: "new" }, isEnded: false }]);
  });
});
