import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ask, post, readEvents, runToEnd, takeUntil } from "../../support/petit/api.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { quietHour } from "../../support/quiet-hour.ts";

const HOUR = quietHour();

const JOBS = {
  "pipeline.yaml": `
id: data_pipeline
name: Data Pipeline
description: Moves data
tags: [nightly, finance]
links: {runbook: "https://example.com/runbook?job=data", Dashboard: "http://dashboard.example.com/"}
schedule: {cron: "0 0 ${HOUR} * * *", timezone: Europe/Paris}
max_concurrency: 1
depends_on:
  - upstream_job
  - {job: other, condition: last_complete}
  - {job: other, condition: {within_window: {seconds: 3600}}}
params:
  day: {description: Which day, default: "2026-01-01", pattern: "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\d$"}
  level: {enum: [fast, full], required: true}
tasks:
  - {id: extract, name: Extract, type: command, command: "true", timeout: 5m, retry: {max_attempts: 3, delay: 10s, backoff: exponential}}
  - {id: report, type: shell, script: "true", depends_on: [extract], condition: all_done}
`,
  "more.yaml": `
# Two documents.
id: upstream_job
tasks: [{id: only, type: command, command: "true"}]
---
id: other
tags: [nightly]
enabled: false
schedule: ["@hourly", "@every 90m"]
tasks: [{id: only, type: command, command: "true"}]
---
# Each with a value of its own.
id: set
schedule: {cron: "@daily", catchup: all, catchup_window: 1d, jitter: 30s}
on_overlap: queue
on_interrupt: rerun
timeout: 2h
kill_grace: 5s
retention: {runs: 100, days: 30}
depends_on: [other]
environment: {API_TOKEN: hunter2, STAGE: test}
tasks: [{id: only, type: command, command: "true"}]
`,
};

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
});
afterAll(() => petit[Symbol.asyncDispose]());

const jitterJob = (id: string, jitter: string, except: string): string =>
  `id: ${id}\nschedule: {cron: "0 3 1 1 *", jitter: ${jitter}, ${except}}\ntasks: [{id: only, type: command, command: "true"}]\n`;

describe("GET /api/jobs", () => {
  test("lists the jobs by id, with their number", async () => {
    const { status, headers, body } = await ask(petit, "/api/jobs");
    expect(status).toBe(200);
    expect(headers.get("content-type")).toStartWith("application/json");
    expect(body.count).toBe(4);
    expect(body.jobs.map((job: { id: string }) => job.id)).toEqual(["data_pipeline", "other", "set", "upstream_job"]);
  });

  test("has the fields of the Rust petit, and more", async () => {
    const { body } = await ask(petit, "/api/jobs");
    expect(body.jobs[0]).toEqual({
      id: "data_pipeline",
      name: "Data Pipeline",
      description: "Moves data",
      tags: ["nightly", "finance"],
      enabled: true,
      scheduled: true,
      schedule: [`0 0 ${HOUR} * * *`],
      timezone: "Europe/Paris",
      next_run_at: expect.any(Number),
      next_start_at: body.jobs[0].next_run_at,
      jitter_ms: 0,
      has_except: false,
      not_run_as_expected: null,
      expectation: null,
      last_run: null,
      paused: false,
      paused_at: null,
      paused_by: null,
      gone: false,
      gone_at: null,
      formerly: [],
      duration_change: null,
      running: 0,
      pending: 0,
      executing: 0,
      waiting: {},
      task_count: 2,
    });
    expect(body.jobs[1]).toMatchObject({ id: "other", enabled: false, scheduled: true, next_run_at: null });
    expect(body.jobs[3]).toMatchObject({
      name: "upstream_job",
      description: null,
      enabled: true,
      scheduled: false,
      schedule: null,
      timezone: null,
      next_run_at: null,
      task_count: 1,
    });
  });

  test("says when jitter starts the next run, and which schedules except dates", async () => {
    const jobs = `${jitterJob("early", "0s", "")}---\n${jitterJob("delayed", "50m", 'except: ["2031-03-02"]')}`;
    await using other = await startPetit({ jobs: { "jobs.yaml": jobs } });
    const [delayed, early] = (await ask(other, "/api/jobs")).body.jobs;
    expect(early).toMatchObject({ next_start_at: early.next_run_at, jitter_ms: 0, has_except: false });
    expect(delayed).toMatchObject({ next_run_at: early.next_run_at, jitter_ms: 3_000_000, has_except: true });
    expect(delayed.next_start_at).toBeGreaterThan(delayed.next_run_at);
    expect(delayed.next_start_at).toBeLessThanOrEqual(delayed.next_run_at + 3_000_000);
  });

  test("with a tag, lists the jobs that have it", async () => {
    const ids = async (tag: string) =>
      (await ask(petit, `/api/jobs?tag=${tag}`)).body.jobs.map(({ id }: { readonly id: string }) => id);
    expect(await ids("nightly")).toEqual(["data_pipeline", "other"]);
    expect(await ids("nightly,finance")).toEqual(["data_pipeline"]);
    expect(await ids("Nightly")).toEqual([]);
    const { status, body } = await ask(petit, "/api/jobs?tag=");
    expect([status, body.code]).toEqual([400, "INVALID_REQUEST"]);
    expect(body.details.problem).toBe("'' is not a tag, or several separated by commas");
  });

  test("has the next occurrence in ms, in the time zone of the schedule", async () => {
    const { body } = await ask(petit, "/api/jobs/data_pipeline");
    expect(body.next_run_at).toBeGreaterThan(Date.now());
    expect(body.next_run_at).toBeLessThan(Date.now() + 25 * 3_600_000);
    const local = new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/Paris", timeStyle: "medium" });
    expect(local.format(body.next_run_at)).toBe(`${HOUR}:00:00`);
  });

  test("has the newest run of each", async () => {
    const run = await runToEnd(petit, "upstream_job");
    const { body } = await ask(petit, "/api/jobs");
    expect(body.jobs[3].last_run).toEqual({
      id: run.id,
      status: "completed",
      started_at: run.started_at,
      ended_at: run.ended_at,
      duration_ms: run.ended_at - run.started_at,
    });
  });
});

describe("GET /api/jobs/{job_id}", () => {
  test("is the job with its definition", async () => {
    const { status, body } = await ask(petit, "/api/jobs/data_pipeline");
    const { body: list } = await ask(petit, "/api/jobs");
    expect(status).toBe(200);
    expect(body).toEqual({
      ...list.jobs[0],
      links: { runbook: "https://example.com/runbook?job=data", Dashboard: "http://dashboard.example.com/" },
      tasks: [
        {
          id: "extract",
          name: "Extract",
          type: "command",
          depends_on: [],
          condition: "all_success",
          if: null,
          allow_failure: false,
          repeat: null,
          runs_job: null,
          runs_on: null,
          command: "true",
          args: [],
          working_dir: null,
          stdin: null,
          environment: {},
          container: null,
          allowed_exit_codes: null,
          skip_exit_codes: [],
          artifacts: [],
          limits: null,
          run_as: null,
          leftovers: "keep",
          timeout_ms: 300_000,
          retry: {
            max_attempts: 3,
            delay_ms: 10_000,
            backoff: "exponential",
            max_delay_ms: 3_600_000,
            condition: "always",
          },
        },
        {
          id: "report",
          name: "report",
          type: "shell",
          depends_on: ["extract"],
          condition: "all_done",
          if: null,
          allow_failure: false,
          repeat: null,
          runs_job: null,
          runs_on: null,
          script: "true",
          shell: ["/bin/sh", "-e"],
          args: [],
          working_dir: null,
          stdin: null,
          environment: {},
          container: null,
          allowed_exit_codes: null,
          skip_exit_codes: [],
          artifacts: [],
          limits: null,
          run_as: null,
          leftovers: "keep",
          timeout_ms: null,
          retry: null,
        },
      ],
      params: {
        day: {
          description: "Which day",
          default: "2026-01-01",
          required: false,
          enum: null,
          pattern: "^\\d{4}-\\d\\d-\\d\\d$",
          secret: false,
        },
        level: {
          description: null,
          default: null,
          required: true,
          enum: ["fast", "full"],
          pattern: null,
          secret: false,
        },
      },
      outputs: {},
      depends_on: [
        { job_id: "upstream_job", condition: "last_success", window_ms: null },
        { job_id: "other", condition: "last_complete", window_ms: null },
        { job_id: "other", condition: "within_window", window_ms: 3_600_000 },
      ],
      dependents: [],
      callers: [],
      config: {},
      environment: {},
      inherit_environment: true,
      notify: [],
      max_concurrency: 1,
      on_overlap: "skip",
      queue: null,
      priority: 0,
      on_interrupt: null,
      timeout_ms: null,
      triggers: [],
      warn_after_ms: null,
      expect: null,
      kill_grace_ms: null,
      catchup: "latest",
      catchup_window_ms: 3_600_000,
      jitter_ms: 0,
      except: [],
      formerly: [],
      retention: { runs: null, days: null },
      source: { file: "pipeline.yaml", line: 2 },
      version: 1,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      changed_at: expect.any(Number),
    });
    // When petit first read the file.
    expect(body.changed_at).toBeLessThanOrEqual(Date.now());
    expect(body.changed_at).toBeGreaterThan(Date.now() - 3_600_000);
  });

  test("has every setting of its file, and null for the others", async () => {
    const { body } = await ask(petit, "/api/jobs/set");
    expect(body).toMatchObject({
      on_overlap: "queue",
      on_interrupt: "rerun",
      timeout_ms: 7_200_000,
      kill_grace_ms: 5_000,
      catchup: "all",
      catchup_window_ms: 86_400_000,
      jitter_ms: 30_000,
      except: [],
      retention: { runs: 100, days: 30 },
    });
    expect((await ask(petit, "/api/jobs/upstream_job")).body).toMatchObject({
      catchup: null,
      catchup_window_ms: null,
      jitter_ms: null,
      except: [],
    });
  });

  test("lists the jobs with a gate on it, and their conditions", async () => {
    const { body } = await ask(petit, "/api/jobs/other");
    expect(body.dependents).toEqual([
      { job_id: "data_pipeline", condition: "last_complete", window_ms: null },
      { job_id: "data_pipeline", condition: "within_window", window_ms: 3_600_000 },
      { job_id: "set", condition: "last_success", window_ms: null },
    ]);
  });

  test("has the line of its document in the file", async () => {
    const { body } = await ask(petit, "/api/jobs/other");
    expect(body.source).toEqual({ file: "more.yaml", line: 6 });
    expect(body.max_concurrency).toBeNull();
    expect(body.params).toEqual({});
    expect(body.depends_on).toEqual([]);
  });
});

describe("GET /api/jobs/{job_id}/definition", () => {
  test("is the text of the job in the file, and its first line", async () => {
    const { status, body } = await ask(petit, "/api/jobs/upstream_job/definition");
    expect(status).toBe(200);
    expect(body).toEqual({
      file: "more.yaml",
      line: 2,
      text: '# Two documents.\nid: upstream_job\ntasks: [{id: only, type: command, command: "true"}]\n',
    });
  });

  test("hides secrets", async () => {
    const { text } = (await ask(petit, "/api/jobs/set/definition")).body;
    expect(text).toContain("STAGE: test");
    expect(text).toContain("API_TOKEN:");
    expect(text).not.toContain("hunter2");
  });

  test("is 404 with an explanation if no text is stored", async () => {
    const { ask: asked } = fakeApi();
    const response = await asked("/api/jobs/hello/definition");
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: "the text of job 'hello' is not available: hello.yaml has not been read since petit stores texts",
      code: "NOT_FOUND",
    });
  });
});

describe("GET /api/jobs/{job_id}/occurrences", () => {
  const HOUR_MS = 3_600_000;

  test("has the coming ones with ?coming, newest first", async () => {
    const { body } = await ask(petit, "/api/jobs/data_pipeline/occurrences?coming=3");
    expect(body.count).toBe(3);
    for (const each of body.occurrences) {
      expect(each).toEqual({ scheduled_for: expect.any(Number), outcome: "due", reason: null, run_id: null });
    }
    const times: number[] = body.occurrences.map((each: { scheduled_for: number }) => each.scheduled_for);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect((times[0] ?? 0) - (times[2] ?? 0)).toBeGreaterThanOrEqual(47 * HOUR_MS);
    expect(times[2]).toBe((await ask(petit, "/api/jobs/data_pipeline")).body.next_run_at);
  });

  test("has past ones with their run or the reason", async () => {
    await using other = await startPetit({
      jobs: { "jobs.yaml": "id: ticks\nschedule: '@every 1s'\ntasks: [{id: a, type: command, command: 'true'}]" },
    });
    const stream = readEvents(await other.fetch("/api/events", { headers: { "last-event-id": "0" } }));
    // An occurrence that is due while petit starts is caught up on, so that the second run is the first that its schedule starts.
    let finished = 0;
    await takeUntil(stream, (event) => event.event === "run.finished" && ++finished === 2);
    await post(other, "/api/scheduler/pause");
    const paused = readEvents(await other.fetch("/api/events"));
    await takeUntil(paused, (event) => event.event === "occurrence" && event.data.includes('"paused"'));
    const { body } = await ask(other, "/api/jobs/ticks/occurrences?coming=1");
    const run = (await ask(other, "/api/runs?limit=1")).body.runs[0];
    expect(run).toMatchObject({ trigger: "schedule", scheduled_for: expect.any(Number) });
    const [due, skipped] = body.occurrences;
    expect(due.outcome).toBe("due");
    expect(skipped).toEqual({ scheduled_for: expect.any(Number), outcome: "skipped", reason: "paused", run_id: null });
    expect(body.occurrences).toContainEqual({
      scheduled_for: run.scheduled_for,
      outcome: "fired",
      reason: null,
      run_id: run.id,
    });
    const times: number[] = body.occurrences.map((each: { scheduled_for: number }) => each.scheduled_for);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    const older = await ask(other, `/api/jobs/ticks/occurrences?limit=1&before=${skipped.scheduled_for}`);
    expect(older.body.count).toBe(1);
    expect(older.body.occurrences[0].scheduled_for).toBe(times.filter((time) => time < skipped.scheduled_for)[0]);
  });

  test.each(["0", "9007199254740991"])(
    "is empty for a job without a schedule, whatever is asked: before %s",
    async (before) => {
      const { status, body } = await ask(petit, `/api/jobs/upstream_job/occurrences?coming=5&limit=5&before=${before}`);
      expect(status).toBe(200);
      expect(body).toEqual({ occurrences: [], count: 0 });
    },
  );

  test.each([
    "limit=0",
    "limit=1001",
    "limit=x",
    "limit=",
    "before=x",
    "before=-1",
    "before=9007199254740992",
    "coming=-1",
    "coming=1001",
    "upcoming=1",
  ])("refuses ?%s", async (query) => {
    const { status, body } = await ask(petit, `/api/jobs/data_pipeline/occurrences?${query}`);
    expect(status).toBe(400);
    const name = query.split("=")[0] ?? "";
    const details = { reason: "invalid_value", in: "query", name, problem: expect.any(String) };
    expect(body).toEqual({ error: expect.stringContaining(name), code: "INVALID_REQUEST", details });
  });
});

describe("the scheduler", () => {
  test("is paused and resumed, and reports it", async () => {
    expect((await ask(petit, "/api/scheduler/state")).body).toEqual({
      state: "running",
      is_running: true,
      is_paused: false,
      paused_at: null,
      paused_by: null,
    });
    const paused = await post(petit, "/api/scheduler/pause");
    expect(paused).toMatchObject({ status: 200, body: { message: expect.any(String) } });
    expect(Object.keys(paused.body)).toEqual(["message"]);
    expect((await ask(petit, "/api/scheduler/state")).body).toEqual({
      state: "paused",
      is_running: false,
      is_paused: true,
      paused_at: expect.any(Number),
      paused_by: "127.0.0.1",
    });
    expect((await post(petit, "/api/scheduler/pause")).status).toBe(200);
    expect((await runToEnd(petit, "upstream_job")).status).toBe("completed");
    const resumed = await post(petit, "/api/scheduler/resume");
    expect(resumed).toMatchObject({ status: 200, body: { message: expect.any(String) } });
    expect((await ask(petit, "/api/scheduler/state")).body.state).toBe("running");
  });
});

describe("a job", () => {
  test("is paused and resumed, and reports since when and by whom", async () => {
    const states = async () =>
      Promise.all(
        [
          await ask(petit, "/api/jobs/data_pipeline"),
          { body: (await ask(petit, "/api/jobs")).body.jobs.find(({ id }: { id: string }) => id === "data_pipeline") },
        ].map(({ body: { paused, paused_at, paused_by } }) => ({ paused, paused_at, paused_by })),
      );
    const resumed = { paused: false, paused_at: null, paused_by: null };
    expect(await states()).toEqual([resumed, resumed]);
    const reply = await post(petit, "/api/jobs/data_pipeline/pause");
    expect(reply).toMatchObject({ status: 200, body: { message: "job 'data_pipeline' is paused" } });
    const paused = { paused: true, paused_at: expect.any(Number), paused_by: "127.0.0.1" };
    expect(await states()).toEqual([paused, paused]);
    expect((await post(petit, "/api/jobs/data_pipeline/pause")).status).toBe(200);
    expect((await ask(petit, "/api/scheduler/state")).body.state).toBe("running");
    const answer = await post(petit, "/api/jobs/data_pipeline/resume");
    expect(answer).toMatchObject({ status: 200, body: { message: "job 'data_pipeline' is no longer paused" } });
    expect(await states()).toEqual([resumed, resumed]);
  });

  test.each(["pause", "resume"])("can't be the target of %s if it does not exist", async (action) => {
    expect(await post(petit, `/api/jobs/none/${action}`)).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
  });

  test("sends an event when it is paused or resumed", async () => {
    const abort = new AbortController();
    const events = readEvents(await petit.fetch("/api/events", { signal: abort.signal }));
    await post(petit, "/api/jobs/data_pipeline/pause");
    await post(petit, "/api/jobs/data_pipeline/resume");
    const seen = await takeUntil(events, ({ event }) => event === "job.resumed");
    abort.abort();
    expect(seen.map(({ event }) => event)).toContain("job.paused");
    expect(JSON.parse(seen.at(-1)?.data ?? "")).toMatchObject({ job_id: "data_pipeline" });
  });
});

describe("health and reload", () => {
  test("health is ok, with the version", async () => {
    const { status, body } = await ask(petit, "/api/health");
    expect(status).toBe(200);
    expect(body).toEqual({ status: "ok", version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });

  test("reload adds a new job and reports problems, and health is degraded until they are fixed", async () => {
    const broken = join(petit.jobsDir, "broken.yaml");
    await writeFile(
      join(petit.jobsDir, "new.yaml"),
      "id: newcomer\ntasks: [{id: a, type: command, command: 'true'}]\n",
    );
    await writeFile(broken, "id: broken\ntasks:\n  - {id: a, type: command, commnd: 'true'}\n");
    const reloaded = await post(petit, "/api/jobs/reload");
    expect(reloaded.status).toBe(200);
    expect(reloaded.body.message).toBeString();
    expect(reloaded.body.problems.length).toBeGreaterThan(0);
    expect(reloaded.body.problems[0]).toEqual({
      file: "broken.yaml",
      line: 3,
      column: expect.any(Number),
      path: expect.stringContaining("tasks[0]"),
      message: expect.any(String),
    });
    expect((await ask(petit, "/api/jobs/newcomer")).status).toBe(200);
    expect((await ask(petit, "/api/jobs/broken")).status).toBe(404);
    const degraded = await ask(petit, "/api/health");
    expect(degraded).toMatchObject({ status: 200, body: { status: "degraded" } });
    expect(degraded.body.reasons).toMatchObject([{ code: "job_file_broken", file: "broken.yaml" }]);
    await rm(broken);
    expect((await post(petit, "/api/jobs/reload")).body.problems).toEqual([]);
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
  });

  test("a removed JOBS_DIR keeps its jobs, and degrades health until it is back", async () => {
    const away = `${petit.jobsDir}-away`;
    await rename(petit.jobsDir, away);
    const { status, body } = await post(petit, "/api/jobs/reload");
    expect(status).toBe(200);
    expect(body.problems).toEqual([
      { file: ".", line: 1, column: 1, path: "", message: expect.stringContaining(`'${petit.jobsDir}' was not found`) },
    ]);
    const degraded = await ask(petit, "/api/health");
    expect(degraded).toMatchObject({ status: 200, body: { status: "degraded" } });
    expect(degraded.body.reasons[0].message).toContain(petit.jobsDir);
    expect((await runToEnd(petit, "upstream_job")).status).toBe("completed");
    await rename(away, petit.jobsDir);
    expect((await post(petit, "/api/jobs/reload")).body.problems).toEqual([]);
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
  });
});

describe("GET /api/jobs/{id}/durations", () => {
  test("has the days with runs, in the zone of the scheduler", async () => {
    await runToEnd(petit, "upstream_job");
    const { status, body } = await ask(petit, "/api/jobs/upstream_job/durations?days=2");
    expect(status).toBe(200);
    expect(body.complete).toBe(true);
    expect(body.days.at(-1)).toMatchObject({ failed: 0, cancelled: 0, p50_ms: expect.any(Number) });
    expect((Date.parse(body.to) - Date.parse(body.from)) / 86_400_000).toBe(1);
  });

  test.each(["0", "101", "x", "-1"])("refuses %s days", async (days) => {
    expect((await ask(petit, `/api/jobs/other/durations?days=${days}`)).status).toBe(400);
  });

  test("is 404 for an unknown job", async () => {
    expect((await ask(petit, "/api/jobs/nobody/durations")).status).toBe(404);
  });
});
