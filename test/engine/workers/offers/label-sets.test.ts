import { expect, test } from "bun:test";
import { LabelSets, labelSetName } from "../../../../src/engine/workers/offers/label-sets.ts";

const setsOf = (...all: readonly (readonly string[])[]) => {
  const sets = new LabelSets();
  for (const labels of all) sets.add(labels);
  return sets;
};

const attempt = (type: "shell" | "python", isOpen = true) => ({
  isOpen,
  needs: { labels: ["gpu"], type, features: [], limits: [] },
});

test("a worker serves the label sets whose labels it has", () => {
  const sets = setsOf(["gpu"], ["gpu", "zone=eu"], ["oracle"]);
  expect(sets.servedBy({ labels: ["gpu", "big"] }, [])).toEqual([labelSetName(["gpu"])]);
});

test.each([
  ["serves a set without open offers", [attempt("shell", false)], true],
  ["serves a set with an offer that it allows", [attempt("shell"), attempt("python")], true],
  ["does not serve a set while it allows none of the open offers", [attempt("shell"), attempt("python", false)], false],
] as const)("a worker that allows one type %s", (_, attempts, isServed) => {
  const sets = setsOf(["gpu"]);
  expect(sets.servedBy({ labels: ["gpu"], allowedTypes: ["python"] }, attempts)).toHaveLength(isServed ? 1 : 0);
  expect(sets.servedBy({ labels: ["gpu"] }, attempts)).toHaveLength(1);
});

test("a set of labels has the same name in any order", () => {
  expect(labelSetName(["zone=eu", "gpu"])).toBe(labelSetName(["gpu", "zone=eu", "gpu"]));
  expect(labelSetName(["gpu"])).not.toBe(labelSetName(["gpu", "zone=eu"]));
  expect(labelSetName(["gpu"])).toMatch(/^[0-9a-f]{32}$/);
});
