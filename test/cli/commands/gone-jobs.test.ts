import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, petit } from "../../support/cli.ts";
import { post, runToEnd, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: report
name: Daily report
tasks: [{id: only, type: shell, script: 'echo hello'}]
---
id: endless
tasks: [{id: only, type: command, command: sleep, args: ["300"]}]
`;

let running: Petit;
let ran: string;
let endless: string;
beforeAll(async () => {
  running = await startPetit({ jobs: { "past.yaml": JOBS }, args: ["--no-watch"] });
  ran = (await runToEnd(running, "report")).id;
  endless = await start(running, "endless");
  rmSync(join(running.jobsDir, "past.yaml"));
  await post(running, "/api/jobs/reload");
});
afterAll(() => running[Symbol.asyncDispose]());

const run = (...args: readonly string[]): Promise<CommandResult> => petit([...args, "--url", running.url]);

const NOTE = "job 'report' is gone: no job file defines it any more\n";

describe("a job whose file is gone", () => {
  test("is listed by petit runs, with a note", async () => {
    const { status, stdout, stderr } = await run("runs", "report");
    expect([status, stderr]).toEqual([0, NOTE]);
    expect(stdout).toContain(ran);
    const json = await run("runs", "report", "--json");
    expect(JSON.parse(json.stdout).runs).toMatchObject([{ id: ran, job_id: "report" }]);
  });

  test("has its output and its status by name", async () => {
    const logs = await run("logs", "report");
    expect([logs.status, logs.stdout]).toEqual([0, "hello\n"]);
    expect(logs.stderr).toBe(`${NOTE}run ${ran} of report\n`);
    const status = await run("status", "report");
    expect([status.status, status.stderr]).toEqual([0, NOTE]);
    expect(status.stdout).toContain("completed");
  });

  test("is explained by petit why", async () => {
    const { status, stdout } = await run("why", "report");
    expect(status).toBe(0);
    expect(stdout).toContain("report (Daily report): no schedule; gone, it was in past.yaml:1");
    expect(stdout).toMatch(/^next run +never: no job file defines the job any more$/m);
    expect(stdout).toMatch(
      /^blocked by +no job file defines the job any more since .+, so it can't run; put its file back$/m,
    );
    const json = JSON.parse((await run("why", "report", "--json")).stdout);
    expect(json.job).toMatchObject({ id: "report", gone: true });
  });

  test("has a running run that is reached by name", async () => {
    const { status, stderr } = await run("cancel", "endless", "--wait");
    expect(stderr).toContain(`run ${endless} of endless`);
    expect(status).toBe(0);
  });

  test("can't be triggered; the message says why and what to do", async () => {
    const { status, stderr } = await run("trigger", "report");
    expect(status).toBe(2);
    expect(stderr).toContain("job 'report' is gone: no job file defines it any more; put its file back");
  });

  test("is suggested for a misspelt name, and completed where past jobs can be named", async () => {
    expect((await run("logs", "reprot")).stderr).toContain("did you mean 'report'?");
    expect((await run("runs", "reprot")).stderr).toContain("did you mean 'report'?");
    const complete = async (line: string) => (await petit(["completion", "--line", line])).stdout;
    expect(await complete(`petit --url ${running.url} runs rep`)).toContain("report");
    expect(await complete(`petit --url ${running.url} logs rep`)).toContain("report");
    expect(await complete(`petit --url ${running.url} trigger rep`)).not.toContain("report");
  });
});
