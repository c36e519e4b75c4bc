import { describe, expect, test } from "bun:test";
import { asText, configVariables, paramVariables } from "../../src/domain/task-environment.ts";

describe("variables of a task", () => {
  test.each([
    ["day", "PETIT_PARAM_DAY"],
    ["batch-size.max", "PETIT_PARAM_BATCH_SIZE_MAX"],
    ["straße", "PETIT_PARAM_STRA_E"],
    ["9lives", "PETIT_PARAM_9LIVES"],
  ])("for the param %p is %p", (name, variable) => {
    expect(paramVariables({ [name]: "x" })).toEqual({ [variable]: "x" });
  });

  test("for config contain texts as is and JSON otherwise", () => {
    const config = { text: "a b", number: 1.5, flag: true, list: [1, "x"], map: { a: null }, none: null };
    expect(configVariables(config)).toEqual({
      PETIT_CONFIG_TEXT: "a b",
      PETIT_CONFIG_NUMBER: "1.5",
      PETIT_CONFIG_FLAG: "true",
      PETIT_CONFIG_LIST: '[1,"x"]',
      PETIT_CONFIG_MAP: '{"a":null}',
      PETIT_CONFIG_NONE: "",
    });
  });

  test("are empty only for null", () => {
    expect([null, "", 0, false].map(asText)).toEqual(["", "", "0", "false"]);
  });
});
