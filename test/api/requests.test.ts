import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { ask, post, raw, runToEnd, start } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { isDeno } from "../support/runtime-command.ts";

const JOBS = {
  "jobs.yaml": `
id: hello
tasks: [{id: only, type: shell, script: "echo hello"}]
---
id: reload
tasks: [{id: only, type: command, command: "true"}]
---
id: fails
tasks: [{id: only, type: shell, script: "exit 3"}]
---
id: gated
depends_on: [fails]
tasks: [{id: only, type: command, command: "true"}]
---
id: limited
max_concurrency: 1
tasks: [{id: only, type: command, command: sleep, args: ["60"]}]
`,
};

const UNKNOWN_RUN = "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60";

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS });
});
afterAll(() => petit[Symbol.asyncDispose]());

const failure = (code: string, details?: object) => ({
  error: expect.stringMatching(/\w+ \w+/),
  code,
  ...(details === undefined ? {} : { details }),
});

const noJob = expect.objectContaining({ reason: "job_not_found", job_id: expect.any(String) });
const noRun = { reason: "run_not_found", run_id: expect.any(String) };
const invalid = (place: string, name: unknown) => ({
  reason: "invalid_value",
  in: place,
  name,
  problem: expect.any(String),
});

describe("an unknown", () => {
  const JOB_IDS = [
    "none",
    "HELLO",
    "hello%20",
    "..%2f..%2fetc%2fpasswd",
    "..%5c..%5cetc",
    "%252e%252e%252f",
    ".hidden",
    "-rf",
    "%00",
    "%0a",
    "%zz",
    "%ff",
    "hello%00",
    "h%C3%A9llo",
    "__proto__",
    "constructor",
    "toString",
    "a".repeat(129),
    "a".repeat(4000),
    "%27%3B%20DROP%20TABLE%20runs%3B--",
    "$(id)",
  ];

  test.each(JOB_IDS)("job %p is 404 on every route", async (id) => {
    for (const path of [
      `/api/jobs/${id}`,
      `/api/jobs/${id}/runs`,
      `/api/jobs/${id}/occurrences`,
      `/api/jobs/${id}/definition`,
    ]) {
      const { status, body } = await ask(petit, path);
      expect([path, status]).toEqual([path, 404]);
      expect(body).toEqual(failure("NOT_FOUND", noJob));
    }
    expect(await post(petit, `/api/jobs/${id}/trigger`)).toMatchObject({
      status: 404,
      body: failure("NOT_FOUND", noJob),
    });
  });

  const RUN_IDS = [
    UNKNOWN_RUN,
    "none",
    "1",
    "..%2f..%2fetc%2fpasswd",
    `${UNKNOWN_RUN}0`,
    UNKNOWN_RUN.slice(1),
    `%7B${UNKNOWN_RUN}%7D`,
    UNKNOWN_RUN.replaceAll("-", ""),
    `${UNKNOWN_RUN}%00`,
    "%zz",
    "a".repeat(4000),
  ];

  test.each(RUN_IDS)("or malformed run id %p is 404 on every route", async (id) => {
    for (const path of [
      `/api/runs/${id}`,
      `/api/runs/${id}/tasks`,
      `/api/runs/${id}/logs`,
      `/api/runs/${id}/lines`,
      `/api/runs/${id}/lines/search?q=x`,
      `/api/runs/${id}/lines/errors`,
      `/api/runs?before=${id}`,
    ]) {
      const { status, body } = await ask(petit, path);
      expect([path, status]).toEqual([path, 404]);
      expect(body).toEqual(failure("NOT_FOUND", noRun));
    }
    for (const path of [`/api/runs/${id}/cancel`, `/api/runs/${id}/retry`, `/api/runs/${id}/retry?from=start`]) {
      expect(await post(petit, path)).toMatchObject({ status: 404, body: failure("NOT_FOUND", noRun) });
    }
  });

  test.each([
    "/api",
    "/api/",
    "/api/job",
    "/api/jobs/hello/nothing",
    "/api/runs/x/y/z",
    "/API/jobs",
    "/favicon.ico",
    "/api//jobs",
    "/api/jobs/hello//runs",
  ])("route %p is 404 for every method", async (path) => {
    for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH"]) {
      const { status, body } = await ask(petit, path, { method });
      expect([method, status]).toEqual([method, 404]);
      expect(body).toEqual(failure("NOT_FOUND"));
    }
  });
});

describe("a path", () => {
  test.each([
    "GET /api/jobs/../../etc/passwd HTTP/1.1",
    "GET /api/../../../etc/passwd HTTP/1.1",
    "GET /../../../../etc/passwd HTTP/1.1",
    "GET /api/jobs/..;/..;/etc/passwd HTTP/1.1",
    "GET /api/runs/../jobs/none HTTP/1.1",
    "GET \\..\\..\\etc\\passwd HTTP/1.1",
  ])("%p is a 404", async (line) => {
    const answer = await raw(petit.url, `${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(answer).not.toContain("root:");
  });
});

describe("a wrong method", () => {
  const ALLOWED: readonly (readonly [string, string])[] = [
    ["/api/health", "GET, HEAD"],
    ["/api/jobs", "GET, HEAD"],
    ["/api/jobs/hello", "GET, HEAD"],
    ["/api/jobs/hello/", "GET, HEAD"],
    ["/api/jobs/hello/runs", "GET, HEAD"],
    ["/api/jobs/hello/occurrences", "GET, HEAD"],
    ["/api/jobs/hello/definition", "GET, HEAD"],
    ["/api/notifications", "GET, HEAD"],
    ["/api/system", "GET, HEAD"],
    [`/api/runs/${UNKNOWN_RUN}/lines`, "GET, HEAD"],
    [`/api/runs/${UNKNOWN_RUN}/lines/search`, "GET, HEAD"],
    [`/api/runs/${UNKNOWN_RUN}/lines/errors`, "GET, HEAD"],
    ["/api/jobs/hello/trigger", "POST"],
    ["/api/jobs/reload", "GET, HEAD, POST"],
    ["/api/runs", "GET, HEAD"],
    [`/api/runs/${UNKNOWN_RUN}`, "GET, HEAD"],
    [`/api/runs/${UNKNOWN_RUN}/tasks`, "GET, HEAD"],
    [`/api/runs/${UNKNOWN_RUN}/logs`, "GET, HEAD"],
    [`/api/runs/${UNKNOWN_RUN}/cancel`, "POST"],
    [`/api/runs/${UNKNOWN_RUN}/retry`, "POST"],
    ["/api/events", "GET, HEAD"],
    ["/api/scheduler/state", "GET, HEAD"],
    ["/api/scheduler/pause", "POST"],
    ["/api/scheduler/resume", "POST"],
    ["/api/openapi.json", "GET, HEAD"],
    ["/api/docs", "GET, HEAD"],
    ["/metrics", "GET, HEAD"],
  ];

  test.each(ALLOWED)("for %s is 405, and Allow is %s", async (path, allow) => {
    for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"].filter((each) => !allow.includes(each))) {
      const { status, headers, body } = await ask(petit, path, { method });
      expect([method, status]).toEqual([method, 405]);
      expect(headers.get("allow")).toBe(allow);
      expect(body).toEqual(failure("METHOD_NOT_ALLOWED"));
    }
  });

  test("is HEAD on a path with POST only", async () => {
    const response = await petit.fetch("/api/jobs/hello/trigger", { method: "HEAD" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST");
    expect(await response.text()).toBe("");
  });
});

describe("HEAD", () => {
  test.each([
    "/api/health",
    "/api/jobs",
    "/api/jobs/hello",
    "/api/jobs/none",
    "/api/runs",
    "/api/openapi.json",
    "/api/docs",
    "/nowhere",
  ])("of %s is GET without the body", async (path) => {
    const got = await petit.fetch(path);
    const size = (await got.arrayBuffer()).byteLength;
    const head = await petit.fetch(path, { method: "HEAD" });
    expect(head.status).toBe(got.status);
    expect(head.headers.get("content-type")).toBe(got.headers.get("content-type"));
    expect(head.headers.get("content-length")).toBe(String(size));
    expect(await head.text()).toBe("");
  });

  test("of a stream ends immediately", async () => {
    const run = await runToEnd(petit, "hello");
    for (const path of ["/api/events", `/api/runs/${run.id}/logs?follow=true`]) {
      const answer = await raw(petit.url, `HEAD ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect(answer).toStartWith("HTTP/1.1 200 ");
      expect(answer.split("\r\n\r\n")[1]).toBe("");
    }
  });
});

describe("a query", () => {
  test.each([
    ["/api/runs", "limit=0"],
    ["/api/runs", "limit=1001"],
    ["/api/runs", "limit=-1"],
    ["/api/runs", "limit=abc"],
    ["/api/runs", "limit="],
    ["/api/runs", "limit=1.5"],
    ["/api/runs", "limit=1e2"],
    ["/api/runs", "limit=0x10"],
    ["/api/runs", "limit=%2010"],
    ["/api/runs", "limit=99999999999999999999"],
    ["/api/runs", "limit=NaN"],
    ["/api/runs", "limt=5"],
    ["/api/runs", "status=done"],
    ["/api/runs", "status="],
    ["/api/runs", "id=123"],
    ["/api/runs", "id=hello_world"],
    ["/api/runs", "__proto__=1"],
    ["/api/jobs/hello/runs", "limit=0"],
    ["/api/jobs/hello/runs", "limit=1001"],
    ["/api/jobs/hello/runs", "limit=x"],
    ["/api/jobs/hello/runs", "status=Completed"],
    ["/api/jobs/hello/runs", "offset=5"],
  ])("that is invalid is 400, and the error names it: %s?%s", async (path, query) => {
    const { status, body } = await ask(petit, `${path}?${query}`);
    expect(status).toBe(400);
    const [name] = query.split("=");
    expect(body).toEqual(failure("INVALID_REQUEST", invalid("query", name)));
    expect(body.error).toContain(`'${name}'`);
  });

  test.each(["limit=1", "limit=1000", "limit=007", "status=completed&limit=5", ""])(
    "that is valid is answered: ?%s",
    async (query) => {
      expect((await ask(petit, `/api/runs?${query}`)).status).toBe(200);
    },
  );
});

describe("a body", () => {
  const trigger = (body: BodyInit, headers: HeadersInit = {}) =>
    ask(petit, "/api/jobs/hello/trigger", { method: "POST", body, headers });

  test.each([
    "{",
    "}",
    '{"params":}',
    "params",
    "params=1",
    "null",
    "[]",
    '"text"',
    "5",
    "true",
    '{"params":null}',
    '{"params":[]}',
    '{"params":"x"}',
    '{"params":5}',
    '{"params":{"a":null}}',
    '{"params":{"a":{}}}',
    '{"params":{"a":["x"]}}',
    '{"param":{}}',
    '{"params":{},"wait":5}',
    '{"__proto__":{"params":{}}}',
    '{"constructor":{}}',
    `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    '{"params":{}} {"params":{}}',
    "\u0000",
  ])("that does not fit is 400: %p", async (text) => {
    const { status, body } = await trigger(text);
    expect(status).toBe(400);
    expect(body).toEqual(failure("INVALID_REQUEST", invalid("body", expect.any(String))));
    expect(body.error.length).toBeLessThan(300);
  });

  test.each(['{"\\ud800":1}', `{"params":"${"a".repeat(79)}😀"}`])(
    "that an error quotes leaves the error readable for strict parsers: %p",
    async (text) => {
      const response = await petit.fetch("/api/jobs/hello/trigger", { method: "POST", body: text });
      expect(response.status).toBe(400);
      expect(await response.text()).not.toContain("\\ud");
    },
  );

  test("that is not UTF-8 is 400", async () => {
    const bytes = new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]);
    expect(await trigger(bytes)).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
  });

  test.each([
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "nonsense",
  ])("is read as JSON with content type %s", async (type) => {
    expect((await trigger('{"params":{}}', { "content-type": type })).status).toBe(200);
    expect((await trigger("{", { "content-type": type })).status).toBe(400);
  });

  test.each(["", " ", "{}", '{"params":{}}', '\ufeff{"params":{}}'])("can be %p", async (text) => {
    expect((await trigger(text)).status).toBe(200);
  });

  test("of 1 MiB is read, and a larger one is 413", async () => {
    const padded = (size: number): string => `{"params":{}${" ".repeat(size - 13)}}`;
    expect((await trigger(padded(1024 * 1024))).status).toBe(200);
    expect(await trigger(padded(1024 * 1024 + 1))).toMatchObject({ status: 413, body: failure("PAYLOAD_TOO_LARGE") });
    expect(await trigger(padded(20_000_000))).toMatchObject({ status: 413, body: failure("PAYLOAD_TOO_LARGE") });
  });

  test("that says it is larger is 413 before it is sent, on every path", async () => {
    for (const line of ["POST /api/jobs/hello/trigger", "POST /api/scheduler/resume", "GET /api/jobs"]) {
      const head = `${line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000000000\r\n\r\n`;
      const answer = await raw(petit.url, head, (text) => text.endsWith("}"));
      expect(answer).toStartWith("HTTP/1.1 413 ");
      expect(answer).toContain('"code":"PAYLOAD_TOO_LARGE"');
    }
  });

  test("that is incomplete logs no error", async () => {
    const head = "POST /api/jobs/hello/trigger HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{";
    const { hostname, port } = new URL(petit.url);
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write(head, () => socket.destroy()));
      socket.on("close", () => resolve());
    });
    expect((await ask(petit, "/api/health")).status).toBe(200);
    expect(petit.stderr()).not.toContain('"level":"error"');
  });

  test("in chunks that exceed the limit is 413", async () => {
    const chunk = "x".repeat(100_000);
    const source = new ReadableStream<string>({
      pull: (controller) => controller.enqueue(chunk),
    });
    const body = source.pipeThrough(new TextEncoderStream());
    const answer = await trigger(body).catch((error: unknown) => error);
    if (!(answer instanceof Error)) expect(answer).toMatchObject({ status: 413, body: failure("PAYLOAD_TOO_LARGE") });
    expect((await ask(petit, "/api/health")).status).toBe(200);
  });
});

describe("a trigger that conflicts with the state", () => {
  test("is 409 for a job whose gate is shut", async () => {
    await runToEnd(petit, "fails");
    const { status, body } = await post(petit, "/api/jobs/gated/trigger");
    expect(status).toBe(409);
    const gate = { job_id: "fails", condition: "last_success", window_ms: null, newest_status: "failed" };
    expect(body).toEqual(failure("CONFLICT", { reason: "gates_shut", gates: [gate] }));
    expect(body.error).toContain("fails");
  });

  test("is 429 with Retry-After at the limit of runs", async () => {
    const runId = await start(petit, "limited");
    const { status, headers, body } = await post(petit, "/api/jobs/limited/trigger");
    expect(status).toBe(429);
    const limit = { reason: "limit_reached", limit: "max_concurrency", job_id: "limited", max: 1, running: 1 };
    expect(body).toEqual(failure("TOO_MANY_REQUESTS", limit));
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    await post(petit, `/api/runs/${runId}/cancel`);
  });
});

describe("every answer", () => {
  const ANSWERS: readonly (readonly [string, string, number])[] = [
    ["GET", "/api/health", 200],
    ["GET", "/api/jobs", 200],
    ["GET", "/api/jobs/none", 404],
    ["GET", "/nowhere", 404],
    ["DELETE", "/api/jobs", 405],
    ["GET", "/api/runs?limit=0", 400],
    ["POST", "/api/scheduler/resume", 200],
    ["GET", "/api/openapi.json", 200],
  ];

  test.each(ANSWERS)("has its own request id and the security headers: %s %s", async (method, path, status) => {
    const first = await petit.fetch(path, { method });
    const second = await petit.fetch(path, { method });
    expect(first.status).toBe(status);
    expect(first.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(first.headers.get("x-request-id")).not.toBe(second.headers.get("x-request-id"));
    expect(first.headers.get("x-content-type-options")).toBe("nosniff");
    expect(first.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(first.headers.get("cache-control")).toBe("no-store");
    expect(first.headers.get("access-control-allow-origin")).toBeNull();
    expect(first.headers.get("content-type")).toStartWith("application/json");
    expect(first.headers.get("x-powered-by")).toBeNull();
  });
});

describe("a Host over the wire", () => {
  const hosts: readonly (readonly [string, string])[] = [
    ["foreign", "Host: example.com\r\n"],
    ["an address that is none", "Host: 127.999.999.999\r\n"],
    ["with a port that is none", "Host: localhost:99999\r\n"],
    ["with a user", "Host: localhost@example.com\r\n"],
    ["with a path", "Host: localhost/@example.com\r\n"],
  ];

  test.each([
    ["foreign first", "Host: example.com\r\nHost: localhost\r\n"],
    ["foreign second", "Host: localhost\r\nHost: example.com\r\n"],
    ["twice the same", "Host: localhost\r\nHost: localhost\r\n"],
    ["in two cases", "host: localhost\r\nHOST: example.com\r\n"],
  ])("that occurs twice, %s, is refused: with 400 by Deno's parser, otherwise with 403", async (_name, lines) => {
    for (const line of ["POST /api/jobs/hello/trigger", "HEAD /api/jobs"]) {
      const answer = await raw(petit.url, `${line} HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`);
      expect(answer).toStartWith(isDeno ? "HTTP/1.1 400 " : "HTTP/1.1 403 ");
      expect(answer.includes('"code":"FORBIDDEN"')).toBe(!isDeno && line.startsWith("POST"));
    }
  });

  test.each(hosts)("that is %s is 403", async (_name, lines) => {
    const answer = await raw(petit.url, `POST /api/jobs/hello/trigger HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`);
    expect(answer).toStartWith("HTTP/1.1 403 ");
    expect(answer).toContain('"code":"FORBIDDEN"');
    const head = await raw(petit.url, `HEAD /api/jobs HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`);
    expect(head).toStartWith("HTTP/1.1 403 ");
  });

  test.each(["HTTP/1.0", "HTTP/1.1"])("that is missing is refused in %s", async (version) => {
    const answer = await raw(petit.url, `GET /api/jobs ${version}\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.[01] 40[03] /);
    expect(answer).not.toContain("hello");
  });

  test("is not replaced by the host of an absolute request target", async () => {
    const answer = await raw(
      petit.url,
      "GET http://localhost/api/jobs HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n",
    );
    expect(answer).toStartWith("HTTP/1.1 403 ");
  });

  test("with bytes that are invalid in a URL is 403, also for HEAD", async () => {
    for (const method of ["GET", "HEAD", "POST"]) {
      const answer = await raw(
        petit.url,
        `${method} /api/jobs HTTP/1.1\r\nHost: \u00e8 <>^%\r\nConnection: close\r\n\r\n`,
      );
      expect([method, answer.slice(0, 13)]).toEqual([method, "HTTP/1.1 403 "]);
    }
  });

  test("that names petit is answered", async () => {
    for (const host of ["localhost", "127.0.0.1:8565", "[::1]:1"]) {
      const answer = await raw(petit.url, `GET /api/jobs HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(answer).toStartWith("HTTP/1.1 200 ");
    }
  });
});
