import { expect, test } from "bun:test";
import type { Job, Task } from "../../../src/domain/job.ts";
import { FEATURES, featuresOf, lackingFeatures } from "../../../src/domain/workers/features.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";

/** Returns the only task of a job, and the job. */
const taskOf = (text: string): readonly [Job, Task] => {
  const { jobs, problems } = readJobFile({ file: "f.yaml", folder: "/jobs", text: `id: j\n${text}` });
  expect(problems).toEqual([]);
  const task = jobs[0]?.tasks[0];
  if (jobs[0] === undefined || task === undefined) throw new Error("there is no task");
  return [jobs[0], task];
};

test.each([
  ["nothing", "tasks: [{id: t, type: shell, script: 'true', environment: {A: '1'}, artifacts: []}]", []],
  ["a container", "tasks: [{id: t, type: shell, script: 'true', container: alpine}]", ["container"]],
  [
    "artifacts and exit codes",
    "tasks: [{id: t, type: shell, script: 'true', skip_exit_codes: [9], artifacts: [a]}]",
    ["artifacts", "skip_exit_codes"],
  ],
  ["a secret", "tasks: [{id: t, type: shell, script: 'true', environment: {A: {env: A}}}]", ["secrets"]],
  ["a secret of the job", "environment: {A: {env: A}}\ntasks: [{id: t, type: shell, script: 'true'}]", ["secrets"]],
  [
    "a request with a secret",
    "tasks: [{id: t, type: http, url: 'https://x', headers: {A: {env: A}}}]",
    ["http", "secrets"],
  ],
  ["another machine", "tasks: [{id: t, type: ssh, script: 'true', host: a}]", ["ssh"]],
] as const)("a task with %s uses the features of it", (_, text, features) => {
  expect<readonly string[]>(featuresOf(...taskOf(text), { deliveryId: null, scheduledFor: null })).toEqual(features);
});

test("a task that names the interval of a scheduled run uses a feature", () => {
  const script = "tasks: [{id: t, type: shell, script: 'echo $PETIT_INTERVAL_START'}]";
  const template = "environment: {A: '${{ run.interval_end }}'}\ntasks: [{id: t, type: shell, script: 'true'}]";
  for (const text of [script, template]) {
    expect<readonly string[]>(featuresOf(...taskOf(text), { deliveryId: null, scheduledFor: 5 })).toEqual(["interval"]);
    expect<readonly string[]>(featuresOf(...taskOf(text), { deliveryId: null, scheduledFor: null })).toEqual([]);
  }
});

test("a worker that lists no features knows those of the first version, and no later ones", () => {
  expect(lackingFeatures({}, ["container", "time_travel"])).toEqual(["time_travel"]);
  expect(lackingFeatures({ features: ["time_travel"] }, ["container", "time_travel"])).toEqual(["container"]);
  expect(lackingFeatures({ features: FEATURES }, FEATURES)).toEqual([]);
});
