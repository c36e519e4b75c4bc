import { expect, test } from "bun:test";
import { hasMembers, identify, isSame } from "../../../src/engine/attempt/identity.ts";
import { startChild } from "../../support/child.ts";

test("a process of another boot is not alive and leads no group, even if its pid is in use", () => {
  using child = startChild(["sleep", "60"]);
  const identity = identify(child.pid);
  if (identity === null) throw new Error("the process is not there");
  expect([isSame(identity), hasMembers(identity)]).toEqual([true, true]);
  const before = { ...identity, bootId: "another" };
  expect([isSame(before), hasMembers(before)]).toEqual([false, false]);
});
