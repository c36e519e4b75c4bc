import { expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { ask, post, runToEnd, start } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { eventually } from "../support/torture/run.ts";

/** Makes the database of a running petit refuse what a trigger describes: what follows BEFORE. */
const refuse = (petit: Petit, on: string): void => {
  const db = openRuntime().openDatabase(petit.dbPath);
  db.exec("PRAGMA busy_timeout = 5000");
  db.exec(`CREATE TRIGGER fault BEFORE ${on} BEGIN SELECT RAISE(ABORT, 'a fault of the test'); END`);
  db.close();
};

const health = async (petit: Petit) => (await ask(petit, "/api/health")).body;
const attention = async (petit: Petit) => (await ask(petit, "/api/attention")).body;

const JOBS = {
  "jobs.yaml": `id: plain
max_concurrency: 1
tasks:
  - {id: a, type: command, command: "true"}
---
id: other
tasks:
  - {id: b, type: command, command: "true"}
---
id: deep
max_concurrency: 1
tasks:
  - {id: make, type: shell, script: 'node_list=$(printf "%01001d" 0); { printf x=; echo "$node_list" | tr 0 "["; } | tr -d "\\n" > out; { cat out; echo "$node_list" | tr 0 "]"; } > "$PETIT_OUTPUT"'}
  - {id: each, type: command, command: "true", depends_on: [make], foreach: "\${{ tasks.make.outputs.x }}"}
---
id: huge
tasks:
  - id: a
    type: command
    command: "true"
    if: "${Array.from({ length: 15 }).reduce<string>((inner) => `format('{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}', ${inner})`, "'xxxxxxxxxx'")} != ''"
`,
};

test("petit that fails at a task ends the run, says so, and goes on with other runs", async () => {
  await using petit = await startPetit({ jobs: JOBS });
  refuse(petit, "UPDATE ON task_runs WHEN NEW.task_id = 'a' AND NEW.status = 'completed'");
  const run = await runToEnd(petit, "plain");
  expect(run).toMatchObject({
    status: "failed",
    reason: "internal_error",
    error: "task 'a' failed: internal error: a fault of the test",
  });
  expect(await health(petit)).toMatchObject({
    status: "degraded",
    reasons: [{ code: "internal_error", job_id: "plain", run_id: run.id }],
  });
  const { items } = await attention(petit);
  expect(items).toMatchObject([{ kind: "job_failing", failure: { task_id: "a", reason: "internal_error" } }]);
  expect(await runToEnd(petit, "other")).toMatchObject({ status: "completed" });
  expect(await runToEnd(petit, "plain")).toMatchObject({ status: "failed" });
});

test("petit that can't end a run says so, and ends it when it is cancelled, also after a restart", async () => {
  const first = await startPetit({ jobs: JOBS });
  refuse(first, "UPDATE ON runs WHEN NEW.status IN ('completed', 'failed')");
  const runId = await start(first, "plain");
  const isBlocked = async (petit: Petit) => {
    const { items } = await attention(petit);
    return (
      items.some(({ kind, run_id }: Record<string, unknown>) => kind === "internal_error" && run_id === runId) || null
    );
  };
  await eventually("attention says so", () => isBlocked(first));
  expect(await health(first)).toMatchObject({ status: "degraded" });
  await first.kill();
  await using petit = await startPetit({ dir: first.dir });
  await eventually("attention says so", () => isBlocked(petit));
  expect((await post(petit, `/api/runs/${runId}/cancel`)).status).toBe(200);
  await eventually("it is cancelled", async () =>
    (await ask(petit, `/api/runs/${runId}`)).body.status === "cancelled" ? true : null,
  );
  expect((await attention(petit)).items).toEqual([]);
});

test("a list that is nested too deep fails its task", async () => {
  await using petit = await startPetit({ jobs: JOBS });
  for (let times = 0; times < 2; times++)
    expect(await runToEnd(petit, "deep")).toMatchObject({
      status: "failed",
      reason: "invalid_items",
      error: expect.stringContaining("which is nested more than 100 levels deep"),
    });
});

test("an expression that would be too much work fails its task at once", async () => {
  await using petit = await startPetit({ jobs: JOBS });
  expect(await runToEnd(petit, "huge")).toMatchObject({
    status: "failed",
    reason: "invalid_condition",
    error: expect.stringContaining("the expression is too much work"),
  });
});
