import { expect, test } from "bun:test";
import { jobDetail } from "../../../src/api/shapes/job.ts";
import type { WebhookTarget } from "../../../src/domain/notification.ts";
import { job } from "../../support/engine/factories.ts";

const target: WebhookTarget = {
  type: "webhook",
  url: "https://hooks.example/services/s3cret?key=s3cret",
  on: ["failure"],
  headers: { "X-Key": "s3cret", "X-Other": { env: "OTHER" } },
  secret: { env: "PETIT_HOOK_SECRET" },
  timeoutMs: 10_000,
};

test("a job shows the receivers of its notifications without secrets", () => {
  const notify = [target, { ...target, url: { env: "HOOK" }, headers: {}, secret: null }];
  const body = jobDetail(
    {
      job: job("j", { notify }),
      nextRunAt: null,
      nextStartAt: null,
      lastRun: null,
      running: 0,
      pause: null,
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
      signed: true,
    },
    { ...common, target: "(variable HOOK)", url: "(variable HOOK)", headers: [], signed: false },
  ]);
  expect(JSON.stringify(body)).not.toContain("s3cret");
});
