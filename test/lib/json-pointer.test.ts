import { describe, expect, test } from "bun:test";
import { isJsonPointer, valueAt } from "../../src/lib/json-pointer.ts";

/** The document of RFC 6901, section 5. */
const DOCUMENT = {
  foo: ["bar", "baz"],
  "": 0,
  "a/b": 1,
  "c%d": 2,
  "e^f": 3,
  "g|h": 4,
  "i\\j": 5,
  'k"l': 6,
  " ": 7,
  "m~n": 8,
};

describe("a JSON pointer", () => {
  test.each([
    ["", DOCUMENT],
    ["/foo", ["bar", "baz"]],
    ["/foo/0", "bar"],
    ["/", 0],
    ["/a~1b", 1],
    ["/c%d", 2],
    ["/e^f", 3],
    ["/g|h", 4],
    ["/i\\j", 5],
    ['/k"l', 6],
    ["/ ", 7],
    ["/m~0n", 8],
  ])("%p finds what RFC 6901 says", (pointer, value) => {
    expect(isJsonPointer(pointer)).toBe(true);
    expect(valueAt(DOCUMENT, pointer)).toEqual(value);
  });

  test.each(["/none", "/foo/2", "/foo/-", "/foo/01", "/foo/0/x", "/toString", "/foo/length", "//x"])(
    "%p finds nothing",
    (pointer) => {
      expect(valueAt(DOCUMENT, pointer)).toBeUndefined();
    },
  );

  test("is not a text that begins otherwise or has another escape", () => {
    expect(["foo", "#/foo", "/a~2", "/a~", "$.foo"].filter(isJsonPointer)).toEqual([]);
  });
});
