import { describe, expect, test } from "bun:test";
import { Expression, type ExpressionScope } from "../../../src/jobfile/expression/expression.ts";
import type { Json } from "../../../src/lib/json.ts";
import { measureCpu } from "../../support/cpu-time.ts";

const evaluate = (text: string, outputs: Readonly<Record<string, string>> = {}): Json => {
  const parsed = Expression.parse(text);
  if (!(parsed instanceof Expression)) throw new Error(parsed.problem);
  const scope: ExpressionScope = {
    tasks: { t: { status: "completed", outputs } },
    params: { id: "12345678901234567890" },
  };
  return parsed.evaluate(scope);
};

/** An expression that applies `wrap` to itself. */
const nested = (times: number, wrap: (inner: string) => string, inner = "'x'"): string =>
  times === 0 ? inner : wrap(nested(times - 1, wrap, inner));

const errorOf = (work: () => unknown): string => {
  try {
    work();
    return "none";
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 200) : "";
  }
};

const MIB = 1_048_576;
const braces = "{0}".repeat(10);

describe("an expression that makes too much", () => {
  const numbers = JSON.stringify(Array.from({ length: 150_000 }, (_, index) => index));
  const outputs = {
    letters: "ab".repeat(MIB / 2),
    half: `${"ab".repeat(MIB / 4 - 1)}ba`,
    open: "{{".repeat(MIB / 2),
    deep: `${"[".repeat(MIB / 2)}${"]".repeat(MIB / 2)}`,
    numbers,
    maps: JSON.stringify(Array.from({ length: 50_000 }, (_, index) => ({ n: index }))),
  };
  const list = "fromJSON(tasks.t.outputs.numbers)";
  test.each([
    ["nested format", nested(13, (inner) => `format('${braces}', ${inner})`)],
    ["format of a long text", "format('{0}{0}', tasks.t.outputs.letters)"],
    ["a format string of braces", nested(6, (inner) => `format(${inner})`, "tasks.t.outputs.open")],
    ["nested toJSON", nested(24, (inner) => `toJSON(${inner})`, `'${'"'.repeat(30)}'`)],
    [
      "nested join",
      nested(8, (inner) => `join(fromJSON(format('["{0}","{0}"]', ${inner})), format('{0}{0}{0}{0}{0}', ${inner}))`),
    ],
    ["a search that repeats itself", "contains(tasks.t.outputs.letters, tasks.t.outputs.half)"],
    ["a list that is read again and again", Array.from({ length: 99 }, () => `contains(${list}, 'x')`).join(" || ")],
    [
      "selected values",
      Array.from({ length: 300 }, () => "join(fromJSON(tasks.t.outputs.maps).*.n) == ''").join(" || "),
    ],
    ["a list that is copied", nested(9, (inner) => `fromJSON(toJSON(${inner}))`, list)],
    [
      "a text that is compared again and again",
      Array.from({ length: 99 }, () => "tasks.t.outputs.letters == tasks.t.outputs.half").join(" || "),
    ],
    ["a text that is nested deep", "fromJSON(tasks.t.outputs.deep)"],
  ])("fails soon: %s", (_, text) => {
    const cpuMs = measureCpu();
    expect(errorOf(() => evaluate(text, outputs))).toMatch(
      /too much work|makes a text of more than|nested more than 100 levels/,
    );
    expect(cpuMs()).toBeLessThan(1_000);
  });

  test("is not one that uses a text of the maximum size once", () => {
    const text = "x".repeat(MIB - 100);
    expect(evaluate("format('{0}', tasks.t.outputs.text) != ''", { text })).toBe(true);
    expect(evaluate("contains(tasks.t.outputs.text, 'xy')", { text })).toBe(false);
    expect(evaluate(`${list}[149999]`, outputs)).toBe(149_999);
  });

  test("sees many outputs without converting them", () => {
    const many = Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [`k${index}`, "v"]));
    const cpuMs = measureCpu();
    for (let times = 0; times < 100; times++) expect(evaluate("tasks.t.outputs.k199999", many)).toBe("v");
    expect(cpuMs()).toBeLessThan(1_000);
  });
});

describe("a number that no JavaScript number has", () => {
  const outputs = {
    big: '{"id": 12345678901234567890, "list": [12345678901234567890, 0.12345678901234567891, 1e400]}',
  };
  const big = "fromJSON(tasks.t.outputs.big)";
  test.each([
    [`format('{0}', ${big}.id)`, "12345678901234567890"],
    [`join(${big}.list, ' ')`, "12345678901234567890 0.12345678901234567891 1e400"],
    [`format('{0}', fromJSON(toJSON(${big})).id)`, "12345678901234567890"],
    [`${big}.id == 12345`, false],
    [`${big}.id == '12345678901234567890'`, true],
    [`${big}.id == '12345678901234567891'`, false],
    [`${big}.id < '12345678901234567891'`, true],
    [`${big}.id >= '12345678901234567891'`, false],
    [`${big}.id == params.id`, true],
    [`contains(${big}.list, '12345678901234567891')`, false],
    [`contains(${big}.list, params.id)`, true],
    [`fromJSON('9007199254740993') == fromJSON('9007199254740992')`, false],
    [`fromJSON('[1.0, 1e2, 0.1, -0]') != null && join(fromJSON('[1.0, 1e2, 0.1]'))`, "1,100,0.1"],
  ])("keeps its digits: %s", (text, expected) => {
    expect(evaluate(text, outputs)).toBe(expected);
  });

  test("is written as it was read", () => {
    expect(JSON.stringify(evaluate(big, outputs))).toBe(
      '{"id":12345678901234567890,"list":[12345678901234567890,0.12345678901234567891,1e400]}',
    );
  });

  test("can't be written into an expression", () => {
    expect(() => evaluate("12345678901234567890 == 1")).toThrow("can't be kept exactly");
    expect(evaluate("9007199254740992 == 9007199254740992")).toBe(true);
  });
});
