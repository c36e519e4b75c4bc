import { describe, expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import { newRunId } from "../../src/domain/ids.ts";
import { FakeClock } from "../support/engine/fake-clock.ts";
import { fakeApi } from "../support/petit/api-fake.ts";

/** An API whose engine is starting until `finish` is called. */
const startingApi = (token?: string) => {
  const clock = new FakeClock();
  const started = Promise.withResolvers<void>();
  const { api, engine, ask } = fakeApi(token === undefined ? { clock } : { clock, token });
  engine.phase = "starting";
  engine.started = started.promise;
  engine.currentHealth = { status: "starting", reasons: [] };
  const finish = (): void => {
    engine.phase = "running";
    engine.currentHealth = { status: "ok", reasons: [] };
    started.resolve();
  };
  return { api, clock, engine, ask, finish };
};

const json = async (response: Promise<Response>) => {
  const { status, headers } = await response;
  return { status, retryAfter: headers.get("retry-after"), body: await (await response).json() };
};

describe("while petit starts", () => {
  test("health is 503 `starting`, then 200", async () => {
    const { ask, finish } = startingApi();
    expect(await json(ask("/api/health"))).toMatchObject({ status: 503, body: { status: "starting" } });
    finish();
    expect(await json(ask("/api/health"))).toMatchObject({ status: 200, body: { status: "ok" } });
  });

  test("`/api/health/live` is 200 without a token", async () => {
    const { ask } = startingApi("secret");
    expect(await json(ask("/api/health/live"))).toMatchObject({ status: 200, body: { status: "live" } });
    expect((await ask("/api/health/live", { method: "HEAD" })).status).toBe(200);
  });

  test.each(["/api/system", "/api/scheduler/state", "/api/session", "/api/openapi.json", "/metrics"])(
    "%s is answered at once",
    async (path) => {
      const { ask } = startingApi();
      expect((await ask(path)).status).toBe(200);
    },
  );

  test("the system says that it starts", async () => {
    const { ask } = startingApi();
    expect(await json(ask("/api/system"))).toMatchObject({ body: { health: { status: "starting", reasons: [] } } });
  });

  test.each([
    ["GET", "/api/jobs/hello"],
    ["GET", "/api/jobs"],
    ["GET", "/api/attention"],
    ["GET", "/api/queues"],
    ["GET", "/api/workers"],
    ["GET", "/api/runs"],
    ["POST", "/api/jobs/hello/trigger"],
    ["POST", "/api/scheduler/pause"],
    ["POST", "/api/jobs/reload"],
  ])("%s %s waits for the end of the start, and is answered as usual", async (method, path) => {
    const { ask, finish } = startingApi();
    const answer = ask(path, { method });
    expect(await Promise.race([answer.then(() => "answered"), setImmediate("waits")])).toBe("waits");
    finish();
    expect((await answer).status).toBe(200);
  });

  test.each([
    ["POST", "/api/jobs/hello/trigger"],
    ["GET", "/api/jobs/hello"],
    ["GET", `/api/runs/${newRunId(0)}`],
  ])("%s %s is refused after ten seconds", async (method, path) => {
    const { ask, clock } = startingApi();
    const answer = json(ask(path, { method }));
    await clock.pass(9_999);
    expect(await Promise.race([answer.then(() => "answered"), setImmediate("waits")])).toBe("waits");
    await clock.pass(1);
    expect(await answer).toMatchObject({
      status: 503,
      retryAfter: "5",
      body: { code: "SERVICE_UNAVAILABLE", details: { reason: "not_running", state: "starting" } },
    });
  });

  test("a request without the token is refused at once", async () => {
    const { ask } = startingApi("secret");
    expect((await ask("/api/jobs/hello")).status).toBe(401);
  });

  test("a close of the API ends the waits", async () => {
    const { api, ask } = startingApi();
    const answer = ask("/api/jobs/hello");
    api.close();
    expect((await answer).status).toBe(503);
  });
});

test("health is 503 `stopping` while petit stops", async () => {
  const { ask, engine } = startingApi();
  engine.phase = "stopping";
  engine.currentHealth = { status: "stopping", reasons: [] };
  expect(await json(ask("/api/health"))).toMatchObject({ status: 503, body: { status: "stopping" } });
  expect((await ask("/api/health/live")).status).toBe(200);
  expect((await ask("/api/jobs/hello")).status).toBe(200);
});
