import { describe, expect, test } from "bun:test";
import type { Job } from "../../../src/domain/job.ts";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { readJobText } from "../../../src/jobfile/read/job-dir.ts";
import { readTests } from "../../../src/jobfile/read/test-file.ts";

const { jobs } = await readJobText(`id: load
tasks:
  - { id: fetch, type: shell, script: x }
  - { id: ask, type: approval }
  - { id: sub, type: job, job: other, foreach: [a, b] }
---
id: other
outputs: { rows: "1" }
tasks: [{ id: a, type: shell, script: x }]
`);
const known = new Map<string, Job>(jobs.map((job) => [job.id, job]));

const problemsOf = (text: string): readonly string[] =>
  readTests(text, "a.test.yaml", known).problems.map(formatProblem);

describe("a test file", () => {
  test("has its tests with their places", () => {
    const { tests, problems } = readTests(
      "job: load\ntests:\n  - name: one\n    expect: { status: completed, tasks: { fetch: failed } }\n",
      "a.test.yaml",
      known,
    );
    expect(problems).toEqual([]);
    expect(tests.map(({ test: { name }, job }) => [job.id as string, name])).toEqual([["load", "one"]]);
    expect(tests[0]?.placeOf(["expect", "tasks", "fetch"])).toEqual({
      line: 4,
      column: 50,
      path: "expect.tasks.fetch",
    });
  });

  test.each([
    ["an unknown field", "job: load\ntests: [{name: a, expects: {}}]", "did you mean 'expect'?"],
    [
      "an unknown field of a stub",
      "job: load\ntests: [{name: a, tasks: {fetch: {exitcode: 3}}, expect: {status: failed}}]",
      "a.test.yaml:2:35: tests[0].tasks.fetch.exitcode: unknown field; did you mean 'exit_code'?",
    ],
    [
      "an unknown job",
      "job: lod\ntests: [{name: a, expect: {status: failed}}]",
      "a.test.yaml:1:6: job: there is no valid job 'lod'; did you mean 'load'?",
    ],
    [
      "an unknown task",
      "job: load\ntests: [{name: a, tasks: {fech: failed}, expect: {status: failed}}]",
      "job 'load' has no task 'fech'; did you mean 'fetch'?",
    ],
    [
      "an unknown expected task",
      "job: load\ntests: [{name: a, expect: {tasks: {fech: failed}}}]",
      "tests[0].expect.tasks.fech: job 'load' has no task 'fech'",
    ],
    [
      "an unknown skipped task",
      "job: load\ntests: [{name: a, expect: {skipped: [fetch, as]}}]",
      "tests[0].expect.skipped[1]: job 'load' has no task 'as'",
    ],
    [
      "another job on which it does not depend",
      "job: load\ntests: [{name: a, jobs: {loda: completed}, expect: {status: failed}}]",
      "tests[0].jobs.loda: job 'load' does not depend on a job 'loda'; expected no jobs, because it has no depends_on",
    ],
    ["an expectation of nothing", "job: load\ntests: [{name: a, expect: {}}]", "expects nothing"],
    [
      "a name twice",
      "job: load\ntests: [{name: a, expect: {status: failed}}, {name: a, expect: {status: failed}}]",
      "'a' is used twice",
    ],
    [
      "two ways to end",
      "job: load\ntests: [{name: a, tasks: {fetch: {status: failed, exit_code: 3}}, expect: {status: failed}}]",
      "expected only one of status, exit_code, signal",
    ],
    [
      "a real approval",
      "job: load\ntests: [{name: a, tasks: {ask: {real: true}}, expect: {status: failed}}]",
      "an approval has no process",
    ],
    [
      "a month that is none",
      "job: load\ntests: [{name: a, expect: {occurrences: {march: 3}}}]",
      "a month or a day such as 2027-03",
    ],
    ["a list", "- job: load", "expected a map with job and tests"],
    ["nothing", "\n", "the file is empty"],
    ["broken YAML", "job: [", "a.test.yaml:1:"],
  ])("with %s has a problem", (_, text, expected) => {
    const problems = problemsOf(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join("\n")).toContain(expected);
  });

  test("can have several documents", () => {
    const document = "job: load\ntests: [{name: a, expect: {status: failed}}]\n";
    expect(problemsOf(`${document}---\n${document.replace("name: a", "name: b")}`)).toEqual([]);
    expect(problemsOf(`${document}---\n${document}`)).toEqual([expect.stringContaining("'a' is used twice")]);
  });
});
