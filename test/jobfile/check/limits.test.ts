import { describe, expect, test } from "bun:test";
import type { Job, Task } from "../../../src/domain/job.ts";
import type { Privileges } from "../../../src/jobfile/check/limits.ts";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { readJobsDir } from "../../../src/jobfile/read/job-dir.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { makeJobDir } from "../../support/job-dir.ts";

const read = (text: string): { readonly jobs: readonly Job[]; readonly problems: readonly string[] } => {
  const { jobs, problems } = readJobFile({ file: "f", folder: import.meta.dirname, text });
  return { jobs, problems: problems.map((problem) => formatProblem(problem).slice(2)) };
};

/** Returns what the tasks of a valid file may use. */
const usesOf = (text: string): readonly Pick<Task, "limits" | "runAs" | "leftovers">[] => {
  const { jobs, problems } = read(text);
  expect(problems).toEqual([]);
  return jobs.flatMap(({ tasks }) =>
    tasks.map(({ limits, runAs, leftovers }) => ({
      ...(limits !== undefined && { limits }),
      ...(runAs !== undefined && { runAs }),
      ...(leftovers !== undefined && { leftovers }),
    })),
  );
};

const SHELL = "type: shell, script: x";
const MIB = 2 ** 20;

describe("limits", () => {
  test("of a job are defaults, of which a task replaces each one", () => {
    const tasks = [
      `{id: a, ${SHELL}}`,
      `{id: b, ${SHELL}, limits: {memory: 1GiB, nice: -5}}`,
      `{id: c, ${SHELL}, limits: {}, leftovers: keep, run_as: 33}`,
    ];
    const text = `id: j\nlimits: {memory: 512MiB, cpus: 1.5, io: idle}\nrun_as: www-data\nleftovers: kill\ntasks: [${tasks.join(", ")}]\n`;
    const ofJob = { memoryBytes: 512 * MIB, cpus: 1.5, io: "idle" } as const;
    expect(usesOf(text)).toEqual([
      { limits: ofJob, runAs: "www-data", leftovers: "kill" },
      { limits: { ...ofJob, memoryBytes: 1024 * MIB, nice: -5 }, runAs: "www-data", leftovers: "kill" },
      { limits: ofJob, runAs: "33" },
    ]);
  });

  test("of a job are not those of tasks that run no program here", () => {
    const tasks = [
      "{id: a, type: approval}",
      "{id: b, type: http, url: 'https://example.com/'}",
      "{id: c, type: ssh, host: web-1, script: x}",
      "{id: d, type: job, job: other}",
    ];
    const text = `id: j\nlimits: {memory: 512MiB}\nrun_as: www-data\nleftovers: kill\ntasks: [${tasks.join(", ")}]\n`;
    expect(usesOf(text)).toEqual([{}, { runAs: "www-data" }, { runAs: "www-data" }, {}]);
  });

  test("of a container are those that its engine enforces", () => {
    const text = `id: j\nlimits: {memory: 512MiB, pids: 20, nice: 5, io: idle}\nleftovers: kill\ntasks: [{id: a, ${SHELL}, container: python}]\n`;
    expect(usesOf(text)).toEqual([{ limits: { memoryBytes: 512 * MIB, pids: 20 } }]);
  });

  test("are missing from a definition without any", () => {
    expect(usesOf(`id: j\nlimits: {}\nleftovers: keep\ntasks: [{id: a, ${SHELL}, limits: {}}]\n`)).toEqual([{}]);
  });
});

const task = (fields: string, more = ""): string => `id: j\ntasks:\n  - {id: t, ${fields}}\n${more}`;

const CONTAINER = `${SHELL}, container: {image: python, memory: 1g}`;

const MISTAKES: readonly (readonly [mistake: string, file: string, problem: string])[] = [
  ["a size without digits", task(`${SHELL}, limits: {memory: lots}`), "3:54: tasks[0].limits.memory: 'lots' is not"],
  ["too little memory", task(`${SHELL}, limits: {memory: 1MiB}`), "'1MiB' is too small; expected at least 4MiB"],
  ["a number that is too little memory", task(`${SHELL}, limits: {memory: 512}`), "'512' is too small"],
  [
    "a list as memory",
    task(`${SHELL}, limits: {memory: [1GiB]}`),
    "tasks[0].limits.memory: is a list; expected a size",
  ],
  ["no processor", task(`${SHELL}, limits: {cpus: 0}`), "0 is out of bounds; expected a number from 0.01 to 10000"],
  ["processors in quotes", task(`${SHELL}, limits: {cpus: "1.5"}`), "expected a number from 0.01 to 10000"],
  ["no process", task(`${SHELL}, limits: {pids: 0}`), "expected a whole number from 1 to 4194304"],
  ["a priority out of bounds", task(`${SHELL}, limits: {nice: 20}`), "expected a whole number from -20 to 19"],
  ["an unknown I/O class", task(`${SHELL}, limits: {io: best-effort:8}`), "'best-effort:8' is not an I/O class: idle,"],
  ["a level of idle", task(`${SHELL}, limits: {io: "idle:1"}`), "'idle:1' is not an I/O class"],
  ["an unknown limit", task(`${SHELL}, limits: {disk: 1GiB}`), "unknown field; expected one of memory, cpus"],
  ["an unknown enforcement", task(`${SHELL}, limits: {enforce: never}`), "expected one of required, best_effort"],
  ["limits of a job", `id: j\nlimits: {pids: x}\ntasks: [{id: t, ${SHELL}}]\n`, "2:16: limits.pids: is a text"],
  ["a user with a space", task(`${SHELL}, run_as: "a b"`), "'a b' is not a user: a name or a numeric id"],
  ["a user and a group", task(`${SHELL}, run_as: "33:33"`), "'33:33' is not a user"],
  ["a template as user", task(`${SHELL}, run_as: "\${{params.user}}"`), "is not a user: a name or a numeric id"],
  ["an option as user", task(`${SHELL}, run_as: --root`), "'--root' is not a user"],
  ["unknown leftovers", task(`${SHELL}, leftovers: end`), "expected one of keep, kill"],
  [
    "limits of a request",
    task("type: http, url: 'http://x/', limits: {nice: 1}"),
    "an http task is a request that petit",
  ],
  ["leftovers of ssh", task("type: ssh, host: h, script: x, leftovers: kill"), "runs its program on the other machine"],
  [
    "limits of an approval",
    task("type: approval, limits: {nice: 1}"),
    "3:37: tasks[0].limits: has no effect here; an approval task has no process",
  ],
  ["a user of an approval", task("type: approval, run_as: www-data"), "an approval task has no process"],
  ["leftovers of a child run", task("type: job, job: x, leftovers: kill"), "a job task has no process"],
  [
    "limits beside those of the container",
    task(`${CONTAINER}, limits: {cpus: 1}`),
    "3:72: tasks[0].container.memory: conflicts with the limits of the task; expected only `limits`",
  ],
  [
    "a number of processes beside limits of the container",
    task(`${CONTAINER}, limits: {pids: 20}`),
    "tasks[0].container.memory: conflicts with the limits of the task",
  ],
  [
    "limits of the job beside those of a container",
    task(CONTAINER, "limits: {memory: 1GiB}\n"),
    "tasks[0].container.memory: conflicts with the limits of the job",
  ],
  [
    "a priority of a container",
    task(`${SHELL}, container: x, limits: {nice: 5}`),
    "tasks[0].limits.nice: has no effect on a container; expected memory, cpus or pids",
  ],
  [
    "an I/O class of a container",
    task(`${SHELL}, container: x, limits: {io: idle}`),
    "tasks[0].limits.io: has no effect",
  ],
  ["leftovers of a container", task(`${SHELL}, container: x, leftovers: kill`), "a container ends with its program"],
  [
    "a user of a container",
    task(`${SHELL}, container: x, run_as: www-data`),
    "tasks[0].run_as: has no effect on a container; expected `container.user`",
  ],
  [
    "a user of the job for a container",
    task(`${SHELL}, container: x`, "run_as: www-data\n"),
    "tasks[0].container: can't be used with the run_as of the job",
  ],
];

describe("a job file with a mistake says where it is and what was expected:", () => {
  test.each(MISTAKES)("%s", (_mistake, text, problem) => {
    const { problems } = read(text);
    expect(problems).toEqual([expect.stringContaining(problem)]);
  });
});

test("limits are no conflict with other settings of a container", () => {
  const container = "{image: x, user: nobody, network: none}";
  expect(read(task(`${SHELL}, container: ${container}, limits: {memory: 1GiB, pids: 20}`)).problems).toEqual([]);
});

const ROOT: Privileges = { isRoot: true, whyNotRunAs: (user) => (user === "build" ? null : `no ${user}`) };

const refusedBy = async (text: string, privileges: Privileges): Promise<readonly string[]> => {
  using dir = makeJobDir({ "a.yaml": text });
  const setup = { queues: null, hasWorkers: true, ownFolders: null, privileges };
  return (await readJobsDir(dir.path, setup)).problems.map(formatProblem);
};

describe("what petit can't give to a task is a problem:", () => {
  test("a user, once where the job names it, and where a task does", async () => {
    const tasks = [
      `{id: a, ${SHELL}}`,
      `{id: b, ${SHELL}, run_as: build}`,
      `{id: c, ${SHELL}, run_as: 0}`,
      `{id: d, ${SHELL}}`,
    ];
    const text = `id: j\nrun_as: web\ntasks: [${tasks.join(", ")}]\n`;
    expect(await refusedBy(text, ROOT)).toEqual(["a.yaml:2:9: run_as: no web", "a.yaml:3:130: tasks[2].run_as: no 0"]);
  });

  test("not the user of a job whose tasks all have another one, or no process, or are on a worker", async () => {
    const tasks = [`{id: a, ${SHELL}, run_as: build}`, "{id: b, type: approval}", `{id: c, ${SHELL}, runs_on: gpu}`];
    expect(await refusedBy(`id: j\nrun_as: web\ntasks: [${tasks.join(", ")}]\n`, ROOT)).toEqual([]);
    expect(await refusedBy(`id: j\nrun_as: web\nruns_on: gpu\ntasks: [{id: a, ${SHELL}}]\n`, ROOT)).toEqual([]);
  });

  test("a priority that only root can give, unless the task is on a worker", async () => {
    const text = (more = "") =>
      `id: j\nlimits: {nice: -1}\ntasks: [{id: a, ${SHELL}, limits: {io: "realtime:1"}${more}}]\n`;
    const notRoot = { ...ROOT, isRoot: false };
    const expected = "needs petit to run as root; expected nice from 0 to 19, and idle or best-effort as io";
    expect(await refusedBy(text(), notRoot)).toEqual([
      `a.yaml:2:16: limits.nice: -1 ${expected}`,
      `a.yaml:3:54: tasks[0].limits.io: realtime:1 ${expected}`,
    ]);
    expect(await refusedBy(text(), ROOT)).toEqual([]);
    expect(await refusedBy(text(", runs_on: gpu"), notRoot)).toEqual([]);
    expect(
      await refusedBy("id: j\nlimits: {nice: -1}\ntasks: [{id: a, type: http, url: 'http://x/'}]\n", notRoot),
    ).toEqual([]);
  });
});
