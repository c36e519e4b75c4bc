import { expect, test } from "bun:test";
import { jobDetail } from "../../../src/api/shapes/job.ts";
import type { WebhookTarget } from "../../../src/domain/notification.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { job } from "../../support/engine/factories.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";

const target: WebhookTarget = {
  type: "webhook",
  url: "https://hooks.example/services/s3cret?key=s3cret",
  on: ["failure"],
  headers: { "X-Key": "s3cret", "X-Other": { env: "OTHER" } },
  secret: { env: "PETIT_HOOK_SECRET" },
  timeoutMs: 10_000,
};

/** Entries of a job file, and what the API shows beside the fields that all have. */
const OWN_FIELDS: readonly (readonly [entry: string, shown: Readonly<Record<string, unknown>>])[] = [
  [
    "{type: email, host: smtp.example.com, from: a@example.com, to: b@example.com, user: {env: U}, password: {file: /run/pw}}",
    {
      host: "smtp.example.com",
      port: 587,
      tls: "starttls",
      ca_file: null,
      user: { env: "U" },
      password: { file: "/run/pw" },
      from: "a@example.com",
      to: ["b@example.com"],
    },
  ],
  ["{type: slack, url: {env: S}}", { url: "(variable S)" }],
  ["{type: ntfy, url: 'https://ntfy.sh/topic', token: {credential: c}}", { token: { credential: "c" } }],
  ["{type: telegram, token: {env: T}, chat: -100}", { token: { env: "T" }, chat: "-100" }],
  [
    "{type: matrix, url: 'https://m.example.com', token: {env: T}, room: '!a:b'}",
    { token: { env: "T" }, room: "!a:b" },
  ],
];

test.each(OWN_FIELDS)("the API shows the fields of %s", async (entry, shown) => {
  const text = `id: j\nnotify: [${entry}]\ntasks: [{id: t, type: command, command: "true"}]\n`;
  const { jobs } = readJobFile({ file: "f.yaml", folder: "/jobs", text });
  const { notify } = (await (await fakeApi({ jobs }).ask("/api/jobs/j")).json()) as { readonly notify: unknown };
  expect(notify).toEqual([expect.objectContaining(shown)]);
});

test("a job shows the receivers of its notifications without secrets", () => {
  const notify = [target, { ...target, url: { env: "HOOK" }, headers: {}, secret: null }];
  const body = jobDetail(
    {
      job: job("j", { notify }),
      nextRunAt: null,
      nextStartAt: null,
      lastRun: null,
      running: 0,
      pending: 0,
      executing: 0,
      waiting: {},
      pause: null,
      unfired: null,
      formerIds: [],
      gone: null,
    },
    [],
  );
  const common = { type: "webhook" as const, on: ["failure" as const], timeout_ms: 10_000 };
  expect(body.notify).toEqual([
    {
      ...common,
      target: "https://hooks.example/…",
      url: "https://hooks.example/…",
      headers: ["X-Key", "X-Other"],
      header_values: { "X-Key": "…", "X-Other": { env: "OTHER" } },
      signed: true,
      secret: { env: "PETIT_HOOK_SECRET" },
    },
    {
      ...common,
      target: "(variable HOOK)",
      url: "(variable HOOK)",
      headers: [],
      header_values: {},
      signed: false,
      secret: null,
    },
  ]);
  expect(JSON.stringify(body)).not.toContain("s3cret");
});
