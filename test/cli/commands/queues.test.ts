import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type CommandResult, petit, tempFolder } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: first
queue: db
tasks: [{id: s, type: command, command: sleep, args: ["60"]}]
---
id: second
queue: db
priority: 5
tasks: [{id: s, type: command, command: "true"}]
`;

const ROOT = join(import.meta.dirname, "../../..");

describe("a run that waits in a queue", () => {
  let running: Petit;
  let runId: string;
  beforeAll(async () => {
    running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch", "--queue", "db=1"] });
    await ask("trigger", "first");
    runId = (await ask("trigger", "second")).stdout.trim();
  });
  afterAll(() => running[Symbol.asyncDispose]());

  const ask = (...args: readonly string[]): Promise<CommandResult> =>
    petit(args, { environment: { PETIT_URL: running.url } });
  const get = async (path: string): Promise<Record<string, unknown>> => (await running.fetch(path)).json();

  const PLACE = { code: "queue", queue: "db", limit: 1, running: 1, ahead: 0 };

  test("says so in the API, alone and in lists", async () => {
    expect(await get(`/api/runs/${runId}`)).toMatchObject({ status: "pending", waits_for: PLACE });
    expect(await get("/api/runs?status=pending")).toMatchObject({ runs: [{ id: runId, waits_for: PLACE }] });
    expect(await get("/api/jobs/second")).toMatchObject({ queue: "db", priority: 5 });
    expect(await get("/api/queues")).toEqual({ queues: [{ name: "db", limit: 1, running: 1, pending: 1 }], count: 1 });
    const { queues } = (await get("/api/queues?runs=true")) as { readonly queues: readonly unknown[] };
    expect(queues).toEqual([
      {
        ...{ name: "db", limit: 1, running: 1, pending: 1 },
        holders: [{ run_id: expect.any(String), job_id: "first" }],
        waiters: [{ run_id: runId, job_id: "second" }],
      },
    ]);
    const answer = await running.fetch("/api/jobs/second/trigger", { method: "POST" });
    expect([answer.status, ((await answer.json()) as { message: string }).message]).toEqual([
      200,
      "job 'second' was triggered; its run waits for a place in queue 'db' (1 of 1 is taken); 1 run comes first",
    ]);
  });

  test("says so in status and why, and in the metrics", async () => {
    const place = "a place in queue 'db' (1 of 1 is taken)";
    expect((await ask("status", runId)).stdout).toContain(`waits for ${place}\n`);
    expect((await ask("status")).stdout).toContain(place);
    const why = (await ask("why", "second")).stdout;
    expect(why).toContain(`it waits for ${place}`);
    expect(why).toContain("queue 'db' has no free place: 1 of 1 is taken, and 2 runs wait for one");
    expect(await (await running.fetch("/metrics")).text()).toContain('petit_queue_pending_runs{queue="db"} 2');
  });
});

describe("petit validate", () => {
  const job = { "jobs/a.yaml": "id: a\nqueue: databse\ntasks: [{id: s, type: shell, script: x}]\n" };

  test("lists the known queues of a job with another", async () => {
    using folder = tempFolder();
    for (const [name, text] of Object.entries(job)) folder.write(name, text);
    folder.write("config.yaml", "queues: {mail: 1}\n");
    const at = { cwd: folder.path };
    const wrong = await petit(["validate", "jobs", "--config", "config.yaml", "--queue", "database=1"], at);
    expect([wrong.status, wrong.stdout]).toEqual([
      1,
      "jobs/a.yaml:2:8: queue: there is no queue 'databse'; did you mean 'database'? expected one of database, mail\n",
    ]);
    expect((await petit(["validate", "jobs", "--queue", "databse=1"], at)).status).toBe(0);
    const local = await petit(["trigger", "jobs", "a"], at);
    expect([local.status, local.stderr]).toEqual([1, expect.stringContaining("there is no queue 'databse'")]);
  });

  test("accepts the example of two jobs in a queue, with its configuration file", async () => {
    const args = ["validate", "examples/queues/jobs", "--config", "examples/queues/config.yaml"];
    expect(await petit(args, { cwd: ROOT })).toMatchObject({ status: 0, stdout: expect.stringContaining("2 jobs") });
  });

  test.each([
    ["db", "--queue is 'db'; expected NAME=N"],
    ["db=0", "--queue is 'db=0'; expected NAME=N"],
    ["a b=1", "--queue is 'a b=1'; expected NAME=N"],
  ])("refuses --queue %s", async (value, message) => {
    const { status, stderr } = await petit(["validate", "examples/jobs", "--queue", value], { cwd: ROOT });
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
