import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type RequestListener, type Server } from "node:http";
import { type Client, createClient } from "../../src/client/client.ts";
import { ClientError } from "../../src/client/error.ts";
import { runToEnd } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";

const JOBS = `id: hello
schedule: "@hourly"
tasks: [{id: greet, type: shell, script: 'echo hello; echo bye'}]
`;

let petit: Petit;
let client: Client;
let runId: string;
beforeAll(async () => {
  petit = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch", "--edit"] });
  client = createClient({ base: petit.url });
  runId = (await runToEnd(petit, "hello")).id;
});
afterAll(() => petit[Symbol.asyncDispose]());

/** Returns the failure of a request. */
const failureOf = async (request: Promise<unknown>): Promise<ClientError["failure"]> => {
  const error = await request.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof ClientError) return error.failure;
  throw error;
};

type OtherServer = AsyncDisposable & { readonly base: string };

const startOther = async (listener: RequestListener): Promise<OtherServer> => {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    base: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

describe("a client", () => {
  test("cancels a request by its signal", async () => {
    await using other = await startOther(() => {});
    const ending = new AbortController();
    const request = failureOf(createClient({ base: other.base }).get("/api/jobs", { signal: ending.signal }));
    ending.abort();
    expect(await request).toMatchObject({ kind: "unreachable" });
  });

  test("recognises the responses of every path", async () => {
    const job = { params: { job_id: "hello" } };
    const run = { params: { run_id: runId } };
    expect((await client.get("/api/jobs")).jobs).toHaveLength(1);
    expect((await client.get("/api/jobs/:job_id", job)).id).toBe("hello");
    expect((await client.get("/api/jobs/:job_id/definition", job)).file).toBe("all.yaml");
    expect((await client.get("/api/jobs/:job_id/runs", job)).count).toBe(1);
    expect((await client.get("/api/jobs/:job_id/occurrences", { ...job, query: { coming: 2 } })).count).toBe(2);
    expect((await client.get("/api/runs", { query: { limit: 1, status: undefined } })).count).toBe(1);
    expect((await client.get("/api/runs/:run_id", run)).status).toBe("completed");
    expect((await client.get("/api/runs/:run_id/tasks", run)).count).toBe(1);
    expect((await client.get("/api/runs/:run_id/lines", run)).total).toBe(2);
    expect((await client.get("/api/runs/:run_id/lines/search", { ...run, query: { q: "bye" } })).matches).toHaveLength(
      1,
    );
    expect((await client.get("/api/runs/:run_id/lines/errors", run)).matches).toEqual([]);
    expect((await client.get("/api/runs/:run_id/comparison", run)).last_success).toBeNull();
    expect((await client.get("/api/attention")).items).toEqual([]);
    expect((await client.get("/api/timeline", { query: { from: 0, to: 1_000 } })).bin_ms).toBeGreaterThan(0);
    expect((await client.get("/api/stats")).runs).toBeObject();
    expect((await client.get("/api/system")).database).toBeObject();
    expect(await client.get("/api/job-schema")).toHaveProperty("properties");
    expect((await client.get("/api/job-files")).files).toHaveLength(1);
    const file = await client.get("/api/job-files/*", { params: { "*": "all.yaml" } });
    const draft = { path: "all.yaml", text: file.text, base: file.digest };
    expect((await client.post("/api/job-files/check", { body: draft })).problems).toEqual([]);
    const { path, ...change } = draft;
    expect(await client.put("/api/job-files/*", { params: { "*": path }, body: change })).toEqual({
      path,
      digest: file.digest,
    });
    expect((await client.get("/api/scheduler/state")).state).toBe("running");
    expect((await client.get("/api/notifications")).count).toBe(0);
    expect((await client.post("/api/scheduler/pause")).message).toBeString();
    expect((await client.post("/api/scheduler/resume")).message).toBeString();
    expect((await client.post("/api/jobs/reload")).problems).toEqual([]);
    expect((await client.post("/api/jobs/:job_id/trigger", { ...job, body: { params: {} } })).run_id).toBeString();
  });

  test("streams the bytes of a body", async () => {
    const bytes = await client.stream("/api/runs/:run_id/logs", { params: { run_id: runId } });
    expect(Buffer.concat(await Array.fromAsync(bytes)).toString()).toBe("hello\nbye\n");
  });

  test("sends its headers and those of the request", async () => {
    await using echo = await startOther((request, response) => response.end(JSON.stringify({ runs: request.headers })));
    const sending = createClient({ base: echo.base, headers: () => ({ authorization: "Bearer abc" }) });
    const answer: unknown = await sending.get("/api/runs", { headers: { "x-extra": "1" } });
    expect(answer).toMatchObject({ runs: { authorization: "Bearer abc", "x-extra": "1" } });
  });

  test("encodes ids in paths", async () => {
    await using echo = await startOther((request, response) => response.end(JSON.stringify({ id: request.url })));
    const answer: unknown = await createClient({ base: echo.base }).get("/api/jobs/:job_id", {
      params: { job_id: "../a b" },
    });
    expect(answer).toEqual({ id: "/api/jobs/..%2Fa%20b" });
  });
});

describe("the health of petit", () => {
  test("is a response also if it is unavailable, which is a 503", async () => {
    const body = { status: "unavailable", version: "0.1.0" };
    await using other = await startOther((_, response) => response.writeHead(503).end(JSON.stringify(body)));
    const health: unknown = await createClient({ base: other.base }).get("/api/health");
    expect(health).toEqual(body);
  });

  test("is no response if a gateway answers with a 503", async () => {
    await using gateway = await startOther((_, response) => response.writeHead(503).end('{"message": "no upstream"}'));
    const failure = await failureOf(createClient({ base: gateway.base }).get("/api/health"));
    expect(failure).toMatchObject({ kind: "unreachable", why: "gateway" });
  });
});

describe("a failed request", () => {
  test("has status, code and message of a refusal", async () => {
    const codes: string[] = [];
    const refused = createClient({ base: petit.url, onRefused: (code) => codes.push(code) });
    expect(await failureOf(refused.get("/api/jobs/:job_id", { params: { job_id: "helo" } }))).toMatchObject({
      kind: "refused",
      status: 404,
      code: "NOT_FOUND",
      message: expect.stringContaining("helo"),
    });
    expect(codes).toEqual(["NOT_FOUND"]);
  });

  test("has the details of a refusal", async () => {
    const body = { error: "no", code: "CONFLICT", details: { reason: "not_running", state: "stopping" } };
    await using other = await startOther((_, response) => response.writeHead(409).end(JSON.stringify(body)));
    const failure = await failureOf(createClient({ base: other.base }).get("/api/runs"));
    expect(failure).toMatchObject({
      kind: "refused",
      status: 409,
      details: { reason: "not_running", state: "stopping" },
    });
  });

  test("is unreachable if nothing listens", async () => {
    const failure = await failureOf(createClient({ base: "http://127.0.0.1:9" }).get("/api/runs"));
    expect(failure).toEqual({ kind: "unreachable", why: "no_connection", response: null });
  });

  test.each([502, 503, 504])("is unreachable if a gateway answers %d", async (status) => {
    await using gateway = await startOther((_, response) => response.writeHead(status).end("<html>"));
    const failure = await failureOf(createClient({ base: gateway.base }).get("/api/runs"));
    expect(failure).toMatchObject({ kind: "unreachable", why: "gateway", response: { status } });
  });

  test("is unreachable if no response comes in time", async () => {
    await using silent = await startOther(() => {});
    const failure = await failureOf(createClient({ base: silent.base, timeoutMs: 50 }).get("/api/runs"));
    expect(failure).toMatchObject({ kind: "unreachable", why: "timeout" });
  });

  test("is unreachable if the connection breaks within the body", async () => {
    await using other = await startOther((_, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write('{"runs": [', () => response.destroy());
    });
    const failure = await failureOf(createClient({ base: other.base }).get("/api/runs"));
    expect(failure).toMatchObject({ kind: "unreachable" });
  });

  test("is unreachable if a stream breaks", async () => {
    await using other = await startOther((_, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("part", () => response.destroy());
    });
    const read = async () => {
      const bytes = await createClient({ base: other.base }).stream("/api/events", {});
      return Array.fromAsync(bytes);
    };
    expect(await failureOf(read())).toMatchObject({ kind: "unreachable" });
  });

  test.each(["{}", "[]", "null", '"runs"', "<html>", ""])("is foreign if the body is %j", async (body) => {
    await using other = await startOther((_, response) => response.end(body));
    const failure = await failureOf(createClient({ base: other.base }).get("/api/runs", { query: { limit: 1 } }));
    expect(failure).toEqual({
      kind: "foreign",
      response: { status: 200, url: `${other.base}/api/runs`, contentType: null },
    });
  });

  test("is foreign if the response is a redirect, which is not followed", async () => {
    await using other = await startOther((_, response) =>
      response.writeHead(307, { location: `${petit.url}/api/runs` }).end(),
    );
    const failure = await failureOf(createClient({ base: other.base }).get("/api/runs"));
    expect(failure).toMatchObject({ kind: "foreign", response: { status: 307 } });
  });
});
