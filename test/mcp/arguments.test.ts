import { describe, expect, test } from "bun:test";
import {
  flag,
  inputSchema,
  position,
  readArguments,
  required,
  text,
  values,
  whole,
  word,
} from "../../src/mcp/arguments.ts";

const DECLARED = {
  job: required(text("The job")),
  status: word(["failed", "completed"]),
  limit: whole({ max: 200, initial: 20 }),
  params: values(),
  dry_run: flag(),
  cursor: position(),
};

describe("the arguments of a tool", () => {
  test("are described as JSON Schema", () => {
    expect(inputSchema(DECLARED)).toEqual({
      type: "object",
      properties: {
        job: { type: "string", description: "The job" },
        status: { type: "string", enum: ["failed", "completed"] },
        limit: { type: "integer", default: 20 },
        params: { type: "object" },
        dry_run: { type: "boolean" },
        cursor: { type: "string" },
      },
      required: ["job"],
    });
  });

  test("are read, also numbers and switches as texts, and null for nothing", () => {
    const given = { job: "a", limit: "5", params: { day: 1, full: true }, dry_run: "true", cursor: "7", status: null };
    expect(readArguments(DECLARED, given)).toEqual({
      job: "a",
      status: undefined,
      limit: 5,
      params: { day: 1, full: true },
      dry_run: true,
      cursor: 7,
    });
  });

  test.each([
    [{}, "argument 'job' is missing; expected a text of 1 to 1000 whole characters"],
    [{ job: "" }, `argument 'job' is ""; expected a text of 1 to 1000 whole characters`],
    [{ job: "a\ud800" }, "argument 'job' is \"a\\ud800\"; expected a text of 1 to 1000 whole characters"],
    [{ job: 1 }, "argument 'job' is 1; expected a text of 1 to 1000 whole characters"],
    [{ job: "a", status: "fail" }, `argument 'status' is "fail"; expected one of failed, completed`],
    [{ job: "a", limit: 0 }, "argument 'limit' is 0; expected a whole number from 1 to 200"],
    [{ job: "a", limit: 1.5 }, "argument 'limit' is 1.5; expected a whole number from 1 to 200"],
    [{ job: "a", dry_run: "yes" }, `argument 'dry_run' is "yes"; expected true or false`],
    [
      { job: "a", params: ["x"] },
      `argument 'params' is ["x"]; expected an object with texts, numbers or booleans, such as {"day": "2026-01-01"}`,
    ],
    [{ job: "a", cursor: "next" }, `argument 'cursor' is "next"; expected the cursor of an earlier answer`],
    [{ job: "a", limits: 1 }, "unknown argument 'limits'; did you mean 'limit'?"],
    [
      { job: "a", verbose: true },
      "unknown argument 'verbose'; this tool takes job, status, limit, params, dry_run, cursor",
    ],
    [
      { job: "a", __proto__x: 1, toString: 1 },
      "unknown argument '__proto__x'; this tool takes job, status, limit, params, dry_run, cursor",
    ],
  ])("%j is refused with what was expected", (given, message) => {
    expect(() => readArguments(DECLARED, given)).toThrow(new Error(message));
  });
});
