import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type CommandResult, petit } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { eventually } from "../../support/torture/run.ts";

const SLEEP = 'tasks: [{id: s, type: command, command: sleep, args: ["60"]}]';

const JOBS = `id: limited
queue: own
${SLEEP}
---
id: parent
tasks: [{id: call, type: job, job: child}]
---
id: child
depends_on: [{job: never}]
${SLEEP}
---
id: never
${SLEEP}
---
id: first
queue: db
${SLEEP}
---
id: waits
queue: db
${SLEEP}
`;

describe("runs that have not ended", () => {
  let running: Petit;
  beforeAll(async () => {
    running = await startPetit({
      jobs: { "all.yaml": JOBS },
      args: ["--no-watch", "--queue", "db=1", "--queue", "own=1"],
    });
    for (const job of ["limited", "limited", "limited", "first", "waits", "parent"]) await ask("trigger", job);
    await eventually("four pending runs", async () =>
      (await get("/api/runs?status=pending")).runs.length === 4 ? true : null,
    );
  });
  afterAll(() => running[Symbol.asyncDispose]());

  const ask = (...args: readonly string[]): Promise<CommandResult> =>
    petit(args, { environment: { PETIT_URL: running.url } });
  const get = async (path: string): Promise<{ readonly runs: readonly unknown[] }> =>
    (await running.fetch(path)).json() as Promise<{ readonly runs: readonly unknown[] }>;

  test("are counted by what they wait for, of all jobs and of each", async () => {
    const all = { running: 3, pending: 4, executing: 2, waiting: { queue: 3, gates: 1, child: 1 } };
    expect(await get("/api/stats")).toMatchObject(all);
    expect(await get("/api/system")).toMatchObject({ runs: all });
    expect(await get("/api/jobs/limited")).toMatchObject({
      running: 1,
      pending: 2,
      executing: 1,
      waiting: { queue: 2 },
      last_run: { status: "pending", waiting_for: "queue" },
    });
    expect(await get("/api/jobs/child")).toMatchObject({ running: 0, pending: 1, executing: 0, waiting: { gates: 1 } });
  });

  test("say what they wait for in lists", async () => {
    const rows = (await ask("runs")).stdout.split("\n");
    const statusOf = (job: string) =>
      rows.filter((row) => row.split(/ +/)[1] === job).map((row) => row.split(/ {2,}/)[2]);
    expect(statusOf("limited")).toEqual(["waits for a slot", "waits for a slot", "running"]);
    expect(statusOf("child")).toEqual(["waits for its gates"]);
    expect(statusOf("parent")).toEqual(["waits for a child run"]);
    const jobs = (await ask("list")).stdout.split("\n");
    const lastRunOf = (job: string) => jobs.find((row) => row.startsWith(`${job} `));
    expect(lastRunOf("limited")).toMatch(/^limited +1 running, 2 waiting for a slot /);
    expect(lastRunOf("waits")).toMatch(/^waits +waits for a slot /);
    expect(lastRunOf("child")).toMatch(/^child +waits for its gates /);
    expect((await ask("status")).stdout).toContain(
      "2 running, 3 waiting for a slot, 1 waiting for its gates, 1 waiting for a child run\n",
    );
  });
});
