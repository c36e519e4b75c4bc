import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, petit } from "../../support/cli.ts";
import { post, runToEnd, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const jobsOf = (report: string, endless: string): string => `${report}
tasks: [{id: only, type: shell, script: 'echo hello'}]
---
${endless}
tasks: [{id: only, type: command, command: sleep, args: ["300"]}]
`;

let running: Petit;
let ran: string;
let endless: string;
beforeAll(async () => {
  running = await startPetit({ jobs: { "jobs.yaml": jobsOf("id: report", "id: endless") }, args: ["--no-watch"] });
  ran = (await runToEnd(running, "report")).id;
  endless = await start(running, "endless");
  writeFileSync(
    join(running.jobsDir, "jobs.yaml"),
    jobsOf("id: daily_report\nformerly: report", "id: long\nformerly: [endless]"),
  );
  await post(running, "/api/jobs/reload");
});
afterAll(() => running[Symbol.asyncDispose]());

const run = (...args: readonly string[]): Promise<CommandResult> => petit([...args, "--url", running.url]);

const NOTE = "job 'report' is called 'daily_report' now\n";

describe("a renamed job", () => {
  test("has its history under the new id, and the old one leads to it with a note", async () => {
    const { status, stdout, stderr } = await run("runs", "report");
    expect([status, stderr]).toEqual([0, NOTE]);
    expect(stdout).toContain(ran);
    const byNewId = await run("runs", "daily_report");
    expect([byNewId.stdout, byNewId.stderr]).toEqual([stdout, ""]);
    const logs = await run("logs", "report");
    expect([logs.stdout, logs.stderr]).toEqual(["hello\n", `${NOTE}run ${ran} of daily_report\n`]);
  });

  test("is explained by petit why", async () => {
    const { status, stdout, stderr } = await run("why", "report");
    expect([status, stderr]).toEqual([0, NOTE]);
    expect(stdout).toContain("daily_report: no schedule; jobs.yaml:1; formerly report");
    expect(stdout).toContain(ran);
  });

  test("has a running run that is reached by the old id", async () => {
    const { status, stderr } = await run("cancel", "endless", "--wait");
    expect(stderr).toContain(`job 'endless' is called 'long' now\nrun ${endless} of long\n`);
    expect(status).toBe(0);
  });

  test("is triggered by the old id, also from a folder", async () => {
    const remote = await run("trigger", "report", "--wait");
    expect(remote.status).toBe(0);
    expect(remote.stdout + remote.stderr).toContain("daily_report");
    const local = await petit(["trigger", running.jobsDir, "report"]);
    expect([local.status, local.stdout]).toEqual([0, "hello\n"]);
  });

  test("is refused by petit validate while a file defines the old id", async () => {
    writeFileSync(join(running.jobsDir, "more.yaml"), jobsOf("id: report", "id: other\nformerly: endless"));
    const { status, stdout } = await petit(["validate", running.jobsDir]);
    expect(status).toBe(1);
    expect(stdout).toContain("jobs.yaml:2:11: formerly: 'report' is the id of the job at ");
    expect(stdout).toContain("more.yaml:5:11: formerly: 'endless' is a former id of the job at ");
  });
});
