import { expect, test } from "bun:test";
import { forgetOldest } from "../../src/lib/forget-oldest.ts";

test.each([
  [0, []],
  [2, ["b", "c"]],
  [3, ["a", "b", "c"]],
])("forgetOldest keeps the newest %d of three entries", (max, kept) => {
  const map = new Map([["a", 1] as const, ["b", 2] as const, ["c", 3] as const]);
  forgetOldest(map, max);
  expect([...map.keys()] as string[]).toEqual(kept);
});
