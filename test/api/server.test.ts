import { describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { openRuntime } from "#runtime";
import { type ServerOptions, startServer } from "../../src/api/server.ts";
import type { ApiToken } from "../../src/domain/people/token.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { type Log, silentLog } from "../../src/lib/log.ts";
import type { HttpServer, ServeOptions } from "../../src/runtime/runtime.ts";
import { FakeClock } from "../support/engine/fake-clock.ts";
import { ask, post, readEvents, start, take } from "../support/petit/api.ts";
import { fakeApi } from "../support/petit/api-fake.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";

const serve = ({
  tokens = [],
  ...options
}: Partial<ServerOptions> & { readonly tokens?: readonly ApiToken[] } = {}) => {
  const { auth, engine, store, system } = fakeApi({ tokens });
  return startServer({
    engine,
    store,
    log: silentLog,
    clock: systemClock,
    version: "0.0.0",
    host: "127.0.0.1",
    port: 0,
    auth,
    corsOrigins: [],
    allowedHosts: [],
    hostname: "machine",
    system,
    runtime: openRuntime(),
    maxConnections: 100,
    ...options,
  });
};

const codeOf = async (started: Promise<unknown>): Promise<string> => {
  const error: unknown = await started.then(
    () => new Error("it was started"),
    (reason: unknown) => reason,
  );
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
};

describe("the server", () => {
  test("reports its address, and stops", async () => {
    const server = await serve();
    const url = `http://127.0.0.1:${server.port}/api/health`;
    expect((await fetch(url)).status).toBe(200);
    await server.stop(1000);
    expect(
      await fetch(url).then(
        () => "answered",
        () => "refused",
      ),
    ).toBe("refused");
  });

  test("logs at most once a minute how many connections it closed at the limit", async () => {
    const clock = new FakeClock();
    const lines: unknown[] = [];
    const log: Log = { ...silentLog, warn: (fields) => lines.push(fields) };
    let report = (_: number): void => {};
    const runtime = {
      serve: ({ onClosed }: ServeOptions): HttpServer => {
        report = onClosed;
        return { hostname: "127.0.0.1", port: 1, stop: async () => {} };
      },
    };
    await serve({ clock, log, runtime, maxConnections: 7 });
    for (const count of [3, 2, 1]) report(count);
    await clock.pass(60_000);
    report(1);
    expect(lines).toEqual([
      { closed: 3, max_connections: 7 },
      { closed: 4, max_connections: 7 },
    ]);
  });

  test("does not share a port that is in use", async () => {
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, "127.0.0.1", () => {
        const address = other.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
    expect(await codeOf(serve({ port }))).toBe("taken");
    other.close();
    const first = await serve();
    expect(await codeOf(serve({ port: first.port }))).toBe("taken");
    await first.stop(0);
  });

  test("refuses to bind an address that other machines can reach without a token", async () => {
    expect(await codeOf(serve({ host: "0.0.0.0" }))).toBe("invalid_request");
    const server = await serve({ host: "0.0.0.0", tokens: [{ name: null, role: "admin", token: "secret" }] });
    expect((await fetch(`http://127.0.0.1:${server.port}/api/jobs`)).status).toBe(401);
    await server.stop(0);
  });

  test("reports an address that this machine does not have", async () => {
    expect(await codeOf(serve({ host: "192.0.2.1", tokens: [{ name: null, role: "admin", token: "secret" }] }))).toBe(
      "invalid_request",
    );
  });

  test("ends its streams when it stops", async () => {
    const server = await serve();
    const response = await fetch(`http://127.0.0.1:${server.port}/api/events`);
    const read = response.text();
    const before = performance.now();
    await server.stop(10_000);
    expect(await read).toBe(": petit\n\n");
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

const JOBS = { "jobs.yaml": "id: slow\ntasks: [{id: a, type: shell, script: 'echo ready; exec sleep 60'}]" };

describe("a server that is stopping", () => {
  test("refuses triggers with 503 and Retry-After, and still answers reads", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    const runId = await start(petit, "slow");
    await take(
      readEvents(
        await petit.fetch(`/api/runs/${runId}/logs?follow=true`, { headers: { accept: "text/event-stream" } }),
      ),
      1,
    );
    const stopped = petit.stop();
    const refused = await until(async () => {
      const answer = await post(petit, "/api/jobs/slow/trigger");
      return answer.status === 200 ? null : answer;
    });
    expect(refused).toMatchObject({ status: 503, body: { code: "SERVICE_UNAVAILABLE" } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await ask(petit, `/api/runs/${runId}`)).body.status).toBe("running");
    expect((await ask(petit, "/api/scheduler/state")).body).toEqual({
      state: "stopped",
      is_running: false,
      is_paused: false,
      paused_at: null,
      paused_by: null,
    });
    expect((await post(petit, `/api/runs/${runId}/retry?from=start`)).body.code).toMatch(
      /SERVICE_UNAVAILABLE|CONFLICT/,
    );
    process.kill(petit.pid, "SIGTERM");
    expect(await stopped).toBe(0);
  });

  test("answers a request that waits for a run with the unfinished run", async () => {
    await using petit = await startPetit({ jobs: JOBS, args: ["--on-shutdown", "leave"] });
    const waiting = post(petit, "/api/jobs/slow/trigger?wait=60");
    const events = readEvents(await petit.fetch("/api/events", { headers: { "last-event-id": "0" } }));
    await take(events, 1);
    await petit.stop();
    expect((await waiting).status).toBe(202);
    await using next = await startPetit({ dir: petit.dir, jobs: JOBS });
    const { runs } = (await ask(next, "/api/runs?status=running")).body;
    for (const run of runs) await post(next, `/api/runs/${run.id}/cancel`);
  });
});

/** Repeats a request until it is answered. */
const until = async <T>(probe: () => Promise<T | null>): Promise<T> => {
  for (;;) {
    const found = await probe();
    if (found !== null) return found;
  }
};

describe("settings of the API", () => {
  const TOKEN = "a-token-of-the-environment";
  const withSettings = (run: (petit: Petit) => Promise<void>) => async () => {
    await using petit = await startPetit({
      jobs: {
        "jobs.yaml": 'id: env\ntasks: [{id: a, type: shell, script: \'env; tr "\\\\0" " " < /proc/$PPID/cmdline\'}]',
      },
      args: ["--cors-origin", "https://ops.example.com", "--allowed-host", "petit.example.com"],
      env: { PETIT_API_TOKEN: TOKEN },
    });
    await run(petit);
  };
  const authorization = `Bearer ${TOKEN}`;

  test(
    "apply: token, allowed host, origin",
    withSettings(async (petit) => {
      expect((await petit.fetch("/api/health")).status).toBe(200);
      expect((await petit.fetch("/api/jobs")).status).toBe(401);
      expect((await petit.fetch("/api/jobs", { headers: { authorization } })).status).toBe(200);
      const origin = "https://ops.example.com";
      const crossed = await petit.fetch("/api/jobs", { headers: { authorization, origin, host: "petit.example.com" } });
      expect(crossed.status).toBe(200);
      expect(crossed.headers.get("access-control-allow-origin")).toBe(origin);
    }),
  );

  test(
    "keep the token out of logs, answers and child processes",
    withSettings(async (petit) => {
      const headers = { authorization };
      const { body } = await ask(petit, "/api/jobs/env/trigger?wait=30", { method: "POST", headers });
      const log = await (await petit.fetch(`/api/runs/${body.run_id}/logs`, { headers })).text();
      expect(log).toContain("PETIT_JOB_ID=env");
      const wrong = await ask(petit, "/api/jobs", { headers: { authorization: `${authorization}x` } });
      const described = await ask(petit, "/api/openapi.json", { headers });
      for (const text of [log, petit.stderr(), JSON.stringify([body, wrong.body, described.body])])
        expect(text).not.toContain(TOKEN);
    }),
  );
});
