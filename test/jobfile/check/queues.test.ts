import { describe, expect, test } from "bun:test";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { readJobsDir } from "../../../src/jobfile/read/job-dir.ts";
import { makeJobDir } from "../../support/job-dir.ts";

/** Returns the problems of jobs with these fields, one file each. */
const problemsOf = async (
  fields: readonly string[],
  queues: Readonly<Record<string, number>> | null,
): Promise<readonly string[]> => {
  const files = fields.map((field, index) => {
    const id = `job${index}`;
    return [`${id}.yaml`, `id: ${id}\n${field}\ntasks: [{id: t, type: shell, script: x}]\n`] as const;
  });
  using dir = makeJobDir(Object.fromEntries(files));
  const known = queues === null ? null : new Map(Object.entries(queues));
  return (
    await readJobsDir(dir.path, { queues: known, hasWorkers: true, ownFolders: null, privileges: null })
  ).problems.map(formatProblem);
};

describe("the queue of a job", () => {
  test("must be one of the known ones, which the problem lists", async () => {
    expect(await problemsOf(["queue: database", "queue: databse", "queue: mail"], { gpu: 1, database: 2 })).toEqual([
      "job1.yaml:2:8: queue: there is no queue 'databse'; did you mean 'database'? expected one of database, gpu",
      "job2.yaml:2:8: queue: there is no queue 'mail'; expected one of database, gpu",
    ]);
  });

  test("must be configured", async () => {
    expect(await problemsOf(["queue: db"], {})).toEqual([
      "job0.yaml:2:8: queue: there is no queue 'db'; none is configured; expected `queues: {db: N}` in the configuration file, or --queue db=N",
    ]);
  });

  test("is not checked where the settings of the scheduler are not known", async () => {
    expect(await problemsOf(["queue: db"], null)).toEqual([]);
  });

  test.each([
    ["queue: a b", "2:8: queue: 'a b' is not a queue's name: 1 to 128 letters"],
    ["queue: [db]", "2:8: queue: is a list; expected"],
    ["qeue: db", "2:1: qeue: unknown field; did you mean 'queue'?"],
    ["priority: 101", "2:11: priority: 101 is out of bounds; expected a whole number from -100 to 100"],
    ["priority: -101", "2:11: priority: -101 is out of bounds"],
    ["priority: high", "2:11: priority: is a text; expected a whole number from -100 to 100"],
    ["priority: 1.5", "2:11: priority: 1.5 is out of bounds"],
  ])("and the priority have a form: %s", async (field, problem) => {
    const [first] = await problemsOf([field], { db: 1 });
    expect(first).toContain(problem);
  });
});
