import { describe, expect, test } from "bun:test";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { type JobFiles, readJobsDir } from "../../../src/jobfile/read/job-dir.ts";
import { makeJobDir } from "../../support/job-dir.ts";

const read = async (text: string, { hasWorkers = true } = {}): Promise<JobFiles> => {
  using dir = makeJobDir({ "a.yaml": text });
  return await readJobsDir(dir.path, { queues: null, hasWorkers, ownFolders: null, privileges: null });
};

const problemsOf = async (text: string, options = {}): Promise<readonly string[]> =>
  (await read(text, options)).problems.map(formatProblem);

const labelsOf = async (text: string): Promise<readonly (readonly string[] | undefined)[]> => {
  const { jobs, problems } = await read(text);
  expect(problems.map(formatProblem)).toEqual([]);
  return jobs.flatMap(({ tasks }) => tasks.map(({ runsOn }) => runsOn));
};

const SHELL = "type: shell, script: x";

describe("runs_on", () => {
  test("of a job holds for its tasks with a process, and those of a task replace it", async () => {
    const tasks = [
      `{id: a, ${SHELL}}`,
      `{id: b, ${SHELL}, runs_on: zone=eu}`,
      `{id: c, ${SHELL}, runs_on: []}`,
      "{id: d, type: approval}",
    ];
    expect(await labelsOf(`id: j\nruns_on: [zone=eu, gpu]\ntasks: [${tasks.join(", ")}]\n`)).toEqual([
      ["gpu", "zone=eu"],
      ["zone=eu"],
      undefined,
      undefined,
    ]);
  });

  test("needs NATS if the settings of the scheduler are known", async () => {
    const text = `id: j\nruns_on: gpu\ntasks: [{id: a, ${SHELL}, runs_on: [big]}, {id: b, ${SHELL}, runs_on: []}]\n`;
    const message = "runs_on needs --nats; expected `petit run --nats URL`, or no runs_on";
    expect(await problemsOf(text, { hasWorkers: false })).toEqual([
      `a.yaml:2:10: runs_on: ${message}`,
      `a.yaml:3:50: tasks[0].runs_on: ${message}`,
    ]);
    expect(await problemsOf(text)).toEqual([]);
    expect(await problemsOf(`id: j\ntasks: [{id: b, ${SHELL}, runs_on: []}]\n`, { hasWorkers: false })).toEqual([]);
  });

  test("and a nats trigger need NATS, also beside each other", async () => {
    const text = `id: j\ntriggers: [{type: nats, stream: ORDERS, subject: orders.*}]\ntasks: [{id: a, ${SHELL}}]\n`;
    expect(await problemsOf(text, { hasWorkers: false })).toEqual([
      "a.yaml:2:19: triggers[0].type: a nats trigger needs --nats; expected `petit run --nats URL`, or no such trigger",
    ]);
    expect(await problemsOf(text)).toEqual([]);
  });

  test("has no effect on a task without a process", async () => {
    expect(await problemsOf("id: j\ntasks: [{id: a, type: approval, runs_on: gpu}]\n")).toEqual([
      "a.yaml:2:42: tasks[0].runs_on: has no effect here; an approval task has no process",
    ]);
  });

  test.each([
    ["runs_on: gpu zone", "2:10: runs_on: 'gpu zone' is not a label: 1 to 63 letters"],
    ["runs_on: [gpu, gpu]", "2:16: runs_on[1]: 'gpu' is item 0 as well; expected each once"],
    ["runs_on: {gpu: true}", "2:10: runs_on: is a map; expected"],
    [
      `runs_on: [${Array.from({ length: 17 }, (_, n) => `l${n}`).join()}]`,
      "2:10: runs_on: has 17 labels; expected at most 16",
    ],
    ["runs-on: gpu", "2:1: runs-on: unknown field; did you mean 'runs_on'?"],
    ["run_on: gpu", "2:1: run_on: unknown field; did you mean 'runs_on'?"],
  ])("'%s' is a mistake", async (field, problem) => {
    const [found = ""] = await problemsOf(`id: j\n${field}\ntasks: [{id: a, ${SHELL}}]\n`);
    expect(found).toStartWith(`a.yaml:${problem}`);
  });
});

test("a script for a worker is looked up only in the folder of the job file", async () => {
  using dir = makeJobDir({
    "a.yaml": "id: j\nruns_on: gpu\ntasks: [{id: a, type: python, script: x.py, working_dir: sub}]\n",
    "sub/x.py": "",
  });
  expect((await readJobsDir(dir.path)).problems.map(formatProblem)).toEqual([
    `a.yaml:3:39: tasks[0].script: the file 'x.py' was not found in ${dir.path}; expected a file, or \`inline: true\` with the program text`,
  ]);
});
