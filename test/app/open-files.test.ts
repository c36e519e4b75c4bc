import { expect, test } from "bun:test";
import { defaultMaxConnections } from "../../src/app/open-files.ts";

test.each([
  [16, 8],
  [64, 8],
  [256, 48],
  [1_024, 240],
  [20_000, 4_096],
  [Number.POSITIVE_INFINITY, 4_096],
  [null, 4_096],
])("with a limit of %p open files, connections may be %p by default", (limit, connections) => {
  expect(defaultMaxConnections(limit)).toBe(connections);
});
