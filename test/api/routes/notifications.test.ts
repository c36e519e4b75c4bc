import { describe, expect, test } from "bun:test";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { parseMetrics } from "../../support/petit/metrics.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { receiver } from "../../support/receiver.ts";

const jobs = (url: string) => ({
  "jobs.yaml": `
id: nightly
notify:
  - {type: webhook, url: "${url}/good/s3cret"}
  - {type: webhook, url: "${url}/refused/s3cret"}
  - {type: healthchecks, url: "${url}/busy/s3cret", on: [failure]}
tasks: [{id: work, type: shell, script: "exit 3"}]
`,
});

const STATUS: Readonly<Record<string, number>> = { good: 200, refused: 404, busy: 503 };

/** Resolves when each of the three was tried and the result is stored. */
const tried = async (petit: Petit) => {
  for (;;) {
    const { body } = await ask(petit, "/api/notifications");
    const attempts = body.notifications.map((each: { attempts: number }) => each.attempts);
    if (attempts.length === 3 && Math.min(...attempts) > 0) return body;
  }
};

describe("GET /api/notifications", () => {
  test("lists delivered, refused and retried notifications, without secrets", async () => {
    await using hook = receiver(({ path }) => new Response("", { status: STATUS[path.split("/")[1] ?? ""] ?? 500 }));
    await using petit = await startPetit({ jobs: jobs(hook.url), args: ["--no-watch"] });
    expect((await ask(petit, "/api/notifications")).body).toEqual({ notifications: [], count: 0 });
    const run = await runToEnd(petit, "nightly");
    const body = await tried(petit);
    const common = {
      id: expect.any(String),
      job_id: "nightly",
      run_id: run.id,
      event: "failure",
      target: `${hook.url}/…`,
      attempts: expect.any(Number),
      created_at: expect.any(Number),
    };
    const ended = { next_try_at: null, ended_at: expect.any(Number) };
    expect(body.notifications).toEqual([
      {
        ...common,
        place: 2,
        type: "healthchecks",
        status: "waiting",
        error: "answered 503",
        next_try_at: expect.any(Number),
        ended_at: null,
      },
      { ...common, place: 1, type: "webhook", status: "given_up", error: "answered 404", ...ended },
      { ...common, place: 0, type: "webhook", status: "delivered", error: null, ...ended },
    ]);
    expect(JSON.stringify(body)).not.toContain("s3cret");
    const waiting = (await ask(petit, "/api/notifications?status=waiting&limit=1")).body;
    expect(waiting).toMatchObject({ notifications: [{ place: 2 }], count: 1 });
    expect((await ask(petit, "/api/system")).body.waiting_notifications).toBe(1);

    const health = await ask(petit, "/api/health");
    const reason = { code: "notifications_undelivered", job_id: "nightly", since: expect.any(Number), count: 2 };
    expect(health).toMatchObject({ status: 200, body: { status: "degraded", reasons: [reason] } });

    const scraped = parseMetrics(await (await petit.fetch("/metrics")).text());
    const total = (type: string, outcome: string) => scraped.value("petit_notifications_total", { type, outcome });
    expect(total("webhook", "delivered")).toBe(1);
    expect(total("webhook", "given_up")).toBe(1);
    expect(total("webhook", "failed")).toBe(0);
    expect(total("healthchecks", "failed")).toBeGreaterThanOrEqual(1);
    expect(scraped.value("petit_waiting_notifications", {})).toBe(1);
  });

  test.each(["limit=0", "limit=1001", "status=lost", "before=1"])("refuses ?%s", async (query) => {
    await using petit = await startPetit({ args: ["--no-watch"] });
    const { status, body } = await ask(petit, `/api/notifications?${query}`);
    expect(status).toBe(400);
    const name = query.split("=")[0] ?? "";
    const details = { reason: "invalid_value", in: "query", name, problem: expect.any(String) };
    expect(body).toEqual({ error: expect.stringContaining(name), code: "INVALID_REQUEST", details });
  });
});
