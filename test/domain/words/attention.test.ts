import { expect, test } from "bun:test";
import type { AttentionKind } from "../../../src/domain/attention.ts";
import { type AttentionWords, attentionMessage, attentionWords } from "../../../src/domain/words/attention.ts";

type Given = Parameters<typeof attentionWords>[0];

const RUN = { job_id: "etl", run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60" };
const FAILURE = {
  task_id: "load",
  reason: "exit_code",
  error: "exit code 3",
  cause: null,
  last_line: { text: "KeyError" },
} as const;
const PLACE = { code: "queue", queue: "db", limit: 1, running: 1, ahead: 0 } as const;

type Asking = Extract<Given, { readonly kind: "approval_needed" }>;

/** An item of each kind. */
const ITEMS: { readonly [Kind in AttentionKind]: Extract<Given, { readonly kind: Kind }> } = (() => {
  const item = { message: "", job_id: null, run_id: null };
  const results = { ...item, ...RUN, recent_runs: 10, recent_failures: 4, failure: FAILURE };
  return {
    job_failing: { kind: "job_failing", ...results, count: 3, flapping: false },
    job_flapping: { kind: "job_flapping", ...results },
    not_run_as_expected: {
      kind: "not_run_as_expected",
      ...item,
      ...RUN,
      jobs: 1,
      count: 4,
      reason: "dependency",
      reasons: [
        { reason: "dependency", count: 3 },
        { reason: "down", count: 1 },
      ],
      paused_by: null,
      gates: [{ job_id: "extract", condition: "last_success", window_ms: null, newest_status: "failed" }],
    },
    job_stale: {
      kind: "job_stale",
      ...item,
      job_id: "etl",
      success_within_ms: 93_600_000,
      last_success_at: 5,
      waited_ms: 108_000_000,
    },
    run_stuck: { kind: "run_stuck", ...item, ...RUN, elapsed_ms: 720_000, usual_ms: 20_000, task_id: "load" },
    memory_near_limit: {
      kind: "memory_near_limit",
      ...item,
      ...RUN,
      task_id: "load",
      count: 3,
      memory_peak_bytes: 480 * 2 ** 20,
      memory_limit_bytes: 512 * 2 ** 20,
    },
    run_late: { kind: "run_late", ...item, ...RUN, cause: "slot", count: 2, waited_ms: 720_000, waits_for: PLACE },
    approval_needed: {
      kind: "approval_needed",
      ...item,
      ...RUN,
      task_id: "ok",
      task_name: "Go live",
      prompt: "Now?",
      params: { region: "eu", version: "7" },
      differing_params: ["region"],
    },
    worker_unreachable: {
      kind: "worker_unreachable",
      ...item,
      worker: "box7",
      lost: false,
      running: [{ ...RUN, task_id: "load" }],
    },
    worker_refused: { kind: "worker_refused", ...item, worker: "box7", reason: "storage", detail: "the disk is full" },
    no_worker: { kind: "no_worker", ...item, ...RUN, task_id: "load", labels: ["gpu"], type: null, count: 2 },
    nats_unreachable: { kind: "nats_unreachable", ...item, url: "nats://nats:4222", error: "refused" },
    transfer_blocked: {
      kind: "transfer_blocked",
      ...item,
      ...RUN,
      by: "nats",
      error: "no space",
      count: 1,
      task_id: "load",
    },
    notifications_undelivered: {
      kind: "notifications_undelivered",
      ...item,
      job_id: "etl",
      type: "webhook",
      target: "https://h/***",
      count: 2,
      error: "503",
    },
    heartbeat_failing: {
      kind: "heartbeat_failing",
      ...item,
      job_id: null,
      run_id: null,
      url: "https://hc-ping.com/…",
      error: "answered 503",
    },
    traces_failing: {
      kind: "traces_failing",
      ...item,
      job_id: null,
      run_id: null,
      url: "http://127.0.0.1:4318/…",
      error: "can't be reached (ECONNREFUSED)",
      dropped: 0,
    },
    backup_failed: {
      kind: "backup_failed",
      ...item,
      job_id: null,
      run_id: null,
      folder: "/backups",
      fault: "disk_full",
      error: "database or disk is full",
      last_at: null,
    },
    search_index_failing: {
      kind: "search_index_failing",
      ...item,
      job_id: null,
      run_id: null,
      fault: "disk_full",
      error: "only 3 MiB of the disk are free",
    },
    trigger_failing: {
      kind: "trigger_failing",
      ...item,
      job_id: "etl",
      trigger: "push",
      fault: "secret_unreadable",
      count: 3,
      problem: "no file",
    },
    internal_error: { kind: "internal_error", ...item, ...RUN, error: "constraint failed" },
    retention_undecided: { kind: "retention_undecided", ...item, runs: 12 },
    open_to_users: { kind: "open_to_users", ...item, accounts: 2 },
    lost_processes: { kind: "lost_processes", ...item, count: 2, processes: [{ pid: 47, job_id: "etl" }] },
    limits_not_enforced: {
      kind: "limits_not_enforced",
      ...item,
      count: 5,
      job_ids: ["etl", "import", "report", "sync"],
      limits: ["memory", "pids"],
      reason: "this machine has cgroup v1",
      advice: "start it with cgroup v2",
    },
    jobs_commit_refused: {
      kind: "jobs_commit_refused",
      ...item,
      commit: "3f9a1c2044556677889900aabbccddeeff001122",
      author: "Grace",
      in_use: "e21a0c9944556677889900aabbccddeeff001122",
      problem: "a.yaml:2:1: taks: unknown field",
      problems: 3,
    },
    jobs_repository_failed: { kind: "jobs_repository_failed", ...item, in_use: null, error: "no network" },
    commit_files_changed: {
      kind: "commit_files_changed",
      ...item,
      commit: "3f9a1c2044556677889900aabbccddeeff001122",
      count: 2,
    },
    token_expiring: {
      kind: "token_expiring",
      ...item,
      token: "ci",
      expires_in_ms: 3 * 86_400_000,
      last_used_from: "10.0.0.5",
    },
    token_expired: { kind: "token_expired", ...item, token: "ci", count: 12, last_refused_from: null },
    secret_unreadable: {
      kind: "secret_unreadable",
      ...item,
      key: "auth.proxy.secret",
      problem: "file /etc/petit/proxy.secret is empty",
    },
    job_file_broken: {
      kind: "job_file_broken",
      ...item,
      file: "a.yaml",
      line: 2,
      column: 1,
      path: "taks",
      problem: "unknown field",
      problems: 3,
    },
  };
})();

const twice = (text: string): readonly string[] => [text, text];

/** What a terminal shows: the state, and the line that explains it. */
const inTerminal = ({ state, why, line = why }: AttentionWords): readonly string[] => [state, why, line];

test.each<[AttentionKind, readonly string[]]>([
  ["job_failing", ["3 in a row", "load: exit code 3 │ KeyError", "load: exit code 3 │ KeyError"]],
  [
    "heartbeat_failing",
    [
      "heartbeat fails",
      "https://hc-ping.com/…: answered 503",
      "the heartbeat to https://hc-ping.com/… fails: answered 503",
    ],
  ],
  ["traces_failing", ["traces not sent", ...twice("http://127.0.0.1:4318/…: can't be reached (ECONNREFUSED)")]],
  [
    "search_index_failing",
    ["index not written", ...twice("only 3 MiB of the disk are free; free space, or set a lower search_limit")],
  ],
  ["backup_failed", ["no backup", ...twice("database or disk is full; free space on its disk, or keep fewer backups")]],
  [
    "jobs_commit_refused",
    [
      "commit refused",
      ...twice(
        "3f9a1c20 by Grace is refused: a.yaml:2:1: taks: unknown field (and 2 more); 'petit jobs source' lists all",
      ),
    ],
  ],
  [
    "jobs_repository_failed",
    [
      "repository fails",
      ...twice(
        "the repository of the job files can't be read: no network; there are no jobs until it can; petit tries again",
      ),
    ],
  ],
  [
    "commit_files_changed",
    [
      "files changed",
      ...twice(
        "files of commit 3f9a1c20 were changed 2 times, perhaps by a task; petit wrote them again before they were used",
      ),
    ],
  ],
  [
    "token_expiring",
    ["expires", ...twice("expires in 3d; it is in use, last from 10.0.0.5; 'petit tokens rotate ci' replaces it")],
  ],
  [
    "token_expired",
    ["expired", ...twice("has expired, and was sent 12 times since; create another one, or 'petit tokens revoke ci'")],
  ],
  [
    "secret_unreadable",
    [
      "secret unreadable",
      ...twice(
        "can't be read again; the last one stays in use, but petit can't start without it: file /etc/petit/proxy.secret is empty",
      ),
    ],
  ],
  ["job_stale", ["stale", ...twice("no run has completed for 1d6h, although one is expected within 1d2h")]],
  [
    "run_stuck",
    [
      "stuck",
      "runs for 12m, usually 20s; now in task load",
      "run 9a7e4f60 runs for 12m, usually 20s; now in task load",
    ],
  ],
  ["run_late", ["late", ...twice("has waited 12m for a place in queue 'db' (1 of 1 is taken), and 1 more run")]],
  ["approval_needed", ["approval", ...twice("Go live (ok) waits for approval in run 9a7e4f60 (region=eu): Now?")]],
  ["worker_unreachable", ["unreachable", "load of etl runs there", "unreachable; load of etl runs there"]],
  [
    "worker_refused",
    [
      "gets no work",
      "it can't store anything: the disk is full",
      "gets no work: it can't store anything: the disk is full",
    ],
  ],
  ["no_worker", ["no worker", ...twice("load waits for a worker with gpu: none is connected, and 1 more task")]],
  [
    "nats_unreachable",
    [
      "NATS unreachable",
      "nothing new starts on workers; nats://nats:4222: refused",
      "does not reach NATS at nats://nats:4222: refused",
    ],
  ],
  ["notifications_undelivered", ["2 undelivered", "https://h/***: 503", "not delivered to https://h/***: 503"]],
  ["job_file_broken", ["broken file", "taks: unknown field (and 2 more)", "2:1: taks: unknown field (and 2 more)"]],
])("%s is explained in a line, with or without its state", (kind, expected) => {
  expect(inTerminal(attentionWords(ITEMS[kind]))).toEqual([...expected]);
});

test.each(Object.values(ITEMS).map((item) => [item.kind, item] as const))("%s has all of its words", (_kind, item) => {
  const { message, subject, state, why, line = why, what, details } = attentionWords(item);
  const texts = [
    message,
    ...Object.values(subject).map(String),
    state,
    why,
    line,
    what,
    ...details.map(({ text }) => text),
  ];
  expect(texts.filter((text) => text === "" || /undefined|null|\[object/.test(text))).toEqual([]);
});

test.each<[string, Pick<Asking, "params" | "differing_params">, string]>([
  ["all params if no other run differs", { params: { region: "eu", version: "7" } }, " (region=eu version=7)"],
  [
    "those params that differ",
    { params: { region: "eu", version: "7" }, differing_params: ["version"] },
    " (version=7)",
  ],
  ["a long param shortened", { params: { text: "x".repeat(200) } }, ` (text=${"x".repeat(94)}…)`],
  ["none without params", { params: {}, differing_params: [] }, ""],
  ["none of an older petit", {}, ""],
])("an approval names %s", (_name, which, shown) => {
  const { params: _, differing_params: __, ...asking } = ITEMS.approval_needed;
  expect(attentionMessage({ ...asking, ...which })).toBe(
    `task 'ok' of job 'etl' waits for approval in run 9a7e4f60${shown}: Now?`,
  );
  expect(attentionWords({ ...asking, ...which }).details.map(({ text }) => text)).toEqual([
    "Go live (ok)",
    `in run 9a7e4f60${shown}:`,
    "Now?",
  ]);
});

test("a failure of several tasks says how many more failed, as the error of the run does", () => {
  const failing = { ...ITEMS.job_failing, failure: { ...FAILURE, more_tasks: 2 } };
  expect(attentionMessage(failing)).toBe(
    "job 'etl' failed 3 times in a row: task 'load' failed: exit code 3 (and 2 more)",
  );
  const words = attentionWords(failing);
  expect(inTerminal(words)).toEqual([
    "3 in a row",
    "load: exit code 3 (and 2 more) │ KeyError",
    "load (and 2 more): exit code 3 │ KeyError",
  ]);
  expect(words.details.map(({ text }) => text)).toEqual(["load", "exit code 3 (and 2 more)", "KeyError"]);
});

test("a failure that a child run explains names its job instead of the error of the run", () => {
  const cause = { seq: 7, text: "no such table", child: { job_id: "inner" } };
  const failure = { ...FAILURE, task_id: "call", error: "run 019b of job 'inner' failed", cause } as const;
  expect(inTerminal(attentionWords({ ...ITEMS.job_failing, failure }))).toEqual([
    "3 in a row",
    "call: failed in inner │ no such table",
    "call: no such table",
  ]);
});

test("a failure of petit itself is not explained by the last line of the task", () => {
  const failure = { ...FAILURE, reason: "internal_error", error: "petit failed at it" } as const;
  expect(inTerminal(attentionWords({ ...ITEMS.job_failing, failure }))).toEqual([
    "3 in a row",
    ...twice("load: petit failed at it"),
  ]);
});

test.each(["folder_missing", "folder_unreadable"] as const)(
  "a trigger with %s in one of its folders is not said to find nothing",
  (fault) => {
    const problem = "/in/sub can't be read";
    expect(attentionMessage({ ...ITEMS.trigger_failing, fault, count: 1, problem })).toBe(
      `the trigger 'push' of job 'etl' may miss files: ${problem}`,
    );
    expect(attentionWords({ ...ITEMS.trigger_failing, fault, count: 1, problem }).what).toStartWith("may miss files,");
  },
);
