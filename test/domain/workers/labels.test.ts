import { describe, expect, test } from "bun:test";
import { canonicalLabels, serves, WORKER_NAME_PATTERN } from "../../../src/domain/workers/labels.ts";

describe("labels", () => {
  test("are sorted and have no duplicates in their canonical order", () => {
    expect(canonicalLabels(["zone=eu", "gpu", "zone=eu"])).toEqual(["gpu", "zone=eu"]);
  });

  test.each([
    { worker: ["gpu", "zone=eu"], wanted: ["gpu"], does: true },
    { worker: ["gpu", "zone=eu"], wanted: ["gpu", "zone=eu"], does: true },
    { worker: ["gpu"], wanted: ["gpu", "zone=eu"], does: false },
    { worker: [], wanted: [], does: true },
  ])("$wanted are served by a worker with $worker: $does", ({ worker, wanted, does }) => {
    expect(serves(worker, wanted)).toBe(does);
  });
});

test.each(["box7", "a_b-C"])("%p is a name of a worker", (name) => {
  expect(name).toMatch(new RegExp(WORKER_NAME_PATTERN));
});

test.each(["", "_a", "a.b", "a b", "a*", ">", "a".repeat(64)])("%p is no name of a worker", (name) => {
  expect(name).not.toMatch(new RegExp(WORKER_NAME_PATTERN));
});
