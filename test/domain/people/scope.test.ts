import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { JobId } from "../../../src/domain/ids.ts";
import { isInScope, limitOf, limitProblem, matchesPattern } from "../../../src/domain/people/scope.ts";
import { scopeText } from "../../../src/domain/words/people/scope.ts";

const job = (id: string, ...tags: string[]) => ({ id: id as JobId, tags });

describe("a pattern of job ids", () => {
  test("fits as a regular expression in which * is any text", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", ".", "-"), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", ".", "*", "-"), maxLength: 6 });
    fc.assert(
      fc.property(letters, pattern, (text, given) => {
        const parts = given.split("*").map((part) => part.replace(/[.-]/g, "\\$&"));
        expect(matchesPattern(text, given)).toBe(new RegExp(`^${parts.join(".*")}$`).test(text));
      }),
      { numRuns: 5_000 },
    );
  });

  test("takes no time to speak of, however many * it has", () => {
    const startedAt = performance.now();
    expect(matchesPattern("a".repeat(128), `${"*a".repeat(63)}*b`)).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(50);
  });
});

describe("a limit", () => {
  test.each([
    [null, null, ["etl_a", "b"]],
    [["etl_*"], null, ["etl_a"]],
    [null, ["finance"], ["b"]],
    [["etl_*"], ["finance"], []],
    [["b", "x"], ["other", "finance"], ["b"]],
  ])("to the jobs %j and the tags %j has %j", (jobs, tags, expected) => {
    const known = [job("etl_a"), job("b", "finance")];
    expect(known.filter((each) => isInScope(limitOf(jobs, tags), each)).map(({ id }) => String(id))).toEqual(expected);
  });

  test("of several groups has the jobs of any of them, and one of none has none", () => {
    const scope = [
      { jobs: ["a"], tags: null },
      { jobs: null, tags: ["t"] },
    ];
    expect([job("a"), job("b", "t"), job("c")].map((each) => isInScope(scope, each))).toEqual([true, true, false]);
    expect(isInScope([], job("a"))).toBe(false);
    expect(scopeText(scope)).toBe("jobs a, or jobs with the tag t");
  });

  test.each([
    [
      { jobs: [], tags: null },
      { field: "jobs", index: null },
    ],
    [
      { jobs: ["a", "b c"], tags: null },
      { field: "jobs", index: 1 },
    ],
    [
      { jobs: null, tags: ["ok", "no,"] },
      { field: "tags", index: 1 },
    ],
    [
      { jobs: ["x".repeat(129)], tags: null },
      { field: "jobs", index: 0 },
    ],
    [
      { jobs: Array.from({ length: 101 }, () => "a"), tags: null },
      { field: "jobs", index: null },
    ],
  ])("%j has a problem at its place", (limit, place) => {
    expect(limitProblem(limit)).toMatchObject(place);
  });

  test("of patterns and tags that fit has no problem", () => {
    expect(limitProblem({ jobs: ["etl_*", "*", "a.b-c"], tags: ["finance", "größe"] })).toBeNull();
  });
});
