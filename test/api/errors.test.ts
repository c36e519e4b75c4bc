import { afterAll, describe, expect, test } from "bun:test";
import type { FailureCode } from "../../src/api/shapes/failure.ts";
import { type ErrorCode, PetitError } from "../../src/domain/errors.ts";
import type { StorageFault } from "../../src/domain/health.ts";
import { refuse } from "../../src/domain/refusal.ts";
import type { Log } from "../../src/lib/log.ts";
import { silentLog } from "../../src/lib/log.ts";
import { jobId } from "../support/engine/factories.ts";
import { fakeApi } from "../support/petit/api-fake.ts";

type Line = { readonly fields: Readonly<Record<string, unknown>>; readonly message: string };
const logged: Line[] = [];
const log: Log = { ...silentLog, error: (fields, message) => void logged.push({ fields, message }) };

const { api, engine, ask } = fakeApi({ log });
afterAll(() => api.close());

const triggerThrows = async (error: unknown) => {
  logged.length = 0;
  const { trigger } = engine;
  engine.trigger = () => {
    throw error;
  };
  const response = await ask("/api/jobs/hello/trigger?wait=7", { method: "POST" });
  engine.trigger = trigger;
  return response;
};

describe("an error of the engine", () => {
  const TABLE: readonly (readonly [ErrorCode, number, FailureCode])[] = [
    ["not_found", 404, "NOT_FOUND"],
    ["dependency_not_met", 409, "CONFLICT"],
    ["conflict", 409, "CONFLICT"],
    ["limit_reached", 429, "TOO_MANY_REQUESTS"],
    ["not_running", 503, "SERVICE_UNAVAILABLE"],
    ["storage_failed", 503, "SERVICE_UNAVAILABLE"],
    ["invalid_request", 400, "INVALID_REQUEST"],
  ];

  test.each(TABLE)("%s is answered %d %s, with its message", async (code, status, failure) => {
    const response = await triggerThrows(new PetitError(code, "why it is so"));
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: "why it is so", code: failure });
    expect(logged).toEqual([]);
  });

  test.each(["limit_reached", "not_running", "storage_failed"] as const)("%s has Retry-After", async (code) => {
    expect(Number((await triggerThrows(new PetitError(code, "")))?.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  const UNFORESEEN: readonly (readonly [string, unknown])[] = [
    ["unusable_database", new PetitError("unusable_database", "secret detail")],
    ["taken", new PetitError("taken", "secret detail")],
    ["an Error", new Error("secret detail")],
    ["a TypeError", new TypeError("secret detail")],
    [
      "an error with a code and a status",
      Object.assign(new Error("secret detail"), { code: "NOT_FOUND", status: 404 }),
    ],
    ["a string", "secret detail"],
    ["an object", { error: "secret detail", status: 200 }],
    ["null", null],
    ["undefined", undefined],
  ];

  test.each(UNFORESEEN)("%s is a 500 without its message, and is logged under the request id", async (_name, error) => {
    const response = await triggerThrows(error);
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code: "INTERNAL_ERROR" });
    expect(text).not.toContain("secret");
    expect(logged).toHaveLength(1);
    expect(logged[0]?.fields.request_id).toBe(response.headers.get("x-request-id"));
    // A query may contain secrets.
    expect(logged[0]?.fields.path).toBe("/api/jobs/hello/trigger");
    if (error instanceof Error) expect(logged[0]?.fields.err).toBe(error);
  });
});

describe("an answer that does not match its schema", () => {
  test("is a 500, and is logged", async () => {
    logged.length = 0;
    const { listJobs } = engine;
    for (const wrong of [{ nextRunAt: 1.5 }, { nextRunAt: "soon" }, { running: -1 }]) {
      engine.listJobs = () => listJobs().map((view) => Object.assign({ ...view }, wrong));
      const response = await ask("/api/jobs");
      expect(response.status).toBe(500);
      expect(await response.json()).toEqual({ error: expect.any(String), code: "INTERNAL_ERROR" });
    }
    engine.listJobs = listJobs;
    expect(logged).toHaveLength(3);
    expect((await ask("/api/jobs")).status).toBe(200);
  });
});

describe("health", () => {
  test("is 200 with its reasons if it is degraded", async () => {
    const place = { file: "broken.yaml", line: 1, column: 2, path: "", problem: "it is empty", problems: 3 };
    const undelivered = { jobId: jobId("hello"), since: 1_767_225_600_000, count: 2 };
    engine.currentHealth = {
      status: "degraded",
      reasons: [
        { code: "job_file_broken", ...place },
        { code: "reload_failed", error: "no events" },
        { code: "notifications_undelivered", ...undelivered },
      ],
    };
    const response = await ask("/api/health");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      status: "degraded",
      version: "0.0.0",
      reasons: [
        {
          code: "job_file_broken",
          message: "job file is broken: broken.yaml:1:2: it is empty (and 2 more)",
          ...place,
        },
        {
          code: "reload_failed",
          message: "the job files could not be reloaded; trying again: no events",
          error: "no events",
        },
        {
          code: "notifications_undelivered",
          message: "2 notifications of job 'hello' could not be delivered since 2026-01-01T00:00:00.000Z",
          job_id: "hello",
          since: 1_767_225_600_000,
          count: 2,
        },
      ],
    });
  });

  const FAULTS: readonly (readonly [StorageFault, string, object])[] = [
    [{ code: "disk_full" }, "the disk is full", {}],
    [{ code: "database_locked", pid: 17 }, "it is locked by process 17", { pid: 17 }],
    [{ code: "database_locked", pid: null }, "it is locked by another program", { pid: null }],
    [{ code: "database_deleted", path: "/p.db" }, "/p.db was removed; put it back, or ", { path: "/p.db" }],
    [{ code: "database_replaced", path: "/p.db" }, "/p.db was replaced by another file; ", { path: "/p.db" }],
    [
      { code: "database_unwritable", sqliteCode: "SQLITE_IOERR", error: "disk I/O error" },
      "disk I/O error (SQLITE_IOERR)",
      { sqlite_code: "SQLITE_IOERR", error: "disk I/O error" },
    ],
  ];

  test.each(FAULTS)("is 503 with the reason %p, which a refused trigger has too", async (fault, sentence, data) => {
    engine.currentHealth = { status: "unavailable", reasons: [fault] };
    const response = await ask("/api/health");
    expect(response.status).toBe(503);
    const body = await response.json();
    const reason = { code: fault.code, message: expect.stringContaining(sentence), ...data };
    expect(body).toEqual({ status: "unavailable", version: "0.0.0", reasons: [reason] });
    expect((await ask("/api/system")).status).toBe(200);
    const refused = await triggerThrows(refuse({ reason: "storage_failed", fault }));
    expect(await refused.json()).toEqual({
      error: body.reasons[0].message,
      code: "SERVICE_UNAVAILABLE",
      details: { reason: "storage_failed", storage: body.reasons[0] },
    });
  });

  test("has no reasons if it is ok", async () => {
    engine.currentHealth = { status: "ok", reasons: [] };
    expect(await (await ask("/api/health")).json()).toEqual({ status: "ok", version: "0.0.0" });
  });
});

describe("the scheduler's state", () => {
  test.each([
    ["running", true, false],
    ["paused", false, true],
    ["stopped", false, false],
  ] as const)("is reported as %s", async (state, is_running, is_paused) => {
    engine.state = state;
    const body = await (await ask("/api/scheduler/state")).json();
    expect(body).toEqual({ state, is_running, is_paused, paused_at: null, paused_by: null });
  });
});
