import { describe, expect, test } from "bun:test";
import { refuse, workerNotFound } from "../../../src/domain/refusal.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";
import { fakeApiWithWorkers } from "../../support/petit/api-workers.ts";
import { parseMetrics } from "../../support/petit/metrics.ts";

/** The API with a function that returns the body of an answer. */
const withWaitingRun = async () => {
  const fake = await fakeApiWithWorkers();
  return { ...fake, body: async (path: string) => (await fake.ask(path)).json() as Promise<Body> };
};

type Body = { readonly [field: string]: unknown };

const WAITS = { code: "worker", labels: ["oracle"], type: null, connected: 0 };

describe("GET /api/workers", () => {
  test("lists workers with their attempts, and the waiting attempts by labels", async () => {
    const { body, run } = await withWaitingRun();
    const node = { run_id: run.id, job_id: "hello", task_id: "only", item: null };
    expect(await body("/api/workers")).toEqual({
      workers: [
        {
          name: "box7",
          state: "connected",
          refused: null,
          draining: false,
          labels: ["gpu", "zone=eu"],
          allowed_types: null,
          limits: null,
          slots: 2,
          slots_used: 1,
          version: "0.1.0",
          protocol: 1,
          address: "10.0.0.7",
          first_seen_at: 1,
          last_contact_at: 2,
          unreachable_since: null,
          clock_difference_ms: 12,
          running: [{ ...node, attempt: 1, claimed_at: 3 }],
        },
        expect.objectContaining({ name: "db1", state: "unreachable", unreachable_since: 2, slots_used: 0 }),
      ],
      count: 2,
      waiting: [{ ...node, waits_for: WAITS, count: 1, since: 5 }],
      nats: { url: "nats://nats:4222", connected: true, since: 1, error: null },
    });
    expect(await body("/api/workers/box7")).toMatchObject({ name: "box7", slots_used: 1 });
  });

  test("is empty in a petit without workers", async () => {
    const { ask } = fakeApi();
    expect(await (await ask("/api/workers")).json()).toEqual({ workers: [], count: 0, waiting: [], nats: null });
  });
});

describe("a task that waits for a worker", () => {
  test("has 'waits_for', and so has its run while no other task of it runs", async () => {
    const { body, run } = await withWaitingRun();
    expect(await body(`/api/runs/${run.id}/tasks`)).toMatchObject({ tasks: [{ task_id: "only", waits_for: WAITS }] });
    expect(await body(`/api/runs/${run.id}`)).toMatchObject({ waits_for: WAITS });
    expect(await body("/api/runs")).toMatchObject({ runs: [{ waits_for: WAITS }] });
  });
});

test("a task names the workers of its items", async () => {
  const { body, run, store } = await withWaitingRun();
  const [task] = store.runs.listTaskRuns(run.id);
  if (task === undefined) throw new Error("the run has no task");
  const item = { value: "", outputs: null, exitCode: null, childRunId: null };
  const keys = ["a", "b", "c"];
  store.runs.startItems(
    run,
    task.taskId,
    keys.map((key, index) => ({ ...item, index, key })),
    6,
  );
  for (const [index, worker] of ["box7", "db1", "box7"].entries()) {
    const attempt = store.runs.offerAttempt(run, { taskId: task.taskId, item: index }, { labels: ["gpu"], now: 7 });
    store.runs.claimAttempt(run, attempt, { worker, now: 8 });
  }
  expect(await body(`/api/runs/${run.id}/tasks`)).toMatchObject({
    tasks: [{ task_id: "only", workers: ["box7", "db1"], attempt_list: [] }],
  });
});

describe("changes of a worker", () => {
  test.each([
    ["POST", "/drain", "worker 'box7' claims nothing more; 1 task runs on there"],
    ["POST", "/resume", "worker 'box7' may claim tasks again"],
    ["DELETE", "", "worker 'box7' is no longer listed"],
  ])("%s /api/workers/box7%s is answered with what it did", async (method, path, message) => {
    const { ask } = await withWaitingRun();
    const response = await ask(`/api/workers/box7${path}`, { method });
    expect([response.status, await response.json()]).toEqual([200, { message }]);
  });

  test("are refused with a machine-readable reason", async () => {
    const { ask, engine } = await withWaitingRun();
    const answer = async (method: string, path: string) => {
      const response = await ask(`/api/workers/${path}`, { method });
      return [response.status, await response.json()];
    };
    engine.drainWorker = async (name) => {
      throw workerNotFound(name, ["box7"]);
    };
    engine.resumeWorker = async () => {
      throw refuse({ reason: "no_workers" });
    };
    engine.forgetWorker = async () => {
      throw refuse({ reason: "worker_in_use", worker: "box7", attempts: 1 });
    };
    const details = { reason: "worker_not_found", worker: "box8", suggestion: "box7" };
    const error = "worker 'box8' was not found; did you mean 'box7'?";
    expect(await answer("POST", "box8/drain")).toEqual([404, { error, code: "NOT_FOUND", details }]);
    expect(await answer("GET", "box8")).toEqual([404, { error, code: "NOT_FOUND", details }]);
    expect(await answer("POST", "box7/resume")).toMatchObject([409, { details: { reason: "no_workers" } }]);
    expect(await answer("DELETE", "box7")).toMatchObject([409, { details: { reason: "worker_in_use", attempts: 1 } }]);
  });
});

describe("the metrics of workers", () => {
  test("count workers, slots and waiting attempts, and measure dispatches", async () => {
    const { ask, engine } = await withWaitingRun();
    engine.notifyDispatched(20);
    const scraped = parseMetrics(await (await ask("/metrics")).text());
    expect(scraped.value("petit_workers", { state: "connected" })).toBe(1);
    expect(scraped.value("petit_worker_slots", { worker: "box7" })).toBe(2);
    expect(scraped.value("petit_worker_slots_used", { worker: "box7" })).toBe(1);
    expect(scraped.value("petit_worker_waiting_attempts", { labels: "oracle" })).toBe(1);
    expect(scraped.value("petit_worker_dispatch_seconds_sum")).toBe(0.02);
  });
});
