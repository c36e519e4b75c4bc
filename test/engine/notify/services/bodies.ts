import type { NotificationBody } from "../../../../src/engine/notify/notification-body.ts";

const AT = Date.UTC(2026, 0, 2, 3, 4, 5);

const RUN = {
  id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
  status: "failed",
  reason: "exit_code",
  error: "task 'load' failed: exit code 3",
  trigger: "schedule",
  scheduled_for: AT - 60_000,
  started_at: AT - 60_000,
  ended_at: AT,
  duration_ms: 60_000,
} as const;

/** Returns the body of a failure, changed by `given`. */
export const bodyOf = (given: Partial<NotificationBody> = {}): NotificationBody => ({
  event: "failure",
  at: AT,
  job: { id: "nightly_load", name: "Nightly load" },
  url: `https://petit.example.com/runs/${RUN.id}`,
  links: { runbook: "https://wiki.example.com/load?x=1&y=(2)" },
  run: RUN,
  failed_tasks: [{ task_id: "load", reason: "exit_code", error: "exit code 3", exit_code: 3, attempts: 2 }],
  error_lines: ["Traceback (most recent call last):", "KeyError: 'id'"],
  log_tail: "…",
  missed: null,
  late: null,
  stale: null,
  approval: null,
  ...given,
});

/** A text that tries to mention people, to add markup and to leave its place, in the language of every service. */
export const HOSTILE = [
  "@everyone @here <!channel> <@U123> <!subteam^S1|x> <@&987> @ada",
  "[click](https://evil.example) <https://evil.example|click> <a href='https://evil.example'>x</a>",
  "``` *bold* _it_ ~no~ `code` </pre></code> <b> &amp; &lt; {{DATE(2026)}} <at>Ada</at> \u001b[31mred\u001b[0m\u0007\u202e",
  "Priority: urgent\r\nX-Header: 1\r\n",
].join("\n");

export const hostileBody = (): NotificationBody =>
  bodyOf({
    job: { id: "nightly_load", name: HOSTILE },
    failed_tasks: [{ task_id: "load", reason: "exit_code", error: HOSTILE, exit_code: 3, attempts: 1 }],
    error_lines: HOSTILE.split("\n"),
  });

/** The review of a week with hostile names in each line. */
const DIGEST = {
  from: AT - 7 * 86_400_000,
  to: AT,
  tag: "etl",
  title: `Review: 2 still broken, 1 recovered, 0 slower ${HOSTILE}`,
  is_broken: true,
  lines: [
    "12 runs completed, 3 failed.",
    `Failed, and still broken: ${HOSTILE} (failed 3 times).`,
    `Recovered: [a](https://evil.example), *b*, <b>c</b>, @everyone.`,
    `People: ${HOSTILE}.`,
  ],
} as const;

const digestBody = (event: "digest" | "test"): NotificationBody =>
  bodyOf({
    event,
    job: { id: ".digest", name: "petit" },
    url: "https://petit.example.com/review?since=2025-12-26T03%3A04%3A05.000Z&until=2026-01-02T03%3A04%3A05.000Z&tag=etl",
    links: {},
    run: null,
    failed_tasks: [],
    error_lines: [],
    log_tail: null,
    digest: DIGEST,
  });

/** A digest and a test of it, with hostile names. */
export const DIGESTS = { digest: digestBody("digest"), digest_test: digestBody("test") } as const;

/** Bodies of the other events. */
export const OTHERS = {
  recovery: bodyOf({
    event: "recovery",
    failed_tasks: [],
    run: { ...RUN, status: "completed", reason: null, error: null },
  }),
  missed: bodyOf({
    event: "missed",
    url: "https://petit.example.com/jobs/nightly_load",
    run: null,
    failed_tasks: [],
    missed: {
      count: 3,
      occurrences: [
        { scheduled_for: AT - 86_400_000, reason: "down" },
        { scheduled_for: AT, reason: "late" },
      ],
    },
  }),
  late: bodyOf({
    event: "late",
    failed_tasks: [],
    run: { ...RUN, status: "running", reason: null, error: null, ended_at: null, duration_ms: null },
    late: { due_at: AT - 60_000, warn_after_ms: 1_800_000 },
  }),
  stale: bodyOf({
    event: "stale",
    url: "https://petit.example.com/jobs/nightly_load",
    run: null,
    failed_tasks: [],
    stale: { since: AT, success_within_ms: 93_600_000, last_success_at: AT - 93_600_000 },
  }),
  approval: bodyOf({
    event: "approval",
    failed_tasks: [],
    run: {
      ...RUN,
      status: "running",
      reason: null,
      error: null,
      trigger: "manual",
      scheduled_for: null,
      ended_at: null,
      duration_ms: null,
    },
    approval: {
      task_id: "ask",
      prompt: "Publish 12 pages?",
      params: { pages: "12" },
      expires_at: AT + 3_600_000,
      on_timeout: "reject",
      commands: { approve: `petit approve ${RUN.id} ask`, reject: `petit reject ${RUN.id} ask` },
    },
  }),
} as const satisfies Partial<Record<NotificationBody["event"], NotificationBody>>;
