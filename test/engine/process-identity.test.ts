import { expect, test } from "bun:test";
import { hasMembers, identify, isSame } from "../../src/engine/process-identity.ts";

test("a process of another boot is neither the same nor the leader of a group that lives, whoever has its pid now", () => {
  using child = group();
  const identity = identify(child.pid);
  if (identity === null) throw new Error("the process is not there");
  expect([isSame(identity), hasMembers(identity)]).toEqual([true, true]);
  const before = { ...identity, bootId: "another" };
  expect([isSame(before), hasMembers(before)]).toEqual([false, false]);
});

/** A process that leads a group of its own. */
const group = (): { readonly pid: number } & Disposable => {
  const child = Bun.spawn(["sleep", "60"], { detached: true, stdio: ["ignore", "ignore", "ignore"] });
  return { pid: child.pid, [Symbol.dispose]: () => child.kill("SIGKILL") };
};
