import { join } from "node:path";
import { formatProblem, type Problem } from "../../jobfile/problem.ts";
import { formatDuration } from "../../lib/duration.ts";
import { escapeUnprintable, pluralize } from "../../lib/text.ts";
import { paint, type Terminal } from "../terminal/terminal.ts";
import type { TestResult } from "./run-test.ts";

/** What came of all tests. */
export type TestReport = {
  readonly dir: string;
  readonly results: readonly TestResult[];
  /** Those of test files, whose tests were not run, with paths relative to the current folder. */
  readonly problems: readonly Problem[];
  readonly durationMs: number;
};

/** Returns the differences of a test as problems, with paths relative to the current folder. */
const problemsOf = ({ read, differences }: TestResult, dir: string): readonly (Problem & Compared)[] =>
  differences.map(({ path, expected, got }) => ({
    file: join(dir, read.file),
    ...read.placeOf(path),
    message: `expected ${expected}, got ${got}`,
    expected,
    got,
  }));

type Compared = { readonly expected: string; readonly got: string };

const failed = ({ results }: TestReport): readonly TestResult[] =>
  results.filter(({ differences }) => differences.length > 0);

export const hasPassed = (report: TestReport): boolean =>
  report.problems.length === 0 && failed(report).length === 0 && report.results.length > 0;

/** Writes the result of each test, with what differs. */
export const writeTestReport = (report: TestReport, { out, err }: Terminal): void => {
  const { results, problems, dir, durationMs } = report;
  for (const result of results) {
    const hasFailed = result.differences.length > 0;
    const { job, test } = result.read;
    const mark = hasFailed ? paint(out, "red", "FAIL") : paint(out, "green", "ok  ");
    out.write(`${mark} ${job.id}: ${escapeUnprintable(test.name)}\n`);
    for (const problem of problemsOf(result, dir)) out.write(`     ${formatProblem(problem)}\n`);
  }
  for (const problem of problems) out.write(`${formatProblem(problem)}\n`);
  const count = failed(report).length;
  const parts = [
    pluralize(results.length, "test"),
    count === 0 ? null : paint(err, "red", `${count} failed`),
    problems.length === 0 ? null : paint(err, "red", pluralize(problems.length, "problem")),
  ].filter((part) => part !== null);
  err.write(`${parts.join(", ")} in ${formatDuration(Math.ceil(durationMs))}\n`);
};

/** Returns the report for programs. */
export const testReportJson = (report: TestReport): object => ({
  passed: hasPassed(report),
  tests: report.results.length,
  failed: failed(report).length,
  duration_ms: Math.round(report.durationMs),
  problems: report.problems,
  results: report.results.map((result) => ({
    job_id: result.read.job.id,
    name: result.read.test.name,
    ...placeOf(result, report.dir),
    passed: result.differences.length === 0,
    duration_ms: Math.round(result.durationMs),
    differences: problemsOf(result, report.dir).map(({ file, line, column, path, expected, got }) => ({
      file,
      line,
      column,
      path,
      expected,
      got,
    })),
  })),
});

const placeOf = ({ read }: TestResult, dir: string) => ({
  file: join(dir, read.file),
  line: read.placeOf([]).line,
});

/** Returns the report in the XML of JUnit, which CI systems show. */
export const testReportXml = (report: TestReport): string => {
  const { results, problems, durationMs, dir } = report;
  const cases = [
    ...results.map((result) => ({ file: placeOf(result, dir).file, xml: caseOf(result, dir) })),
    ...problems.map((problem) => ({ file: problem.file, xml: caseOfProblem(problem) })),
  ];
  const suites = [...Map.groupBy(cases, ({ file }) => file)].map(([file, all]) => {
    const failures = all.filter(({ xml }) => xml.includes("<failure")).length;
    const counts = `tests="${all.length}" failures="${failures}" errors="0" skipped="0"`;
    return `  <testsuite name="${xmlText(file)}" ${counts}>\n${all.map(({ xml }) => xml).join("")}  </testsuite>\n`;
  });
  const failures = failed(report).length + problems.length;
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" time="${seconds(durationMs)}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="petit test" ${counts}>\n${suites.join("")}</testsuites>\n`;
};

const caseOf = (result: TestResult, dir: string): string => {
  const { read, durationMs } = result;
  const { file, line } = placeOf(result, dir);
  const name = `name="${xmlText(read.test.name)}" classname="${xmlText(read.job.id)}"`;
  const place = `file="${xmlText(file)}" line="${line}" time="${seconds(durationMs)}"`;
  const lines = problemsOf(result, dir).map(formatProblem);
  if (lines.length === 0) return `    <testcase ${name} ${place}/>\n`;
  return `    <testcase ${name} ${place}>\n${failure(lines)}    </testcase>\n`;
};

const caseOfProblem = (problem: Problem): string => {
  const place = `file="${xmlText(problem.file)}" line="${problem.line}" time="0"`;
  return `    <testcase name="can be read" classname="${xmlText(problem.file)}" ${place}>\n${failure([formatProblem(problem)])}    </testcase>\n`;
};

const failure = (lines: readonly string[]): string =>
  `      <failure message="${xmlText(lines[0] ?? "")}">${lines.map(xmlText).join("\n")}</failure>\n`;

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

/** Escapes a text for XML, without the characters that XML does not have (XML 1.0, 2.2). */
const xmlText = (text: string): string =>
  escapeUnprintable(text)
    .replaceAll(/[\uFFFE\uFFFF]/g, "\uFFFD")
    .replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
