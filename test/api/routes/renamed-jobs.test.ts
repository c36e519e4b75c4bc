import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, post, readEvents, runToEnd, start, takeUntil } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { quietHour } from "../../support/quiet-hour.ts";

const jobOf = (head: string): string => `${head}
schedule: "0 ${quietHour()} * * *"
tasks: [{id: only, type: shell, script: 'echo hello'}]
`;
const ENDLESS = "tasks: [{id: only, type: command, command: sleep, args: ['300']}]\n";

let petit: Petit;
let ran: string;
let running: string;
let seen: unknown;
beforeAll(async () => {
  petit = await startPetit({
    jobs: { "old.yaml": jobOf("id: old"), "endless.yaml": `id: endless\n${ENDLESS}` },
    args: ["--no-watch"],
  });
  ran = (await runToEnd(petit, "old")).id;
  running = await start(petit, "endless");
  await post(petit, "/api/jobs/old/pause");
  const events = await petit.fetch("/api/events");
  rmSync(join(petit.jobsDir, "old.yaml"));
  writeFileSync(join(petit.jobsDir, "new.yaml"), jobOf("id: new\nformerly: old"));
  writeFileSync(join(petit.jobsDir, "endless.yaml"), `id: long\nformerly: [endless, never]\n${ENDLESS}`);
  await post(petit, "/api/jobs/reload");
  seen = (await takeUntil(readEvents(events), ({ event }) => event === "jobs.reloaded"))
    .filter(({ event }) => event === "job.renamed")
    .map(({ data }) => JSON.parse(data));
});
afterAll(() => petit[Symbol.asyncDispose]());

describe("a renamed job", () => {
  test("has the history of the old id, under both ids", async () => {
    for (const id of ["new", "old"]) {
      const { status, body } = await ask(petit, `/api/jobs/${id}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ id: "new", formerly: ["old"], gone: false, paused: true, last_run: { id: ran } });
      const { runs } = (await ask(petit, `/api/jobs/${id}/runs`)).body;
      expect(runs).toMatchObject([{ id: ran, job_id: "new" }]);
      expect((await ask(petit, `/api/runs?job=${id}`)).body.runs).toMatchObject([{ id: ran }]);
      expect((await ask(petit, `/api/runs?exclude=${id}`)).body.runs).toMatchObject([{ id: running }]);
      expect((await ask(petit, `/api/timeline?jobs=${id}`)).body.jobs).toMatchObject([
        { job_id: "new", removed: false },
      ]);
      expect((await ask(petit, `/api/jobs/${id}/task-history`)).body.runs).toMatchObject([{ id: ran }]);
    }
  });

  test("is the only one in the lists", async () => {
    const ids = async (path: string) => (await ask(petit, path)).body.jobs.map(({ id }: { id: string }) => id);
    expect(await ids("/api/jobs")).toEqual(["long", "new"]);
    expect(await ids("/api/jobs?gone=true")).toEqual([]);
  });

  test("is announced with an event for each id that it took over", () => {
    expect(seen).toMatchObject([
      { job_id: "long", reason: "endless" },
      { job_id: "new", reason: "old" },
    ]);
  });

  test("has the running run of the old id", async () => {
    expect((await ask(petit, "/api/jobs/long")).body.running).toBe(1);
    expect((await ask(petit, `/api/runs/${running}`)).body).toMatchObject({ job_id: "long", status: "running" });
    expect((await ask(petit, `/api/runs/${running}/tasks`)).body.tasks).toMatchObject([{ status: "running" }]);
  });

  test("is triggered, resumed and retried by the old id", async () => {
    const { status, body } = await post(petit, "/api/jobs/old/trigger?wait=60");
    expect(status).toBe(200);
    expect(body).toMatchObject({ job_id: "new", message: "job 'new' was triggered", run: { status: "completed" } });
    expect((await post(petit, "/api/jobs/old/resume")).body.message).toBe("job 'new' is no longer paused");
    expect((await post(petit, `/api/runs/${ran}/retry?from=start`)).body).toMatchObject({ job_id: "new" });
  });

  test("keeps the history when `formerly` is removed from the file", async () => {
    writeFileSync(join(petit.jobsDir, "new.yaml"), jobOf("id: new"));
    await post(petit, "/api/jobs/reload");
    expect((await ask(petit, "/api/jobs/old/runs")).body.runs.at(-1)).toMatchObject({ id: ran, job_id: "new" });
  });

  test("leaves the old id to a new job, which has a new history", async () => {
    writeFileSync(join(petit.jobsDir, "again.yaml"), jobOf("id: old"));
    await post(petit, "/api/jobs/reload");
    expect((await ask(petit, "/api/jobs/old")).body).toMatchObject({ id: "old", last_run: null, formerly: [] });
    expect((await ask(petit, "/api/jobs/new")).body).toMatchObject({ formerly: [] });
    expect((await ask(petit, "/api/jobs/new/runs")).body.runs.at(-1).id).toBe(ran);
  });

  test("takes over nothing while another file defines the id; the file is reported, and its last valid version is kept", async () => {
    writeFileSync(join(petit.jobsDir, "new.yaml"), jobOf("id: new\nformerly: old\ndescription: changed"));
    const { body } = await post(petit, "/api/jobs/reload");
    expect(body.problems).toMatchObject([{ file: "new.yaml", line: 2, path: "formerly" }]);
    expect((await ask(petit, "/api/jobs/new")).body.description).toBeNull();
    expect((await ask(petit, "/api/jobs/old")).body.id).toBe("old");
  });
});
