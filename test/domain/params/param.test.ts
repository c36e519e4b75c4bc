import { beforeAll, describe, expect, test } from "bun:test";
import type { Param } from "../../../src/domain/job.ts";
import { resolveParams } from "../../../src/domain/params/param.ts";
import { loadPatterns } from "../../../src/domain/params/pattern.ts";

beforeAll(loadPatterns);

const param = (given: Partial<Param> = {}): Param => ({
  description: null,
  default: null,
  required: false,
  enum: null,
  pattern: null,
  ...given,
});

const PARAMS = {
  day: param({ default: "2026-01-01", pattern: "^\\d{4}-\\d\\d-\\d\\d$" }),
  level: param({ enum: ["fast", "full"] }),
  note: param(),
};

const resolve = (given: Record<string, string>, params: Readonly<Record<string, Param>> = PARAMS) =>
  resolveParams(params, given);

describe("params of a trigger", () => {
  test("are completed with defaults; a param with neither has no value", () => {
    expect(resolve({})).toEqual({ values: { day: "2026-01-01" } });
    expect(resolve({ day: "2026-02-03", level: "fast", note: "" })).toEqual({
      values: { day: "2026-02-03", level: "fast", note: "" },
    });
  });

  test.each([
    [{ dya: "x" }, "unknown param 'dya'; did you mean 'day'?"],
    [{ something: "x" }, "unknown param 'something'; the job takes day, level, note"],
    [{ level: "fst" }, "param 'level' can't be 'fst'; did you mean 'fast'?"],
    [{ level: "slow-motion" }, "param 'level' can't be 'slow-motion'; expected one of fast, full"],
    [{ day: "today" }, "param 'day' can't be 'today'; expected a value that matches ^\\d{4}-\\d\\d-\\d\\d$"],
    [{ note: "a\0b" }, "param 'note' contains a NUL character, which cannot be passed to a process"],
    [{ note: "a\ud83d" }, "param 'note' contains an unpaired surrogate, which cannot be passed to a process"],
    [{ toString: "x" }, "unknown param 'toString'; the job takes day, level, note"],
  ])("%p are refused: %p", (given, problem) => {
    expect(resolve(given as Record<string, string>)).toEqual({
      problems: [{ name: Object.keys(given)[0] ?? "", problem }],
    });
  });

  test("are refused with all problems", () => {
    const answer = resolve({ level: "x", day: "y" });
    expect("problems" in answer ? answer.problems.map(({ name }) => name) : []).toEqual(["day", "level"]);
  });

  test("are refused if the job takes none", () => {
    expect(resolve({ a: "b" }, {})).toEqual({
      problems: [{ name: "a", problem: "unknown param 'a'; the job takes none" }],
    });
  });

  test("are refused if a required one is missing", () => {
    const required = { level: param({ required: true, enum: ["fast", "full"] }), day: param({ required: true }) };
    expect(resolve({}, required)).toEqual({
      problems: [
        { name: "level", problem: "param 'level' is required; expected one of fast, full" },
        { name: "day", problem: "param 'day' is required" },
      ],
    });
    expect(resolve({ level: "full", day: "" }, required)).toEqual({ values: { level: "full", day: "" } });
  });

  test("are the default for a missing required param that has one", () => {
    expect(resolve({}, { day: param({ required: true, default: "x" }) })).toEqual({ values: { day: "x" } });
  });

  test("match a pattern anywhere by code points, unless it is anchored", () => {
    const params = { loose: param({ pattern: "b" }), one: param({ pattern: "^.$" }) };
    expect(resolve({ loose: "abc", one: "😀" }, params)).toEqual({ values: { loose: "abc", one: "😀" } });
  });

  test("are limited to the size of an environment variable", () => {
    const longest = 131_072 - "PETIT_PARAM_NOTE=".length - 1;
    expect(resolve({ note: "x".repeat(longest) })).toHaveProperty("values");
    expect(resolve({ note: "x".repeat(longest + 1) })).toEqual({
      problems: [
        {
          name: "note",
          problem: `param 'note' has ${longest + 1} bytes; expected at most ${longest}, the limit for a process`,
        },
      ],
    });
    expect(resolve({ note: "é".repeat(longest / 2) })).toHaveProperty("values");
    expect(resolve({ note: "€".repeat(longest / 2) })).toHaveProperty("problems");
  });

  test("are not matched if they are the default, which was checked when the file was read", () => {
    const params = { day: param({ default: "x", pattern: "(?=x)x" }) };
    expect(resolve({}, params)).toEqual({ values: { day: "x" } });
    expect(resolve({ day: "x" }, params)).toHaveProperty("problems");
  });

  test("are named up to a bound, however many are unknown or known", () => {
    const params = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`p${index}`, param({})]));
    const given = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`unknown-${index}`, "x"]));
    const result = resolveParams(params, given);
    const problems = "problems" in result ? result.problems : [];
    expect(problems.map(({ name }) => name)).toEqual(Array.from({ length: 20 }, (_, index) => `unknown-${index}`));
    const taken = Array.from({ length: 20 }, (_, index) => `p${index}`).join(", ");
    expect(problems.at(-1)?.problem).toBe(
      `unknown param 'unknown-19'; the job takes ${taken} and 380 more; 9980 more are unknown`,
    );
  });

  test("can have a name that is special in JavaScript", () => {
    expect(Object.entries(resolveParams({ constructor: param({ default: "x" }) }, {}))).toEqual([
      ["values", { constructor: "x" }],
    ]);
  });
});
