import { describe, expect, test } from "bun:test";
import { readableLocal } from "../../../src/cli/terminal/local-time.ts";
import type { GateFacts, JobBody, OccurrenceFacts, RunFacts } from "../../../src/client/why/facts.ts";
import { whyShutAt, whyShutNow } from "../../../src/client/why/gate.ts";
import type { JobFacts } from "../../../src/client/why/job-facts.ts";
import { explainOccurrence } from "../../../src/client/why/occurrence.ts";
import { blockerTexts, historyTexts, lastRunText, nextRunText } from "../../../src/client/why/sentences.ts";
import { relativeText } from "../../../src/domain/words/duration.ts";
import { decisionsOf } from "../../../src/domain/words/people/decision.ts";

const NOW = Date.UTC(2026, 2, 8, 12, 0, 0);
const MINUTE = 60_000;
const TIME = { now: NOW, atText: (at: number) => readableLocal(at, "UTC") };

const JOB: JobBody = {
  id: "report",
  name: "report",
  version: 1,
  digest: null,
  changed_at: null,
  description: null,
  enabled: true,
  scheduled: true,
  schedule: ["@hourly"],
  timezone: null,
  next_run_at: NOW + 5 * MINUTE,
  next_start_at: NOW + 5 * MINUTE,
  has_except: false,
  not_run_as_expected: null,
  last_run: null,
  tags: [],
  links: {},
  except: [],
  warn_after_ms: null,
  expect: null,
  paused: false,
  paused_at: null,
  paused_by: null,
  gone: false,
  gone_at: null,
  formerly: [],
  running: 0,
  waiting: {},
  task_count: 1,
  tasks: [],
  params: {},
  outputs: {},
  depends_on: [],
  dependents: [],
  callers: [],
  config: {},
  environment: {},
  inherit_environment: true,
  notify: [],
  max_concurrency: null,
  triggers: [],
  on_overlap: "skip",
  on_interrupt: null,
  timeout_ms: null,
  kill_grace_ms: null,
  queue: null,
  priority: 0,
  catchup: "latest",
  catchup_window_ms: 60 * MINUTE,
  jitter_ms: 0,
  retention: { runs: null, days: null },
  source: { file: "deep/report.yaml", line: 1 },
};

const RUN: RunFacts = {
  id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
  job_id: "report",
  status: "completed",
  reason: null,
  error: null,
  trigger: "schedule",
  scheduled_for: NOW - 10 * MINUTE,
  interval_start: null,
  backfill: null,
  params: {},
  retry_of: null,
  parent: null,
  delivery: null,
  outputs: {},
  triggered_by: null,
  cancelled_by: null,
  commit: null,
  created_at: NOW - 10 * MINUTE,
  started_at: NOW - 10 * MINUTE,
  ended_at: NOW - 9 * MINUTE,
  warnings: 0,
  duration_ms: MINUTE,
  late_at: null,
  waits_for: null,
  waiting_for: null,
};

const FAILURE: NonNullable<RunFacts["failure"]> = {
  task_id: "live",
  item: null,
  attempt: null,
  reason: "rejected",
  exit_code: null,
  signal: null,
  error: "rejected by ben",
  cause: null,
  last_line: null,
};

const SLOT: RunFacts["waits_for"] = { code: "max_jobs", queue: null, limit: 4, running: 4, ahead: 2 };

const GATE: GateFacts["gate"] = { job_id: "up", condition: "last_success", window_ms: null };

const FACTS: JobFacts = {
  job: JOB,
  lastRun: null,
  workerWaits: [],
  waiting: { count: 0, waitsFor: [] },
  queue: null,
  occurrences: [],
  upcoming: [NOW + 5 * MINUTE],
  gates: [],
  deliveries: [],
  state: "running",
  pause: { at: null, by: null },
  decisions: [],
  health: { status: "ok", reasons: [] },
  attention: [],
};

const occurrence = (minutesAgo: number, fields: Partial<OccurrenceFacts>): OccurrenceFacts => ({
  scheduled_for: NOW - minutesAgo * MINUTE,
  outcome: "skipped",
  reason: null,
  run_id: null,
  ...fields,
});

/** Creates a run of another job that was created and ended some minutes ago. */
const upstream = (made: number, ended: number | null, status: RunFacts["status"]): RunFacts => ({
  ...RUN,
  job_id: "up",
  status,
  created_at: NOW - made * MINUTE,
  started_at: NOW - made * MINUTE,
  ended_at: ended === null ? null : NOW - ended * MINUTE,
});

describe("lastRunText", () => {
  const cases: readonly (readonly [Partial<RunFacts>, string])[] = [
    [{}, "10m ago, at 2026-03-08 11:50:00 UTC: it was due at 2026-03-08 11:50:00 UTC; it completed after 1m (run "],
    [
      { trigger: "catchup" },
      "catch-up ran it, because petit was down or asleep when it was due at 2026-03-08 11:50:00 UTC; it completed",
    ],
    [{ trigger: "manual", scheduled_for: null }, ": it was triggered by hand; it completed"],
    [
      { trigger: "manual", scheduled_for: null, triggered_by: "ada" },
      ": it was triggered by hand (by ada); it completed",
    ],
    [
      { trigger: "webhook", scheduled_for: null, delivery: { id: "d1" }, triggered_by: "ada" },
      ": a webhook started it (delivery d1, by ada); it completed",
    ],
    [{ trigger: "retry", retry_of: "an-earlier-one" }, ": it was a retry of run an-earlier-one; "],
    [{ status: "failed", reason: "exit_code", error: "exit code 3" }, "it failed after 1m, exit code 3 (run "],
    [{ status: "interrupted", reason: "interrupted" }, "it was interrupted after 1m, interrupted (run "],
    [{ status: "cancelled", reason: "cancelled" }, "it was cancelled after 1m"],
    [{ status: "cancelled", reason: "cancelled", cancelled_by: "ada" }, "it was cancelled by ada after 1m"],
    [{ status: "running", ended_at: null, duration_ms: null }, "it has been running for 10m (run "],
    [{ status: "pending", started_at: null, ended_at: null, duration_ms: null }, "it waits for a slot (run "],
    [
      { status: "pending", started_at: null, ended_at: null, duration_ms: null, waits_for: SLOT },
      "it waits for a slot (--max-jobs: 4 of 4 are taken); 2 runs come first (run ",
    ],
  ];
  test.each(cases)("explains %j", (fields, text) => {
    expect(lastRunText({ ...FACTS, lastRun: { ...RUN, ...fields } }, TIME)).toContain(text);
  });

  test("says who decided about approvals, unless the error of the run does", () => {
    const decisions = decisionsOf([
      { task_id: "ok", approval: {}, outputs: { decision: "approved", by: "ada", comment: "fine" } },
      { task_id: "late", approval: {}, outputs: { decision: "approved", by: "timeout" } },
      { task_id: "live", approval: {}, outputs: { decision: "rejected", by: "ben" } },
      { task_id: "waits", approval: {}, outputs: {} },
      { task_id: "forged", approval: null, outputs: { decision: "approved", by: "eve" } },
    ]);
    const approved = "; task 'ok' was approved by ada; task 'late' was approved by its timeout";
    const lastRun = { ...RUN, failure: FAILURE };
    const textOf = (error: string | null) => lastRunText({ ...FACTS, lastRun: { ...lastRun, error }, decisions }, TIME);
    expect(textOf("task 'live' failed: rejected by ben")).toEndWith(`rejected by ben (run ${RUN.id})${approved}`);
    expect(textOf(null)).toEndWith(`(run ${RUN.id})${approved}; task 'live' was rejected by ben`);
  });

  test("names the tasks that wait for a worker", () => {
    const lastRun = { ...RUN, status: "running" as const, ended_at: null, duration_ms: null };
    const wait = {
      taskId: "fit",
      waitsFor: { code: "worker" as const, labels: ["gpu", "zone=eu"], type: null, connected: 0 },
    };
    const text = lastRunText({ ...FACTS, lastRun, workerWaits: [wait, { ...wait, taskId: "load" }] }, TIME);
    expect(text).toContain(
      "it has been running for 10m, and now task 'fit' (and 1 more task) waits for a worker with gpu, zone=eu: none is connected (run ",
    );
  });

  test("explains a job without runs", () => {
    expect(lastRunText(FACTS, TIME)).toBe("report has never run");
  });
});

describe("nextRunText", () => {
  const cases: readonly (readonly [Partial<JobBody>, readonly number[], string])[] = [
    [{}, [NOW + 5 * MINUTE], "in 5m, at 2026-03-08 12:05:00 UTC"],
    [{}, [NOW + 125 * MINUTE, NOW + 185 * MINUTE], "in 2h5m, at 2026-03-08 14:05:00 UTC, then 2026-03-08 15:05:00 UTC"],
    [{ scheduled: false }, [], "only when triggered: the job has no schedule"],
    [{ enabled: false }, [], "only when triggered: the job is disabled"],
    [{}, [], "only when triggered: the schedule has ended"],
    [{}, [NOW - 2 * MINUTE], "now: it has been due since 2026-03-08 11:58:00 UTC"],
    [
      { jitter_ms: 30 * MINUTE },
      [NOW - MINUTE, NOW + 59 * MINUTE],
      "in 4m14s, at 2026-03-08 12:04:14 UTC, by jitter; due at 2026-03-08 11:59:00 UTC, then 2026-03-08 12:59:00 UTC",
    ],
    [
      { schedule: ["@reboot"] },
      [],
      "at the next boot of the machine: it first starts at the boot after petit has read it",
    ],
    [
      { schedule: ["@reboot", "@hourly"] },
      [NOW + 5 * MINUTE],
      "in 5m, at 2026-03-08 12:05:00 UTC, and at the next boot of the machine",
    ],
    [{ schedule: ["@reboot"], enabled: false }, [], "only when triggered: the job is disabled"],
    [{ schedule: ["@reboot"], gone: true }, [], "never: no job file defines the job any more"],
  ];
  test.each(cases)("explains %j with %j", (fields, upcoming, text) => {
    expect(nextRunText({ ...FACTS, job: { ...JOB, ...fields }, upcoming }, TIME)).toBe(text);
  });
});

describe("explainOccurrence", () => {
  const cases: readonly (readonly [Partial<OccurrenceFacts>, string])[] = [
    [{ outcome: "fired", run_id: "a-run" }, "fired: run a-run"],
    [{ outcome: "fired" }, "fired; its run was deleted by retention"],
    [{ reason: "paused" }, "skipped: the scheduler or the job was paused"],
    [{ reason: "disabled" }, "skipped: the job was disabled"],
    [{ reason: "overlap" }, "skipped: an earlier run was still running (max_concurrency is 2)"],
    [{ reason: "queue_full" }, "skipped: too many runs of the job were already waiting"],
    [{ reason: "dependency" }, "skipped: a gate on another job was shut"],
    [{ outcome: "missed", reason: "down" }, "missed: petit was not running"],
    [{ outcome: "missed", reason: "late" }, "missed: petit was asleep or busy"],
    [{ outcome: "missed", reason: "superseded" }, "missed: petit was down or asleep, and catch-up ran a later"],
  ];
  test.each(cases)("explains %j", (fields, text) => {
    const facts = { job: { ...JOB, max_concurrency: 2 }, gates: [] };
    expect(explainOccurrence(occurrence(1, fields), facts)).toStartWith(text);
  });

  test("names the gates that were shut at that time", () => {
    const gates: readonly GateFacts[] = [
      { gate: GATE, runs: [upstream(1, 0, "completed"), upstream(30, 29, "failed")] },
      { gate: { ...GATE, job_id: "open" }, runs: [upstream(40, 39, "completed")] },
    ];
    const text = explainOccurrence(occurrence(5, { reason: "dependency" }), { job: JOB, gates });
    expect(text).toBe("skipped: a gate was shut: the last run of 'up' had failed");
  });
});

describe("historyTexts", () => {
  test("joins consecutive occurrences with the same outcome", () => {
    const occurrences = [
      occurrence(1, { reason: "paused" }),
      occurrence(2, { reason: "paused" }),
      occurrence(3, { reason: "paused" }),
      occurrence(4, { outcome: "fired", run_id: "second" }),
      occurrence(5, { outcome: "fired", run_id: "first" }),
      occurrence(6, { reason: "overlap" }),
    ];
    expect(historyTexts({ ...FACTS, occurrences }, TIME)).toEqual([
      "2026-03-08 11:57:00 UTC  and 2 more until 2026-03-08 11:59:00 UTC: skipped: the scheduler or the job was paused",
      "2026-03-08 11:55:00 UTC  and 1 more until 2026-03-08 11:56:00 UTC: fired: run second",
      "2026-03-08 11:54:00 UTC  skipped: an earlier run was still running, and on_overlap is skip",
    ]);
  });
});

describe("a gate of a job", () => {
  const within: GateFacts["gate"] = { ...GATE, condition: "within_window", window_ms: 10 * MINUTE };
  const complete: GateFacts["gate"] = { ...GATE, condition: "last_complete" };
  const cases: readonly (readonly [string, GateFacts["gate"], readonly RunFacts[], string | null])[] = [
    ["the other job never ran", GATE, [], "'up' had never run"],
    ["its run was running", GATE, [upstream(6, 4, "completed")], "the last run of 'up' was running"],
    ["it had failed", GATE, [upstream(9, 8, "failed")], "the last run of 'up' had failed"],
    ["it had completed", GATE, [upstream(9, 8, "completed")], null],
    ["it had failed, which last_complete accepts", complete, [upstream(9, 8, "failed")], null],
    ["it was cancelled", complete, [upstream(9, 8, "cancelled")], "the last run of 'up' had been cancelled"],
    ["it completed in the window", within, [upstream(9, 8, "completed")], null],
    [
      "it completed before the window",
      within,
      [upstream(30, 29, "completed")],
      "'up' had not completed in the last 10m",
    ],
  ];
  test.each(cases)("is reconstructed as it was five minutes ago: %s", (_, gate, runs, text) => {
    expect(whyShutAt({ gate, runs }, NOW - 5 * MINUTE)).toBe(text);
  });

  test("is not reconstructed if the known runs don't reach back", () => {
    const runs = Array.from({ length: 100 }, () => upstream(1, 0, "failed"));
    expect(whyShutAt({ gate: GATE, runs }, NOW - 5 * MINUTE)).toBeNull();
  });

  test("is shut if the other job no longer exists", () => {
    expect(whyShutNow({ gate: GATE, runs: null }, NOW)).toBe("job 'up' no longer exists");
  });
});

describe("blockerTexts", () => {
  const broken = (file: string): JobFacts["health"] => ({
    status: "degraded",
    reasons: [
      {
        code: "job_file_broken",
        message: `job file is broken: ${file}:3:1: tasks: is missing`,
        file,
        line: 3,
        column: 1,
        path: "tasks",
        problem: "is missing",
        problems: 1,
      },
    ],
  });
  const full: JobFacts["health"] = {
    status: "unavailable",
    reasons: [{ code: "disk_full", message: "disk is full" }],
  };
  const cases: readonly (readonly [string, Partial<JobFacts>, readonly string[]])[] = [
    ["nothing", {}, []],
    ["a pause", { state: "paused" }, ["the scheduler is paused: occurrences are skipped, but"]],
    [
      "a pause that has skipped occurrences",
      { state: "paused", occurrences: [occurrence(1, { reason: "paused" }), occurrence(2, { reason: "paused" })] },
      ["the scheduler is paused since 2026-03-08 11:58:00 UTC or earlier: "],
    ],
    [
      "who paused it",
      {
        state: "paused",
        pause: { at: Date.UTC(2026, 2, 8, 11), by: "ada" },
        occurrences: [occurrence(1, { reason: "paused" })],
      },
      ["the scheduler is paused since 2026-03-08 11:00:00 UTC (by ada): occurrences are skipped, but"],
    ],
    [
      "a pause of the job",
      { job: { ...JOB, paused: true, paused_at: Date.UTC(2026, 2, 8, 11), paused_by: "ada" } },
      [
        "the job is paused since 2026-03-08 11:00:00 UTC (by ada): occurrences are skipped, but manual triggers work; deliveries are kept, or skipped by 'on_pause: skip'",
      ],
    ],
    ["a stop", { state: "stopped" }, ["petit is starting or stopping"]],
    ["a full disk", { health: full }, ["petit can't store runs, so it starts none: disk is full"]],
    ["a disabled job", { job: { ...JOB, enabled: false } }, ["the job is disabled: its schedule is ignored"]],
    [
      "a broken file",
      { health: broken("deep/report.yaml") },
      ["petit uses the job's last valid version, because its job file is"],
    ],
    ["a folder that can't be read", { health: broken("deep") }, ["petit uses the job's last valid version"]],
    ["nothing if another file is broken", { health: broken("deep/other.yaml") }, []],
    ["a gate", { gates: [{ gate: GATE, runs: [] }] }, ["a gate is shut: 'up' has never run"]],
    [
      "max_concurrency",
      { job: { ...JOB, running: 2, max_concurrency: 2 } },
      ["max_concurrency is reached: 2 of 2 allowed runs of the job are running"],
    ],
    [
      "max_concurrency with waiting runs",
      { job: { ...JOB, running: 1, max_concurrency: 1 }, waiting: { count: 1, waitsFor: [null] } },
      ["max_concurrency is reached: 1 of 1 allowed runs of the job is running, and 1 run of the job waits"],
    ],
    [
      "a full queue",
      { queue: { name: "db", limit: 2, running: 2, pending: 1 } },
      ["queue 'db' has no free place: 2 of 2 are taken, and 1 run waits for one"],
    ],
    ["nothing of a queue with a free place", { queue: { name: "db", limit: 2, running: 1, pending: 0 } }, []],
    [
      "max_jobs",
      { waiting: { count: 3, waitsFor: [SLOT] } },
      ["all slots for runs (--max-jobs) are taken, and 3 runs of the job wait"],
    ],
  ];
  test.each(cases)("reports %s", (_, fields, texts) => {
    const blockers = blockerTexts({ ...FACTS, ...fields }, TIME);
    expect(blockers.length).toBe(texts.length);
    for (const [index, text] of texts.entries()) expect(blockers[index]).toStartWith(text);
  });
});

describe("relativeText", () => {
  test.each([
    [0, "now"],
    [-999, "now"],
    [1_000, "in 1s"],
    [-90_500, "1m30s ago"],
    [3_599_999, "in 59m59s"],
    [2 * 3_600_000 + 30_000, "in 2h"],
    [-26.5 * 3_600_000, "1d2h ago"],
  ])("formats %d ms as '%s'", (distance, text) => {
    expect(relativeText(distance)).toBe(text);
  });
});
