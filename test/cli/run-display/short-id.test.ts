import { expect, test } from "bun:test";
import { runName, shortIds } from "../../../src/cli/run-display/short-id.ts";

const ID = "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60";

test("short ids are the last eight characters", () => {
  expect(shortIds([ID, "019b76da-a800-7c3e-8f2b-5d1c9a7e4f61"])).toEqual(["9a7e4f60", "9a7e4f61"]);
});

test("short ids are longer if two ids have the same end", () => {
  expect(shortIds([ID, "019b76da-a800-7c3e-8f2b-5d1d9a7e4f60"])).toEqual(["c9a7e4f60", "d9a7e4f60"]);
  expect(shortIds([ID, ID])).toEqual(["9a7e4f60", "9a7e4f60"]);
});

test("a run is named by its short id only on a terminal", () => {
  expect(runName(ID, { isTerminal: true })).toBe("9a7e4f60");
  expect(runName(ID, { isTerminal: false })).toBe(ID);
});
