import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, post, runToEnd } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";

const JOBS = {
  "daily.yaml": `id: daily\nschedule: "0 0 12 * * *"\ntasks: [{id: t, type: shell, script: echo daily}]\n`,
  "param.yaml": `id: param\nparams: {day: {pattern: "^[0-9]+$", required: true}}
tasks: [{id: t, type: shell, script: 'echo "day $PETIT_PARAM_DAY"'}]\n`,
  "after.yaml": "id: after\ndepends_on: [daily]\ntasks: [{id: t, type: shell, script: echo after}]\n",
};

/** Returns what the API says about the jobs, without what changes with time. */
const describeJobs = async (petit: Petit): Promise<unknown> => {
  const { body } = await ask(petit, "/api/jobs");
  const details = [];
  for (const { id } of body.jobs) {
    const { last_run: _, ...job } = (await ask(petit, `/api/jobs/${id}`)).body;
    details.push(job);
  }
  return details;
};

const nextRunAt = async (petit: Petit): Promise<number> => (await ask(petit, "/api/jobs/daily")).body.next_run_at;

test("jobs of unchanged files are the same after a restart, and changed files and settings count", async () => {
  await using petit = await startPetit({ jobs: JOBS, args: ["--timezone", "UTC"] });
  const { dir, jobsDir } = petit;
  const before = await describeJobs(petit);
  const noonUtc = await nextRunAt(petit);
  await petit.stop();

  await using second = await startPetit({ dir, jobsDir, args: ["--timezone", "UTC"] });
  expect(await describeJobs(second)).toEqual(before);
  expect((await post(second, "/api/jobs/param/trigger", { params: { day: "friday" } })).status).toBe(400);
  expect((await runToEnd(second, "param", { day: "5" })).status).toBe("completed");
  expect((await post(second, "/api/jobs/after/trigger")).status).toBe(409);
  await second.stop();

  writeFileSync(join(jobsDir, "after.yaml"), JOBS["after.yaml"].replace("[daily]", "[]"));
  await using third = await startPetit({ dir, jobsDir, args: ["--timezone", "Asia/Kathmandu"] });
  expect((await runToEnd(third, "after")).status).toBe("completed");
  const kathmanduMs = (5 * 60 + 45) * 60_000;
  expect(Math.abs(noonUtc - (await nextRunAt(third)) - kathmanduMs) % 86_400_000).toBe(0);
  await third.stop();
});

test("an unchanged file still claims the former ids of its jobs", async () => {
  const now = "id: now\nformerly: [before]\ntasks: [{id: t, type: shell, script: echo now}]\n";
  const before = "id: before\ntasks: [{id: t, type: shell, script: echo before}]\n";
  const args = ["--no-watch"];
  await using petit = await startPetit({ jobs: { "a.yaml": before }, args });
  const { dir, jobsDir } = petit;
  const run = await runToEnd(petit, "before");
  writeFileSync(join(jobsDir, "a.yaml"), now);
  await post(petit, "/api/jobs/reload");
  await petit.stop();

  await using second = await startPetit({ dir, jobsDir, args });
  expect((await ask(second, "/api/jobs/before/runs")).body.runs).toMatchObject([{ id: run.id, job_id: "now" }]);
  writeFileSync(join(jobsDir, "b.yaml"), before);
  const { problems } = (await post(second, "/api/jobs/reload")).body;
  expect(problems).toMatchObject([{ file: "a.yaml", line: 2, path: "formerly[0]" }]);
  // The job of the broken file keeps its last valid version, and the new one has no history.
  expect((await ask(second, "/api/jobs/now/runs")).body.runs).toMatchObject([{ id: run.id }]);
  expect((await ask(second, "/api/jobs/before")).body).toMatchObject({ id: "before", last_run: null });
  await second.stop();
});
