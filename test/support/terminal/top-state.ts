import type { TopJob, TopRun, TopRunDetail, TopSystem, TopTask } from "../../../src/cli/top/data/shapes.ts";
import { type InitialData, initialState } from "../../../src/cli/top/state/initial-state.ts";
import type { Effect, Message } from "../../../src/cli/top/state/message.ts";
import type { TopState } from "../../../src/cli/top/state/state.ts";
import { update } from "../../../src/cli/top/state/update.ts";
import { textOf } from "../../../src/cli/top/view/line.ts";
import { screenOf } from "../../../src/cli/top/view/screen.ts";

/** The time of the states: a Thursday, noon in UTC. */
export const NOW = Date.UTC(2026, 0, 15, 12);

export const topJob = (id: string, fields: Partial<TopJob> = {}): TopJob => ({
  id,
  name: id,
  description: null,
  enabled: true,
  tags: [],
  paused: false,
  paused_at: null,
  paused_by: null,
  gone: false,
  gone_at: null,
  scheduled: true,
  schedule: ["0 * * * *"],
  timezone: null,
  next_run_at: NOW + 60_000,
  next_start_at: NOW + 60_000,
  jitter_ms: 0,
  has_except: false,
  not_run_as_expected: null,
  formerly: [],
  last_run: null,
  running: 0,
  waiting: {},
  task_count: 1,
  recent_runs: [],
  success_rate: null,
  usual_duration_ms: null,
  has_params: false,
  needs_params: false,
  ...fields,
});

/** Returns the id of a run: a greater number is a newer run. */
export const runIdOf = (number: number): string => `019b76da-a800-7c3e-8f2b-${String(number).padStart(12, "0")}`;

export const topRun = (number: number, fields: Partial<TopRun> = {}): TopRun => ({
  id: runIdOf(number),
  job_id: "etl",
  delivery: null,
  status: "completed",
  reason: null,
  error: null,
  trigger: "schedule",
  scheduled_for: null,
  interval_start: null,
  backfill: null,
  params: {},
  retry_of: null,
  parent: null,
  outputs: {},
  triggered_by: null,
  late_at: null,
  waits_for: null,
  waiting_for: null,
  cancelled_by: null,
  commit: null,
  failure: null,
  created_at: NOW - 10_000,
  started_at: NOW - 10_000,
  ended_at: NOW - 9_000,
  duration_ms: 1_000,
  warnings: 0,
  ...fields,
});

export const runDetail = (run: TopRun): TopRunDetail => ({
  ...run,
  failure: run.failure ?? null,
  ending: null,
  can_cancel: run.ended_at === null,
  can_retry: run.ended_at !== null,
  retried_by: [],
  recovered_by: null,
  usage: null,
  links: {},
  version: { version: 1, digest: "0".repeat(64) },
});

export const topTask = (id: string, fields: Partial<TopTask> = {}): TopTask => ({
  task_id: id,
  run_id: runIdOf(1),
  name: id,
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
  started_at: NOW - 10_000,
  ended_at: NOW - 9_000,
  duration_ms: 1_000,
  exit_code: 0,
  outputs: {},
  retry_at: null,
  reused: false,
  child_run_id: null,
  waits_for: null,
  waiting_for: null,
  usage: null,
  limits_enforced: null,
  approval: null,
  allowed: false,
  items: null,
  failures: [],
  workers: [],
  attempt_list: [],
  ...fields,
});

const SYSTEM: TopSystem = {
  version: "0.1.0",
  runtime: { name: "bun", version: "1" },
  sqlite_version: "3",
  target: "linux-x64",
  hostname: "machine",
  pid: 1,
  started_at: NOW - 60_000,
  uptime_ms: 60_000,
  now: NOW,
  timezone: "UTC",
  database: { path: ":memory:", bytes: 1, schema: 1, free_bytes: null },
  artifacts: { path: null, bytes: 0, free_bytes: null },
  spool: { path: null, bytes: 0, free_bytes: null },
  jobs_dir: "/jobs",
  jobs: 0,
  runs: { running: 0, pending: 0 },
  waiting_notifications: 0,
  scheduler: { state: "running", is_running: true, is_paused: false, paused_at: null, paused_by: null },
  health: { status: "ok", reasons: [] },
  problems: [],
  needs_token: false,
  settings: [],
};

/** Returns the overview of 80×24 characters. */
export const topState = (data: Partial<InitialData> = {}): TopState =>
  initialState({
    system: SYSTEM,
    jobs: [],
    runs: [],
    attention: [],
    workers: { workers: [], count: 0, waiting: [], nats: null },
    at: NOW,
    zone: "UTC",
    base: "http://127.0.0.1:8565",
    columns: 80,
    rows: 24,
    ...data,
  });

/** Returns the state after messages. */
export const after = (state: TopState, ...messages: readonly Message[]): TopState =>
  messages.reduce((now, message) => update(now, message).state, state);

/** Returns the state after keys, such as `j`, `enter` or `escape`, and what the last key does besides. */
export const press = (
  state: TopState,
  ...keys: readonly string[]
): { readonly state: TopState; readonly effects: readonly Effect[] } =>
  keys.reduce<{ readonly state: TopState; readonly effects: readonly Effect[] }>(
    (step, key) => update(step.state, { kind: "key", key }),
    { state, effects: [] },
  );

/** Returns the screen as lines without trailing spaces. */
export const screenText = (state: TopState): readonly string[] => screenOf(state).map((line) => textOf(line).trimEnd());
