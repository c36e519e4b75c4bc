import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatSize, parseSize } from "../../src/lib/size.ts";

describe("parseSize", () => {
  const cases: readonly (readonly [string, number | null])[] = [
    ["16MiB", 16_777_216],
    ["16mib", 16_777_216],
    ["16M", 16_777_216],
    ["16 MiB", 16_777_216],
    ["500KB", 500_000],
    ["1GiB", 2 ** 30],
    ["1024", 1024],
    ["0", 0],
    ["", null],
    ["MiB", null],
    ["1.5MiB", null],
    ["-1MiB", null],
    ["16MB5", null],
    ["16XiB", null],
    ["9999999TiB", null],
  ];
  test.each(cases)("parses %p as %p", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test("parses what formatSize returns", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (bytes) => {
        expect(parseSize(formatSize(bytes))).toBe(bytes);
      }),
    );
  });
});
