import { describe, expect, test } from "bun:test";
import { relativeText } from "../../../src/cli/terminal/relative-time.ts";
import { shutNow, shutThen } from "../../../src/cli/why/gate.ts";
import type { Gate, JobBody, Material, Occurrence, Run } from "../../../src/cli/why/material.ts";
import { obstacles } from "../../../src/cli/why/obstacle.ts";
import { explain } from "../../../src/cli/why/occurrence.ts";
import { lastText, nextText, pastTexts } from "../../../src/cli/why/words.ts";

const NOW = Date.UTC(2026, 2, 8, 12, 0, 0);
const MINUTE = 60_000;
const WHEN = { now: NOW, zone: "UTC" };

const JOB: JobBody = {
  id: "report",
  name: "report",
  description: null,
  enabled: true,
  scheduled: true,
  schedule: ["@hourly"],
  timezone: null,
  next_run_at: NOW + 5 * MINUTE,
  last_run: null,
  running: 0,
  task_count: 1,
  tasks: [],
  params: {},
  depends_on: [],
  dependents: [],
  notify: [],
  max_concurrency: null,
  on_overlap: "skip",
  on_interrupt: null,
  timeout_ms: null,
  kill_grace_ms: null,
  catchup: "latest",
  catchup_window_ms: 60 * MINUTE,
  jitter_ms: 0,
  retention: { runs: null, days: null },
  source: { file: "deep/report.yaml", line: 1 },
};

const RUN: Run = {
  id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
  job_id: "report",
  status: "completed",
  reason: null,
  error: null,
  trigger: "schedule",
  scheduled_for: NOW - 10 * MINUTE,
  params: {},
  retry_of: null,
  created_at: NOW - 10 * MINUTE,
  started_at: NOW - 10 * MINUTE,
  ended_at: NOW - 9 * MINUTE,
  duration_ms: MINUTE,
};

const GATE: Gate["gate"] = { job_id: "up", condition: "last_success", window_ms: null };

const MATERIAL: Material = {
  job: JOB,
  lastRun: null,
  pending: 0,
  occurrences: [],
  coming: [NOW + 5 * MINUTE],
  gates: [],
  state: "running",
  health: { kind: "petit", status: "ok", version: "1.0.0", reasons: [] },
};

const occurrence = (minutesAgo: number, fields: Partial<Occurrence>): Occurrence => ({
  scheduled_for: NOW - minutesAgo * MINUTE,
  outcome: "skipped",
  reason: null,
  run_id: null,
  ...fields,
});

/** The run of another job: how many minutes ago it was made, and ended. */
const upstream = (made: number, ended: number | null, status: Run["status"]): Run => ({
  ...RUN,
  job_id: "up",
  status,
  created_at: NOW - made * MINUTE,
  started_at: NOW - made * MINUTE,
  ended_at: ended === null ? null : NOW - ended * MINUTE,
});

describe("why a job ran last", () => {
  const cases: readonly (readonly [Partial<Run>, string])[] = [
    [{}, "10m ago, at 2026-03-08 11:50:00 UTC: it was due at 2026-03-08 11:50:00 UTC; it completed after 1m (run "],
    [{ trigger: "catchup" }, "when petit was away or asleep, and was caught up on; it completed"],
    [{ trigger: "manual", scheduled_for: null }, ": somebody triggered it; it completed"],
    [{ trigger: "retry", retry_of: "an-earlier-one" }, ": somebody retried run an-earlier-one; "],
    [{ status: "failed", reason: "exit_code", error: "exit code 3" }, "it failed after 1m, exit code 3 (run "],
    [{ status: "interrupted", reason: "interrupted" }, "it was interrupted after 1m, interrupted (run "],
    [{ status: "cancelled", reason: "cancelled" }, "it was cancelled after 1m"],
    [{ status: "running", ended_at: null, duration_ms: null }, "it has been running for 10m (run "],
    [{ status: "pending", started_at: null, ended_at: null, duration_ms: null }, "it waits for a place (run "],
  ];
  test.each(cases)("is told of %j", (fields, text) => {
    expect(lastText({ ...MATERIAL, lastRun: { ...RUN, ...fields } }, WHEN)).toContain(text);
  });

  test("is told of one that never ran", () => {
    expect(lastText(MATERIAL, WHEN)).toBe("report has never run");
  });
});

describe("when a job runs next", () => {
  const cases: readonly (readonly [Partial<JobBody>, readonly number[], string])[] = [
    [{}, [NOW + 5 * MINUTE], "in 5m, at 2026-03-08 12:05:00 UTC"],
    [{}, [NOW + 125 * MINUTE, NOW + 185 * MINUTE], "in 2h5m, at 2026-03-08 14:05:00 UTC, then 2026-03-08 15:05:00 UTC"],
    [{ scheduled: false }, [], "when somebody triggers it: it has no schedule"],
    [{ enabled: false }, [], "when somebody triggers it: it is disabled"],
    [{}, [], "when somebody triggers it: its schedule has no occurrence left"],
  ];
  test.each(cases)("is told of %j with %j", (fields, coming, text) => {
    expect(nextText({ ...MATERIAL, job: { ...JOB, ...fields }, coming }, WHEN)).toBe(text);
  });
});

describe("what became of an occurrence", () => {
  const cases: readonly (readonly [Partial<Occurrence>, string])[] = [
    [{ outcome: "fired", run_id: "a-run" }, "fired: run a-run"],
    [{ outcome: "fired" }, "fired; its run is not kept any more"],
    [{ reason: "paused" }, "skipped: the scheduler was paused"],
    [{ reason: "disabled" }, "skipped: the job was disabled"],
    [{ reason: "overlap" }, "skipped: an earlier run was still running (max_concurrency is 2)"],
    [{ reason: "queue_full" }, "skipped: too many runs of the job were already waiting"],
    [{ reason: "dependency" }, "skipped: a gate on another job was shut"],
    [{ outcome: "missed", reason: "down" }, "missed: petit was not running"],
    [{ outcome: "missed", reason: "late" }, "missed: petit was asleep or busy"],
    [{ outcome: "missed", reason: "superseded" }, "missed: petit was down or asleep, and catch-up ran a later"],
  ];
  test.each(cases)("is told of %j", (fields, text) => {
    const known = { job: { ...JOB, max_concurrency: 2 }, gates: [] };
    expect(explain(occurrence(1, fields), known)).toStartWith(text);
  });

  test("names the gates that were shut then, as they were then", () => {
    const gates: readonly Gate[] = [
      { gate: GATE, runs: [upstream(1, 0, "completed"), upstream(30, 29, "failed")] },
      { gate: { ...GATE, job_id: "open" }, runs: [upstream(40, 39, "completed")] },
    ];
    const text = explain(occurrence(5, { reason: "dependency" }), { job: JOB, gates });
    expect(text).toBe("skipped: a gate was shut: the last run of 'up' had failed");
  });

  test("is told in one line for those that went the same way in a row", () => {
    const occurrences = [
      occurrence(1, { reason: "paused" }),
      occurrence(2, { reason: "paused" }),
      occurrence(3, { reason: "paused" }),
      occurrence(4, { outcome: "fired", run_id: "second" }),
      occurrence(5, { outcome: "fired", run_id: "first" }),
      occurrence(6, { reason: "overlap" }),
    ];
    expect(pastTexts({ ...MATERIAL, occurrences }, WHEN)).toEqual([
      "2026-03-08 11:57:00 UTC  and 2 more, until 2026-03-08 11:59:00 UTC: skipped: the scheduler was paused",
      "2026-03-08 11:55:00 UTC  and 1 more, until 2026-03-08 11:56:00 UTC: fired: run second",
      "2026-03-08 11:54:00 UTC  skipped: an earlier run was still running, and its on_overlap was skip",
    ]);
  });
});

describe("a gate", () => {
  const within: Gate["gate"] = { ...GATE, condition: "within_window", window_ms: 10 * MINUTE };
  const complete: Gate["gate"] = { ...GATE, condition: "last_complete" };
  const cases: readonly (readonly [string, Gate["gate"], readonly Run[], string | null])[] = [
    ["nothing ran", GATE, [], "'up' had never run"],
    ["it was going on", GATE, [upstream(6, 4, "completed")], "the last run of 'up' was going on"],
    ["it had failed", GATE, [upstream(9, 8, "failed")], "the last run of 'up' had failed"],
    ["it had completed", GATE, [upstream(9, 8, "completed")], null],
    ["it had failed, which is enough", complete, [upstream(9, 8, "failed")], null],
    ["it was cancelled", complete, [upstream(9, 8, "cancelled")], "the last run of 'up' had been cancelled"],
    ["it completed in the window", within, [upstream(9, 8, "completed")], null],
    ["it completed before", within, [upstream(30, 29, "completed")], "'up' had not completed in the last 10m"],
  ];
  test.each(cases)("is told as it was five minutes ago: %s", (_, gate, runs, text) => {
    expect(shutThen({ gate, runs }, NOW - 5 * MINUTE)).toBe(text);
  });

  test("isn't told where the runs that are known don't reach back", () => {
    const runs = Array.from({ length: 100 }, () => upstream(1, 0, "failed"));
    expect(shutThen({ gate: GATE, runs }, NOW - 5 * MINUTE)).toBeNull();
  });

  test("on a job that is gone is shut", () => {
    expect(shutNow({ gate: GATE, runs: null }, NOW)).toBe("there is no job 'up' any more");
  });
});

describe("what stands in the way of a job", () => {
  const broken = (file: string): Material["health"] => ({
    kind: "petit",
    status: "degraded",
    version: "1.0.0",
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
  const full: Material["health"] = {
    kind: "petit",
    status: "unavailable",
    version: "1.0.0",
    reasons: [{ code: "disk_full", message: "disk is full" }],
  };
  const cases: readonly (readonly [string, Partial<Material>, readonly string[]])[] = [
    ["nothing", {}, []],
    ["a pause", { state: "paused" }, ["the scheduler is paused: occurrences are skipped"]],
    [
      "a pause that has lasted",
      { state: "paused", occurrences: [occurrence(1, { reason: "paused" }), occurrence(2, { reason: "paused" })] },
      ["the scheduler is paused, at least since 2026-03-08 11:58:00 UTC: "],
    ],
    ["a stop", { state: "stopped" }, ["petit is starting or stopping"]],
    ["a full disk", { health: full }, ["nothing can be stored, so nothing starts: disk is full"]],
    ["that it is disabled", { job: { ...JOB, enabled: false } }, ["it is disabled: its schedule doesn't count"]],
    ["a broken file", { health: broken("deep/report.yaml") }, ["its last good version counts, since its job file is"]],
    ["a folder that can't be read", { health: broken("deep") }, ["its last good version counts"]],
    ["nothing, where another file is broken", { health: broken("deep/other.yaml") }, []],
    ["a gate", { gates: [{ gate: GATE, runs: [] }] }, ["a gate is shut: 'up' has never run"]],
    ["its limit", { job: { ...JOB, running: 2, max_concurrency: 2 } }, ["2 runs of 2 at once (max_concurrency) go on"]],
    [
      "its limit, and those that wait",
      { job: { ...JOB, running: 1, max_concurrency: 1 }, pending: 1 },
      ["1 run of 1 at once (max_concurrency) goes on, and 1 run of it waits"],
    ],
    ["the limit of all", { pending: 3 }, ["all places for runs (--max-jobs) are taken, and 3 runs of it wait"]],
  ];
  test.each(cases)("is %s", (_, fields, texts) => {
    const found = obstacles({ ...MATERIAL, ...fields }, WHEN);
    expect(found.length).toBe(texts.length);
    for (const [index, text] of texts.entries()) expect(found[index]).toStartWith(text);
  });
});

describe("a relative time", () => {
  test.each([
    [0, "now"],
    [-999, "now"],
    [1_000, "in 1s"],
    [-90_500, "1m30s ago"],
    [3_599_999, "in 59m59s"],
    [2 * 3_600_000 + 30_000, "in 2h"],
    [-26.5 * 3_600_000, "1d2h ago"],
  ])("of %d ms is '%s'", (distance, text) => {
    expect(relativeText(distance)).toBe(text);
  });
});
