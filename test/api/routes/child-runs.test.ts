import { afterAll, beforeAll, expect, test } from "bun:test";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = {
  "jobs.yaml": `
id: nightly
tasks:
  - {id: one, type: job, job: load, params: {n: 1}}
  - {id: each, type: job, job: load, foreach: [a, b], params: {n: "\${{ item }}"}}
---
id: load
params: {n: {required: true}}
outputs: {n: "<\${{ params.n }}>"}
tasks: [{id: t, type: command, command: "true"}]
---
id: outer
tasks: [{id: call, type: job, job: middle}]
---
id: middle
tasks: [{id: call, type: job, job: broken}]
---
id: broken
tasks: [{id: t, type: shell, script: "echo 'error: no such table'; echo bye; exit 1"}]
`,
};

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS });
});
afterAll(() => petit[Symbol.asyncDispose]());

test("child runs and their parents lead to each other", async () => {
  const { id } = await runToEnd(petit, "nightly");
  const { runs, count } = (await ask(petit, `/api/runs?parent=${id}`)).body;
  expect(count).toBe(3);
  const byPlace = new Map(runs.map((run: { parent: unknown }) => [JSON.stringify(run.parent), run]));
  const child = (task: string, item: number | null) =>
    byPlace.get(JSON.stringify({ run_id: id, task_id: task, item })) as { id: string };
  expect(child("one", null)).toMatchObject({
    job_id: "load",
    trigger: "job",
    outputs: { n: "<1>" },
    params: { n: "1" },
  });
  const { tasks } = (await ask(petit, `/api/runs/${id}/tasks`)).body;
  expect(tasks[0]).toMatchObject({
    type: "job",
    runs_job: { job_id: "load", wait: true },
    child_run_id: child("one", null).id,
    outputs: { n: "<1>" },
    attempt_list: [{ attempt: 1, exit_code: null, child_run_id: child("one", null).id }],
  });
  expect(tasks[1]).toMatchObject({ child_run_id: null, outputs: { n: '["<a>","<b>"]' } });
  const { items } = (await ask(petit, `/api/runs/${id}/tasks/each/items`)).body;
  expect(items.map((item: { child_run_id: string }) => item.child_run_id)).toEqual([
    child("each", 0).id,
    child("each", 1).id,
  ]);
  const other = runs[0].id;
  expect((await ask(petit, `/api/jobs/load/runs?parent=${other}`)).body).toMatchObject({
    runs: [],
    count: 0,
    next: null,
  });
  expect((await ask(petit, "/api/runs?parent=nothing")).status).toBe(404);
  expect((await ask(petit, "/api/runs?trigger=job")).body.count).toBe(3);
});

test("a job lists the tasks that run it, and its outputs", async () => {
  const { body } = await ask(petit, "/api/jobs/load");
  expect(body).toMatchObject({
    callers: [
      { job_id: "nightly", task_id: "one" },
      { job_id: "nightly", task_id: "each" },
    ],
    outputs: { n: "<${{ params.n }}>" },
  });
});

test("a failed run has the line that the innermost child wrote", async () => {
  const { id } = await runToEnd(petit, "outer");
  const [child] = (await ask(petit, "/api/jobs/broken/runs")).body.runs;
  const cause = {
    seq: 1,
    stream: "stdout",
    text: "error: no such table",
    context: ["bye"],
    child: { run_id: child.id, job_id: "broken", task_id: "t", item: null },
  };
  expect((await ask(petit, `/api/runs/${id}`)).body.failure).toMatchObject({ task_id: "call", cause, last_line: null });
  expect((await ask(petit, `/api/runs/${id}/tasks`)).body.tasks[0].attempt_list[0]).toMatchObject({ cause });
});
