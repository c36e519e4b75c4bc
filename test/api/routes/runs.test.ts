import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ask, post, readEvents, runToEnd, start, take } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = {
  "jobs.yaml": `
id: hello
tasks: [{id: only, type: shell, script: "echo hello"}]
---
id: slow
tasks: [{id: only, type: shell, script: "echo ready; exec sleep 60"}]
---
id: brief
tasks: [{id: only, type: command, command: sleep, args: ["0.2"]}]
---
id: forgotten
retention: {runs: 1}
tasks: [{id: only, type: command, command: "true"}]
---
id: told
params:
  day: {default: "2026-01-01", pattern: "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\d$"}
  level: {enum: [fast, full, "2", "true"]}
  must: {required: true}
tasks: [{id: only, type: shell, script: 'printf "%s|%s|%s\\n" "$PETIT_PARAM_DAY" "$PETIT_PARAM_LEVEL" "$PETIT_PARAM_MUST"'}]
---
id: graph
tags: [graphs, bad]
links: {runbook: "https://example.com/runbook"}
tasks:
  - {id: first, type: shell, script: 'echo "rows=42" >> "$PETIT_OUTPUT"'}
  - {id: second, type: shell, script: "exit 3", depends_on: [first], retry: {max_attempts: 1}}
  - {id: third, type: command, command: "true", depends_on: [second]}
  - {id: killed, type: shell, script: "kill -9 $$"}
---
id: varied
params: {exit: {default: "0"}}
tasks:
  - {id: first, type: command, command: "true"}
  - {id: lenient, type: shell, script: 'exit "$PETIT_PARAM_EXIT"', allow_failure: {exit_codes: [3]}}
  - {id: last, type: command, command: "true", depends_on: [lenient], condition: all_success}
---
id: recovering
params: {gate: {required: true}, day: {required: true}}
tasks: [{id: only, type: shell, script: '[ -e "$PETIT_PARAM_GATE" ]'}]
---
id: large
tasks:
  - {id: each, type: command, command: "true", foreach: "\${{ fromJSON('[[12345678901234567890]]') }}"}
---
id: items
tags: [bad]
tasks:
  - {id: each, type: shell, foreach: [{n: 0}, {n: 1}, {n: 2}], item_key: "k\${{ item.n }}", retry: {max_attempts: 1}, script: 'echo "item $PETIT_ITEM_N"; exit "$PETIT_ITEM_N"'}
  - {id: none, type: command, command: "true", foreach: []}
  - {id: plain, type: command, command: echo, args: [plain]}
`,
};

/** Fields of a completed run. */
const FINISHED = { ending: null, can_cancel: false, can_retry: false, retried_by: [] };
const USED = expect.objectContaining({ cpu_user_ms: expect.any(Number), memory_limit_bytes: null });

const NOTHING_TO_DO = {
  ...FINISHED,
  recovered_by: null,
  links: {},
  version: { version: 1, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
};

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS });
});
afterAll(() => petit[Symbol.asyncDispose]());

/** Resolves when the program of the run runs. The tests of the engine cover what happens before. */
const untilReady = async (runId: string): Promise<void> => {
  const response = await petit.fetch(`/api/runs/${runId}/logs?follow=true`, {
    headers: { accept: "text/event-stream" },
  });
  await take(readEvents(response), 1);
};

const idsOf = (answer: { body: { runs: { id: string }[] } }): string[] => answer.body.runs.map((run) => run.id);

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const trigger = (job: string, query = "", body?: unknown, headers: HeadersInit = {}) =>
  post(petit, `/api/jobs/${job}/trigger${query}`, body, headers);

describe("a trigger", () => {
  test("is 200 with the ids of run and job, a message, and Location", async () => {
    const { status, headers, body } = await trigger("hello");
    expect(status).toBe(200);
    expect(body).toEqual({ run_id: expect.stringMatching(UUID), job_id: "hello", message: expect.any(String) });
    expect(headers.get("location")).toBe(`/api/runs/${body.run_id}`);
    expect((await ask(petit, headers.get("location") ?? "")).body.id).toBe(body.run_id);
  });

  test("with wait is 200 with the run when it has ended", async () => {
    const { status, body } = await trigger("brief", "?wait=30");
    expect(status).toBe(200);
    expect(body.run).toEqual({
      id: body.run_id,
      job_id: "brief",
      status: "completed",
      reason: null,
      error: null,
      trigger: "manual",
      scheduled_for: null,
      interval_start: null,
      backfill: null,
      params: {},
      retry_of: null,
      triggered_by: "127.0.0.1",
      cancelled_by: null,
      commit: null,
      warnings: 0,
      waits_for: null,
      waiting_for: null,
      parent: null,
      delivery: null,
      outputs: {},
      created_at: expect.any(Number),
      started_at: expect.any(Number),
      ended_at: expect.any(Number),
      duration_ms: body.run.ended_at - body.run.started_at,
      late_at: null,
    });
    expect(body.run.duration_ms).toBeGreaterThanOrEqual(190);
    expect(Number.isInteger(body.run.started_at)).toBe(true);
    expect(Math.abs(Date.now() - body.run.ended_at)).toBeLessThan(60_000);
  });

  test.each(["0", "1"])("with wait=%s is 202 with the unfinished run", async (wait) => {
    const before = performance.now();
    const { status, headers, body } = await trigger("slow", `?wait=${wait}`);
    expect(status).toBe(202);
    expect(body.run).toMatchObject({ id: body.run_id, status: "running", ended_at: null, duration_ms: null });
    expect(headers.get("location")).toBe(`/api/runs/${body.run_id}`);
    expect(performance.now() - before).toBeGreaterThanOrEqual(Number(wait) * 1000 - 50);
    await post(petit, `/api/runs/${body.run_id}/cancel`);
  });

  test.each(["301", "-1", "1.5", "abc", "", "1s", "Infinity"])("with wait=%p is 400 and does nothing", async (wait) => {
    const before = (await ask(petit, "/api/jobs/hello/runs?limit=1000")).body.count;
    expect(await trigger("hello", `?wait=${wait}`)).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
    expect((await ask(petit, "/api/jobs/hello/runs?limit=1000")).body.count).toBe(before);
  });

  test("of a job that fails is 200 with a failed run", async () => {
    const { status, body } = await trigger("graph", "?wait=30");
    expect(status).toBe(200);
    expect(body.run.status).toBe("failed");
  });
});

describe("params", () => {
  const shown = async (params: Record<string, unknown>): Promise<string> => {
    const run = await runToEnd(petit, "told", params);
    return await (await petit.fetch(`/api/runs/${run.id}/logs`)).text();
  };

  test("reach the task, including defaults", async () => {
    expect(await shown({ must: "x" })).toBe("2026-01-01||x\n");
    expect(await shown({ must: "x", day: "2026-02-03", level: "full" })).toBe("2026-02-03|full|x\n");
  });

  test.each([
    [2, "2"],
    [2.5, "2.5"],
    [-0.1, "-0.1"],
    [true, "true"],
    [false, "false"],
    ["", ""],
    ["  ", "  "],
    ["$(id) `id` ; id", "$(id) `id` ; id"],
    ["${{ job.id }}", "${{ job.id }}"],
    ["a\\nb", "a\\nb"],
    ["é ☃ 🎉", "é ☃ 🎉"],
  ])("with the value %p are used as the text %p", async (value, text) => {
    expect(await shown({ must: value })).toBe(`2026-01-01||${text}\n`);
  });

  test("that are numbers keep every digit", async () => {
    const body = '{"params":{"must":12345678901234567890.10}}';
    const response = await petit.fetch("/api/jobs/told/trigger?wait=30", { method: "POST", body });
    expect((await response.json()).run.params.must).toBe("12345678901234567890.10");
  });

  test("are shown with the run", async () => {
    const run = await runToEnd(petit, "told", { must: 1 });
    expect((await ask(petit, `/api/runs/${run.id}`)).body.params).toEqual({ day: "2026-01-01", must: "1" });
  });

  test.each([
    [{}, "must"],
    [{ must: "x", other: "y" }, "other"],
    [{ must: "x", day: "today" }, "day"],
    [{ must: "x", level: "slow" }, "level"],
    [{ must: "x", "day ": "2026-01-01" }, "day "],
  ])("%p are invalid: 400 with the name", async (params, name) => {
    const { status, body } = await trigger("told", "", { params });
    expect(status).toBe(400);
    const problem = expect.stringContaining(name);
    const details = { reason: "invalid_value", in: "params", name, problem, params: [{ name, problem }] };
    expect(body).toEqual({ error: problem, code: "INVALID_REQUEST", details });
  });

  test.each(["__proto__", "constructor", "toString"])("named %p are unknown", async (name) => {
    const body = `{"params":{"must":"x","${name}":"y"}}`;
    const response = await petit.fetch("/api/jobs/told/trigger", { method: "POST", body });
    expect(response.status).toBe(400);
  });
});

describe("an idempotency key", () => {
  const keyed = (key: string, job = "hello", body?: unknown) => trigger(job, "", body, { "idempotency-key": key });

  test("returns the same run again", async () => {
    const first = await keyed("again");
    const second = await keyed("again");
    expect(second.status).toBe(200);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get("location")).toBe(first.headers.get("location"));
    expect((await keyed("another")).body.run_id).not.toBe(first.body.run_id);
  });

  test("starts one run for many concurrent requests", async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => keyed("at-once")));
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
    expect(new Set(answers.map((answer) => answer.body.run_id)).size).toBe(1);
  });

  test("waits for its run", async () => {
    const headers = { "idempotency-key": "waited" };
    const first = await trigger("brief", "", undefined, headers);
    const second = await trigger("brief", "?wait=30", undefined, headers);
    expect(second.status).toBe(200);
    expect(second.body.run).toMatchObject({ id: first.body.run_id, status: "completed" });
  });

  test("returns its run even if that was deleted", async () => {
    const first = await keyed("kept", "forgotten");
    await trigger("forgotten", "?wait=30");
    while ((await ask(petit, `/api/runs/${first.body.run_id}`)).status === 200) await trigger("forgotten", "?wait=30");
    for (const query of ["", "?wait=30"]) {
      const again = await trigger("forgotten", query, undefined, { "idempotency-key": "kept" });
      expect(again).toMatchObject({ status: 200, body: first.body });
      expect(again.body).not.toHaveProperty("run");
    }
  });

  test("used for another job or other params is 409", async () => {
    const first = await keyed("used", "told", { params: { must: "x" } });
    const details = { reason: "idempotency_key_reused", key: "used", run_id: first.body.run_id };
    expect((await keyed("used", "told", { params: { must: "x" } })).status).toBe(200);
    for (const answer of [await keyed("used", "hello"), await keyed("used", "told", { params: { must: "y" } })]) {
      expect(answer).toMatchObject({ status: 409, body: { code: "CONFLICT", details } });
    }
  });

  test("of a refused request can be used again", async () => {
    expect((await keyed("free", "told")).status).toBe(400);
    expect((await keyed("free", "told", { params: { must: "x" } })).status).toBe(200);
  });

  test.each(["", "x".repeat(256), "a\tb"])("that is invalid is 400: %p", async (key) => {
    const details = { reason: "invalid_value", in: "header", name: "idempotency-key", problem: expect.any(String) };
    expect(await keyed(key)).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST", details } });
  });
});

describe("runs", () => {
  test("are listed newest first, with their number, 20 by default", async () => {
    const made: string[] = [];
    for (let each = 0; each < 25; each++) made.unshift((await runToEnd(petit, "hello")).id);
    const all = await ask(petit, "/api/jobs/hello/runs");
    expect(all.body.count).toBe(20);
    expect(idsOf(all)).toEqual(made.slice(0, 20));
    const few = await ask(petit, "/api/jobs/hello/runs?limit=3");
    expect(few.body.count).toBe(3);
    expect(idsOf(few)).toEqual(made.slice(0, 3));
    expect(idsOf(await ask(petit, `/api/jobs/hello/runs?limit=3&before=${made[2]}`))).toEqual(made.slice(3, 6));
    expect(idsOf(await ask(petit, "/api/runs?limit=2"))).toEqual(made.slice(0, 2));
  });

  test("are found by the first or last characters of their ids, in any case", async () => {
    const { id } = await runToEnd(petit, "hello");
    await runToEnd(petit, "hello");
    for (const part of [id.slice(-8), id.slice(-8).toUpperCase(), id.slice(0, 30)])
      expect(idsOf(await ask(petit, `/api/runs?id=${part}`))).toEqual([id]);
    expect(idsOf(await ask(petit, `/api/jobs/graph/runs?id=${id.slice(-8)}`))).toEqual([]);
  });

  test("have the same fields alone and in a list", async () => {
    const run = await runToEnd(petit, "hello");
    expect((await ask(petit, `/api/runs/${run.id}`)).body).toEqual({
      ...run,
      failure: null,
      usage: USED,
      ...NOTHING_TO_DO,
    });
    expect((await ask(petit, `/api/runs/${run.id.toUpperCase()}`)).body).toEqual({
      ...run,
      failure: null,
      usage: USED,
      ...NOTHING_TO_DO,
    });
    expect((await ask(petit, "/api/jobs/hello/runs?limit=1")).body.runs).toEqual([run]);
    expect((await ask(petit, "/api/runs?limit=1")).body.runs).toEqual([run]);
  });

  test("are filtered by status, across jobs and in one", async () => {
    const failed = await runToEnd(petit, "graph");
    for (const path of ["/api/runs", "/api/jobs/graph/runs"]) {
      const { body } = await ask(petit, `${path}?status=failed&limit=1000`);
      expect(idsOf({ body })).toContain(failed.id);
      expect(body.runs.every((run: { status: string }) => run.status === "failed")).toBe(true);
    }
    expect((await ask(petit, "/api/jobs/graph/runs?status=completed")).body).toEqual({
      runs: [],
      count: 0,
      next: null,
    });
  });
});

describe("a search of runs", () => {
  const search = async (query: string): Promise<readonly string[]> => idsOf(await ask(petit, `/api/runs?${query}`));

  test("finds them by param, text and time, and leaves out jobs", async () => {
    const run = (await trigger("told", "?wait=30", { params: { must: "Unique-1", level: "full" } })).body.run;
    const other = await runToEnd(petit, "hello");
    expect(await search("param=must=Unique-1")).toEqual([run.id]);
    expect(await search("text=unique-1&param=level&trigger=manual&exclude=hello")).toEqual([run.id]);
    expect(await search("text=unique-1&exclude=hello,told")).toEqual([]);
    expect(await search(`from=${run.created_at}&to=${run.created_at + 1}`)).toContain(run.id);
    expect(await search(`from=${other.created_at}&text=told`)).toEqual(
      other.created_at === run.created_at ? [run.id] : [],
    );
    expect(idsOf(await ask(petit, "/api/jobs/told/runs?param=must=Unique-1"))).toEqual([run.id]);
  });

  test.each(["param==x", "text=", "exclude=", "exclude=a,,b", "from=5&to=5", "from=x", "trigger=odd"])(
    "with ?%s is 400",
    async (query) => {
      const { status, body } = await ask(petit, `/api/runs?${query}`);
      expect([status, body.details.name]).toEqual([400, query.slice(0, query.indexOf("="))]);
    },
  );
});

describe("the possible action on a run", () => {
  const done = async (runId: string) => {
    const { ending, can_cancel, can_retry, retried_by } = (await ask(petit, `/api/runs/${runId}`)).body;
    return { ending, can_cancel, can_retry, retried_by };
  };

  test("is a cancel while it runs", async () => {
    const runId = await start(petit, "slow");
    expect(await done(runId)).toEqual({ ending: null, can_cancel: true, can_retry: false, retried_by: [] });
    await post(petit, `/api/runs/${runId}/cancel`);
    await (await petit.fetch(`/api/runs/${runId}/logs?follow=true`)).text();
    expect(await done(runId)).toEqual({ ending: "cancelled", can_cancel: false, can_retry: true, retried_by: [] });
  });

  test("is a retry when it failed, and lists its retries", async () => {
    const run = await runToEnd(petit, "graph");
    expect(await done(run.id)).toEqual({ ...FINISHED, can_retry: true });
    const first = (await post(petit, `/api/runs/${run.id}/retry`)).body.run_id;
    await (await petit.fetch(`/api/runs/${first}/logs?follow=true`)).text();
    const second = (await post(petit, `/api/runs/${run.id}/retry?from=start`)).body.run_id;
    await (await petit.fetch(`/api/runs/${second}/logs?follow=true`)).text();
    expect(await done(run.id)).toEqual({ ...FINISHED, can_retry: true, retried_by: [first, second] });
  });

  test("is none if its job was removed or requires other params", async () => {
    const file = (job: string, params: string) =>
      `id: ${job}\n${params}\ntasks: [{id: only, type: command, command: "false"}]\n`;
    await using other = await startPetit({
      jobs: { "a.yaml": file("goes", ""), "b.yaml": file("changes", "") },
      args: ["--no-watch"],
    });
    const [goes, changes] = [await runToEnd(other, "goes"), await runToEnd(other, "changes")];
    await rm(join(other.jobsDir, "a.yaml"));
    await writeFile(join(other.jobsDir, "b.yaml"), file("changes", "params: {day: {required: true}}"));
    await post(other, "/api/jobs/reload");
    for (const { id } of [goes, changes]) {
      expect((await ask(other, `/api/runs/${id}`)).body.can_retry).toBe(false);
      expect((await post(other, `/api/runs/${id}/retry`)).status).toBeWithin(400, 500);
    }
  });
});

describe("the tasks of a run", () => {
  test("are listed in the order of the job file, with every attempt", async () => {
    const run = await runToEnd(petit, "graph");
    const { status, body } = await ask(petit, `/api/runs/${run.id}/tasks`);
    expect(status).toBe(200);
    expect(body.count).toBe(4);
    const [first, second, third, killed] = body.tasks;
    const times = { started_at: expect.any(Number), ended_at: expect.any(Number), duration_ms: expect.any(Number) };
    const here = {
      child_run_id: null,
      worker: null,
      cause: null,
      usage: expect.objectContaining({ cpu_user_ms: expect.any(Number), source: "wait" }),
      limits_enforced: null,
      memory_limit_bytes: null,
      notes: [],
    };
    const attempt = { status: "completed", reason: null, exit_code: 0, signal: null, ...here, ...times };
    expect(first).toEqual({
      task_id: "first",
      run_id: run.id,
      name: "first",
      type: "shell",
      depends_on: [],
      condition: "all_success",
      if: null,
      allow_failure: false,
      repeat: null,
      runs_job: null,
      runs_on: null,
      status: "completed",
      reason: null,
      error: null,
      attempts: 1,
      ...times,
      exit_code: 0,
      outputs: { rows: "42" },
      retry_at: null,
      reused: false,
      child_run_id: null,
      waits_for: null,
      waiting_for: null,
      usage: expect.objectContaining({ memory_limit_bytes: null }),
      limits_enforced: null,
      approval: null,
      allowed: false,
      items: null,
      failures: [],
      workers: [],
      attempt_list: [{ attempt: 1, ...attempt }],
    });
    const failed = { ...attempt, status: "failed", reason: "exit_code", exit_code: 3 };
    expect(second).toMatchObject({ status: "failed", reason: "exit_code", attempts: 2, exit_code: 3, outputs: {} });
    expect(second.error).toBeString();
    expect(second.attempt_list).toEqual([
      { attempt: 1, ...failed },
      { attempt: 2, ...failed },
    ]);
    expect(third).toMatchObject({
      task_id: "third",
      status: "skipped",
      reason: "upstream_failed",
      attempts: 0,
      started_at: null,
      duration_ms: null,
      exit_code: null,
      attempt_list: [],
    });
    expect(killed.attempt_list[0]).toMatchObject({ reason: "signal", exit_code: null, signal: "SIGKILL" });
  });
});

describe("cancel", () => {
  test("ends a run, and can be repeated", async () => {
    const runId = await start(petit, "slow");
    await untilReady(runId);
    const first = await post(petit, `/api/runs/${runId}/cancel`);
    expect(first.status).toBe(200);
    expect(first.body).toEqual({ run_id: runId, job_id: "slow", message: expect.any(String) });
    const again = await post(petit, `/api/runs/${runId}/cancel`);
    expect(again).toMatchObject({ status: 200, body: { run_id: runId, job_id: "slow" } });
    await (await petit.fetch(`/api/runs/${runId}/logs?follow=true`)).text();
    expect((await ask(petit, `/api/runs/${runId}`)).body).toMatchObject({ status: "cancelled", reason: "cancelled" });
    expect((await post(petit, `/api/runs/${runId}/cancel`)).status).toBe(200);
  });

  test("does not change a run that has ended", async () => {
    const run = await runToEnd(petit, "hello");
    expect((await post(petit, `/api/runs/${run.id}/cancel`)).status).toBe(200);
    expect((await ask(petit, `/api/runs/${run.id}`)).body).toEqual({
      ...run,
      failure: null,
      usage: USED,
      ...NOTHING_TO_DO,
    });
  });
});

describe("who asked", () => {
  test("for a run, a retry and a cancellation is stored: without a named token, the address", async () => {
    const run = await runToEnd(petit, "graph");
    expect(run).toMatchObject({ triggered_by: "127.0.0.1", cancelled_by: null });
    const retried = (await post(petit, `/api/runs/${run.id}/retry`)).body.run_id;
    expect((await ask(petit, `/api/runs/${retried}`)).body).toMatchObject({ triggered_by: "127.0.0.1" });
    const id = await start(petit, "slow");
    await post(petit, `/api/runs/${id}/cancel`);
    expect((await ask(petit, `/api/runs/${id}`)).body).toMatchObject({ cancelled_by: "127.0.0.1" });
  });
});

describe("retry", () => {
  test("reruns one task, or from one on, with the body", async () => {
    const run = await runToEnd(petit, "graph");
    const tasksOf = async (body: unknown) => {
      const started = await post(petit, `/api/runs/${run.id}/retry`, body);
      expect(started).toMatchObject({ status: 200, body: { job_id: "graph", message: expect.any(String) } });
      const { tasks } = (await ask(petit, `/api/runs/${started.body.run_id}/tasks`)).body;
      return tasks.map(({ task_id, reused }: { task_id: string; reused: boolean }) => `${task_id} ${reused}`);
    };
    const after = ["second false", "third false", "killed true"];
    expect(await tasksOf({ task: "first" })).toEqual(["first false", ...after]);
    expect(await tasksOf({ task: "second" })).toEqual(["first true", ...after]);
    expect(await tasksOf({ from: "first" })).toEqual(["first false", ...after]);
  });

  test.each([
    [{ task: "second", from: "first" }, "", "task"],
    [{ from: "first" }, "?from=start", "from"],
    [{ task: "secnd" }, "", "task"],
    [{ task: "" }, "", "task"],
    [{ task: 1 }, "", "task"],
  ])("refuses the body %j%s", async (body, query, name) => {
    const run = await runToEnd(petit, "graph");
    expect(await post(petit, `/api/runs/${run.id}/retry${query}`, body)).toMatchObject({
      status: 400,
      body: { code: "INVALID_REQUEST", details: { reason: "invalid_value", in: "body", name } },
    });
  });

  test("starts a new run that reuses completed tasks", async () => {
    const run = await runToEnd(petit, "graph");
    const { status, headers, body } = await post(petit, `/api/runs/${run.id}/retry`);
    expect(status).toBe(200);
    expect(body).toEqual({ run_id: expect.stringMatching(UUID), job_id: "graph", message: expect.any(String) });
    expect(body.run_id).not.toBe(run.id);
    expect(headers.get("location")).toBe(`/api/runs/${body.run_id}`);
    await (await petit.fetch(`/api/runs/${body.run_id}/logs?follow=true`)).text();
    expect((await ask(petit, `/api/runs/${body.run_id}`)).body).toMatchObject({ trigger: "retry", retry_of: run.id });
    const { tasks } = (await ask(petit, `/api/runs/${body.run_id}/tasks`)).body;
    expect(tasks[0]).toMatchObject({ status: "completed", reused: true, outputs: { rows: "42" } });
    expect(tasks[1]).toMatchObject({ status: "failed", reused: false, attempts: 2 });
  });

  test("from the start reruns all tasks", async () => {
    const run = await runToEnd(petit, "hello");
    expect(await post(petit, `/api/runs/${run.id}/retry`)).toMatchObject({
      status: 409,
      body: { code: "CONFLICT", details: { reason: "nothing_to_rerun", run_id: run.id, status: run.status } },
    });
    const { status, body } = await post(petit, `/api/runs/${run.id}/retry?from=start`);
    expect(status).toBe(200);
    await (await petit.fetch(`/api/runs/${body.run_id}/logs?follow=true`)).text();
    expect((await ask(petit, `/api/runs/${body.run_id}/tasks`)).body.tasks[0]).toMatchObject({
      reused: false,
      attempts: 1,
    });
  });

  test("of a running run is 409", async () => {
    const runId = await start(petit, "slow");
    for (const query of ["", "?from=start"]) {
      const { status, body } = await post(petit, `/api/runs/${runId}/retry${query}`);
      expect(status).toBe(409);
      expect(body.code).toBe("CONFLICT");
    }
    await post(petit, `/api/runs/${runId}/cancel`);
  });

  test.each(["from=end", "from=", "form=start"])("with ?%s is 400", async (query) => {
    const run = await runToEnd(petit, "hello");
    expect(await post(petit, `/api/runs/${run.id}/retry?${query}`)).toMatchObject({ status: 400 });
  });
});

describe("the items of a task", () => {
  const NO_ITEMS = { total: 0, pending: 0, running: 0, completed: 0, failed: 0, skipped: 0 };

  test("are counted in the list of tasks, listed in order, and select output", async () => {
    const { id } = await runToEnd(petit, "items");
    const { tasks } = (await ask(petit, `/api/runs/${id}/tasks`)).body;
    expect(tasks.map((task: { items: unknown }) => task.items)).toEqual([
      { ...NO_ITEMS, total: 3, completed: 1, failed: 2 },
      NO_ITEMS,
      null,
    ]);
    expect(tasks[0]).toMatchObject({ repeat: "foreach", status: "failed", reason: "items_failed", attempt_list: [] });
    expect(tasks[2].repeat).toBeNull();
    const error = (index: number) => ({
      text: `exit code ${index}`,
      kind: "error",
      count: 1,
      items: [{ index, key: `k${index}`, seq: null }],
    });
    expect(tasks.map((task: { failures: unknown }) => task.failures)).toEqual([[error(1), error(2)], [], []]);

    const path = `/api/runs/${id}/tasks/each/items`;
    const all = (await ask(petit, path)).body;
    expect(all.count).toBe(3);
    expect(all.items[1]).toMatchObject({
      index: 1,
      key: "k1",
      value: { n: 1 },
      status: "failed",
      reason: "exit_code",
      exit_code: 1,
      attempts: 2,
      attempt_list: [{ attempt: 1 }, { attempt: 2 }],
    });
    const keysOf = async (query: string) =>
      (await ask(petit, `${path}?${query}`)).body.items.map(({ key }: { key: string }) => key);
    expect(await keysOf("status=failed")).toEqual(["k1", "k2"]);
    expect(await keysOf("limit=1&after=0")).toEqual(["k1"]);
    expect(await keysOf("after=2")).toEqual([]);

    const output = await petit.fetch(`/api/runs/${id}/logs?task=each&item=2`);
    expect(await output.text()).toBe("item 2\nitem 2\n");
    const records = await petit.fetch(`/api/runs/${id}/logs`, { headers: { accept: "application/x-ndjson" } });
    const items = (await records.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
      .map(({ text, item }) => [text, item]);
    expect(items).toContainEqual(["item 1", 1]);
    expect(items).toContainEqual(["plain", undefined]);
  });

  test("have the numbers that they were given, with all digits", async () => {
    const { id } = await runToEnd(petit, "large");
    const answer = await petit.fetch(`/api/runs/${id}/tasks/each/items`);
    expect(await answer.text()).toContain('"value":[12345678901234567890]');
  });

  test("that don't exist have no output", async () => {
    const { id } = await runToEnd(petit, "items");
    const refusal = async (path: string) => {
      const { status, body } = await ask(petit, `/api/runs/${id}/${path}`);
      return [status, body.code, body.error.replace(` of run ${id}`, "")];
    };
    for (const path of ["logs?task=each&item=3", "lines?task=each&item=3", "lines/search?q=x&task=each&item=3"])
      expect(await refusal(path)).toEqual([404, "NOT_FOUND", "task 'each' has no item 3; it has 3 items: 0 to 2"]);
    expect((await refusal("logs?task=plain&item=0")).at(-1)).toBe("task 'plain' has no items");
    expect((await refusal("logs?item=3")).at(-1)).toBe("no task has an item 3");
    expect((await petit.fetch(`/api/runs/${id}/logs?item=2`)).status).toBe(200);
  });

  test("of an unknown task are 404, and a wrong query is 400", async () => {
    const { id } = await runToEnd(petit, "items");
    expect((await ask(petit, `/api/runs/${id}/tasks/nothing/items`)).status).toBe(404);
    expect((await ask(petit, `/api/runs/${id}/tasks/plain/items`)).body).toEqual({ items: [], count: 0 });
    for (const query of ["limit=0", "limit=1001", "status=odd", "after=-1"])
      expect((await ask(petit, `/api/runs/${id}/tasks/each/items?${query}`)).status).toBe(400);
  });
});

describe("GET /api/runs?tag=", () => {
  const jobsOf = async (path: string) =>
    (await ask(petit, path)).body.runs.map(({ job_id }: { readonly job_id: string }) => job_id);

  test("lists the newest runs of the jobs with the tag, within the other filters", async () => {
    const [first, second] = [await runToEnd(petit, "graph"), await runToEnd(petit, "items")];
    await runToEnd(petit, "hello");
    const third = await runToEnd(petit, "graph");
    expect(await jobsOf("/api/runs?tag=bad&limit=3")).toEqual(["graph", "items", "graph"]);
    expect(await jobsOf("/api/runs?tag=bad,graphs&limit=2")).toEqual(["graph", "graph"]);
    expect(await jobsOf(`/api/runs?tag=bad&limit=2&before=${third.id}`)).toEqual(["items", "graph"]);
    expect(await jobsOf(`/api/runs?tag=bad&id=${second.id}`)).toEqual(["items"]);
    expect(await jobsOf("/api/runs?tag=bad&status=completed")).toEqual([]);
    expect(await jobsOf("/api/runs?tag=unknown")).toEqual([]);
    expect(await jobsOf("/api/jobs/graph/runs?tag=bad&limit=1")).toEqual(["graph"]);
    expect(await jobsOf("/api/jobs/hello/runs?tag=bad")).toEqual([]);
    expect((await ask(petit, `/api/runs/${first.id}`)).body.links).toEqual({ runbook: "https://example.com/runbook" });
  });
});

describe("GET /api/jobs/{job_id}/task-history", () => {
  const history = (query = "") => ask(petit, `/api/jobs/varied/task-history${query}`);

  test("has what became of each task in the newest runs, the newest last", async () => {
    expect((await history()).body).toEqual({ runs: [], tasks: [], count: 0 });
    const done = await runToEnd(petit, "varied");
    const allowed = await runToEnd(petit, "varied", { exit: "3" });
    const failed = await runToEnd(petit, "varied", { exit: "4" });
    const { run_id: retried } = (await post(petit, `/api/runs/${failed.id}/retry`)).body;
    const { status, body } = await history();
    expect(status).toBe(200);
    expect(body.count).toBe(3);
    expect(body.runs).toMatchObject([
      { id: done.id, status: "completed", started_at: done.started_at },
      { id: allowed.id, status: "completed" },
      { id: failed.id, status: "failed" },
      { id: retried, status: expect.any(String) },
    ]);
    const [first, lenient, last] = body.tasks;
    expect([first.task_id, lenient.task_id, last.task_id]).toEqual(["first", "lenient", "last"]);
    expect(lenient.results.slice(0, 3)).toEqual([
      { run_id: done.id, status: "completed", reason: null, duration_ms: expect.any(Number), allowed: false },
      { run_id: allowed.id, status: "failed", reason: "exit_code", duration_ms: expect.any(Number), allowed: true },
      { run_id: failed.id, status: "failed", reason: "exit_code", duration_ms: expect.any(Number), allowed: false },
    ]);
    expect(last.results[2]).toMatchObject({ status: "skipped", reason: "upstream_failed", duration_ms: null });
    // The retry took this result from the run before it.
    expect(first.results[3]).toMatchObject({ run_id: retried, status: "completed", duration_ms: null });
  });

  test("is limited to a number of runs and of tasks, and counts the tasks beyond it", async () => {
    const { id } = await runToEnd(petit, "varied");
    const { body } = await history("?limit=1&tasks=2");
    expect(body.runs.map((run: { id: string }) => run.id)).toEqual([id]);
    expect(body.tasks.map((task: { task_id: string }) => task.task_id)).toEqual(["first", "lenient"]);
    expect(body.count).toBe(3);
  });

  test("keeps the tasks that only earlier runs have, after those of the newest run", async () => {
    const file = join(petit.jobsDir, "changing.yaml");
    const write = async (ids: readonly string[]) => {
      const tasks = ids.map((id) => `  - {id: ${id}, type: command, command: "true"}`).join("\n");
      await writeFile(file, `id: changing\ntasks:\n${tasks}\n`);
      await post(petit, "/api/jobs/reload");
      return runToEnd(petit, "changing");
    };
    const old = await write(["gone", "kept"]);
    const fresh = await write(["added", "kept"]);
    const { body } = await ask(petit, "/api/jobs/changing/task-history");
    const found = body.tasks.map(({ task_id, results }: { task_id: string; results: { run_id: string }[] }) => [
      task_id,
      ...results.map(({ run_id }) => run_id),
    ]);
    expect(found).toEqual([
      ["added", fresh.id],
      ["kept", old.id, fresh.id],
      ["gone", old.id],
    ]);
  });

  test.each(["limit=0", "limit=31", "limit=x", "tasks=0", "tasks=1001", "runs=1"])("refuses ?%s", async (query) => {
    const { status, body } = await history(`?${query}`);
    expect([status, body.code]).toEqual([400, "INVALID_REQUEST"]);
  });

  test("of an unknown job is 404", async () => {
    expect((await ask(petit, "/api/jobs/nothing/task-history")).status).toBe(404);
  });
});

describe("a failed run that was made good", () => {
  const recoveryOf = async (runId: string) => (await ask(petit, `/api/runs/${runId}`)).body.recovered_by;
  type Ended = { id: string; ended_at: number };
  const ofRun = ({ id, ended_at }: Ended, other_params = false) => ({ run_id: id, at: ended_at, other_params });

  test("names the retry, or the retry of a retry, that completed, rather than a success of other params", async () => {
    const gate = join(petit.jobsDir, "recovered");
    const failed = await runToEnd(petit, "recovering", { gate, day: "1" });
    expect([failed.status, await recoveryOf(failed.id)]).toEqual(["failed", null]);
    const retry = async (runId: string) => {
      const { body } = await post(petit, `/api/runs/${runId}/retry`);
      await (await petit.fetch(`/api/runs/${body.run_id}/logs?follow=true`)).text();
      return (await ask(petit, `/api/runs/${body.run_id}`)).body;
    };
    const first = await retry(failed.id);
    expect(await recoveryOf(failed.id)).toBeNull();
    await writeFile(gate, "");
    const other = await runToEnd(petit, "recovering", { gate, day: "2" });
    expect(await recoveryOf(failed.id)).toEqual(ofRun(other, true));
    const second = await retry(first.id);
    expect(await recoveryOf(failed.id)).toEqual(ofRun(second));
    expect(await recoveryOf(first.id)).toEqual(ofRun(second));
    expect(await recoveryOf(second.id)).toBeNull();
    await runToEnd(petit, "recovering", { day: "1", gate });
    expect(await recoveryOf(failed.id)).toEqual(ofRun(second));
  });

  test("names the first later success of the same params without a retry", async () => {
    const gate = join(petit.jobsDir, "recovered-later");
    const params = { gate, day: "1" };
    const failed = await runToEnd(petit, "recovering", params);
    await writeFile(gate, "");
    const later = await runToEnd(petit, "recovering", { day: "1", gate });
    await runToEnd(petit, "recovering", params);
    expect(await recoveryOf(failed.id)).toEqual(ofRun(later));
  });

  test("names the first later success of other params, as the list of what needs attention counts it", async () => {
    const gate = join(petit.jobsDir, "recovered-other");
    const failed = await runToEnd(petit, "recovering", { gate, day: "2026-11-27" });
    await writeFile(gate, "");
    const first = await runToEnd(petit, "recovering", { gate, day: "2026-11-28" });
    await runToEnd(petit, "recovering", { gate, day: "2026-11-29" });
    expect(await recoveryOf(failed.id)).toEqual(ofRun(first, true));
    const { items } = (await ask(petit, "/api/attention?job=recovering")).body;
    expect(items.map(({ kind }: { kind: string }) => kind)).not.toContain("job_failing");
    const review = (await ask(petit, "/api/review?since=1h")).body;
    const named = ({ job_id }: { job_id: string }) => job_id === "recovering";
    expect(review.broken.items.filter(named)).toEqual([]);
    expect(review.recovered.items.find(named).recovery).toEqual(ofRun(first, true));
  });
});
