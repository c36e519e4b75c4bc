import { describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import { join } from "node:path";
import { ask, post } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";

const HELLO = "id: hello\ntasks: [{id: a, type: command, command: 'true'}]\n";
const BROKEN = "id: broken\ntasks:\n  - {id: a, type: command, commnd: 'true'}\n";

type Setting = { readonly name: string; readonly [field: string]: unknown };
const settingOf = (body: { readonly settings: readonly Setting[] }, name: string) =>
  body.settings.find((setting) => setting.name === name);

describe("GET /api/system", () => {
  test("has the version, the paths and the health of petit", async () => {
    await using petit = await startPetit({ jobs: { "hello.yaml": HELLO } });
    const { body } = await ask(petit, "/api/system");
    expect(body.started_at).toBeWithin(Date.now() - 60_000, Date.now() + 1);
    expect(body.uptime_ms).toBeWithin(1, 60_000);
    expect(body.now - body.started_at).toBeWithin(1, 60_000);
    expect(body.database.bytes).toBeGreaterThan(0);
    for (const place of [body.database, body.artifacts, body.spool]) expect(place.free_bytes).toBeGreaterThan(0);
    expect(body.artifacts).toMatchObject({ path: `${petit.dbPath}-artifacts`, bytes: 0 });
    expect(body.spool.path).toBe(`${petit.dbPath}-spool`);
    expect(body).toMatchObject({
      version: (await ask(petit, "/api/health")).body.version,
      runtime: { name: expect.stringMatching(/^(bun|deno)$/), version: expect.stringMatching(/^\d+\.\d+/) },
      sqlite_version: expect.stringMatching(/^3\.\d+\.\d+$/),
      target: `${process.platform}-${process.arch}`,
      hostname: hostname(),
      pid: petit.pid,
      database: { path: petit.dbPath },
      jobs_dir: petit.jobsDir,
      jobs: 1,
      runs: { running: 0, pending: 0 },
      waiting_notifications: 0,
      scheduler: { state: "running", is_running: true, is_paused: false, paused_at: null, paused_by: null },
      health: { status: "ok", reasons: [] },
      problems: [],
      needs_token: false,
    });
    await post(petit, "/api/scheduler/pause");
    expect((await ask(petit, "/api/system")).body.scheduler.state).toBe("paused");
  });

  test("has each setting with its source", async () => {
    await using petit = await startPetit({
      args: ["--max-tasks", "7", "--url", "http://me:s3cret@127.0.0.1:9"],
      env: { PETIT_KILL_GRACE: "90s" },
    });
    const { body } = await ask(petit, "/api/system");
    expect(settingOf(body, "max_tasks")).toEqual({
      name: "max_tasks",
      value: 7,
      origin: "flag",
      from: "--max-tasks",
      text: "7",
      doc: "Maximum number of concurrent tasks in a run.",
    });
    expect(settingOf(body, "kill_grace")).toMatchObject({
      value: "1m30s",
      origin: "environment",
      from: "PETIT_KILL_GRACE",
    });
    expect(settingOf(body, "jobs_dir")).toMatchObject({ value: petit.jobsDir, origin: "flag", from: "JOBS_DIR" });
    expect(settingOf(body, "log_limit")).toMatchObject({ value: "16MiB", origin: "default", from: null });
    expect(settingOf(body, "timezone")).toMatchObject({ value: null, text: "the system's" });
    expect(settingOf(body, "url")).toMatchObject({ value: "http://…@127.0.0.1:9" });
  });

  test("lists problems of job files with file, line and column", async () => {
    await using petit = await startPetit({ jobs: { "hello.yaml": HELLO, "deep/broken.yaml": BROKEN } });
    const { body } = await ask(petit, "/api/system");
    expect(body.health.status).toBe("degraded");
    expect(body.health.reasons).toMatchObject([{ code: "job_file_broken", file: join("deep", "broken.yaml") }]);
    expect(body.problems[0]).toEqual({
      file: join("deep", "broken.yaml"),
      line: 3,
      column: expect.any(Number),
      path: expect.stringContaining("tasks[0]"),
      message: expect.any(String),
    });
  });

  test("requires the token if there is one, and does not contain it", async () => {
    await using petit = await startPetit({ env: { PETIT_API_TOKEN: "s3cret-s3cret-s3cret" } });
    expect((await ask(petit, "/api/system")).status).toBe(401);
    const { status, body } = await ask(petit, "/api/system", {
      headers: { authorization: "Bearer s3cret-s3cret-s3cret" },
    });
    expect(status).toBe(200);
    expect(body.needs_token).toBe(true);
    expect(JSON.stringify(body)).not.toContain("s3cret");
  });
});
