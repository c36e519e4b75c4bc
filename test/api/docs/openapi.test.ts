import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ask, readEvents, runToEnd, take } from "../../support/petit/api.ts";
import {
  type JsonSchema,
  mismatches,
  type OpenApiDocument,
  type Operation,
  resolve,
} from "../../support/petit/api-schema.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = {
  "jobs.yaml": `
id: hello
schedule: "@every 1h"
params: {day: {default: x}}
tasks: [{id: only, type: command, command: echo, args: [hello], retry: {max_attempts: 1}}]
---
id: gated
depends_on: [never]
tasks: [{id: only, type: command, command: "true"}]
---
id: never
max_concurrency: 1
tasks: [{id: only, type: shell, script: "exit 1"}]
`,
};

let petit: Petit;
let document: OpenApiDocument;
let runId: string;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
  document = (await ask(petit, "/api/openapi.json")).body;
  runId = (await runToEnd(petit, "hello")).id;
});
afterAll(() => petit[Symbol.asyncDispose]());

const operations = (): { path: string; method: string; operation: Operation }[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

const everySchema = function* (value: unknown, at = "#"): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== "object" || value === null) return;
  yield [at, value as Record<string, unknown>];
  for (const [key, each] of Object.entries(value)) yield* everySchema(each, `${at}/${key}`);
};

describe("the description of the API", () => {
  test("is OpenAPI 3.1 with the version of petit", async () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info.version).toBe((await ask(petit, "/api/health")).body.version);
  });

  test("requires a body where it has required fields, as the API does", async () => {
    const required = operations().flatMap(({ path, method, operation: { requestBody: body } }) => {
      if (body === undefined) return [];
      const [content] = Object.values(body.content);
      const fields = resolve(document, content?.schema ?? {}).required ?? [];
      expect([path, body.required]).toEqual([path, (fields as readonly string[]).length > 0]);
      return body.required ? [`${method.toUpperCase()} ${path}`] : [];
    });
    expect(required).toContain("POST /api/backfills");
    expect(required).not.toContain("POST /api/jobs/{job_id}/trigger");
    expect((await ask(petit, "/api/backfills", { method: "POST" })).status).toBe(400);
    expect((await ask(petit, "/api/jobs/hello/trigger", { method: "POST" })).status).toBe(200);
  });

  test("has every route of the API, and no other", () => {
    expect(
      operations()
        .map(({ path, method }) => `${method.toUpperCase()} ${path}`)
        .sort(),
    ).toEqual([
      "DELETE /api/attention/{entry_id}/acknowledge",
      "DELETE /api/attention/{entry_id}/note",
      "DELETE /api/attention/{entry_id}/owner",
      "DELETE /api/attention/{entry_id}/snooze",
      "DELETE /api/session",
      "DELETE /api/tokens/{name}",
      "DELETE /api/workers/{name}",
      "GET /api/attention",
      "GET /api/attention/{entry_id}",
      "GET /api/audit",
      "GET /api/backfills",
      "GET /api/backfills/{backfill_id}",
      "GET /api/deliveries",
      "GET /api/deliveries/{delivery_id}",
      "GET /api/docs",
      "GET /api/events",
      "GET /api/health",
      "GET /api/health/live",
      "GET /api/job-files",
      "GET /api/job-files/{path}",
      "GET /api/job-repository",
      "GET /api/job-repository/diff",
      "GET /api/job-schema",
      "GET /api/jobs",
      "GET /api/jobs/{job_id}",
      "GET /api/jobs/{job_id}/definition",
      "GET /api/jobs/{job_id}/deliveries",
      "GET /api/jobs/{job_id}/durations",
      "GET /api/jobs/{job_id}/occurrences",
      "GET /api/jobs/{job_id}/runs",
      "GET /api/jobs/{job_id}/task-history",
      "GET /api/jobs/{job_id}/versions",
      "GET /api/jobs/{job_id}/versions/{version}",
      "GET /api/notifications",
      "GET /api/openapi.json",
      "GET /api/queues",
      "GET /api/review",
      "GET /api/runs",
      "GET /api/runs/{run_id}",
      "GET /api/runs/{run_id}/artifacts",
      "GET /api/runs/{run_id}/artifacts/{path}",
      "GET /api/runs/{run_id}/comparison",
      "GET /api/runs/{run_id}/lines",
      "GET /api/runs/{run_id}/lines/errors",
      "GET /api/runs/{run_id}/lines/search",
      "GET /api/runs/{run_id}/logs",
      "GET /api/runs/{run_id}/tasks",
      "GET /api/runs/{run_id}/tasks/{task_id}/items",
      "GET /api/scheduler/state",
      "GET /api/search",
      "GET /api/session",
      "GET /api/session/callback",
      "GET /api/session/login",
      "GET /api/stats",
      "GET /api/system",
      "GET /api/timeline",
      "GET /api/timeline/compact",
      "GET /api/tokens",
      "GET /api/workers",
      "GET /api/workers/{name}",
      "GET /metrics",
      "POST /api/attention/{entry_id}/acknowledge",
      "POST /api/attention/{entry_id}/note",
      "POST /api/attention/{entry_id}/owner",
      "POST /api/attention/{entry_id}/snooze",
      "POST /api/backfills",
      "POST /api/backfills/{backfill_id}/cancel",
      "POST /api/backfills/{backfill_id}/pause",
      "POST /api/backfills/{backfill_id}/resume",
      "POST /api/deliveries/{delivery_id}/replay",
      "POST /api/digest/test",
      "POST /api/hooks/_jobs",
      "POST /api/hooks/{job_id}",
      "POST /api/hooks/{job_id}/{name}",
      "POST /api/job-files/check",
      "POST /api/jobs/follow",
      "POST /api/jobs/pin",
      "POST /api/jobs/reload",
      "POST /api/jobs/sync",
      "POST /api/jobs/{job_id}/hooks/test",
      "POST /api/jobs/{job_id}/notify/test",
      "POST /api/jobs/{job_id}/pause",
      "POST /api/jobs/{job_id}/resume",
      "POST /api/jobs/{job_id}/trigger",
      "POST /api/runs/{run_id}/cancel",
      "POST /api/runs/{run_id}/retry",
      "POST /api/runs/{run_id}/tasks/{task_id}/approve",
      "POST /api/runs/{run_id}/tasks/{task_id}/reject",
      "POST /api/scheduler/pause",
      "POST /api/scheduler/resume",
      "POST /api/session",
      "POST /api/tokens",
      "POST /api/tokens/{name}/rotate",
      "POST /api/workers/{name}/drain",
      "POST /api/workers/{name}/resume",
      "POST /mcp",
      "PUT /api/job-files/{path}",
    ]);
  });

  test("has the purpose and the failures of each operation", () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map((tag) => tag.name);
    for (const { path, method, operation } of operations()) {
      expect(operation.summary).toBeString();
      expect(tags).toEqual(expect.arrayContaining([...operation.tags]));
      const wanted = path.startsWith("/api/health") ? ["403", "500"] : ["401", "403", "500", "503"];
      if (path.includes("{")) wanted.push("404");
      if (method === "post") wanted.push("413");
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(wanted));
      for (const response of Object.values(operation.responses)) {
        const { description, content } = resolve(document, response);
        expect([typeof description, typeof content]).toEqual(["string", "object"]);
      }
    }
  });

  test("declares the parameters of each path, and describes every parameter", () => {
    for (const { path, operation } of operations()) {
      const inPath = operation.parameters.filter((each) => each.in === "path");
      expect(inPath.map((each) => each.name)).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ""));
      expect(inPath.every((each) => each.required)).toBe(true);
      for (const parameter of operation.parameters) expect(parameter.description.length).toBeGreaterThan(5);
    }
  });

  test.each([
    ["/api/events", "/api/events", "text/event-stream"],
    ["/api/runs/{run_id}/logs", "logs?follow=true", "text/event-stream"],
    ["/api/runs/{run_id}/logs", "logs?follow=true", "text/event-stream;chunks=base64"],
  ])("describes the records of %s as %s, %s", async (path, target, accept) => {
    const url = target === "logs?follow=true" ? `/api/runs/${runId}/${target}` : target;
    const headers = { accept, "last-event-id": "0" };
    const response = await petit.fetch(url, { headers });
    const records = await take(readEvents(response), 1);
    const { content } = resolve(document, document.paths[path]?.get?.responses[200] ?? {}) as {
      content: Record<string, { schema: JsonSchema }>;
    };
    const schema = content[accept]?.schema ?? {};
    const { properties = {} } = resolve(document, schema) as { properties?: Record<string, JsonSchema> };
    for (const { id, event, data } of records) {
      const record = "event" in properties ? { id, event, data } : { id, data };
      expect(mismatches(document, schema, record)).toEqual([]);
      expect(mismatches(document, schema, { ...record, data: "{}" })).not.toEqual([]);
    }
    expect(records).toHaveLength(1);
  });

  test("has no dangling reference and no unused component", () => {
    const used = new Set<unknown>();
    for (const [, value] of everySchema(document)) {
      if (typeof value.$ref !== "string") continue;
      resolve(document, value as JsonSchema);
      used.add(value.$ref);
    }
    const made = Object.entries(document.components).flatMap(([kind, each]) =>
      Object.keys(each).map((name) => `#/components/${kind}/${name}`),
    );
    const unused = made.filter((name) => !used.has(name) && !name.includes("securitySchemes"));
    expect(unused).toEqual(["#/components/responses/MethodNotAllowed"]);
  });

  test("has examples that match their schemas", () => {
    const { schemas = {} } = document.components;
    let checked = 0;
    for (const [name, schema] of Object.entries(schemas)) {
      for (const example of (schema.examples ?? []) as unknown[]) {
        expect([name, mismatches(document, schema, example)]).toEqual([name, []]);
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(20);
  });

  test("describes each field of the answers", () => {
    const { schemas = {} } = document.components;
    for (const [name, schema] of Object.entries(schemas)) {
      for (const [field, each] of Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>)) {
        if (field === "code" || "const" in each || /^(Problem|Failure)/.test(name)) continue;
        const described = resolve(document, each).description ?? each.description;
        expect([name, field, typeof described]).toEqual([name, field, "string"]);
      }
    }
  });
});

/** Values for any parameter: valid, nearly valid, and hostile. */
const values = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "hello",
      "gated",
      "never",
      "none",
      "20",
      "1",
      "0",
      "start",
      "true",
      "failed",
      "only",
      "stdout",
      "",
    ),
  },
  { weight: 2, arbitrary: fc.integer({ min: -5, max: 2000 }).map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "../../etc/passwd",
      "' OR 1=1--",
      "\u0000",
      "${{ job.id }}",
      "a".repeat(5000),
      "__proto__",
      "\ud83d\ude00",
    ),
  },
  { weight: 2, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 20 }).map((text) => text.toWellFormed()) },
);

const bodies = fc.oneof(
  fc.constant(undefined),
  fc.constant({}),
  fc.record({ params: fc.dictionary(fc.constantFrom("day", "other", "__proto__"), fc.jsonValue()) }),
  fc.record({ params: fc.record({ day: fc.oneof(fc.string(), fc.double(), fc.boolean()) }) }),
  fc.jsonValue(),
);

type Generated = {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  readonly body: unknown;
};

const requests = (): fc.Arbitrary<Generated> =>
  fc.constantFrom(...operations().filter(({ path }) => path !== "/api/events")).chain(({ path, method, operation }) =>
    fc
      .record({
        ids: fc.array(fc.oneof(values, fc.constantFrom("hello", runId, runId.toUpperCase())), {
          minLength: 1,
          maxLength: 1,
        }),
        query: fc.dictionary(
          fc.constantFrom(
            ...operation.parameters.filter((each) => each.in === "query").map((each) => each.name),
            "other",
          ),
          values,
          { maxKeys: 2 },
        ),
        body: bodies,
      })
      .map(({ ids, query, body }) => {
        // Skip requests that wait or follow, because they are slow and show nothing more.
        const { wait: _wait, follow: _follow, ...rest } = query;
        const search = new URLSearchParams(rest).toString();
        // An empty id, or one of dots only, would change the path.
        const id = /^\.*$/.test(ids[0] ?? "") ? "none" : (ids[0] ?? "");
        const filled = path.replace(/\{\w+\}/, encodeURIComponent(id));
        return { method, path: search === "" ? filled : `${filled}?${search}`, operation, body };
      }),
  );

describe("any request", () => {
  test("is answered as described", async () => {
    let ok = 0;
    await fc.assert(
      fc.asyncProperty(requests(), async ({ method, path, operation, body }) => {
        const sent = method === "post" && body !== undefined ? { body: JSON.stringify(body) } : {};
        const response = await petit.fetch(path, { method: method.toUpperCase(), ...sent });
        const text = await response.text();
        expect(response.status).not.toBe(500);
        if (response.ok) ok++;
        const documented = operation.responses[response.status];
        expect([path, response.status, documented !== undefined]).toEqual([path, response.status, true]);
        const { content } = resolve(document, documented ?? {}) as { content: Record<string, { schema: JsonSchema }> };
        const type = response.headers.get("content-type")?.split(";")[0] ?? "";
        expect(Object.keys(content)).toContain(type);
        if (type === "application/json")
          expect(mismatches(document, content[type]?.schema ?? {}, JSON.parse(text))).toEqual([]);
      }),
      { numRuns: 1500 },
    );
    expect(ok).toBeGreaterThan(100);
    expect((await ask(petit, "/api/health")).status).toBe(200);
  }, 60_000);
});
