import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type CatchupDecision, judgeDue, MAX_CATCHUP_RUNS, ON_TIME_MS } from "../../../src/domain/schedule/catchup.ts";
import { CATCHUP_POLICIES, type CatchupPolicy } from "../../../src/domain/schedule/schedule.ts";

const NOW = 1_000_000_000;
const MINUTE = 60_000;

const word = (verdict: CatchupDecision): string => (verdict.kind === "fire" ? verdict.trigger : verdict.reason);

/** What becomes of occurrences that were due so many ms ago. */
const judged = (ages: readonly number[], policy: CatchupPolicy, wasDown: boolean, windowMs = 60 * MINUTE) =>
  judgeDue(
    ages.map((age) => NOW - age),
    NOW,
    { policy, windowMs, wasDown },
  ).map(word);

describe("judgeDue", () => {
  test.each([
    ["nothing due is nothing", [], "latest", false, []],
    ["on time fires", [0], "latest", false, ["schedule"]],
    ["a little late is on time", [ON_TIME_MS], "none", false, ["schedule"]],
    ["all that are on time fire", [2_000, 1_000, 0], "latest", false, ["schedule", "schedule", "schedule"]],
    ["after an outage nothing is on time", [0], "latest", true, ["catchup"]],
    ["after an outage, none misses all", [MINUTE, 0], "none", true, ["down", "down"]],
    ["late with none is missed", [ON_TIME_MS + 1], "none", false, ["late"]],
    ["none fires what is on time behind what is late", [MINUTE, 0], "none", false, ["late", "schedule"]],
    [
      "latest fires the newest",
      [3 * MINUTE, 2 * MINUTE, MINUTE],
      "latest",
      false,
      ["superseded", "superseded", "catchup"],
    ],
    [
      "latest fires the newest, which is on time",
      [2 * MINUTE, MINUTE, 0],
      "latest",
      false,
      ["superseded", "superseded", "schedule"],
    ],
    ["all fires each", [2 * MINUTE, MINUTE, 0], "all", false, ["catchup", "catchup", "schedule"]],
    ["the window is the bound", [61 * MINUTE, 60 * MINUTE], "all", false, ["late", "catchup"]],
    ["latest beyond the window is missed", [61 * MINUTE], "latest", true, ["down"]],
  ] as const)("%s", (_, ages, policy, wasDown, expected) => {
    expect(judged(ages, policy, wasDown)).toEqual([...expected]);
  });

  test("fires at most 100 occurrences", () => {
    const ages = Array.from({ length: 150 }, (_, index) => (150 - index) * 10_000);
    const verdicts = judged(ages, "all", true);
    expect(verdicts.filter((each) => each === "catchup")).toHaveLength(MAX_CATCHUP_RUNS);
    expect(verdicts.slice(0, 50)).toEqual(Array(50).fill("superseded"));
  });

  test("follows its policy for any due occurrences", () => {
    const ages = fc.array(fc.nat(200 * MINUTE), { maxLength: 300 }).map((all) => all.toSorted((a, b) => b - a));
    fc.assert(
      fc.property(ages, fc.constantFrom(...CATCHUP_POLICIES), fc.boolean(), (given, policy, wasDown) => {
        const verdicts = judged(given, policy, wasDown);
        expect(verdicts).toHaveLength(given.length);
        const isLate = given.some((age) => wasDown || age > ON_TIME_MS);
        const fired = verdicts.filter((each) => each === "catchup" || each === "schedule").length;
        const caughtUp = verdicts.filter((each) => each === "catchup").length;
        if (!isLate) expect(fired).toBe(given.length);
        else if (policy === "latest") expect(fired).toBeLessThanOrEqual(1);
        else if (policy === "none") expect(caughtUp).toBe(0);
        expect(caughtUp).toBeLessThanOrEqual(MAX_CATCHUP_RUNS);
        for (const [index, age] of given.entries()) {
          if (age > 60 * MINUTE) expect(verdicts[index]).not.toBe("catchup");
          expect(verdicts[index]).not.toBe(wasDown ? "late" : "down");
        }
      }),
    );
  });
});
