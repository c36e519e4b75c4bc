import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, post, readEvents, runToEnd, start, takeUntil } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = {
  "jobs.yaml": `
id: hello
name: Hello
schedule: "@every 1s"
enabled: false
params: {day: {default: x}}
tasks: [{id: only, type: command, command: "true"}]
---
id: hourly
schedule: {cron: "0 0 * * * *", timezone: UTC}
params: {day: {required: true}}
tasks: [{id: only, type: command, command: "true"}]
---
id: secondly
schedule: "@every 1s"
tasks: [{id: only, type: command, command: "true"}]
---
id: fails
tags: [wrong]
tasks: [{id: only, type: shell, script: "exit 3"}]
---
id: stays
tasks: [{id: only, type: command, command: sleep, args: ["600"]}]
---
id: mixed
params: {code: {default: "0"}}
tasks: [{id: only, type: command, command: sh, args: ["-c", "exit $0", "\${{ params.code }}"]}]
`,
};

const HOUR = 3_600_000;

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
  await post(petit, "/api/scheduler/pause");
});
afterAll(() => petit[Symbol.asyncDispose]());

const rowOf = (body: { jobs: { job_id: string }[] }, jobId: string) => body.jobs.find((row) => row.job_id === jobId);

describe("GET /api/timeline", () => {
  test("has a row for each job, by id, over the last hours and the next one", async () => {
    const before = Date.now();
    const { status, body } = await ask(petit, "/api/timeline");
    expect(status).toBe(200);
    expect(body.jobs.map((row: { job_id: string }) => row.job_id)).toEqual([
      "fails",
      "hello",
      "hourly",
      "mixed",
      "secondly",
      "stays",
    ]);
    expect(body.count).toBe(6);
    expect(body.now).toBeWithin(before, Date.now() + 1);
    expect(body.to - body.now).toBe(HOUR);
    expect(body.to - body.from).toBe(6 * HOUR);
    expect(rowOf(body, "hello")).toMatchObject({
      name: "Hello",
      enabled: false,
      scheduled: true,
      removed: false,
      due: [],
    });
  });

  test("has ended runs, with the worst of merged ones", async () => {
    const from = Date.now();
    await runToEnd(petit, "hello");
    const alone = await ask(petit, `/api/timeline?from=${from}`);
    expect(rowOf(alone.body, "hello")).toMatchObject({
      bars: [{ status: "completed", trigger: "manual", count: 1, failures: 0, successes: 1 }],
    });
    await runToEnd(petit, "fails");
    const run = await runToEnd(petit, "fails");
    const { body } = await ask(petit, `/api/timeline?from=${from - HOUR}&to=${from + HOUR}&bins=10`);
    expect(rowOf(body, "fails")).toMatchObject({
      bars: [{ run_id: run.id, status: "failed", count: 2, failures: 2, successes: 0, ended_at: run.ended_at }],
    });
  });

  test("counts the failures among merged runs", async () => {
    const from = Date.now();
    const failed = await runToEnd(petit, "mixed", { code: "1" });
    await runToEnd(petit, "mixed");
    await runToEnd(petit, "mixed");
    const { body } = await ask(petit, `/api/timeline?from=${from - HOUR}&to=${from + HOUR}&bins=10&jobs=mixed`);
    expect(body.jobs[0].bars).toMatchObject([
      { run_id: failed.id, status: "failed", count: 3, failures: 1, successes: 2 },
    ]);
  });

  test("always has the running runs", async () => {
    const runId = await start(petit, "stays");
    for (const query of ["", `?from=${Date.now() + HOUR}&to=${Date.now() + 2 * HOUR}`]) {
      const { body } = await ask(petit, `/api/timeline${query}`);
      expect(rowOf(body, "stays")).toMatchObject({
        bars: [{ run_id: runId, status: "running", ended_at: null, count: 1, failures: 0, successes: 0 }],
      });
    }
  });

  test("has the coming occurrences, at most one per bin", async () => {
    const { body } = await ask(petit, "/api/timeline?bins=60");
    const hourly = rowOf(body, "hourly");
    expect(hourly).toMatchObject({ due: [Math.ceil(body.now / HOUR) * HOUR], more_due: false });
    const { due } = rowOf(body, "secondly") as unknown as { due: number[] };
    expect(due.length).toBeWithin(5, 61);
    for (const [index, at] of due.slice(1).entries())
      expect(at - (due[index] ?? 0)).toBeGreaterThanOrEqual(body.bin_ms);
  });

  test("has only coming occurrences for a window in the future", async () => {
    const from = (Math.floor(Date.now() / HOUR) + 48) * HOUR;
    const { body } = await ask(petit, `/api/timeline?from=${from}&to=${from + 3 * HOUR}&jobs=hourly`);
    expect(body.jobs).toMatchObject([{ job_id: "hourly", due: [from, from + HOUR, from + 2 * HOUR] }]);
  });

  test("has skipped occurrences with their reason", async () => {
    // The whole test falls into the first bin.
    const from = Date.now() - HOUR / 2;
    const skipped = ({ data }: { data: string }) => data.includes('"skipped"') && data.includes("secondly");
    await takeUntil(readEvents(await petit.fetch("/api/events")), skipped);
    const { body } = await ask(petit, `/api/timeline?from=${from}&to=${from + 10 * HOUR}&jobs=secondly&bins=10`);
    const [{ marks }] = body.jobs;
    expect(marks).toMatchObject([{ outcome: "skipped", reason: "paused" }]);
    expect(marks[0].count).toBeGreaterThanOrEqual(1);
    expect(marks[0].until).toBeGreaterThanOrEqual(marks[0].at);
  });

  test("can select jobs", async () => {
    const { body } = await ask(petit, "/api/timeline?jobs=stays,hello,none");
    expect(body.jobs.map((row: { job_id: string }) => row.job_id)).toEqual(["hello", "stays"]);
  });

  test.each(["from=2&to=1", "from=5&to=5", "bins=9", "bins=2001", "from=-1", "to=x", "width=3"])(
    "refuses %p",
    async (query) => {
      const { status, body } = await ask(petit, `/api/timeline?${query}`);
      expect([status, body.code]).toEqual([400, "INVALID_REQUEST"]);
    },
  );
});

test("GET /api/stats counts recent runs and occurrences", async () => {
  const run = await runToEnd(petit, "fails");
  const { body } = await ask(petit, "/api/stats");
  expect(body).toMatchObject({ hours: 24, running: 1, pending: 0 });
  expect(body.to - body.from).toBe(24 * HOUR);
  expect(body.to).toBeGreaterThanOrEqual(run.ended_at);
  const { completed, failed, total } = body.runs;
  expect(failed).toBeGreaterThanOrEqual(1);
  expect(total).toBe(completed + failed);
  expect(body.success_rate).toBeCloseTo(completed / total);
  expect(body.occurrences.total).toBe(body.occurrences.fired + body.occurrences.skipped + body.occurrences.missed);
});

test("GET /api/stats and the timeline count only the jobs with a tag", async () => {
  await runToEnd(petit, "fails");
  const { body } = await ask(petit, "/api/stats?tag=wrong");
  expect(body.runs).toEqual({
    completed: 0,
    failed: body.runs.failed,
    cancelled: 0,
    interrupted: 0,
    total: body.runs.failed,
  });
  expect(body.runs.failed).toBeGreaterThanOrEqual(1);
  expect(body).toMatchObject({ running: 0, pending: 0, success_rate: 0, occurrences: { total: 0 } });
  expect(body.attention.job_failing).toBe(1);
  const none = (await ask(petit, "/api/stats?tag=none")).body;
  expect([none.runs.total, none.attention.job_failing]).toEqual([0, 0]);
  const rows = (await ask(petit, "/api/timeline?tag=wrong")).body.jobs;
  expect(rows.map((row: { job_id: string }) => row.job_id)).toEqual(["fails"]);
  expect((await ask(petit, "/api/timeline?tag=wrong&jobs=hello")).body.jobs).toEqual([]);
});

describe("GET /api/jobs?recent=", () => {
  test("adds the newest runs, the newest last, and their statistics", async () => {
    const first = await runToEnd(petit, "hello");
    const second = await runToEnd(petit, "hello");
    const { body } = await ask(petit, "/api/jobs?recent=2");
    const hello = body.jobs.find((job: { id: string }) => job.id === "hello");
    expect(hello).toMatchObject({ success_rate: 1, has_params: true, needs_params: false });
    expect(hello.recent_runs).toEqual(
      [first, second].map(({ id, started_at, duration_ms }) => ({
        id,
        status: "completed",
        trigger: "manual",
        started_at,
        duration_ms,
      })),
    );
    expect(hello.usual_duration_ms).toBe(Math.min(first.duration_ms, second.duration_ms));
    const hourly = body.jobs.find((job: { id: string }) => job.id === "hourly");
    expect(hourly).toMatchObject({ recent_runs: [], success_rate: null, usual_duration_ms: null, needs_params: true });
  });

  test("counts failures, but not running runs", async () => {
    await runToEnd(petit, "fails");
    const { body } = await ask(petit, "/api/jobs?recent=100");
    const of = (id: string) => body.jobs.find((job: { id: string }) => job.id === id);
    expect(of("fails")).toMatchObject({ success_rate: 0, usual_duration_ms: null });
    expect(of("stays")).toMatchObject({ success_rate: null });
  });

  test("adds nothing by default, and at most 100", async () => {
    const { body } = await ask(petit, "/api/jobs");
    expect(body.jobs[0]).not.toHaveProperty("recent_runs");
    expect((await ask(petit, "/api/jobs?recent=101")).status).toBe(400);
  });
});

test("the compact timeline has no coming occurrences of a job that is paused, nor of any while the scheduler is", async () => {
  await using own = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
  const coming = async (): Promise<Record<string, boolean>> => {
    const now = Date.now();
    const { body } = await ask(own, `/api/timeline/compact?from=${now}&to=${now + 5 * HOUR}`);
    return Object.fromEntries(
      body.jobs.map((row: { job_id: string; due: readonly number[] }) => [row.job_id, row.due.length > 0]),
    );
  };
  // The third job is disabled.
  expect(await coming()).toMatchObject({ hourly: true, secondly: true, hello: false });
  await post(own, "/api/jobs/secondly/pause");
  expect(await coming()).toMatchObject({ hourly: true, secondly: false });
  await post(own, "/api/scheduler/pause");
  expect(await coming()).toMatchObject({ hourly: false, secondly: false });
});

test("the compact timeline has the first jobs by name, if their number is limited", async () => {
  const { body } = await ask(petit, "/api/timeline/compact?limit=2");
  // `hello` is named Hello.
  expect(body.jobs.map((row: { job_id: string }) => row.job_id)).toEqual(["fails", "hello"]);
  expect(body.count).toBe(6);
  expect((await ask(petit, "/api/timeline/compact?limit=0")).status).toBe(400);
});

test("the timeline is compressed if the client accepts that", async () => {
  const to = Date.now() + 24 * HOUR;
  for (const path of ["/api/timeline", "/api/timeline/compact"]) {
    const url = `${petit.url}${path}?from=${to - 48 * HOUR}&to=${to}&bins=2000`;
    const plain = await fetch(url, { headers: { "accept-encoding": "identity" } });
    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(plain.headers.get("vary")).toBe("accept-encoding");
    const { jobs } = await plain.json();
    const packed = await fetch(url, { headers: { "accept-encoding": "br, gzip" } });
    expect((await packed.json()).jobs.length).toBe(jobs.length);
    if (JSON.stringify(jobs).length > 5_000) expect(packed.headers.get("content-encoding")).toBe("gzip");
  }
});
