import { describe, expect, test } from "bun:test";
import { type CommandResult, petit, tempFolder } from "../../support/cli.ts";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: nightly
tasks:
  - {id: one, type: job, job: load, params: {n: fine}}
  - {id: each, type: job, job: load, foreach: [a, bad], params: {n: "\${{ item }}"}}
---
id: single
tasks: [{id: one, type: job, job: load, params: {n: bad}}]
---
id: apart
tasks: [{id: one, type: job, job: load, params: {n: late}, wait: false}]
---
id: asks
tasks: [{id: one, type: job, job: confirm}]
---
id: confirm
tasks: [{id: ok, type: approval}]
---
id: load
params: {n: {required: true}}
outputs: {n: "\${{ params.n }}"}
tasks:
  - {id: t, type: shell, script: 'echo "loading $PETIT_PARAM_N"; [ $PETIT_PARAM_N != bad ]'}
`;

describe("petit trigger JOBS_DIR JOB", () => {
  const trigger = async (job: string): Promise<CommandResult> => {
    using folder = tempFolder();
    folder.write("jobs/all.yaml", JOBS);
    return await petit(["trigger", "jobs", job], { cwd: folder.path });
  };

  test("shows the output of child runs below the name of their task", async () => {
    const { status, stdout, stderr } = await trigger("nightly");
    expect(status).toBe(1);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/ +/g, " "))
      .sort();
    expect(lines).toEqual(["each[a]/t │ loading a", "each[bad]/t │ loading bad", "one/t │ loading fine"]);
    expect(stderr).toMatch(/✗ each failed in .*of job 'load' failed: task 't' failed: exit code 1/);
    expect(stderr).not.toContain("listener");
  });

  test("waits for child runs that the run does not wait for", async () => {
    const { status, stdout } = await trigger("apart");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "loading late\n" });
  });

  test("is refused if a child run would wait for approval", async () => {
    const { status, stderr } = await trigger("asks");
    expect(status).toBe(2);
    expect(stderr).toContain("task 'ok' of job 'confirm' waits for approval");
  });
});

test("petit status, runs and why lead from a run to its child runs and back", async () => {
  await using running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
  const run = async (...args: readonly string[]): Promise<string> =>
    (await petit(args, { environment: { PETIT_URL: running.url } })).stdout;
  const { id } = await runToEnd(running, "single");
  const [child] = (await ask(running, `/api/runs?parent=${id}`)).body.runs;
  const review = await run("review", "--since", "1h");
  expect(review).toContain("Failed, and still broken (1)\n");
  expect(review).toMatch(/^ {2}single {2}1 failed run, .*; with 1 failed run of load\n {4}one: .*loading bad$/m);
  const parent = await run("status", id);
  expect(parent).toMatch(new RegExp(`one +failed +1 +${child.id} +\\S+ +child_failed`));
  expect(parent).toContain(`petit status ${child.id}`);
  expect(parent).toContain("one │ loading bad\n");
  expect(parent).toContain(`petit logs ${child.id} t`);
  expect(await run("status", child.id)).toContain(`trigger   job\nparent    task 'one' of run ${id}\n`);
  expect(await run("why", "load")).toContain(`a run of another job started it (task 'one' of run ${id})`);
  expect(await run("runs", "--parent", id)).toContain(`${child.id}  load`);
  const { id: other } = await runToEnd(running, "nightly");
  expect(await run("status", other)).toContain(`petit runs --parent ${other} --status failed`);
  expect(
    await run("status", (await ask(running, "/api/jobs/load/runs?status=completed&limit=1")).body.runs[0].id),
  ).toMatch(/outputs {3}n=/);
}, 60_000);
