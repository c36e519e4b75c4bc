import { describe, expect, test } from "bun:test";
import { defaultsOf, givenValues, problemsIn, problemsOf } from "../../../src/web/trigger/param-values.ts";

const free = { description: null, default: null, required: false, enum: null, pattern: null, secret: false };
const PARAMS = {
  day: { ...free, default: "2026-01-01", pattern: "^\\d{4}-\\d\\d-\\d\\d$" },
  level: { ...free, required: true, enum: ["fast", "full"] },
  note: free,
};

describe("the values of a form", () => {
  test("start with the defaults", () => {
    expect(defaultsOf(PARAMS)).toEqual({ day: "2026-01-01", level: "", note: "" });
  });

  test("are sent without empty ones that have no default", () => {
    expect(givenValues(PARAMS, { day: "", level: "fast", note: "" })).toEqual({ day: "", level: "fast" });
  });

  test("are checked before they are sent, each at its field", () => {
    expect(problemsOf(PARAMS, { day: "2026-02-03", level: "slow-motion", note: "" }).byParam).toEqual({
      level: "Can't be 'slow-motion'; expected one of fast, full",
    });
    expect(problemsOf(PARAMS, { day: "2026-02-03", level: "", note: "x".repeat(200_000) }).byParam).toEqual({
      level: "Is required",
      note: "Has 200000 bytes; expected at most 131054, the limit for a process",
    });
    expect(problemsOf(PARAMS, { day: "2026-02-03", level: "full", note: "" }).byParam).toEqual({});
  });

  test("are sent without a check of patterns, because a hostile pattern could freeze the page", () => {
    const params = { mail: { ...free, pattern: "^(a+)+$" } };
    expect(problemsOf(params, { mail: `${"a".repeat(100_000)}b` }).byParam).toEqual({});
  });

  test("that petit refused are shown at their fields, and other problems above", () => {
    const level = { name: "level", problem: "param 'level' is required" };
    const day = { name: "day", problem: "param 'day' can't be 'x'; expected a value that matches ^a$" };
    expect(problemsIn(PARAMS, { message: "both", problems: [day, level] })).toEqual({
      byParam: { day: "Can't be 'x'; expected a value that matches ^a$", level: "Is required" },
      general: null,
    });
    const unknown = { name: "dey", problem: "unknown param 'dey'; did you mean 'day'?" };
    expect(problemsIn(PARAMS, { message: "both", problems: [unknown, level] })).toEqual({
      byParam: { level: "Is required" },
      general: "unknown param 'dey'; did you mean 'day'?",
    });
    expect(problemsIn(PARAMS, { message: "job 'a' already has 1 of 1 concurrent runs" }).general).toBe(
      "job 'a' already has 1 of 1 concurrent runs",
    );
  });
});
