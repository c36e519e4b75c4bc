import { describe, expect, test } from "bun:test";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { readJobsDir } from "../../../src/jobfile/read/job-dir.ts";
import { makeJobDir } from "../../support/job-dir.ts";

const problemsOf = async (files: Readonly<Record<string, string>>): Promise<readonly string[]> => {
  using dir = makeJobDir(files);
  return (await readJobsDir(dir.path)).problems.map(formatProblem);
};

/** A job that runs others. */
const caller = (id: string, ...tasks: readonly string[]): string =>
  [`id: ${id}`, "tasks:", ...tasks.map((task, index) => `  - {id: t${index}, type: job, ${task}}`), ""].join("\n");

const IMPORT = `id: import_rows
params:
  day: {required: true, pattern: "^\\\\d{4}$"}
  level: {enum: [fast, full], default: fast}
tasks: [{id: t, type: command, command: "true"}]
`;

describe("a task of type job", () => {
  test("is valid if the params fit", async () => {
    const text = caller(
      "a",
      "job: import_rows, params: {day: 2026, level: full}, wait: false",
      'job: import_rows, params: {day: "${{ run.id }}", level: "${{ job.id }}"}',
    );
    expect(await problemsOf({ "a.yaml": text, "b.yaml": IMPORT })).toEqual([]);
  });

  test.each([
    [
      "job: import_row, params: {day: 2026}",
      "3:30: tasks[0].job: there is no job 'import_row'; did you mean 'import_rows'?",
    ],
    ["job: import_rows", "3:5: tasks[0].params: job 'import_rows': param 'day' is required"],
    [
      "job: import_rows, params: {dya: 2026, day: 2026}",
      "3:57: tasks[0].params.dya: job 'import_rows': unknown param 'dya'; did you mean 'day'?",
    ],
    [
      "job: import_rows, params: {day: monday}",
      "3:57: tasks[0].params.day: job 'import_rows': param 'day' can't be 'monday'; expected a value that matches ^\\d{4}$",
    ],
    [
      "job: import_rows, params: {day: 2026, level: ful}",
      "3:70: tasks[0].params.level: job 'import_rows': param 'level' can't be 'ful'; did you mean 'full'?",
    ],
    [
      "job: '${{ job.id }}'",
      "3:30: tasks[0].job: '${{ job.id }}' is not a job's id: 1 to 128 letters, digits, '_', '.' and '-', the first one a letter or a digit",
    ],
    ["params: {}", "3:5: tasks[0].job: missing; a job task needs it"],
    [
      "job: import_rows, params: {day: 2026}, args: [x]",
      "3:70: tasks[0].args: has no effect here; a job task has no process; pass values in `params`",
    ],
    [
      "job: import_rows, params: {day: 2026}, skip_exit_codes: [9]",
      "3:81: tasks[0].skip_exit_codes: has no effect here; a job task has no exit code",
    ],
    [
      "job: import_rows, params: {day: 2026}, allow_failure: {exit_codes: [9]}",
      "3:79: tasks[0].allow_failure: a job task has no exit code; expected true or false",
    ],
    [
      "job: import_rows, params: {day: 2026}, wait: false, timeout: 5m",
      "3:86: tasks[0].timeout: has no effect here; the task does not wait",
    ],
    [
      'job: import_rows, params: {day: "${{ params.day }}"}',
      "3:58: tasks[0].params.day: there is no param 'day'; the job has none",
    ],
  ])("with %s is refused", async (task, problem) => {
    expect(await problemsOf({ "a.yaml": caller("a", task), "b.yaml": IMPORT })).toEqual([`a.yaml:${problem}`]);
  });

  test("needs its type for its fields", async () => {
    const text = "id: a\ntasks: [{id: t, type: shell, script: x, job: a, wait: true}]\n";
    expect(await problemsOf({ "a.yaml": text })).toEqual([
      "a.yaml:2:46: tasks[0].job: is not a field of a shell task; expected script, shell",
      "a.yaml:2:55: tasks[0].wait: is not a field of a shell task; expected script, shell",
    ]);
  });
});

describe("jobs that run jobs", () => {
  test("may not form a cycle", async () => {
    const files = {
      "a.yaml": caller("a", "job: b"),
      "b.yaml": caller("b", "job: c", "job: b"),
      "c.yaml": caller("c", "job: a"),
    };
    expect(await problemsOf(files)).toEqual([
      "a.yaml:3:30: tasks[0].job: jobs run each other in a cycle: a → b → c → a; expected no cycle",
      "b.yaml:4:30: tasks[1].job: a job runs itself: b → b; expected no cycle",
    ]);
  });

  test("are nested at most ten deep", async () => {
    const chain = (length: number): Readonly<Record<string, string>> =>
      Object.fromEntries([
        ...Array.from({ length }, (_, n) => [`j${n}.yaml`, caller(`j${n}`, `job: j${n + 1}`)]),
        [`j${length}.yaml`, `id: j${length}\ntasks: [{id: t, type: command, command: "true"}]\n`],
      ]);
    expect(await problemsOf(chain(10))).toEqual([]);
    const names = Array.from({ length: 12 }, (_, n) => `j${n}`).join(" → ");
    expect(await problemsOf(chain(11))).toEqual([
      `j0.yaml:3:30: tasks[0].job: runs jobs more than 10 deep: ${names}; expected at most 10`,
    ]);
  });

  test("may not wait for a job with a gate on them", async () => {
    const gated = (gate: string): string =>
      `id: b\ndepends_on: [${gate}]\ntasks: [{id: t, type: command, command: "true"}]\n`;
    const problem =
      "b.yaml:2:14: depends_on[0]: 'a' runs this job and waits for it, so its newest run has not ended then; expected no gate on it";
    expect(await problemsOf({ "a.yaml": caller("a", "job: b"), "b.yaml": gated("a") })).toEqual([problem]);
    expect(await problemsOf({ "a.yaml": caller("a", "job: b, wait: false"), "b.yaml": gated("a") })).toEqual([]);
    const window = gated("{job: a, condition: {within_window: 1h}}");
    expect(await problemsOf({ "a.yaml": caller("a", "job: b"), "b.yaml": window })).toEqual([]);
  });
});

describe("the outputs of a job", () => {
  const withOutput = (output: string): string =>
    `id: a\noutputs: ${output}\ntasks:\n  - {id: t, type: command, command: "true"}\n`;

  test.each([
    ['{rows: "${{ tasks.t.outputs.rows }}", day: "${{ run.id }}", n: 3, e: "${{ format(\'{0}\', job.id) }}"}', []],
    [
      '{rows: "${{ tasks.u.outputs.rows }}"}',
      ["a.yaml:2:18: outputs.rows: there is no task 'u'; expected the id of a task of this job"],
    ],
    ['{rows: "${{ item }}"}', ["a.yaml:2:18: outputs.rows: item is not available in the job's outputs"]],
    [
      '{"a b": 1}',
      [
        "a.yaml:2:11: outputs[\"a b\"]: 'a b' is not an output's name: letters, digits, '_', '.' and '-', the first one a letter or '_'",
      ],
    ],
  ])("%s", async (output, problems) => {
    expect(await problemsOf({ "a.yaml": withOutput(output) })).toEqual(problems);
  });
});
