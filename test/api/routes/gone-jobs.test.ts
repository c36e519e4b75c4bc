import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { quietHour } from "../../support/quiet-hour.ts";

const REPORT = `id: report
name: Daily report
schedule: "0 ${quietHour()} * * *"
tasks: [{id: only, type: shell, script: 'echo hello; exit 3'}]
---
id: endless
tasks: [{id: only, type: command, command: sleep, args: ["300"]}]
`;

let petit: Petit;
let ran: string;
let running: string;
beforeAll(async () => {
  const kept = `id: kept\ntasks: [{id: only, type: command, command: "true"}]\n`;
  petit = await startPetit({ jobs: { "report.yaml": REPORT, "kept.yaml": kept }, args: ["--no-watch"] });
  ran = (await runToEnd(petit, "report")).id;
  running = (await post(petit, "/api/jobs/endless/trigger")).body.run_id;
  rmSync(join(petit.jobsDir, "report.yaml"));
  await post(petit, "/api/jobs/reload");
});
afterAll(() => petit[Symbol.asyncDispose]());

const GONE = { gone: true, gone_at: expect.any(Number) };

describe("a job whose file is gone", () => {
  test("is found with its last definition, and marked", async () => {
    const { status, body } = await ask(petit, "/api/jobs/report");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: "report",
      name: "Daily report",
      next_run_at: null,
      last_run: { id: ran },
      ...GONE,
    });
    expect((await ask(petit, "/api/jobs/report/definition")).body.text).toContain("Daily report");
    expect((await ask(petit, "/api/jobs/kept")).body).toMatchObject({ gone: false, gone_at: null });
  });

  test("is listed only when that is asked for", async () => {
    const ids = async (path: string) => (await ask(petit, path)).body.jobs.map(({ id }: { id: string }) => id);
    expect(await ids("/api/jobs")).toEqual(["kept"]);
    expect(await ids("/api/jobs?gone=false")).toEqual(["kept"]);
    expect(await ids("/api/jobs?gone=true")).toEqual(["endless", "report"]);
    const { jobs } = (await ask(petit, "/api/jobs?gone=true&recent=5")).body;
    expect(jobs[1]).toMatchObject({ ...GONE, recent_runs: [{ id: ran }] });
  });

  test("has its runs, occurrences, tasks and row in the timeline", async () => {
    const { status, body } = await ask(petit, "/api/jobs/report/runs");
    expect(status).toBe(200);
    expect(body.runs).toMatchObject([{ id: ran, job_id: "report" }]);
    expect((await ask(petit, "/api/jobs/report/occurrences?coming=3")).body).toEqual({ occurrences: [], count: 0 });
    expect((await ask(petit, "/api/jobs/report/task-history")).body.runs).toMatchObject([{ id: ran }]);
    expect((await ask(petit, "/api/timeline?jobs=report")).body.jobs).toMatchObject([
      { job_id: "report", removed: true },
    ]);
  });

  test.each(["trigger", "pause", "resume"])("refuses %s, and says why and what to do", async (action) => {
    const { status, body } = await post(petit, `/api/jobs/report/${action}`);
    expect(status).toBe(404);
    expect(body).toMatchObject({ code: "NOT_FOUND", details: { reason: "job_gone", job_id: "report" } });
    expect(body.details.gone_at).toBeNumber();
    expect(body.error).toStartWith("job 'report' is gone: no job file defines it any more; put its file back");
  });

  test("refuses to retry its runs, for the same reason", async () => {
    const { status, body } = await post(petit, `/api/runs/${ran}/retry`);
    expect([status, body.details.reason]).toEqual([404, "job_gone"]);
    expect((await ask(petit, `/api/runs/${ran}`)).body.can_retry).toBe(false);
  });

  test("is suggested for a misspelt name; a name that was never known is not found", async () => {
    const { status, body } = await ask(petit, "/api/jobs/reprot/runs");
    expect([status, body.details]).toEqual([404, { reason: "job_not_found", job_id: "reprot", suggestion: "report" }]);
    expect((await post(petit, "/api/jobs/unheard/trigger")).body.details).toMatchObject({ reason: "job_not_found" });
  });

  test("has runs that can still be cancelled", async () => {
    const { body } = await ask(petit, "/api/jobs/endless");
    expect(body).toMatchObject({ running: 1, ...GONE });
    await post(petit, `/api/runs/${running}/cancel`);
    const run = (await ask(petit, "/api/jobs/endless/runs")).body.runs[0];
    expect(run.id).toBe(running);
  });

  test("comes back with its file", async () => {
    writeFileSync(join(petit.jobsDir, "back.yaml"), REPORT);
    await post(petit, "/api/jobs/reload");
    expect((await ask(petit, "/api/jobs/report")).body).toMatchObject({ gone: false, gone_at: null });
    expect((await ask(petit, "/api/jobs?gone=true")).body.count).toBe(0);
    expect((await ask(petit, "/api/jobs/report/runs")).body.runs).toMatchObject([{ id: ran }]);
  });
});
