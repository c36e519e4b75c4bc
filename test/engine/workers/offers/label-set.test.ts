import { expect, test } from "bun:test";
import { labelSetName } from "../../../../src/engine/workers/offers/label-set.ts";

test("a set of labels has the same name in any order", () => {
  expect(labelSetName(["zone=eu", "gpu"])).toBe(labelSetName(["gpu", "zone=eu", "gpu"]));
  expect(labelSetName(["gpu"])).not.toBe(labelSetName(["gpu", "zone=eu"]));
  expect(labelSetName(["gpu"])).toMatch(/^[0-9a-f]{32}$/);
});
