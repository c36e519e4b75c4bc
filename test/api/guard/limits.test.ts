import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ROLES, type Role } from "../../../src/domain/people/role.ts";
import { ask, post, readEvents, runToEnd, start, takeUntil } from "../../support/petit/api.ts";
import type { OpenApiDocument } from "../../support/petit/api-schema.ts";
import { type AsPerson, createPerson } from "../../support/petit/people.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { eventually } from "../../support/torture/run.ts";

/** A job that uses most of what petit has. `word` is part of whatever could tell of it. */
const jobOf = (id: string, word: string): string => `
id: ${id}
name: Name ${word}
description: about ${word}
tags: [tag_${word}]
queue: shared
max_concurrency: 5
schedule: {cron: "0 3 * * *", timezone: UTC}
triggers: [{type: webhook, verify: github, secret: {env: HOOK_SECRET}}]
notify: [{type: webhook, url: "http://127.0.0.1:9/${word}", on: [failure, success]}]
params: {mode: {default: ok}}
tasks:
  - id: work_${word}
    type: shell
    script: |
      echo "error: output_${word}"
      echo "file_${word}" > "$PETIT_ARTIFACTS/${word}.txt"
      test "$PETIT_PARAM_MODE" = ok
`;

const askOf = (id: string, word: string): string => `
id: ${id}
tags: [tag_${word}]
queue: shared
tasks: [{id: ask_${word}, type: approval, prompt: "ask ${word}?"}]
`;

const OWN = { "alpha.yaml": jobOf("etl_alpha", "alpha"), "ask.yaml": askOf("etl_ask", "alpha") };
const OTHERS = {
  "hidden.yaml": jobOf("zz_hidden", "hidden"),
  "hidden_ask.yaml": askOf("zz_hidden_ask", "hidden"),
  "hidden_parent.yaml": "id: zz_hidden_parent\ntasks: [{id: hidden_start, type: job, job: etl_alpha}]\n",
  "hidden_broken.yaml": "id: zz_hidden_broken\ntasks: hidden\n",
};

/** Ids of what a job has. */
type Ids = {
  readonly job_id: string;
  readonly run_id: string;
  readonly failed_run_id: string;
  readonly asking_run_id: string;
  readonly task_id: string;
  readonly delivery_id: string;
  readonly backfill_id: string;
  readonly entry_id: string;
};

/** Makes runs, output, artifacts, deliveries, backfills, notifications, and what needs attention. */
const fill = async (petit: Pick<Petit, "fetch">, word: string, id: string, asking: string): Promise<Ids> => {
  const { id: runId } = await runToEnd(petit, id);
  const { id: failedId } = await runToEnd(petit, id, { mode: "bad" });
  const hook = await post(petit, `/api/jobs/${id}/hooks/test`, { event_type: "push", body: `{"from": "${word}"}` });
  const from = new Date(Date.now() - 3 * 86_400_000).toISOString().slice(0, 10);
  const backfill = await post(petit, "/api/backfills", { job_id: id, from, to: new Date().toISOString() });
  expect([hook.status, backfill.status]).toEqual([200, 201]);
  const askingId = await start(petit, asking);
  await eventually("all runs but the asking one have ended", async () => {
    const { body } = await ask(petit, `/api/jobs/${id}/runs?limit=100`);
    return body.runs.every(({ ended_at: at }: { ended_at: number | null }) => at !== null) && body.count >= 5
      ? true
      : null;
  });
  await runToEnd(petit, id, { mode: "bad" });
  await eventually("the task asks", async () => {
    const { body } = await ask(petit, `/api/attention?job=${asking}`);
    return body.counts.approval_needed === 1 ? true : null;
  });
  return {
    job_id: id,
    run_id: runId,
    failed_run_id: failedId,
    asking_run_id: askingId,
    task_id: `work_${word}`,
    delivery_id: hook.body.delivery_id,
    backfill_id: backfill.body.id,
    entry_id: `approval_needed:${askingId}:ask_${word}`,
  };
};

const startWith = (jobs: Readonly<Record<string, string>>): Promise<Petit> =>
  startPetit({ jobs, env: { HOOK_SECRET: "secret" }, args: ["--queue", "shared=3"] });

let petit: Petit;
let alone: Petit;
let admin: AsPerson;
let adminAlone: AsPerson;
let document: OpenApiDocument;
let own: Ids;
let hidden: Ids;
/** Whatever identifies something of the others. */
let secrets: readonly string[];
const people = new Map<Role, AsPerson>();

const personOf = (role: Role): AsPerson => {
  const person = people.get(role);
  if (person === undefined) throw new Error(`there is no ${role}`);
  return person;
};

beforeAll(async () => {
  [petit, alone] = [await startWith({ ...OWN, ...OTHERS }), await startWith(OWN)];
  admin = await createPerson(petit, "root", ["--role", "admin"]);
  adminAlone = await createPerson(alone, "root", ["--role", "admin"]);
  for (const role of ROLES)
    people.set(
      role,
      await createPerson(petit, `limited-${role}`, ["--role", role, "--jobs", "etl_*", "--tags", "tag_alpha"]),
    );
  hidden = await fill(admin, "hidden", "zz_hidden", "zz_hidden_ask");
  own = await fill(admin, "alpha", "etl_alpha", "etl_ask");
  await fill(adminAlone, "alpha", "etl_alpha", "etl_ask");
  await runToEnd(admin, "zz_hidden_parent");
  await runToEnd(adminAlone, "etl_alpha");
  document = (await ask(admin, "/api/openapi.json")).body;
  const ofOthers = async (path: string, list: string): Promise<readonly string[]> =>
    (await ask(admin, path)).body[list].flatMap(({ id, job_id: jobId }: { id: string; job_id: string }) =>
      jobId.includes("hidden") ? [id] : [],
    );
  secrets = [
    ...(await ofOthers("/api/runs?limit=1000", "runs")),
    ...(await ofOthers("/api/deliveries?limit=1000", "deliveries")),
    ...(await ofOthers("/api/backfills?limit=1000", "backfills")),
    ...(await ofOthers("/api/notifications?limit=1000", "notifications")),
  ];
}, 120_000);
afterAll(async () => {
  await petit[Symbol.asyncDispose]();
  await alone[Symbol.asyncDispose]();
});

type Answer = { readonly status: number; readonly text: string; readonly headers: string };

/** Reads an answer; of a stream what has come within a moment. */
const answerOf = async (person: AsPerson, path: string, init: RequestInit = {}): Promise<Answer> => {
  const ending = new AbortController();
  const response = await person.fetch(path, { ...init, signal: ending.signal });
  const headers = JSON.stringify([...response.headers].filter(([name]) => name !== "x-request-id" && name !== "date"));
  const isStream =
    response.headers.get("content-type")?.startsWith("text/event-stream") === true && path === "/api/events";
  if (!isStream) return { status: response.status, text: await response.text(), headers };
  const taken = await takeUntil(readEvents(response), ({ data }) => data.includes("task.finished"));
  ending.abort();
  return { status: response.status, text: JSON.stringify(taken), headers };
};

/** Throws if an answer tells of the others. */
const expectNothingOfOthers = (what: string, { text, headers }: Answer): void => {
  expect([what, /hidden/i.exec(text + headers)?.input.slice(0, 2_000) ?? null]).toEqual([what, null]);
  expect([what, secrets.filter((secret) => (text + headers).includes(secret))]).toEqual([what, []]);
};

/** Paths with the ids of what somebody asks for. */
const fillIn = (path: string, ids: Ids): string =>
  path
    .replace("{path}", path.includes("artifacts") ? "work_alpha/alpha.txt" : "alpha.yaml")
    .replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent((ids as Record<string, string>)[name] ?? "1"))
    .replace(/search$/, "search?q=output");

type Operation = { readonly method: string; readonly path: string; readonly scope: unknown; readonly role: unknown };

const operations = (): readonly Operation[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      scope: (operation as { "x-scope"?: unknown })["x-scope"],
      role: operation["x-role"],
    })),
  );

/** Further queries of a route, which select in other ways. */
const QUERIES: Readonly<Record<string, readonly string[]>> = {
  "/api/jobs": ["?recent=20", "?gone=true", "?tag=tag_alpha"],
  "/api/jobs/{job_id}/runs": ["?failure=true&limit=1000"],
  "/api/jobs/{job_id}/occurrences": ["?coming=5"],
  "/api/runs": [
    "?limit=1000&failure=true",
    "?status=failed",
    "?text=output",
    "?trigger=job",
    "?from=0&limit=2",
    "?waiting_for=approval",
    "?param=mode=bad",
  ],
  "/api/queues": ["?runs=true"],
  "/api/search": ["&limit=1", "&job=etl_alpha", "&tag=tag_alpha&context=5", "&regex=true&since=0"],
  "/api/stats": ["?hours=720"],
  "/api/review": ["?since=2d", "?since=2d&limit=1&offset=1"],
  "/api/timeline": ["?jobs=etl_alpha,etl_ask"],
  "/api/deliveries": ["?limit=1000", "?outcome=fired"],
  "/api/notifications": ["?limit=1000"],
};

describe("the routes, for people who are limited to some jobs", () => {
  test.each(ROLES)("tell a %s nothing of others", async (role) => {
    const person = personOf(role);
    for (const { method, path, scope } of operations()) {
      if (method !== "GET" || path === "/api/workers/{name}") continue;
      for (const query of ["", ...(QUERIES[path] ?? [])]) {
        const asked = fillIn(path, own) + query;
        if (asked === "/api/events") continue;
        const answer = await answerOf(person, asked);
        if (scope !== "none") expectNothingOfOthers(asked, answer);
        if (scope === "jobs") expect([asked, answer.status]).toEqual([asked, 200]);
        if (scope === "all") expect([asked, answer.status]).toEqual([asked, 403]);
      }
      for (const runId of [own.failed_run_id, own.asking_run_id]) {
        const asked = fillIn(path, { ...own, run_id: runId });
        if (asked.includes(runId) && scope === "jobs") expectNothingOfOthers(asked, await answerOf(person, asked));
      }
    }
  });

  test("tell an admin without a limit of all jobs", async () => {
    const telling: string[] = [];
    for (const { method, path, scope } of operations()) {
      if (method !== "GET" || scope !== "jobs" || path === "/api/workers/{name}" || path === "/api/events") continue;
      const { text } = await answerOf(admin, fillIn(path, hidden));
      if (/hidden/i.test(text)) telling.push(path);
    }
    expect(telling.length).toBeGreaterThan(25);
  });

  test.each(ROLES)("answer a %s alike for what exists and for what does not", async (role) => {
    const person = personOf(role);
    const unknown: Ids = {
      job_id: "zz_hidder",
      run_id: `${hidden.run_id.slice(0, -4)}0000`,
      failed_run_id: "",
      asking_run_id: "",
      task_id: hidden.task_id,
      delivery_id: `${hidden.delivery_id.slice(0, -4)}0000`,
      backfill_id: `${hidden.backfill_id.slice(0, -4)}0000`,
      entry_id: hidden.entry_id.replace(hidden.asking_run_id, hidden.run_id),
    };
    const withoutIds = ({ status, text, headers }: Answer, ids: Ids): readonly unknown[] => [
      status,
      Object.values(ids)
        .toSorted((a, b) => b.length - a.length)
        .reduce((all, id) => (id === "" ? all : all.replaceAll(id, "ID")), text),
      headers.replace(/"content-length","\d+"/, ""),
    ];
    let compared = 0;
    for (const { method, path, scope } of operations()) {
      if (scope !== "jobs") continue;
      const bodies: Readonly<Record<string, unknown>> = {
        "/api/jobs/{job_id}/hooks/test": { body: "{}" },
        "/api/attention/{entry_id}/snooze": { for_ms: 1 },
        "/api/attention/{entry_id}/owner": { owner: "me" },
        "/api/attention/{entry_id}/note": { note: "mine" },
      };
      const bodyOf = (ids: Ids): RequestInit => {
        if (method === "GET" || method === "DELETE") return { method };
        if (path === "/api/backfills")
          return { method, body: JSON.stringify({ job_id: ids.job_id, from: "2026-01-01", to: "2026-01-03" }) };
        return { method, body: JSON.stringify(bodies[path] ?? {}) };
      };
      if (!path.includes("{") && method === "GET") continue;
      if (path === "/api/workers/{name}") continue;
      const known = await answerOf(person, fillIn(path, hidden), bodyOf(hidden));
      const other = await answerOf(person, fillIn(path, unknown), bodyOf(unknown));
      expect([method, path, withoutIds(known, hidden)]).toEqual([method, path, withoutIds(other, unknown)]);
      expect([method, path, [403, 404].includes(known.status)]).toEqual([method, path, true]);
      compared++;
    }
    for (const [path, name, end = ""] of [
      ["/api/runs?before=", "run_id"],
      ["/api/runs?parent=", "run_id"],
      ["/api/runs?id=", "run_id"],
      ["/api/runs?backfill_id=", "backfill_id"],
      ["/api/runs?job=", "job_id"],
      ["/api/runs?exclude=", "job_id"],
      ["/api/jobs/etl_alpha/runs?before=", "run_id"],
      ["/api/deliveries?before=", "delivery_id"],
      ["/api/jobs/etl_alpha/deliveries?before=", "delivery_id"],
      ["/api/backfills?before=", "backfill_id"],
      ["/api/backfills?job_id=", "job_id"],
      ["/api/attention?job=", "job_id"],
      ["/api/search?q=output&job=", "job_id"],
      ["/api/search?q=output&before=", "run_id", ":1"],
    ] as const) {
      const known = await answerOf(person, path + hidden[name] + end);
      const other = await answerOf(person, path + unknown[name] + end);
      expect([path, withoutIds(known, hidden)]).toEqual([path, withoutIds(other, unknown)]);
      compared++;
    }
    expect(compared).toBeGreaterThan(50);
  });

  test("change nothing of others", async () => {
    const states = async () =>
      (await ask(admin, "/api/runs?limit=1000")).body.runs
        .filter(({ job_id: id }: { job_id: string }) => id.includes("hidden"))
        .map(({ id, status }: { id: string; status: string }) => [id, status]);
    const before = await states();
    const { body: job } = await ask(admin, "/api/jobs/zz_hidden");
    const operator = personOf("operator");
    await post(operator, "/api/jobs/zz_hidden/pause");
    await post(operator, "/api/jobs/zz_hidden/trigger");
    await post(operator, `/api/runs/${hidden.asking_run_id}/cancel`);
    await post(operator, `/api/runs/${hidden.failed_run_id}/retry`);
    await post(operator, `/api/runs/${hidden.asking_run_id}/tasks/ask_hidden/approve`);
    expect(await states()).toEqual(before);
    expect((await ask(admin, "/api/jobs/zz_hidden")).body.paused).toBe(job.paused);
  });

  test("refuse what concerns all jobs, whatever the role, and say why", async () => {
    for (const { method, path, scope, role } of operations()) {
      if (scope !== "all") continue;
      const { status, text } = await answerOf(personOf("admin"), fillIn(path, own), {
        method,
        ...(method === "GET" || method === "DELETE" ? {} : { body: '{"broken' }),
      });
      expect([method, path, status, JSON.parse(text)]).toEqual([
        method,
        path,
        403,
        {
          code: "FORBIDDEN",
          error:
            "this concerns all jobs, but the token 'limited-admin' is limited to jobs etl_* with the tag tag_alpha",
        },
      ]);
      expect(["admin", "operator", "viewer"]).toContain(String(role));
    }
  });

  test("that need an admin concern all jobs, so that the page offers none of them to somebody who is limited", () => {
    const ofAdmins = operations().filter(({ role }) => role === "admin");
    expect(ofAdmins.length).toBeGreaterThan(10);
    expect(ofAdmins.filter(({ scope }) => scope !== "all")).toEqual([]);
  });

  test.each([
    [{ jobs: ["etl_*", "a b"] }, "body field 'jobs.1': 'a b' does not fit; expected the id of a job, or a pattern"],
    [{ tags: [] }, "body field 'tags': it has 0 entries; expected 1 to 100"],
  ])("refuse a token with the limit %j at its place", async (limit, problem) => {
    const { status, body } = await post(admin, "/api/tokens", { name: "x", role: "viewer", ...limit });
    expect([status, body.error]).toEqual([400, expect.stringContaining(problem)]);
  });

  test("count as a petit that has only these jobs", async () => {
    const numbers = async (person: AsPerson) => {
      const of = async (path: string) => (await ask(person, path)).body;
      const [stats, review, system, queues] = [
        await of("/api/stats"),
        await of("/api/review"),
        await of("/api/system"),
        await of("/api/queues?runs=true"),
      ];
      const { from: _from, to: _to, attention, ...counts } = stats;
      const metrics = await (await person.fetch("/metrics")).text();
      return {
        counts,
        attention: { ...attention, open_to_users: 0 },
        runs: (await of("/api/runs?limit=1000")).count,
        jobs: (await of("/api/jobs")).count,
        failed: (await of("/api/runs?status=failed")).count,
        deliveries: (await of("/api/deliveries")).count,
        backfills: (await of("/api/backfills")).count,
        notifications: (await of("/api/notifications")).count,
        lines: (await of("/api/search?q=output&limit=500")).count,
        rows: (await of("/api/timeline")).jobs.length,
        entries: (await of("/api/attention")).items.map(({ id }: { id: string }) => id.replace(/:[0-9a-f-]{36}/, "")),
        review: { jobs: review.jobs, runs: review.runs, broken: review.broken.length, people: review.people?.length },
        system: { jobs: system.jobs, runs: system.runs, waiting: system.waiting_notifications },
        queues: queues.queues.map(({ name, limit, running, pending }: Record<string, unknown>) => [
          name,
          limit,
          running,
          pending,
        ]),
        metrics: metrics.split("\n").filter((line) => line.startsWith("petit_runs_total")).length,
      };
    };
    const limited = await numbers(personOf("viewer"));
    const { metrics, ...others } = await numbers(adminAlone);
    // The run that the parent has started is one of its own kind.
    expect(limited).toEqual({ ...others, metrics: metrics + 1 });
  });

  test("show no parent of others, and what the health check says is about the jobs of the token", async () => {
    const viewer = personOf("viewer");
    const { body } = await ask(viewer, "/api/runs?trigger=job");
    expect(body.runs.map(({ parent }: { parent: unknown }) => parent)).toEqual([null]);
    expect((await ask(admin, "/api/runs?trigger=job")).body.runs[0].parent).not.toBeNull();
    for (const fetcher of [viewer, petit]) {
      const { body: health } = await ask(fetcher, "/api/health");
      expect(health.status).toBe("degraded");
      expect(JSON.stringify(health)).not.toContain("hidden");
    }
    expect(JSON.stringify((await ask(admin, "/api/health")).body)).toContain("hidden");
  });
});
