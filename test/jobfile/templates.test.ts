import { expect, test } from "bun:test";
import { readJobsDir } from "../../src/jobfile/read/job-dir.ts";
import { TEMPLATES } from "../../src/jobfile/templates/templates.ts";
import { makeJobDir } from "../support/job-dir.ts";

test("the templates of job files are valid, also together", async () => {
  using dir = makeJobDir(Object.fromEntries(TEMPLATES.map(({ name, text }) => [`${name}.yaml`, text])));
  const { jobs, problems } = await readJobsDir(dir.path);
  expect(problems).toEqual([]);
  expect(jobs.length).toBe(TEMPLATES.length);
});

test("the templates of job files have different names, and comments for newcomers", () => {
  expect(new Set(TEMPLATES.map(({ name }) => name)).size).toBe(TEMPLATES.length);
  for (const { text } of TEMPLATES) expect(text).toMatch(/^ *#|\s#/m);
});
