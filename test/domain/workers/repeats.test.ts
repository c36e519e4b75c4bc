import { expect, test } from "bun:test";
import { Repeats } from "../../../src/domain/workers/repeats.ts";

test("what happens to a subject is new once, and when it changes", () => {
  const repeats = new Repeats();
  expect(repeats.isNew("a", "refused")).toBe(true);
  expect(repeats.isNew("a", "refused", 1e12)).toBe(false);
  expect(repeats.isNew("b", "refused")).toBe(true);
  expect(repeats.isNew("a", "drained")).toBe(true);
  expect(repeats.isNew("a", "refused")).toBe(true);
});

test("what repeats is new again after a while", () => {
  const repeats = new Repeats(100);
  expect([0, 99, 100, 199].map((now) => repeats.isNew("a", "refused", now))).toEqual([true, false, true, false]);
});

test("not all of many subjects are remembered", () => {
  const repeats = new Repeats();
  for (let subject = 1; subject <= 1_001; subject++) repeats.isNew(`${subject}`, "refused");
  expect(repeats.isNew("1001", "refused")).toBe(false);
  expect(repeats.isNew("1", "refused")).toBe(true);
});
