import { expect, test } from "bun:test";
import { petit as cli, tempFolder } from "../../support/cli.ts";
import { ask, post } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";

const LOAD = `
id: load
outputs: {rows: "\${{ tasks.load.outputs.rows }}"}
params: {rows: {default: "3"}}
tasks: [{id: load, type: shell, script: 'echo "rows=$PETIT_PARAM_ROWS" >> "$PETIT_OUTPUT"'}]
---
id: report
params: {rows: {required: true}}
triggers:
  - {type: run, job: load, on: [completed, failed, interrupted], if: "event.outputs.rows != '0'", params: {rows: "\${{ event.outputs.rows }}"}}
tasks: [{id: report, type: shell, script: 'echo "$PETIT_TRIGGER $PETIT_PARAM_ROWS"; cat "$PETIT_EVENT"'}]
`;

type Row = {
  readonly id: string;
  readonly run_id: string | null;
  readonly outcome: string;
  readonly reason: string | null;
  readonly provider_id: string | null;
};

type Asked = Parameters<typeof ask>[0];

/** Returns the deliveries of a job when `count` of them are decided. */
const deliveries = async (petit: Asked, job: string, count: number): Promise<readonly Row[]> => {
  for (;;) {
    const { body } = await ask(petit, `/api/jobs/${job}/deliveries?limit=1000`);
    if (body.count >= count && body.deliveries.every(({ outcome }: Row) => outcome !== "waiting"))
      return body.deliveries;
  }
};

test("a run starts when a run of another job has ended, with its outputs, unless the condition is false", async () => {
  await using petit = await startPetit({ jobs: { "load.yaml": LOAD } });
  const first = (await post(petit, "/api/jobs/load/trigger")).body.run_id;
  await deliveries(petit, "report", 1);
  await post(petit, "/api/jobs/load/trigger", { params: { rows: "0" } });
  const [skipped, fired] = await deliveries(petit, "report", 2);
  expect(skipped).toMatchObject({ outcome: "skipped", reason: "condition_not_met", run_id: null });
  expect(fired).toMatchObject({ outcome: "fired", provider_id: first });
  const log = await (await petit.fetch(`/api/runs/${fired?.run_id}/logs?follow=true`)).text();
  const [line, event = ""] = log.split("\n");
  expect(line).toBe("run 3");
  expect(JSON.parse(event)).toMatchObject({
    type: "completed",
    run: { id: first, job_id: "load" },
    outputs: { rows: "3" },
  });
}, 30_000);

test("a chain of runs ends after 20, and a ring is an error of the files", async () => {
  const link = (index: number): string =>
    `id: c${index}\n${index === 0 ? "" : `triggers: [{type: run, job: c${index - 1}}]\n`}tasks: [{id: t, type: command, command: "true"}]\n`;
  await using petit = await startPetit({
    jobs: { "chain.yaml": Array.from({ length: 25 }, (_, index) => link(index)).join("---\n") },
  });
  await post(petit, "/api/jobs/c0/trigger");
  expect(await deliveries(petit, "c21", 1)).toMatchObject([{ outcome: "skipped", reason: "too_deep" }]);
  expect((await ask(petit, "/api/runs?limit=100")).body.count).toBe(21);

  using folder = tempFolder();
  const ring = `id: a
triggers: [{type: run, job: c}]
tasks: [{id: t, type: job, job: b}]
---
id: b
tasks: [{id: t, type: command, command: "true"}]
---
id: c
depends_on: [b]
triggers: [{type: run, job: b}]
tasks: [{id: t, type: command, command: "true"}]
`;
  folder.write("jobs/ring.yaml", ring);
  const { status, stdout } = await cli(["validate", "jobs"], { cwd: folder.path });
  expect([status, stdout]).toEqual([1, expect.stringContaining("jobs start one another in a cycle")]);
}, 60_000);

test("each end of a run starts exactly one run, over kills", async () => {
  let petit = await startPetit({ jobs: { "load.yaml": LOAD }, args: ["--on-shutdown", "leave"] });
  const { dir, jobsDir } = petit;
  try {
    const loads: string[] = [];
    for (let round = 0; round < 4; round++) {
      for (let index = 0; index < 6; index++) loads.push((await post(petit, "/api/jobs/load/trigger")).body.run_id);
      await deliveries(petit, "report", round * 6 + 1);
      await petit.kill();
      petit = await startPetit({ dir, jobsDir, args: ["--on-shutdown", "leave"] });
    }
    const found = await deliveries(petit, "report", loads.length);
    expect(found.map(({ provider_id: id }) => id).sort()).toEqual([...loads].sort());
    const { runs } = (await ask(petit, "/api/jobs/report/runs?limit=1000")).body;
    const started = found.flatMap(({ run_id: id }) => id ?? []);
    expect(runs.map(({ id }: { id: string }) => id).sort()).toEqual([...started].sort());
  } finally {
    await petit[Symbol.asyncDispose]();
  }
}, 120_000);
