import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { refuse } from "../../../src/domain/refusal.ts";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";
import type { OpenApiDocument } from "../../support/petit/api-schema.ts";
import { fakeApiWithWorkers } from "../../support/petit/api-workers.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { receiver } from "../../support/receiver.ts";

const jobs = (url: string) => ({
  "jobs.yaml": `
id: hello_world
links: {runbook: "https://example.com/runbook"}
max_concurrency: 1
schedule: {cron: "0 0 2 * * *", timezone: Europe/Paris}
params: {day: {default: "2026-01-01"}}
config: {batch_size: 1000}
environment: {TZ: UTC}
depends_on: [{job: hello_world_gate, condition: {within_window: {seconds: 3600}}}]
tasks:
  - {id: extract, name: Extract, type: shell, script: 'echo "42 rows"; echo rows=42 >> "$PETIT_OUTPUT"', environment: {STAGE: extract}, timeout: 5m}
---
id: rows
tasks: [{id: only, type: shell, foreach: [web-1], script: 'echo rows=42 >> "$PETIT_OUTPUT"'}]
---
id: hosts
tasks: [{id: only, type: shell, foreach: [web-3, web-7], allow_failure: true, script: 'echo "connection refused" >&2; exit 1'}]
---
id: report
tasks: [{id: only, type: shell, script: 'printf 123 > "$PETIT_ARTIFACTS/rows.csv"'}]
---
id: asks
tasks: [{id: ask, type: approval}]
---
id: hooked
triggers: [{type: webhook, name: token, verify: token, secret: {file: hook.secret}}, {type: webhook, name: slack, verify: slack, secret: {file: hook.secret}}]
tasks: [{id: only, type: command, command: "true"}]
---
id: hello_world_gate
tasks: [{id: only, type: command, command: "true"}]
---
id: weekly_report
depends_on: [{job: hello_world, condition: {within_window: {seconds: 3600}}}]
notify: [{type: webhook, url: "${url}/hook", on: [failure]}]
tasks: [{id: only, type: command, command: "false"}]
---
id: paused_job
schedule: "* * * * * *"
tasks: [{id: only, type: command, command: "true"}]
---
id: upstream_job
tasks: [{id: only, type: command, command: "true"}]
---
id: gated
depends_on: [upstream_job]
tasks: [{id: only, type: command, command: "true"}]
---
id: long
max_concurrency: 1
tasks: [{id: only, type: shell, script: "exec sleep 60"}]
`,
  "hook.secret": "secret",
  "broken.yaml": `id: broken\ntaks: []\n`,
});

/** Real answers by the title of their schema. */
const real = new Map<string, unknown[]>();
let petit: Petit;
let hook: ReturnType<typeof receiver>;
let document: OpenApiDocument;

const collect = (title: string, ...answers: readonly unknown[]): void => {
  real.set(title, [...(real.get(title) ?? []), ...answers]);
};

/** Asks until `isReady` accepts the answer. */
const askUntil = async <Body>(path: string, isReady: (body: Body) => boolean): Promise<Body> => {
  for (;;) {
    const { body } = await ask(petit, path);
    if (isReady(body)) return body;
  }
};

type Coded = { readonly code: string };
type Reasons = { readonly reasons: readonly Coded[] };
type TimelineRows = {
  readonly jobs: readonly { readonly bars: readonly unknown[]; readonly marks: readonly unknown[] }[];
};

/** Returns whether a timeline shows a run and an occurrence without a run. */
const isDrawn = ({ jobs }: TimelineRows): boolean =>
  jobs.some(({ bars }) => bars.length > 0) && jobs.some(({ marks }) => marks.length > 0);

beforeAll(async () => {
  hook = receiver(() => new Response("", { status: 503 }));
  petit = await startPetit({ jobs: jobs(hook.url), args: ["--no-watch"] });
  document = (await ask(petit, "/api/openapi.json")).body;
  await collectAnswers();
  await collectFailures();
});
afterAll(async () => {
  await petit[Symbol.asyncDispose]();
  await hook[Symbol.asyncDispose]();
});

const collectAnswers = async (): Promise<void> => {
  collect("Message", (await post(petit, "/api/scheduler/pause")).body);
  await askUntil("/api/jobs/paused_job/occurrences", ({ count }: { count: number }) => count > 0);
  const now = Date.now();
  const timeline = `/api/timeline?from=${now - 3_600_000}&to=${now + 3_600_000}&jobs=paused_job,hello_world`;
  await runToEnd(petit, "hello_world_gate");
  const triggered = await post(petit, "/api/jobs/hello_world/trigger", {});
  collect("StartedRun", triggered.body);
  const runId: string = triggered.body.run_id;
  await askUntil(`/api/runs/${runId}`, ({ status }: { status: string }) => status === "completed");
  await runToEnd(petit, "weekly_report");
  const health = (await ask(petit, "/api/health")).body;
  const { items } = (await ask(petit, "/api/attention")).body;
  const failing = items.filter(({ kind }: { kind: string }) => kind === "job_failing");
  collect("JobFailing", ...failing);
  collect("RunFailure", ...failing.map(({ failure }: { failure: unknown }) => failure));
  collect("JobFileBroken", ...health.reasons.filter(({ code }: { code: string }) => code === "job_file_broken"));
  collect("Reloaded", (await post(petit, "/api/jobs/reload")).body);
  collect("JobSummary", ...(await ask(petit, "/api/jobs")).body.jobs);
  collect("JobDetail", (await ask(petit, "/api/jobs/hello_world")).body);
  collect("DefinitionText", (await ask(petit, "/api/jobs/hello_world/definition")).body);
  const { body: versions } = await ask(petit, "/api/jobs/hello_world/versions");
  collect("JobVersionList", versions);
  collect("JobVersion", versions.versions[0]);
  for (const id of ["hello_world", "hello_world_gate"])
    collect("JobVersionDetail", (await ask(petit, `/api/jobs/${id}/versions/1`)).body);
  collect("TaskHistory", (await ask(petit, "/api/jobs/hello_world/task-history")).body);
  collect("Occurrence", ...(await ask(petit, "/api/jobs/paused_job/occurrences")).body.occurrences);
  collect("Run", ...(await ask(petit, "/api/runs")).body.runs);
  collect("RunDetail", (await ask(petit, `/api/runs/${runId}`)).body);
  collect("RunComparison", (await ask(petit, `/api/runs/${runId}/comparison`)).body);
  collect("TaskRun", ...(await ask(petit, `/api/runs/${runId}/tasks`)).body.tasks);
  await collectDeliveries();
  await collectBackfills();
  const { id: rowsId } = await runToEnd(petit, "rows");
  const { id: hostsId } = await runToEnd(petit, "hosts");
  collect("FailureGroup", ...(await ask(petit, `/api/runs/${hostsId}/tasks`)).body.tasks[0].failures);
  collect("Item", ...(await ask(petit, `/api/runs/${rowsId}/tasks/only/items`)).body.items);
  const { id: reportId } = await runToEnd(petit, "report");
  collect("Artifact", ...(await ask(petit, `/api/runs/${reportId}/artifacts`)).body.artifacts);
  const beyond = { headers: { range: "bytes=9-" } };
  const outside = await ask(petit, `/api/runs/${reportId}/artifacts/only/rows.csv`, beyond);
  collect("RangeNotSatisfiable", outside.body);
  const { run_id: askingId } = (await post(petit, "/api/jobs/asks/trigger")).body;
  type TaskStatuses = { readonly tasks: readonly { readonly status: string }[] };
  await askUntil(`/api/runs/${askingId}/tasks`, ({ tasks }: TaskStatuses) => tasks[0]?.status === "running");
  collect("Decided", (await post(petit, `/api/runs/${askingId}/tasks/ask/approve`)).body);
  collect("CancelledRun", (await post(petit, `/api/runs/${runId}/cancel`)).body);
  const lines = (await ask(petit, `/api/runs/${runId}/lines`)).body;
  collect("LinePage", lines);
  collect("LogRecord", ...lines.lines);
  collect("LineMatches", (await ask(petit, `/api/runs/${runId}/lines/search?q=rows`)).body);
  const found = (await ask(petit, "/api/search?q=rows")).body;
  collect("FoundLines", found);
  collect("FoundLine", ...found.lines);
  const { jobs: rows } = await askUntil(timeline, isDrawn);
  for (const { bars, marks } of rows) {
    collect("TimelineBar", ...bars);
    collect("TimelineMark", ...marks);
  }
  collect("Stats", (await ask(petit, "/api/stats")).body);
  collect("System", (await ask(petit, "/api/system")).body);
  collect("SchedulerState", (await ask(petit, "/api/scheduler/state")).body);
  const tried = ({ notifications: [first] }: { notifications: readonly { error: string | null }[] }): boolean =>
    first !== undefined && first.error !== null;
  const { notifications } = await askUntil("/api/notifications", tried);
  collect("Notification", ...notifications);
  collect("NotifyTestList", (await post(petit, "/api/jobs/weekly_report/notify/test")).body);
  const isUndelivered = ({ code }: Coded): boolean => code === "notifications_undelivered";
  const degraded = await askUntil("/api/health", ({ reasons }: Reasons) => reasons.some(isUndelivered));
  collect("NotificationsUndelivered", ...degraded.reasons.filter(isUndelivered));
  await collectSession();
  await collectWorkers();
  collect("Health", await healthyAnswer());
  collect("Live", (await ask(petit, "/api/health/live")).body);
};

const collectDeliveries = async (): Promise<void> => {
  const sent = { method: "POST", headers: { authorization: "Bearer secret" }, body: "{}" };
  const accepted = (await ask(petit, "/api/hooks/hooked/token", sent)).body;
  collect("AcceptedHook", accepted);
  const handshake = JSON.stringify({ type: "url_verification" });
  collect("HookHandshake", (await post(petit, "/api/jobs/hooked/hooks/test", { name: "slack", body: handshake })).body);
  const path = `/api/deliveries/${accepted.delivery_id}`;
  collect("ReplayedDelivery", (await post(petit, `${path}/replay`)).body);
  collect("Delivery", ...(await ask(petit, "/api/deliveries")).body.deliveries);
  collect("DeliveryDetail", (await ask(petit, path)).body);
};

/** The scheduler is paused, so it makes no runs. */
const collectBackfills = async (): Promise<void> => {
  const asked = { job_id: "hello_world", from: "2026-01-01", to: "2026-01-03" };
  collect("BackfillPlan", (await post(petit, "/api/backfills", { ...asked, dry_run: true })).body);
  const { body } = await post(petit, "/api/backfills", asked);
  collect("Backfill", body, ...(await ask(petit, "/api/backfills")).body.backfills);
};

const collectSession = async (): Promise<void> => {
  const { api, ask: askFake } = fakeApi({ tokens: [{ name: "ada", role: "admin", token: "t" }] });
  const loggedIn = await askFake("/api/session", { method: "POST", body: '{"token":"t"}' });
  collect("LoggedIn", await loggedIn.json());
  const cookie = loggedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  collect("Session", await (await askFake("/api/session", { headers: { cookie } })).json());
  collect("LoggedOut", await (await askFake("/api/session", { method: "DELETE" })).json());
  const headers = { authorization: "Bearer t" };
  const create = { method: "POST", body: '{"name":"mara","role":"operator"}', headers };
  collect("CreatedToken", await (await askFake("/api/tokens", create)).json());
  const list = await (await askFake("/api/tokens", { headers })).json();
  collect("TokenList", list);
  collect("Token", ...list.tokens);
  const audit = await (await askFake("/api/audit", { headers })).json();
  collect("AuditList", audit);
  collect("AuditEntry", ...audit.entries);
  api.close();
};

const collectWorkers = async (): Promise<void> => {
  const { api, ask: askFake } = await fakeApiWithWorkers();
  const list = (await (await askFake("/api/workers")).json()) as { readonly workers: readonly unknown[] };
  collect("WorkerList", list);
  collect("Worker", ...list.workers);
  api.close();
};

const healthyAnswer = async (): Promise<unknown> => {
  const { api, ask: askFake } = fakeApi();
  const body: unknown = await (await askFake("/api/health")).json();
  api.close();
  return body;
};

const collectFailures = async (): Promise<void> => {
  collect("InvalidRequest", (await ask(petit, "/api/runs?limit=abc")).body);
  collect("NotFound", (await ask(petit, "/api/jobs/hello_wrld")).body);
  collect("MethodNotAllowed", (await ask(petit, "/api/jobs", { method: "DELETE" })).body);
  collect("Conflict", (await post(petit, "/api/jobs/gated/trigger")).body);
  const body = " ".repeat(1024 * 1024 + 1);
  collect("PayloadTooLarge", (await ask(petit, "/api/jobs/hello_world/trigger", { method: "POST", body })).body);
  const endless = new ReadableStream({ start: (sent) => sent.enqueue(new TextEncoder().encode("{")) });
  collect("RequestTimeout", (await ask(petit, "/api/hooks/hooked/token", { method: "POST", body: endless })).body);
  await post(petit, "/api/jobs/long/trigger");
  collect("TooManyRequests", (await post(petit, "/api/jobs/long/trigger")).body);
  const headers = { origin: "https://example.com" };
  collect("Forbidden", (await ask(petit, "/api/jobs", { headers })).body);
  const fake = fakeApi({ token: "t" });
  collect("Unauthorized", await (await fake.ask("/api/jobs")).json());
  const authorized = { headers: { authorization: "Bearer t" } };
  fake.engine.listJobs = () => {
    throw new Error("no");
  };
  collect("InternalError", await (await fake.ask("/api/jobs", authorized)).json());
  fake.engine.listJobs = () => {
    throw refuse({ reason: "not_running", state: "stopping" });
  };
  collect("ServiceUnavailable", await (await fake.ask("/api/jobs", authorized)).json());
  fake.api.close();
};

/** Returns where `example` has another shape than `answer`, one path per line; null and an empty list fit anything. */
const differences = (example: unknown, answer: unknown, at = "$"): readonly string[] => {
  if (example === null || answer === null) return [];
  if (Array.isArray(example) && Array.isArray(answer)) return listDifferences(example, answer, at);
  if (typeof example !== "object" || typeof answer !== "object")
    return typeof example === typeof answer ? [] : [`${at}: ${typeof example}, not ${typeof answer}`];
  const [left, right] = [new Map(Object.entries(example)), new Map(Object.entries(answer))];
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((key) =>
    left.has(key) && right.has(key)
      ? differences(left.get(key), right.get(key), `${at}.${key}`)
      : [`${at}.${key} is only in the ${left.has(key) ? "example" : "answer"}`],
  );
};

/** Every item of the example must have the shape of some item of the answer. */
const listDifferences = (example: readonly unknown[], answer: readonly unknown[], at: string): readonly string[] =>
  example.flatMap((item, index) => {
    const found = answer.map((each) => differences(item, each, `${at}[${index}]`));
    return found.find((each) => each.length === 0) ?? found[0] ?? [];
  });

/** A map whose keys are names, such as params by name, is compared by its values. */
const NAMED = new Set(["params", "outputs", "event"]);

const withoutNames = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNames);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      NAMED.has(key) && typeof each === "object" && each !== null
        ? Object.values(each).map(withoutNames)
        : withoutNames(each),
    ]),
  );
};

const examples = (): readonly (readonly [title: string, example: unknown])[] =>
  Object.entries(document.components.schemas ?? {}).flatMap(([title, schema]) =>
    ((schema.examples ?? []) as unknown[]).map((example) => [title, example] as const),
  );

/** Schemas of requests, which are never an answer. */
const REQUESTS = new Set([
  "TriggerRequest",
  "McpMessage",
  "HookTest",
  "BackfillRequest",
  "DecisionRequest",
  "RetryRequest",
  "LoginRequest",
  "AcknowledgeRequest",
  "SnoozeRequest",
  "OwnerRequest",
  "NoteRequest",
  "CreateTokenRequest",
  "RotateTokenRequest",
]);

describe("every example in the description of the API", () => {
  test("has the shape of a real answer", () => {
    const checked = examples().filter(([title]) => !REQUESTS.has(title));
    expect(checked.length).toBeGreaterThan(20);
    for (const [title, example] of checked) {
      const answers = real.get(title) ?? [];
      expect([title, answers.length > 0]).toEqual([title, true]);
      const found = answers.map((answer) => differences(withoutNames(example), withoutNames(answer)));
      expect([title, found.find((each) => each.length === 0) ?? found[0]]).toEqual([title, []]);
    }
  });

  test("of a failure is a real answer, but for the ids in it", () => {
    const idsRemoved = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value).replaceAll(/hello_wrld|\bhello\b|hello_world|\blong\b/g, "ID"));
    const failures = examples().filter(([, example]) => /^[A-Z_]+$/.test(String(Object(example).code)));
    expect(failures.length).toBe(12);
    for (const [title, example] of failures)
      expect([title, real.get(title)?.map(idsRemoved)]).toEqual([title, [idsRemoved(example)]]);
  });

  test("of a request is accepted", async () => {
    const request = examples().find(([title]) => title === "TriggerRequest")?.[1];
    const { status } = await post(petit, "/api/jobs/hello_world/trigger", Object(request));
    expect([200, 429]).toContain(status);
  });
});
