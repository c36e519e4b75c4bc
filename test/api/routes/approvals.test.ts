import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, post, readEvents } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = {
  "jobs.yaml": `
id: deploy
params: {to: {default: staging}}
tasks:
  - {id: ask, name: Go live, type: approval, prompt: "Deploy to \${{ params.to }}?", timeout: 1h}
  - {id: release, type: command, command: "true", depends_on: [ask]}
`,
};

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS });
});
afterAll(() => petit[Symbol.asyncDispose]());

/** Triggers the job. Returns the id of its run when it asks. */
const asking = async (params: Readonly<Record<string, string>> = {}): Promise<string> => {
  const events = readEvents(await petit.fetch("/api/events"));
  const { body } = await post(petit, "/api/jobs/deploy/trigger", { params });
  for await (const { event, data } of events)
    if (event === "approval" && JSON.parse(data).run_id === body.run_id) break;
  return body.run_id;
};

const decide = (runId: string, kind: string, body?: unknown) =>
  post(petit, `/api/runs/${runId}/tasks/ask/${kind}`, body);

describe("an approval", () => {
  test("is shown with what it asks, and continues the run when it is approved", async () => {
    const id = await asking();
    const { tasks } = (await ask(petit, `/api/runs/${id}/tasks`)).body;
    expect(tasks[0]).toMatchObject({
      type: "approval",
      status: "running",
      attempts: 0,
      approval: { prompt: "Deploy to staging?", on_timeout: "reject", expires_at: expect.any(Number) },
    });
    expect(tasks[1].approval).toBeNull();
    const { items } = (await ask(petit, "/api/attention")).body;
    expect(items).toContainEqual(
      expect.objectContaining({
        kind: "approval_needed",
        run_id: id,
        task_name: "Go live",
        prompt: "Deploy to staging?",
      }),
    );
    const { status, body } = await decide(id, "approve", { comment: "checked" });
    expect([status, body]).toEqual([
      200,
      { run_id: id, job_id: "deploy", task_id: "ask", message: "task 'ask' is approved" },
    ]);
    for (;;) if ((await ask(petit, `/api/runs/${id}`)).body.status === "completed") break;
    const { tasks: after } = (await ask(petit, `/api/runs/${id}/tasks`)).body;
    expect(after[0]).toMatchObject({
      status: "completed",
      outputs: { decision: "approved", by: "127.0.0.1", comment: "checked" },
      approval: { expires_at: null },
    });
  });

  test("is told from that of another run by its run and the params that differ", async () => {
    const ids = [await asking(), await asking({ to: "production" })];
    const { items } = (await ask(petit, "/api/attention")).body;
    expect(items).toMatchObject(
      ids.map((id, index) => {
        const to = index === 0 ? "staging" : "production";
        return {
          id: `approval_needed:${id}:ask`,
          params: { to },
          differing_params: ["to"],
          message: `task 'ask' of job 'deploy' waits for approval in run ${id.slice(-8)} (to=${to}): Deploy to ${to}?`,
        };
      }),
    );
    for (const id of ids) expect((await decide(id, "reject")).status).toBe(200);
  });

  test("can be rejected, once", async () => {
    const id = await asking();
    expect((await decide(id, "reject")).status).toBe(200);
    const { status, body } = await decide(id, "approve");
    expect([status, body.code, body.details]).toEqual([
      409,
      "CONFLICT",
      { reason: "not_asking", run_id: id, task_id: "ask", asking: [] },
    ]);
  });

  test("that does not exist is 404, and a wrong body is 400", async () => {
    const id = await asking();
    expect((await post(petit, `/api/runs/${id}/tasks/nothing/approve`)).status).toBe(404);
    expect((await decide(id, "approve", { coment: "x" })).status).toBe(400);
    expect((await decide(id, "reject")).status).toBe(200);
  });
});
