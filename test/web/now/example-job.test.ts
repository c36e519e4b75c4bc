import { expect, test } from "bun:test";
import type { JobSummary } from "../../../src/web/data/shapes.ts";
import { exampleJob } from "../../../src/web/now/example-job.ts";

const job = (id: string, more: Partial<JobSummary> = {}) =>
  ({ id, enabled: true, paused: false, gone: false, scheduled: true, has_params: false, ...more }) as JobSummary;

test("the welcome names an enabled job that takes no params", () => {
  const jobs = [
    job("a_needs_one", { has_params: true, scheduled: false }),
    job("b_disabled", { enabled: false, scheduled: false }),
    job("c_nightly"),
    job("d_manual", { scheduled: false }),
  ];
  expect(exampleJob(jobs)?.id).toBe("d_manual");
  expect(exampleJob([...jobs, job("hello_world")])?.id).toBe("hello_world");
  expect(exampleJob([...jobs, job("hello_world", { has_params: true })])?.id).toBe("d_manual");
  expect(exampleJob(jobs.slice(0, 2))).toBeUndefined();
});
