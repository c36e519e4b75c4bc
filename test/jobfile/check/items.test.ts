import { describe, expect, test } from "bun:test";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";

const read = (fields: string) =>
  readJobFile({
    file: "f",
    folder: import.meta.dirname,
    text: `id: j\nparams: {p: {}}\nenvironment: {}\ntasks:\n  - {id: up, type: shell, script: echo}\n  - {id: t, type: shell, script: echo, ${fields}}\n`,
  });

const problemsOf = (fields: string): readonly string[] =>
  read(fields).problems.map((problem) => formatProblem(problem).slice(2));

const RANGE_1001 = "foreach: {range: [0, 1000]}";

describe("the items of a task", () => {
  test.each([
    [
      "a scalar",
      "foreach: web-1",
      "6:49: tasks[1].foreach: is a single value; expected a list, a template that yields",
    ],
    ["an unknown key", "foreach: {rnage: [1, 2]}", "tasks[1].foreach.rnage: unknown field; did you mean 'range'?"],
    ["one number", "foreach: {range: [1]}", "tasks[1].foreach.range: expected two numbers, as in [1, 10]"],
    ["a range that counts down", "foreach: {range: [3, 1]}", "counts down from 3 to 1"],
    ["too many numbers", RANGE_1001, "tasks[1].foreach: there are 1001 items; expected at most 1000"],
    ["a repeated scalar", "foreach: [a, b, a]", "6:56: tasks[1].foreach[2]: items 0 and 2 have the same key 'a'"],
    [
      "a repeated key",
      'foreach: [{n: a}, {n: a}], item_key: "${{ item.n }}"',
      "tasks[1].foreach[1]: items 0 and 1 have the same key 'a'",
    ],
    ["an empty key", 'foreach: [{n: a}], item_key: "${{ item.m }}"', 'item 0 has the key ""; expected 1 to 128'],
    [
      "two lists",
      "foreach: [a], matrix: {x: [1]}",
      "conflicts with another field; expected only one of foreach, matrix",
    ],
    ["an axis that is no list", "matrix: {os: trixie}", "tasks[1].matrix.os: expected a list with at least one value"],
    ["no axis", "matrix: {exclude: []}", "tasks[1].matrix: has no axis"],
    [
      "an unknown axis",
      "matrix: {os: [a], exclude: [{node: 1}]}",
      "tasks[1].matrix.exclude[0].node: there is no axis 'node'; the matrix has os",
    ],
    ["a matrix of equal values", "matrix: {os: [a, a]}", "tasks[1].matrix: items 0 and 1 have the same key 'a'"],
    ["a huge matrix", `matrix: {a: &l [${"1,".repeat(99)}1], b: *l, c: *l}`, "has 1000000 combinations"],
    ["a key without items", "item_key: x", "tasks[1].item_key: has no effect here; it needs foreach or matrix"],
    ["a limit without items", "max_parallel: 2", "tasks[1].max_parallel: has no effect here"],
    ["max_parallel: 0", "foreach: [a], max_parallel: 0", "tasks[1].max_parallel"],
    ["a wrong percentage", "foreach: [a], max_failures: 10 %", "'10 %' is not a number, or a percentage up to 100%"],
    [
      "a percentage above 100",
      "foreach: [a], max_failures: 101%",
      "'101%' is not a number, or a percentage up to 100%",
    ],
    ["an item where there is none", 'args: ["${{ item }}"]', "the task has no item; it needs foreach or matrix"],
    ["a key where there is none", 'args: ["${{ item_key }}"]', "the task has no item_key"],
    ["an axis without a matrix", 'foreach: [a], args: ["${{ matrix.os }}"]', "the task has no matrix"],
    [
      "an axis that does not exist",
      'matrix: {os: [a]}, args: ["${{ matrix.so }}"]',
      "there is no axis 'so'; did you mean 'os'?",
    ],
    ["an item in its own list", 'foreach: "${{ item }}"', "item is not known yet where the items are declared"],
    ["an unknown param", 'foreach: "${{ params.q }}"', "there is no param 'q'"],
    ["a task that is not upstream", 'foreach: "${{ tasks.up.outputs.x }}"', "task 'up' is not upstream of 't'"],
    ["a template in a list", 'foreach: [{a: "${{ params.q }}"}]', "tasks[1].foreach[0].a: there is no param 'q'"],
  ])("has a problem: %s", (_name, fields, problem) => {
    const problems = problemsOf(fields);
    expect(problems.join("\n")).toContain(problem);
    expect(problems).toHaveLength(1);
  });

  test.each([
    "foreach: []",
    "foreach: [1, true, {a: [1]}]",
    'foreach: "${{ params.p }}", item_key: "${{ item.id }}"',
    'foreach: ["${{ params.p }}", "${{ params.p }}"]',
    "foreach: {range: [1, 1000]}, max_parallel: 10, fail_fast: true, max_failures: 10%",
    'matrix: {os: [a, b], include: [{os: a, extra: 1}]}, args: ["${{ matrix.extra }} ${{ item.os }}"]',
    "matrix: {include: [{os: a}, {os: b}]}",
  ])("may be %s", (fields) => {
    expect(problemsOf(fields)).toEqual([]);
  });
});
