import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { job } from "../../support/engine/factories.ts";
import { ask, post, readEvents, runToEnd, start, takeUntil } from "../../support/petit/api.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";
import { parseMetrics, type Scrape } from "../../support/petit/metrics.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = {
  "jobs.yaml": `
id: hello
tasks: [{id: only, type: command, command: "true"}]
---
id: fails
tasks: [{id: only, type: shell, script: "exit 3"}]
---
id: sleeper
max_concurrency: 1
tasks: [{id: only, type: command, command: sleep, args: ["60"]}]
---
id: daily
max_concurrency: 1
schedule: "0 6 * * *"
tasks: [{id: only, type: command, command: sleep, args: ["60"]}]
---
id: waits
depends_on: [fails]
schedule: "@every 1s"
tasks: [{id: only, type: command, command: "true"}]
`,
  "ticks.yaml": `
id: ticks
schedule: "@every 1s"
tasks: [{id: only, type: command, command: "true"}]
`,
};

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
});
afterAll(() => petit[Symbol.asyncDispose]());

const scrape = async (from: Petit = petit): Promise<Scrape> =>
  parseMetrics(await (await from.fetch("/metrics")).text());

const runs = (scraped: Scrape, job_id: string, status: string, trigger: string): number | null =>
  scraped.value("petit_runs_total", { job_id, status, trigger });

describe("the metrics", () => {
  test("are in the text format of Prometheus, and HEAD has the same type", async () => {
    const response = await petit.fetch("/metrics");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    parseMetrics(await response.text());
    const head = await petit.fetch("/metrics", { method: "HEAD" });
    expect([head.status, head.headers.get("content-type")]).toEqual([200, response.headers.get("content-type")]);
    expect(await head.text()).toBe("");
  });

  test("have the types that their names imply", async () => {
    const { types } = await scrape();
    expect(types).toMatchObject({
      petit_runs_total: "counter",
      petit_late_runs_total: "counter",
      petit_run_duration_seconds: "histogram",
      petit_occurrences_total: "counter",
      petit_firing_lateness_seconds: "histogram",
      petit_running_runs: "gauge",
      petit_pending_runs: "gauge",
      petit_queue_limit: "gauge",
      petit_queue_running_runs: "gauge",
      petit_queue_pending_runs: "gauge",
      petit_db_bytes: "gauge",
      petit_artifact_bytes: "gauge",
      petit_notifications_total: "counter",
      petit_webhook_refused_total: "counter",
      petit_waiting_notifications: "gauge",
      petit_spans_sent_total: "counter",
      petit_spans_dropped_total: "counter",
      petit_waiting_spans: "gauge",
      process_cpu_seconds_total: "counter",
      process_resident_memory_bytes: "gauge",
      process_start_time_seconds: "gauge",
    });
  });

  test("count runs that ended, by job, status and trigger", async () => {
    const before = await scrape();
    const failed = await runToEnd(petit, "fails");
    await runToEnd(petit, "hello");
    await runToEnd(petit, "hello");
    await post(petit, `/api/runs/${failed.id}/retry`);
    const after = await takenWhen((now) => runs(now, "fails", "failed", "retry") === 1);
    expect(runs(before, "hello", "completed", "manual")).toBeNull();
    expect(runs(after, "hello", "completed", "manual")).toBe(2);
    expect(runs(after, "fails", "failed", "manual")).toBe(1);
    const ended = after.samples
      .filter(({ name }) => name === "petit_runs_total")
      .reduce((sum, { value }) => sum + value, 0);
    expect(after.value("petit_run_duration_seconds_count")).toBe(ended);
    expect(after.value("petit_run_duration_seconds_bucket", { le: "+Inf" })).toBe(ended);
    expect(after.value("petit_run_duration_seconds_sum")).toBeGreaterThan(0);
  });

  test("show a running run, and its status after a cancel", async () => {
    const runId = await start(petit, "sleeper");
    const during = await takenWhen((now) => (now.value("petit_running_runs") ?? 0) >= 1);
    expect(runs(during, "sleeper", "cancelled", "manual")).toBeNull();
    await post(petit, `/api/runs/${runId}/cancel`);
    await takenWhen((now) => runs(now, "sleeper", "cancelled", "manual") === 1);
  });

  test("say how many runs of backfills have not ended, until all have", async () => {
    const counts = (now: Scrape, job_id: string) =>
      ["running", "waiting", "paused"].map((state) => now.value("petit_backfill_runs", { job_id, state }));
    expect(counts(await scrape(), "daily")).toEqual([null, null, null]);
    const begin = async (to: string): Promise<string> => {
      const body = JSON.stringify({ job_id: "daily", from: "2020-01-01", to });
      return (await ask(petit, "/api/backfills", { method: "POST", body })).body.id;
    };
    const ids = [await begin("2020-01-03"), await begin("2020-01-08")];
    expect(counts(await takenWhen((now) => counts(now, "daily")[0] === 1), "daily")).toEqual([1, 7, 0]);
    await post(petit, `/api/backfills/${ids[1]}/pause`);
    expect(counts(await scrape(), "daily")).toEqual([1, 2, 5]);
    for (const id of ids) await post(petit, `/api/backfills/${id}/cancel`);
    await takenWhen((now) => counts(now, "daily").every((count) => count === null));
    expect(runs(await scrape(), "daily", "cancelled", "backfill")).toBeGreaterThanOrEqual(1);
  });

  test("count occurrences by outcome, and measure how late they fired", async () => {
    const now = await takenWhen(
      (each) =>
        (runs(each, "ticks", "completed", "schedule") ?? 0) >= 1 &&
        (each.value("petit_occurrences_total", { outcome: "skipped" }) ?? 0) >= 1,
    );
    const fired = now.value("petit_occurrences_total", { outcome: "fired" }) ?? 0;
    expect(fired).toBeGreaterThanOrEqual(1);
    expect(now.value("petit_occurrences_total", { outcome: "missed" })).toBe(0);
    const timed = now.value("petit_firing_lateness_seconds_count") ?? 0;
    expect(timed).toBeWithin(1, fired + 1);
    expect(now.value("petit_firing_lateness_seconds_sum")).toBeLessThan(fired * 10);
  });

  test("have current values of the process and the database", async () => {
    const now = await scrape();
    expect(now.value("petit_db_bytes")).toBeGreaterThan(4096);
    expect(now.value("process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
    expect(now.value("process_open_fds")).toBeGreaterThan(3);
    expect(now.value("process_max_fds")).toBeGreaterThan(now.value("process_open_fds") ?? 0);
    expect(Math.abs((now.value("process_start_time_seconds") ?? 0) - Date.now() / 1000)).toBeLessThan(300);
    const { body } = await ask(petit, "/api/health");
    expect(now.value("petit_build_info", { version: body.version })).toBe(1);
    const later = await scrape();
    expect(later.value("process_cpu_seconds_total")).toBeGreaterThanOrEqual(
      now.value("process_cpu_seconds_total") ?? 0,
    );
  });

  test("keep the series of a job that is removed", async () => {
    rmSync(join(petit.jobsDir, "ticks.yaml"));
    await post(petit, "/api/jobs/reload");
    expect((await ask(petit, "/api/jobs/ticks")).body.gone).toBe(true);
    expect(runs(await scrape(), "ticks", "completed", "schedule")).toBeGreaterThanOrEqual(1);
  });
});

/** Scrapes after each event until the metrics match. */
const takenWhen = async (fits: (scraped: Scrape) => boolean): Promise<Scrape> => {
  const now = await scrape();
  if (fits(now)) return now;
  const leave = new AbortController();
  const events = readEvents(await petit.fetch("/api/events", { signal: leave.signal }));
  const next = await scrape();
  if (!fits(next)) for await (const _ of events) if (fits(await scrape())) break;
  leave.abort();
  return await scrape();
};

describe("counters", () => {
  test("start at 0 with each process, and count runs that the previous process left", async () => {
    await using first = await startPetit({
      jobs: { "jobs.yaml": "id: long\ntasks: [{id: a, type: shell, script: 'echo ready; sleep 0.5'}]" },
    });
    const runId = await start(first, "long");
    const log = await first.fetch(`/api/runs/${runId}/logs?follow=true`, { headers: { accept: "text/event-stream" } });
    await takeUntil(readEvents(log), ({ data }) => data.includes("ready"));
    await first.kill();
    await using second = await startPetit({ dir: first.dir, jobsDir: first.jobsDir });
    const { body } = await ask(second, "/api/health");
    expect(body.status).toBe("ok");
    const events = readEvents(await second.fetch("/api/events", { headers: { "last-event-id": "0" } }));
    await takeUntil(events, ({ event }) => event === "run.finished");
    expect(runs(await scrape(second), "long", "completed", "manual")).toBe(1);
  });

  test("survive a store that can't be read", async () => {
    const { api, engine, store, ask: asked } = fakeApi({ jobs: [job("hello")] });
    const run = await engine.trigger("hello");
    const { find } = store.runs;
    store.runs.find = () => {
      throw new Error("the disk is gone");
    };
    store.runs.finish(run.id, { status: "completed", reason: null, error: null }, Date.now());
    store.runs.find = find;
    const scraped = parseMetrics(await (await asked("/metrics")).text());
    expect(scraped.value("petit_run_duration_seconds_count")).toBe(0);
    api.close();
  });

  test("stop with the API", async () => {
    const { api, engine, store, ask: asked } = fakeApi({ jobs: [job("hello")] });
    const run = await engine.trigger("hello");
    api.close();
    store.runs.finish(run.id, { status: "completed", reason: null, error: null }, Date.now());
    const scraped = parseMetrics(await (await asked("/metrics")).text());
    expect(scraped.value("petit_run_duration_seconds_count")).toBe(0);
  });
});
