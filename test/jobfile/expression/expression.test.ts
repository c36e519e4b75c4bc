import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Expression } from "../../../src/jobfile/expression/expression.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import type { Json } from "../../../src/lib/json.ts";

const SCOPE = {
  params: { level: "full", empty: "", Day: "monday" },
  config: { size: 3, list: ["a", "B", 3], map: { "a-b": true, constructor: "own", x: { y: [{ z: 1 }, { z: 2 }] } } },
  job: { id: "j" },
  run: { id: "r", scheduled_for: "" },
  tasks: {
    scan: { status: "completed", outputs: { count: "3" } },
    lint: { status: "failed", outputs: {} },
  },
  item: { name: "one", size: 7 },
  item_key: "one",
};

const parse = (text: string): Expression => {
  const expression = Expression.parse(text);
  if (!(expression instanceof Expression)) throw new Error(expression.problem);
  return expression;
};

const evaluate = (text: string): Json => parse(text).evaluate(SCOPE);

/** Expressions with their values, by https://docs.github.com/actions/reference/workflows-and-actions/expressions. */
const GOLDEN: Readonly<Record<string, readonly (readonly [text: string, value: Json])[]>> = {
  literals: [
    ["null", null],
    ["true", true],
    ["false", false],
    ["711", 711],
    ["-9.2", -9.2],
    ["0xff", 255],
    ["0o17", 15],
    ["-2.99e-2", -0.0299],
    ["+1.5", 1.5],
    [".5", 0.5],
    ["'Mona the Octocat'", "Mona the Octocat"],
    ["'It''s open source!'", "It's open source!"],
    ["'it''s Bob''s'''", "it's Bob's'"],
    ["''", ""],
    ["'a\nb'", "a\nb"],
  ],
  "logical operators": [
    ["!true", false],
    ["!''", true],
    ["!!'x'", true],
    ["!0", true],
    ["!fromJSON('[]')", false],
    ["true && 'x'", "x"],
    ["'' && 'x'", ""],
    ["null || 'x'", "x"],
    ["'a' || 'x'", "a"],
    ["params.level == 'full' && 1 || 2", 1],
    ["false && fromJSON('{') || 'not evaluated'", "not evaluated"],
  ],
  precedence: [
    ["true || false && false", true],
    ["(true || false) && false", false],
    ["!false && false", false],
    ["!(false && false)", true],
    ["1 < 2 == true", true],
    ["false == 1 > 2", true],
    ["1 == 1 && 2 == 3", false],
    ["!1 == 0", true],
    ["3 > 2 > 1", false],
    ["((1)) == 1", true],
  ],
  "comparison of different types": [
    ["null == 0", true],
    ["null == ''", true],
    ["null == false", true],
    ["true == 1", true],
    ["true == '1'", true],
    ["true == 'true'", false],
    ["1 == '1'", true],
    ["1 == ' 1 '", true],
    ["'0x10' == 16", true],
    ["0 == ''", true],
    ["0 == 'x'", false],
    ["'x' != 0", true],
    ["NaN == NaN", false],
    ["'10' > 9", true],
    ["null <= 0", true],
    ["config.list == config.list", true],
    ["fromJSON('[1]') == fromJSON('[1]')", false],
    ["config.map > 1", false],
  ],
  "comparison of texts": [
    ["'abc' == 'ABC'", true],
    ["'abc' != 'ABC'", false],
    ["'straße' == 'STRASSE'", true],
    ["'a' < 'B'", true],
    ["'B' < 'a'", false],
    ["'10' < '9'", true],
    ["'a' <= 'A'", true],
    ["'b' >= 'A'", true],
  ],
  "values of the scope": [
    ["params.level", "full"],
    ["params['level']", "full"],
    ["PARAMS.LEVEL", "full"],
    ["params.day", "monday"],
    ["params.none", null],
    ["params.none.deeper", null],
    ["config.map.a-b", true],
    ["config.map.constructor", "own"],
    ["config.constructor", null],
    ["config.list[1]", "B"],
    ["config.list['1']", "B"],
    ["config.list[9]", null],
    ["config.list[-1]", null],
    ["config[format('{0}', 'size')]", 3],
    ["tasks.scan.outputs.count > 2", true],
    ["tasks.scan.status == 'completed'", true],
    ["item.size == 7 && item_key == item.name", true],
    ["matrix.os", null],
    ["run.scheduled_for == ''", true],
  ],
  filters: [
    ["config.map.x.y.*.z", [1, 2]],
    ["tasks.*.status", ["completed", "failed"]],
    ["contains(tasks.*.status, 'failed')", true],
    ["join(tasks.*.status, '+')", "completed+failed"],
    ["params.level.*", []],
  ],
  contains: [
    ["contains('Hello world', 'llo')", true],
    ["contains('Hello world', 'LLO W')", true],
    ["contains('Hello', 'x')", false],
    ["contains(config.list, 'b')", true],
    ["contains(config.list, '3')", true],
    ["contains(config.list, 'bb')", false],
    ["contains(12345, 34)", true],
    ["contains(config.map, 'x')", false],
    ["contains('', '')", true],
  ],
  "startsWith and endsWith": [
    ["startsWith('Hello world', 'he')", true],
    ["startsWith('Hello world', 'ello')", false],
    ["startsWith(2026, 20)", true],
    ["startsWith(config.list, 'a')", false],
    ["endsWith('Hello world', 'LD')", true],
    ["endsWith('Hello world', 'wor')", false],
  ],
  format: [
    ["format('Hello {0} {1} {2}', 'Mona', 'the', 'Octocat')", "Hello Mona the Octocat"],
    ["format('{{Hello {0} {1} {2}!}}', 'Mona', 'the', 'Octocat')", "{Hello Mona the Octocat!}"],
    ["format('{0}{0}{1}', 1, true)", "11true"],
    ["format('{0}', null)", ""],
    ["format('{0}', '{1}')", "{1}"],
  ],
  join: [
    ["join(config.list)", "a,B,3"],
    ["join(config.list, ', ')", "a, B, 3"],
    ["join('text', '-')", "text"],
    ["join(fromJSON('[]'))", ""],
  ],
  "toJSON and fromJSON": [
    ["toJSON('a\"b')", '"a\\"b"'],
    ["toJSON(config.list)", '[\n  "a",\n  "B",\n  3\n]'],
    ["toJSON(null)", "null"],
    ['toJson(fromJson(\'{"a":1,"A":2,"__proto__":3}\'))', '{\n  "a": 1,\n  "A": 2,\n  "__proto__": 3\n}'],
    ['fromJSON(\'{"a": [1, {"b": null}]}\').a[1].b', null],
    ["fromJSON('{\"constructor\": 1}').constructor", 1],
    ["fromJSON('true') && 1", 1],
    ["fromJSON('\"text\"')", "text"],
    ["fromJSON('3') == 3", true],
  ],
  case: [
    ["case(false, 'a', true, 'b', 'c')", "b"],
    ["case(1 == 2, 'a', 'c')", "c"],
  ],
};

describe.each(Object.entries(GOLDEN))("an expression with %s", (_, rows) => {
  test.each(rows)("%s is %j", (text, value) => {
    expect(evaluate(text)).toEqual(value);
  });
});

describe("an expression", () => {
  test.each([
    ["fromJSON('{')", "fromJSON"],
    ["fromJSON('')", "fromJSON"],
    ["format('{1}', 'a')", "more arguments"],
    ["format('{0', 'a')", "invalid"],
    ["case(1, 2, 3)", "boolean"],
  ])("throws when it can't be evaluated: %s", (text, message) => {
    expect(() => evaluate(text)).toThrow(message);
  });

  test.each([
    ["", "is an empty expression", ""],
    ["1 +", "unexpected symbol: '+'", "+"],
    ["1 2", "unexpected symbol: '2'", "2"],
    ["params.level ==", "unexpected end of expression: '=='", "=="],
    ["(1", "unexpected end of expression: '1'", "1"],
    ["1)", "unexpected symbol: ')'", ")"],
    ["'open", "unexpected symbol: ''open'", "'open"],
    ['"double"', "unexpected symbol: '\"double\"'", '"double"'],
    ["1 = 1", "unexpected symbol: '='", "="],
    ["a & b", "unexpected symbol: '&'", "&"],
    ["params.a-b.c d", "unexpected symbol: 'd'", "d"],
    ["param.level", "did you mean 'params'?", "param"],
    ["github.ref", "expected one of params, config, job, run, tasks, item, item_key, matrix", "github"],
    ["startWith('a', 'b')", "did you mean 'startsWith'?", "startWith"],
    [
      "hashFiles('*')",
      "expected one of case, contains, endsWith, format, fromJSON, join, startsWith, toJSON",
      "hashFiles",
    ],
    ["success()", "`condition: all_success`", "success"],
    ["always() && failure()", "`condition: all_done`", "always"],
    ["constructor(1)", "unrecognized function: 'constructor'", "constructor"],
    ["__proto__()", "unrecognized function: '__proto__'", "__proto__"],
    ["contains('a')", "too few parameters supplied: 'contains'", "contains"],
    ["toJSON(1, 2)", "too many parameters supplied: 'toJSON'", "toJSON"],
    [`${"!".repeat(60)}true`, "exceeded max expression depth 50", "!"],
  ])("that is wrong is refused: %s", (text, problem, part) => {
    const result = Expression.parse(text);
    expect(result).toMatchObject({ problem: expect.stringContaining(problem), part: { text: part } });
  });

  test("that is too long is refused", () => {
    const text = "'x' == ".repeat(4_000);
    expect(Expression.parse(text)).toMatchObject({ problem: "is longer than 21000 characters", part: { text } });
  });

  test.each([
    ["'env' == env.X", { text: "env", nth: 1 }],
    ["'a\nb\nenv' != 'env' && env.X", { text: "env", nth: 2 }],
    ["1 == 1 ||\n  2 == 2 ||\n  2 2", { text: "2", nth: 3 }],
    ["'+' == +", { text: "+", nth: 1 }],
  ])("that is wrong has the position of its mistake: %j", (text, part) => {
    expect(Expression.parse(text)).toMatchObject({ part });
  });

  test("lists the values that it refers to, up to the first computed name", () => {
    const { references } = parse(
      "params.a == tasks['scan'].outputs.count && config[params.b].c || contains(tasks.*.status, item)",
    );
    expect(references.map(({ context, names }) => [context, ...names].join("."))).toEqual([
      "params.a",
      "tasks.scan.outputs.count",
      "config",
      "params.b",
      "tasks",
      "item",
    ]);
  });

  test("can be a long chain", () => {
    expect(evaluate(`${"1 == ".repeat(1_000)}1`)).toBe(true);
    expect(evaluate(`${"true && ".repeat(1_000)}'x'`)).toBe("x");
  });
});

/** Texts that are expressions by their form. */
const expressions = fc.letrec<{ readonly expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(
      ...[
        "null",
        "true",
        "0",
        "-1.5e3",
        "0xF",
        "NaN",
        "Infinity",
        "''",
        "'it''s'",
        "'[1, {\"a\": 2}]'",
        "'{0} {{}} {1}'",
      ],
      ...["params.level", "params['none']", "config.list", "config.map", "tasks", "item", "matrix.os", "run.id"],
    ),
    fc
      .tuple(tie("expression"), fc.constantFrom("==", "!=", "<", "<=", ">", ">=", "&&", "||"), tie("expression"))
      .map(([left, operator, right]) => `${left} ${operator} ${right}`),
    tie("expression").map((inner) => `(${inner})`),
    tie("expression").map((inner) => `!${inner}`),
    fc
      .tuple(
        fc.constantFrom(
          "contains",
          "startsWith",
          "endsWith",
          "format",
          "join",
          "toJSON",
          "fromJSON",
          "case",
          "success",
          "constructor",
        ),
        fc.array(tie("expression"), { maxLength: 3 }),
      )
      .map(([name, args]) => `${name}(${args.join(", ")})`),
    fc
      .tuple(tie("expression"), fc.constantFrom(".a", ".*", "[0]", "['constructor']", "[params.level]", ".__proto__"))
      .map(([inner, index]) => `${inner}${index}`),
  ),
})).expression;

/** Texts of the parts of expressions, in any order. */
const soups = fc
  .array(
    fc.constantFrom(
      ...[
        "(",
        ")",
        "[",
        "]",
        ".",
        ",",
        "*",
        "!",
        "=",
        "==",
        "&",
        "&&",
        "|",
        "||",
        "<",
        ">=",
        "'",
        "''",
        '"',
        "\n",
        " ",
        "\\",
      ],
      ...[
        "params",
        "tasks",
        "level",
        "fromJSON",
        "toString",
        "1",
        "-",
        "0x",
        "e9",
        "ı",
        "ß",
        "\u0000",
        "\ud800",
        "{{",
        "}}",
        "${{",
      ],
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

const texts = fc.oneof({ arbitrary: expressions, weight: 3 }, soups, fc.string({ unit: "binary" }));

const FIXED = { seed: 20261127 };

describe("10,000 generated expressions", () => {
  test("are refused with a part of the text, or have a value, or can't be evaluated", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const expression = Expression.parse(text);
        if (!(expression instanceof Expression)) {
          expect(text).toContain(expression.part.text);
          return;
        }
        try {
          const value = expression.evaluate(SCOPE);
          expect(JSON.parse(JSON.stringify(value))).toEqual(value);
        } catch (error) {
          if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) throw error;
        }
      }),
      { ...FIXED, numRuns: 9_000 },
    );
  });

  test("are a valid `if` of a job file, or a problem of it", () => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 100, maxLength: 100 }), (conditions) => {
        const tasks = conditions.map((condition, index) => ({
          id: `t${index}`,
          type: "shell",
          script: "x",
          if: condition,
        }));
        const text = JSON.stringify({ id: "j", params: { level: {} }, config: { list: [], map: {} }, tasks });
        const { jobs, problems } = readJobFile({ file: "j.yaml", folder: "/", text });
        expect(jobs.length + problems.length).toBeGreaterThan(0);
        for (const { path } of problems) expect(path).toMatch(/^tasks\[\d+\]\.if$/);
      }),
      { ...FIXED, numRuns: 10 },
    );
  });
});
