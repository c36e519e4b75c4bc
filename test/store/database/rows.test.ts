import { describe, expect, test } from "bun:test";
import {
  bytes,
  flag,
  id,
  idOrNull,
  integer,
  integerOrNull,
  json,
  text,
  textOrNull,
  word,
  wordOrNull,
} from "../../../src/store/database/rows.ts";

const row = { t: "a", n: 1, z: 0, b: new Uint8Array([1]), nothing: null, j: '{"a":[1]}' };

describe("readers of columns", () => {
  test("return values of the declared types", () => {
    expect([text(row, "t"), textOrNull(row, "nothing"), textOrNull(row, "t")]).toEqual(["a", null, "a"]);
    expect([integer(row, "n"), integerOrNull(row, "nothing"), integerOrNull(row, "n")]).toEqual([1, null, 1]);
    expect([flag(row, "n"), flag(row, "z")]).toEqual([true, false]);
    expect(bytes(row, "b")).toEqual(new Uint8Array([1]));
    expect([word(row, "t", ["a", "b"]), wordOrNull(row, "nothing", ["a"]), wordOrNull(row, "t", ["a"])]).toEqual([
      "a",
      null,
      "a",
    ]);
    expect(json<unknown>(row, "j")).toEqual({ a: [1] });
    expect([id<string>(row, "t"), idOrNull<string>(row, "nothing")]).toEqual(["a", null]);
  });

  test.each([
    ["a text", () => text(row, "n"), "column 'n' holds 1, expected a text"],
    ["a text, for a missing column", () => text(row, "none"), "column 'none' holds null, expected a text"],
    ["an integer", () => integer(row, "t"), "column 't' holds \"a\", expected an integer"],
    ["bytes", () => bytes(row, "t"), "expected bytes"],
    ["a word of the given set", () => word(row, "t", ["b", "c"]), "column 't' holds \"a\", expected b | c"],
    ["a word, for NULL", () => word(row, "nothing", ["b"]), "column 'nothing' holds null"],
    ["an integer, for NULL", () => integer(row, "nothing"), "column 'nothing' holds null"],
  ])("throw if the column does not hold %s", (_, read, message) => {
    expect(read).toThrow(message);
  });
});
