import { describe, expect, test } from "bun:test";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { readJobsDir } from "../../../src/jobfile/read/job-dir.ts";
import { makeJobDir } from "../../support/job-dir.ts";

const TASKS = "tasks: [{id: t, type: shell, script: x}]\n";

/** Reads one job file for each entry, with its fields after the id. */
const read = async (fields: Readonly<Record<string, string>>) => {
  using dir = makeJobDir(
    Object.fromEntries(Object.entries(fields).map(([id, text]) => [`${id}.yaml`, `id: ${id}\n${text}\n${TASKS}`])),
  );
  return await readJobsDir(dir.path);
};

const problemsOf = async (fields: Readonly<Record<string, string>>): Promise<readonly string[]> =>
  (await read(fields)).problems.map(formatProblem);

describe("formerly", () => {
  test.each([
    ["formerly: old", ["old"]],
    ["formerly: [old, older]", ["old", "older"]],
    ["formerly: []", undefined],
    ["formerly:", undefined],
  ])("%s names the ids that a job had before", async (text, ids) => {
    const { jobs, problems } = await read({ now: text });
    expect(problems).toEqual([]);
    expect(jobs[0]?.formerly?.map(String)).toEqual(ids);
  });

  test.each([
    ["formerly: now", "now.yaml:2:11: formerly: 'now' is the id of this job; expected one that it had before"],
    ["formerly: 'a b'", /^now\.yaml:2:11: formerly: .*a job's id/],
    ["formerly: [a, a]", /^now\.yaml:2:15: formerly\[1\]: /],
    ["formerly: {a: b}", /^now\.yaml:2:\d+: formerly: /],
  ])("%s is refused", async (text, problem) => {
    const problems = await problemsOf({ now: text });
    expect(problems).toHaveLength(1);
    if (typeof problem === "string") expect(problems[0]).toBe(problem);
    else expect(problems[0]).toMatch(problem);
  });

  test("can't name a job that a file defines", async () => {
    expect(await problemsOf({ now: "formerly: [gone, old]", old: "" })).toEqual([
      "now.yaml:2:18: formerly[1]: 'old' is the id of the job at old.yaml:1; expected the id of a job that is in no file any more",
    ]);
  });

  test("can't name an id that another job claims: neither gets the history", async () => {
    const files = { a: "formerly: old", b: "formerly: [old]" };
    expect((await read(files)).jobs).toEqual([]);
    expect(await problemsOf(files)).toEqual([
      "b.yaml:2:12: formerly[0]: 'old' is a former id of the job at a.yaml:1 as well; expected it in one of them",
    ]);
  });

  test("tells jobs that still use the old id what it is called now", async () => {
    expect(await problemsOf({ now: "formerly: old", after: "depends_on: [old]" })).toEqual([
      "after.yaml:2:14: depends_on[0]: there is no job 'old'; it is called 'now' now",
    ]);
  });
});
