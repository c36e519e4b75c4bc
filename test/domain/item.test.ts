import { describe, expect, test } from "bun:test";
import { combine } from "../../src/domain/item.ts";

const OS = { os: ["bookworm", "trixie"], node: [20, 22] };

describe("the combinations of a matrix", () => {
  test("are the product of its axes, the last axis changing fastest", () => {
    expect(combine({ axes: OS, exclude: [], include: [] })).toEqual([
      { os: "bookworm", node: 20 },
      { os: "bookworm", node: 22 },
      { os: "trixie", node: 20 },
      { os: "trixie", node: 22 },
    ]);
  });

  test("lack those that have all values of an entry of exclude", () => {
    expect(combine({ axes: OS, exclude: [{ os: "trixie" }, { node: 20 }], include: [] })).toEqual([
      { os: "bookworm", node: 22 },
    ]);
  });

  test("are extended by an entry of include that does not change their values", () => {
    expect(combine({ axes: { os: ["a", "b"] }, exclude: [], include: [{ os: "a", extra: 1 }, { all: true }] })).toEqual(
      [
        { os: "a", extra: 1, all: true },
        { os: "b", all: true },
      ],
    );
  });

  test("include an entry that would change the values of all others", () => {
    expect(combine({ axes: { os: ["a"] }, exclude: [], include: [{ os: "c", node: 1 }] })).toEqual([
      { os: "a" },
      { os: "c", node: 1 },
    ]);
  });

  test("are those of include if there is no axis", () => {
    expect(combine({ axes: {}, exclude: [], include: [{ os: "a" }] })).toEqual([{ os: "a" }]);
  });
});
