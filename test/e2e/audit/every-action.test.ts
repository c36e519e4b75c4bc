import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { ROUTE_ACTIONS } from "../../../src/api/audit/actions.ts";
import { petit as command } from "../../support/cli.ts";
import { startWithRepository } from "../../support/git/petit.ts";
import { type ApiResponse, ask, post } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { receiver } from "../../support/receiver.ts";
import { eventually } from "../../support/torture/run.ts";

const FILE = `id: saved\ntasks: [{id: only, type: command, command: "true"}]\n`;

const jobs = (url: string) => ({
  "jobs.yaml": `
id: hello
schedule: "0 0 * * *"
notify: [{type: webhook, url: "${url}", on: [failure]}]
triggers:
  - {type: webhook, verify: token, secret: {file: hook.secret}}
tasks: [{id: only, type: command, command: "true"}]
---
id: named
triggers: [{type: webhook, name: push, verify: token, secret: {file: hook.secret}}]
tasks: [{id: only, type: command, command: "true"}]
---
id: broken
tasks: [{id: only, type: command, command: "false"}]
---
id: sleeper
tasks: [{id: only, type: command, command: sleep, args: ["60"]}]
---
id: gated
max_concurrency: 5
tasks: [{id: ask, type: approval, prompt: "Go?"}]
`,
  "hook.secret": "s3cret\n",
});

type Entry = { readonly [field: string]: unknown };

/** Requests of one admin, and what each answered, by the route. */
const createWalk = (petit: Petit, token: string) => {
  const done = new Map<string, { readonly id: string | null; readonly expected: Entry }>();
  const headers = { authorization: `Bearer ${token}` };
  const send = async (
    route: keyof typeof ROUTE_ACTIONS,
    {
      body,
      parts = {},
      by = headers,
      expected = {},
    }: {
      readonly body?: unknown;
      readonly parts?: Readonly<Record<string, string>>;
      readonly by?: Record<string, string>;
      readonly expected?: Entry;
    } = {},
  ): Promise<ApiResponse> => {
    const [method = "", pattern = ""] = route.split(" ");
    const path = pattern.replaceAll(/:(\w+)|\*/g, (name) => parts[name.replace(":", "")] ?? "");
    const answer = await ask(petit, path, {
      method,
      headers: by,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    expect([route, answer.status, answer.status < 300 ? null : answer.body]).toEqual([route, answer.status, null]);
    done.set(route, { id: answer.headers.get("x-request-id"), expected });
    return answer;
  };
  const entries = async (query = ""): Promise<readonly Entry[]> =>
    (await ask(petit, `/api/audit?limit=1000${query}`, { headers })).body.entries;
  return { done, send, entries, headers };
};

type Walk = ReturnType<typeof createWalk>;

/** Expects that each request is in the log once, as what it was. */
const expectLogged = async ({ done, entries }: Walk): Promise<void> => {
  const all = (await entries()).filter(({ action }) => action !== "jobs.change");
  for (const [route, { id, expected }] of done) {
    const action = ROUTE_ACTIONS[route as keyof typeof ROUTE_ACTIONS]?.action;
    expect([route, all.filter(({ request_id }) => request_id === id)]).toMatchObject([
      route,
      [
        {
          who: "ada",
          role: "admin",
          how: "token",
          address: "127.0.0.1",
          allowed: true,
          count: 1,
          ...(action !== undefined && { action }),
          ...expected,
        },
      ],
    ]);
  }
  const ids = new Set([...done.values()].map(({ id }) => id));
  const others = all.filter(({ request_id }) => request_id !== null && !ids.has(request_id as string));
  expect(others).toEqual([]);
};

const tokenOf = async (petit: Petit): Promise<string> => {
  const made = await command(["tokens", "create", "ada", "--role", "admin", "--db", petit.dbPath]);
  const token = made.stdout.trim();
  await eventually("petit knows the token", async () =>
    (await petit.fetch("/api/tokens")).status === 401 ? true : null,
  );
  return token;
};

/** The routes that need NATS. */
const OF_WORKERS = ["DELETE /api/workers/:name", "POST /api/workers/:name/drain", "POST /api/workers/:name/resume"];

const OF_REPOSITORY = ["POST /api/hooks/_jobs", "POST /api/jobs/follow", "POST /api/jobs/pin", "POST /api/jobs/sync"];

describe("every route that changes something is in the log once, with who did it", () => {
  let petit: Petit;
  let hook: ReturnType<typeof receiver>;
  let walk: Walk;
  beforeAll(async () => {
    hook = receiver(() => new Response("ok"));
    petit = await startPetit({ jobs: jobs(hook.url), args: ["--edit", "--no-watch"] });
    walk = createWalk(petit, await tokenOf(petit));
  });
  afterAll(async () => {
    await petit[Symbol.asyncDispose]();
    await hook[Symbol.asyncDispose]();
  });

  test("with a folder of job files", async () => {
    const { send, headers, done } = walk;
    const triggered = await send("POST /api/jobs/:job_id/trigger", {
      parts: { job_id: "hello" },
      body: { params: {} },
    });
    const runOf = (jobId: string, answer: ApiResponse, on = jobId) => ({
      on,
      job_id: jobId,
      run_id: answer.body.run_id,
    });
    const expectRun = (route: string, expected: Entry): void => {
      const found = done.get(route);
      if (found !== undefined) done.set(route, { ...found, expected });
    };
    expectRun("POST /api/jobs/:job_id/trigger", runOf("hello", triggered));
    const hello = { parts: { job_id: "hello" }, expected: { on: "hello", job_id: "hello" } };
    await send("POST /api/jobs/:job_id/pause", hello);
    await send("POST /api/jobs/:job_id/resume", hello);
    await send("POST /api/jobs/:job_id/notify/test", hello);
    await send("POST /api/jobs/:job_id/hooks/test", { ...hello, body: { body: "{}" } });
    const sender = { authorization: "Bearer s3cret", "content-type": "application/json" };
    const fromOutside = {
      who: null,
      role: null,
      how: "webhook",
      on: "hello",
      job_id: "hello",
      run_id: expect.any(String),
    };
    const received = await send("POST /api/hooks/:job_id", {
      ...hello,
      by: sender,
      body: { a: 1 },
      expected: fromOutside,
    });
    await send("POST /api/hooks/:job_id/:name", {
      parts: { job_id: "named", name: "push" },
      by: sender,
      body: { a: 2 },
      expected: { ...fromOutside, on: "named", job_id: "named" },
    });
    const delivery = received.body.delivery_id;
    await send("POST /api/deliveries/:delivery_id/replay", {
      parts: { delivery_id: delivery },
      expected: { on: delivery, job_id: "hello", run_id: expect.any(String) },
    });

    const failed = await post(petit, "/api/jobs/broken/trigger?wait=60", {}, headers);
    done.set("first", { id: failed.headers.get("x-request-id"), expected: { action: "job.trigger", on: "broken" } });
    const runId = failed.body.run_id;
    const retried = await send("POST /api/runs/:run_id/retry", { parts: { run_id: runId } });
    expectRun("POST /api/runs/:run_id/retry", runOf("broken", retried, runId));
    const slow = await post(petit, "/api/jobs/sleeper/trigger", {}, headers);
    done.set("second", { id: slow.headers.get("x-request-id"), expected: { action: "job.trigger", on: "sleeper" } });
    await send("POST /api/runs/:run_id/cancel", {
      parts: { run_id: slow.body.run_id },
      expected: { on: slow.body.run_id, job_id: "sleeper", run_id: slow.body.run_id },
    });
    for (const kind of ["approve", "reject"] as const) {
      const { body, headers: answered } = await post(petit, "/api/jobs/gated/trigger", {}, headers);
      done.set(kind, { id: answered.get("x-request-id"), expected: { action: "job.trigger", on: "gated" } });
      await eventually("the task asks", async () =>
        (await ask(petit, `/api/runs/${body.run_id}`, { headers })).body.waiting_for === "approval" ? true : null,
      );
      await send(`POST /api/runs/:run_id/tasks/:task_id/${kind}`, {
        parts: { run_id: body.run_id, task_id: "ask" },
        expected: { on: "ask", job_id: "gated", run_id: body.run_id },
      });
    }

    const entry = await eventually("the failed job needs attention", async () => {
      const { items } = (await ask(petit, "/api/attention", { headers })).body;
      return items.find(({ job_id }: Entry) => job_id === "broken") ?? null;
    });
    const ofEntry = { parts: { entry_id: entry.id }, expected: { on: entry.id, job_id: "broken" } };
    await send("POST /api/attention/:entry_id/acknowledge", { ...ofEntry, body: {} });
    await send("DELETE /api/attention/:entry_id/acknowledge", ofEntry);
    await send("POST /api/attention/:entry_id/snooze", { ...ofEntry, body: { for_ms: 3_600_000 } });
    await send("DELETE /api/attention/:entry_id/snooze", ofEntry);
    await send("POST /api/attention/:entry_id/owner", { ...ofEntry, body: { owner: "ada" } });
    await send("DELETE /api/attention/:entry_id/owner", ofEntry);
    await send("POST /api/attention/:entry_id/note", { ...ofEntry, body: { note: "look" } });
    await send("DELETE /api/attention/:entry_id/note", ofEntry);

    const range = { job_id: "hello", from: "2026-01-01", to: "2026-01-03" };
    expect((await post(petit, "/api/backfills", { ...range, dry_run: true }, headers)).status).toBe(200);
    const backfill = await send("POST /api/backfills", { body: range });
    const backfillId = backfill.body.id ?? backfill.body.backfill_id;
    expectRun("POST /api/backfills", { on: backfillId, job_id: "hello", run_id: null });
    const ofBackfill = { parts: { backfill_id: backfillId }, expected: { on: backfillId, job_id: "hello" } };
    await send("POST /api/backfills/:backfill_id/pause", ofBackfill);
    await send("POST /api/backfills/:backfill_id/resume", ofBackfill);
    await send("POST /api/backfills/:backfill_id/cancel", ofBackfill);

    expect(
      (await post(petit, "/api/job-files/check", { path: "new.yaml", text: FILE, base: null }, headers)).status,
    ).toBe(200);
    await send("PUT /api/job-files/*", {
      parts: { "*": "%6Eew.yaml" },
      body: { text: FILE, base: null },
      expected: { on: "new.yaml" },
    });
    await send("POST /api/jobs/reload", { expected: { on: null, job_id: null } });
    await send("POST /api/scheduler/pause");
    await send("POST /api/scheduler/resume");
    await send("POST /api/tokens", { body: { name: "mara", role: "viewer" }, expected: { on: "mara" } });
    await send("POST /api/tokens/:name/rotate", { parts: { name: "mara" }, body: {}, expected: { on: "mara" } });
    await send("DELETE /api/tokens/:name", { parts: { name: "mara" }, expected: { on: "mara" } });
    const login = await send("POST /api/session", {
      body: { token: headers.authorization.slice("Bearer ".length) },
      by: {},
      expected: { how: "session" },
    });
    const cookie = (login.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    await send("DELETE /api/session", { by: { cookie, origin: petit.url }, expected: { how: "session" } });
    expect((await ask(petit, "/api/session", { method: "DELETE" })).status).toBe(200);
    await expectLogged(walk);
    const changing = Object.entries(ROUTE_ACTIONS).flatMap(([route, action]) => (action === null ? [] : [route]));
    const left = changing.filter(
      (route) => !done.has(route) && ![`POST /api/digest/test`, "POST /mcp"].includes(route),
    );
    expect(left.toSorted()).toEqual([...OF_WORKERS, ...OF_REPOSITORY].toSorted());
  }, 60_000);

  test("and what somebody who is limited to other jobs has tried, but not what is unknown", async () => {
    const { entries, headers } = walk;
    const body = { name: "limited", role: "operator", jobs: ["hello"] };
    const { token } = (await post(petit, "/api/tokens", body, headers)).body;
    const limited = { authorization: `Bearer ${token}` };
    const failed = (await ask(petit, "/api/runs?job=broken", { headers })).body.runs[0].id;
    for (const path of [
      "/api/jobs/broken/trigger",
      `/api/runs/${failed}/retry`,
      "/api/jobs/unknown/trigger",
      "/api/runs/019b76da-a800-7c3e-8f2b-5d1c9a7e4f60/cancel",
    ])
      expect([path, (await post(petit, path, undefined, limited)).status]).toEqual([path, 404]);
    const tried = await eventually("both are in the audit log", async () => {
      const rows = await entries("&who=limited");
      return rows.length > 1 ? rows : null;
    });
    expect(tried).toMatchObject([
      { action: "run.retry", on: failed, allowed: false, role: "operator" },
      { action: "job.trigger", on: "broken", allowed: false, role: "operator" },
    ]);
  });

  test("but not one that fails", async () => {
    const { entries, headers } = walk;
    const before = (await entries()).length;
    for (const [path, status] of [
      ["/api/jobs/unknown/trigger", 404],
      ["/api/jobs/hello/trigger?wait=x", 400],
      ["/api/runs/unknown/cancel", 404],
      ["/api/workers/x/drain", 409],
      ["/api/digest/test", 409],
      ["/api/unknown", 404],
    ] as const)
      expect([path, (await post(petit, path, undefined, headers)).status]).toEqual([path, status]);
    expect((await entries()).length).toBe(before);
  });
});

test("with a repository of job files, what people and commits change is in the log", async () => {
  await using petit = await startWithRepository({ "jobs/a.yaml": FILE });
  const walk = createWalk(petit, await tokenOf(petit));
  const { send, entries } = walk;
  const first = petit.origin.git("rev-parse", "HEAD");
  const second = petit.origin.push({ "jobs/b.yaml": FILE.replace("saved", "added") }, { author: "Eve" });
  await send("POST /api/jobs/sync", { expected: { on: null } });
  await send("POST /api/jobs/pin", { body: { commit: first.slice(0, 8) }, expected: { on: first.slice(0, 8) } });
  await send("POST /api/jobs/follow");
  await expectLogged(walk);
  const changes = await entries("&action=jobs.change");
  expect(changes).toMatchObject([
    { who: "ada", how: "token", details: { added: ["added"], commit: second, author: "Eve" } },
    { who: "ada", how: "token", details: { removed: ["added"], commit: first } },
    { who: "ada", how: "token", details: { added: ["added"], commit: second, author: "Eve" } },
    { who: null, how: "start", details: { added: ["saved"], changed: [], removed: [], commit: first } },
  ]);
}, 60_000);

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

test("a change of job files names who saved it, or that petit noticed it", async () => {
  await using petit = await startPetit({ jobs: { "a.yaml": FILE }, args: ["--edit"] });
  const token = await tokenOf(petit);
  const walk = createWalk(petit, token);
  const text = `${FILE}---\n${FILE.replace("saved", "more")}`;
  await walk.send("PUT /api/job-files/*", { parts: { "*": "a.yaml" }, body: { text, base: digestOf(FILE) } });
  await Bun.write(`${petit.jobsDir}/b.yaml`, FILE.replace("saved", "written"));
  const changes = await eventually("petit has noticed the file", async () => {
    const found = await walk.entries("&action=jobs.change");
    return found.length === 3 ? found : null;
  });
  const saved = await walk.entries("&action=job_file.save");
  expect(changes).toMatchObject([
    { who: null, role: null, how: "watch", address: null, request_id: null, details: { added: ["written"] } },
    { who: "ada", role: "admin", how: "token", request_id: saved[0]?.request_id, details: { added: ["more"] } },
    { who: null, how: "start", details: { added: ["saved"] } },
  ]);
});
