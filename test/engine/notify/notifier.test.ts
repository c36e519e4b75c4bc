import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { defaultEvents, type WebhookTarget } from "../../../src/domain/notification.ts";
import { command, items, job, schedule, shell } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { startEngine } from "../../support/engine/started-engine.ts";
import { receiver } from "../../support/receiver.ts";
import { recordingLog } from "../../support/recording-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

const webhook = (url: WebhookTarget["url"], given: Partial<WebhookTarget> = {}): WebhookTarget => ({
  type: "webhook",
  url,
  on: defaultEvents("webhook"),
  headers: {},
  secret: null,
  timeoutMs: 10_000,
  ...given,
});

const check = (url: WebhookTarget["url"], given: Partial<WebhookTarget> = {}): WebhookTarget =>
  webhook(url, { type: "healthchecks", on: defaultEvents("healthchecks"), ...given });

const failing = [shell("work", "echo first; echo 'it broke' >&2; exit 3")];

const eventsOf = (received: readonly { readonly body: string }[]): readonly string[] =>
  received.map(({ body }) => JSON.parse(body).event);

describe("a webhook", () => {
  test("receives a failure with the run, the failed tasks and the log tail", async () => {
    await using hook = receiver();
    const tasks = [...failing, command("after", "true", { after: ["work"] })];
    await using petit = await startEngine({
      jobs: [
        job("nightly", {
          tasks,
          links: { runbook: "https://example.com/runbook" },
          notify: [webhook(`${hook.url}/a?b=c`)],
        }),
      ],
    });
    const { run } = await petit.run("nightly");
    const [one] = await hook.first(1);
    expect(one).toMatchObject({ method: "POST", path: "/a?b=c" });
    expect(one?.headers.get("content-type")).toBe("application/json");
    expect(one?.headers.get("petit-event")).toBe("failure");
    expect(one?.headers.get("petit-delivery")).toMatch(/^[0-9a-f-]{36}$/);
    expect(one?.headers.get("petit-signature")).toBeNull();
    expect(JSON.parse(one?.body ?? "")).toEqual({
      event: "failure",
      at: run.endedAt,
      job: { id: "nightly", name: "nightly" },
      url: null,
      links: { runbook: "https://example.com/runbook" },
      run: {
        id: run.id,
        status: "failed",
        reason: "exit_code",
        error: "task 'work' failed: exit code 3",
        trigger: "manual",
        triggered_by: null,
        cancelled_by: null,
        scheduled_for: null,
        started_at: run.startedAt,
        ended_at: run.endedAt,
        duration_ms: (run.endedAt ?? 0) - (run.startedAt ?? 0),
      },
      failed_tasks: [{ task_id: "work", reason: "exit_code", error: "exit code 3", exit_code: 3, attempts: 1 }],
      error_lines: ["it broke"],
      log_tail: expect.stringContaining("it broke\n"),
      missed: null,
      late: null,
      stale: null,
      approval: null,
    });
  });

  test("receives the causes of several failed items, with their number and keys", async () => {
    await using hook = receiver();
    const script = 'echo "error: connection to $PETIT_ITEM refused" >&2; [ "$PETIT_ITEM" = fine ]';
    const work = shell("work", script, { items: items(["web-3", "fine", "web-7", "web-9"]) });
    await using petit = await startEngine({
      jobs: [job("nightly", { tasks: [work], notify: [webhook(hook.url)] })],
    });
    await petit.run("nightly");
    const [one] = await hook.first(1);
    expect(JSON.parse(one?.body ?? "").error_lines).toEqual([
      "3 × error: connection to web-3 refused: web-3, web-7, web-9",
    ]);
  });

  test("receives the task first that explains the failure, and its line", async () => {
    await using hook = receiver();
    const cleans = shell("cleans", "echo 'rm: cannot remove x: No such file' >&2; exit 2", {
      after: ["main"],
      condition: "all_done",
    });
    const main = shell("main", "echo 'fatal: the disk is full' >&2; exit 3");
    await using petit = await startEngine({
      jobs: [job("nightly", { tasks: [cleans, main], notify: [webhook(hook.url)] })],
    });
    await petit.run("nightly");
    const [one] = await hook.first(1);
    expect(JSON.parse(one?.body ?? "")).toMatchObject({
      run: { error: "task 'main' failed: exit code 3 (and 1 more)" },
      failed_tasks: [{ task_id: "main" }, { task_id: "cleans" }],
      error_lines: ["fatal: the disk is full"],
    });
  });

  test("receives a recovery, and not every success", async () => {
    await using hook = receiver();
    const tasks = [shell("work", 'exit "$PETIT_PARAM_STATUS"')];
    const params = { status: { description: null, default: "0", required: false, enum: null, pattern: null } };
    await using petit = await startEngine({ jobs: [job("j", { tasks, params, notify: [webhook(hook.url)] })] });
    for (const status of ["0", "1", "1", "0", "0", "1", "0"]) await petit.run("j", { status });
    expect(eventsOf(await hook.first(5))).toEqual(["failure", "failure", "recovery", "failure", "recovery"]);
    await petit.stop("drain");
    expect(hook.received).toHaveLength(5);
  });

  test("receives the start and every end that it subscribes to, in order", async () => {
    await using hook = receiver();
    const notify = [webhook(hook.url, { on: ["started", "success", "cancelled"] })];
    const jobs = [
      job("quick", { notify }),
      job("slow", { notify, tasks: [command("wait", "sleep", { args: ["60"] })] }),
    ];
    await using petit = await startEngine({ jobs });
    await petit.run("quick");
    expect(eventsOf(await hook.first(2))).toEqual(["started", "success"]);
    const run = await petit.trigger("slow", { by: "ada" });
    await petit.engine.cancel(run.id, "ben");
    await petit.ended(run.id);
    const later = (await hook.first(4)).slice(2);
    expect(eventsOf(later)).toEqual(["started", "cancelled"]);
    const [started, ended] = later.map(({ body }) => JSON.parse(body).run);
    expect(started).toMatchObject({ id: run.id, status: "running", triggered_by: "ada", cancelled_by: null });
    expect(started.ended_at).toBeNull();
    expect(ended).toMatchObject({ id: run.id, status: "cancelled", triggered_by: "ada", cancelled_by: "ben" });
  });

  test("receives one notification per end: a recovery instead of a success", async () => {
    await using hook = receiver();
    const notify = [webhook(hook.url, { on: ["failure", "recovery", "success"] })];
    await using dir = tempDirAsync();
    const flag = `${dir.path}/ok`;
    await using petit = await startEngine({
      jobs: [job("j", { notify, tasks: [command("t", "cat", { args: [flag] })] })],
    });
    await petit.run("j");
    writeFileSync(flag, "");
    await petit.run("j");
    await petit.run("j");
    expect(eventsOf(await hook.first(3))).toEqual(["failure", "recovery", "success"]);
  });

  test("can verify by the signature that petit sent it, and when", async () => {
    await using hook = receiver();
    using dir = tempDir();
    writeFileSync(dir.file("secret"), "s3cret\n");
    const notify = [
      webhook(`${hook.url}/env`, { secret: { env: "PETIT_HOOK" } }),
      webhook(`${hook.url}/file`, { secret: { file: "secret" } }),
    ];
    const source = { file: "j.yaml", line: 1, folder: dir.path };
    const environment = { PATH: process.env.PATH ?? "", PETIT_HOOK: "s3cret" };
    await using petit = await startEngine({ jobs: [job("j", { notify, tasks: failing, source })], environment });
    await petit.run("j");
    for (const { headers, body } of await hook.first(2)) {
      const [, seconds, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers.get("petit-signature") ?? "") ?? [];
      expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(60);
      expect(digest).toBe(createHmac("sha256", "s3cret").update(`${seconds}.${body}`).digest("hex"));
    }
  });

  test("receives the headers of its entry, literal and from other sources", async () => {
    await using hook = receiver();
    const headers = { "X-Plain": "plain", Authorization: { env: "HOOK_TOKEN" } };
    const environment = { PATH: process.env.PATH ?? "", HOOK_TOKEN: "Bearer t0ken", HOOK_URL: `${hook.url}/secret` };
    const notify = [webhook({ env: "HOOK_URL" }, { headers })];
    await using petit = await startEngine({ jobs: [job("j", { notify, tasks: failing })], environment });
    await petit.run("j");
    const [one] = await hook.first(1);
    expect(one?.path).toBe("/secret");
    expect(one?.headers.get("x-plain")).toBe("plain");
    expect(one?.headers.get("authorization")).toBe("Bearer t0ken");
  });

  test("receives one notification for all occurrences that were missed together", async () => {
    await using hook = receiver();
    using dir = tempDir();
    const clock = new FakeClock(NOON);
    const jobs = [
      job("j", {
        schedule: schedule("* * * * *", { catchup: "none" }),
        notify: [webhook(hook.url, { on: ["missed"] })],
      }),
    ];
    await using before = await startEngine({ jobs, dir: dir.path, clock });
    await before.stop("drain");
    clock.step(30 * 60_000);
    await using petit = await startEngine({ jobs, dir: dir.path, clock });
    const [one] = await hook.first(1);
    expect(JSON.parse(one?.body ?? "")).toMatchObject({
      event: "missed",
      run: null,
      missed: { count: 30, occurrences: { length: 20, 19: { scheduled_for: NOON + 30 * 60_000, reason: "down" } } },
    });
    await petit.stop("drain");
    expect(hook.received).toHaveLength(1);
  });
});

describe("a receiver", () => {
  test("that fails gets the same sending again", async () => {
    await using hook = receiver((_received, index) => new Response(null, { status: index === 0 ? 500 : 204 }));
    const log = recordingLog();
    await using petit = await startEngine({ jobs: [job("j", { tasks: failing, notify: [webhook(hook.url)] })], log });
    await petit.run("j");
    const [first, second] = await hook.first(2);
    expect(second?.body).toBe(first?.body ?? "");
    expect(second?.headers.get("petit-delivery")).toBe(first?.headers.get("petit-delivery") ?? "");
    expect(log.text()).toContain("answered 500");
    expect(petit.store.notifications.listWaitingChannels().length).toBeLessThanOrEqual(1);
  });

  test.each([400, 401, 404, 410, 301, 302, 307])("that answers %p gets no retry", async (status) => {
    const headers = { location: "/elsewhere" };
    await using hook = receiver(() => new Response(null, { status, headers }));
    const log = recordingLog();
    await using petit = await startEngine({ jobs: [job("j", { tasks: failing, notify: [webhook(hook.url)] })], log });
    await petit.run("j");
    await log.holds("was given up");
    expect(petit.store.notifications.listWaitingChannels()).toEqual([]);
    expect(hook.received).toHaveLength(1);
    expect(log.text()).toContain(`answered ${status}`);
  });

  test.each([408, 425, 429, 500, 503])("that answers %p gets a retry", async (status) => {
    await using hook = receiver((_received, index) => new Response(null, { status: index === 0 ? status : 200 }));
    await using petit = await startEngine({ jobs: [job("j", { tasks: failing, notify: [webhook(hook.url)] })] });
    await petit.run("j");
    expect(await hook.first(2)).toHaveLength(2);
  });

  test("that does not respond is given up at the timeout", async () => {
    const silence = Promise.withResolvers<Response>();
    await using hook = receiver((_received, index) => (index === 0 ? silence.promise : new Response("ok")));
    const log = recordingLog();
    const notify = [webhook(hook.url, { timeoutMs: 50 })];
    await using petit = await startEngine({ jobs: [job("j", { tasks: failing, notify })], log });
    await petit.run("j");
    await hook.first(2);
    silence.resolve(new Response("late"));
    expect(log.text()).toContain("no answer within 50ms");
  });

  test("that is unavailable delays no run and no other receiver, and gets everything in order later", async () => {
    const away = receiver();
    const { url } = away;
    await away[Symbol.asyncDispose]();
    await using hook = receiver();
    const on = ["success"] as const;
    const jobs = [job("far", { notify: [webhook(url, { on })] }), job("near", { notify: [webhook(hook.url, { on })] })];
    using dir = tempDir();
    await using petit = await startEngine({ jobs, dir: dir.path });
    const runs: string[] = [];
    for (let count = 0; count < 5; count++) runs.push((await petit.run("far")).run.id);
    await petit.run("near");
    await hook.first(1);
    await petit.stop("drain");
    await using back = receiver(undefined, Number(new URL(url).port));
    await using next = await startEngine({ jobs, dir: dir.path });
    expect((await back.first(5)).map(({ body }) => JSON.parse(body).run.id)).toEqual(runs);
    await next.stop("drain");
  });
});

describe("a sending that was not sent before petit ended", () => {
  test("is stored in the transaction that ends the run", async () => {
    await using hook = receiver();
    await using petit = await startEngine({ jobs: [job("j", { tasks: failing, notify: [webhook(hook.url)] })] });
    const queued: (readonly string[])[] = [];
    petit.engine.onEvent(({ type }) => {
      if (type === "run.finished") queued.push(petit.store.notifications.listWaitingChannels());
    });
    await petit.run("j");
    expect(queued).toEqual([[expect.stringMatching(/^[0-9a-f]{32}$/)]]);
    await hook.first(1);
  });

  test("is sent by the next process", async () => {
    await using hook = receiver();
    using dir = tempDir();
    const jobs = [job("j", { tasks: failing, notify: [webhook({ env: "HOOK" })] })];
    // Without the variable it can't be sent and waits.
    await using before = await startEngine({ jobs, dir: dir.path });
    const { run } = await before.run("j");
    await before.stop("leave");
    const environment = { PATH: process.env.PATH ?? "", HOOK: hook.url };
    await using petit = await startEngine({ jobs, dir: dir.path, environment });
    const [one] = await hook.first(1);
    expect(JSON.parse(one?.body ?? "").run.id).toBe(run.id);
    await petit.stop("drain");
    expect(hook.received).toHaveLength(1);
  });

  test("is sent by the next process with the same id if it was being sent", async () => {
    const silence = Promise.withResolvers<Response>();
    await using hook = receiver((_received, index) => (index === 0 ? silence.promise : new Response("ok")));
    using dir = tempDir();
    const jobs = [job("j", { tasks: failing, notify: [webhook(hook.url)] })];
    await using before = await startEngine({ jobs, dir: dir.path });
    await before.run("j");
    await hook.first(1);
    await before.stop("now");
    await using petit = await startEngine({ jobs, dir: dir.path });
    const [first, second] = await hook.first(2);
    silence.resolve(new Response("late"));
    expect(second?.headers.get("petit-delivery")).toBe(first?.headers.get("petit-delivery") ?? "");
    await petit.stop("drain");
  });

  test("is sent during the stop if possible", async () => {
    await using hook = receiver();
    await using petit = await startEngine({ jobs: [job("j", { tasks: failing, notify: [webhook(hook.url)] })] });
    await petit.run("j");
    await petit.stop("drain");
    expect(hook.received).toHaveLength(1);
  });
});

describe("a healthchecks entry", () => {
  test("pings the start and the success", async () => {
    await using hook = receiver();
    await using petit = await startEngine({ jobs: [job("j", { notify: [check(`${hook.url}/ping/uuid/`)] })] });
    const { run } = await petit.run("j");
    const pings = await hook.first(2);
    expect(pings.map(({ method, path, body }) => [method, path, body])).toEqual([
      ["POST", `/ping/uuid/start?rid=${run.id}`, ""],
      ["POST", `/ping/uuid?rid=${run.id}`, ""],
    ]);
  });

  test("pings the exit status of a failure with the last 10 kB of its log", async () => {
    await using hook = receiver();
    const script = 'i=0; while [ $i -lt 2000 ]; do echo "line $i é"; i=$((i+1)); done; exit 7';
    const notify = [check(`${hook.url}/key/slug?create=1`)];
    await using petit = await startEngine({ jobs: [job("j", { notify, tasks: [shell("t", script)] })] });
    const { run, output } = await petit.run("j");
    const [start, end] = await hook.first(2);
    expect(start?.path).toBe(`/key/slug/start?create=1&rid=${run.id}`);
    expect(end?.path).toBe(`/key/slug/7?create=1&rid=${run.id}`);
    expect(output().endsWith(end?.body ?? "-")).toBe(true);
    expect(Buffer.byteLength(end?.body ?? "")).toBeGreaterThan(9_990);
    expect(Buffer.byteLength(end?.body ?? "")).toBeLessThanOrEqual(10_000);
  });

  test.each([
    ["a signal", [shell("t", "kill -9 $$")], "fail", "task 't' failed: ended by SIGKILL"],
    ["no process", [command("t", "/nowhere/program")], "fail", "task 't' failed"],
  ])("pings %s as a failure", async (_what, tasks, suffix, body) => {
    await using hook = receiver();
    await using petit = await startEngine({ jobs: [job("j", { notify: [check(`${hook.url}/u`)], tasks })] });
    const { run } = await petit.run("j");
    const end = (await hook.first(2))[1];
    expect(end?.path).toBe(`/u/${suffix}?rid=${run.id}`);
    expect(end?.body).toContain(body);
  });

  test("logs a cancelled run without changing the state of the check", async () => {
    await using hook = receiver();
    const tasks = [command("t", "sleep", { args: ["60"] })];
    await using petit = await startEngine({ jobs: [job("j", { notify: [check(`${hook.url}/u`)], tasks })] });
    const run = await petit.trigger("j");
    await petit.engine.cancel(run.id);
    const end = (await hook.first(2))[1];
    expect(end).toMatchObject({ path: `/u/log?rid=${run.id}`, body: "cancelled" });
  });
});

describe("secrets", () => {
  test("are neither in the log nor in the database, whatever fails", async () => {
    using dir = tempDir();
    await using hook = receiver(() => new Response("refused by s3cret", { status: 400 }));
    const log = recordingLog();
    const environment = {
      PATH: process.env.PATH ?? "",
      HOOK: `${hook.url}/s3cret`,
      GONE: "http://127.0.0.1:1/s3cret",
      WRONG: "ftp://s3cret",
      TOKEN: "s3cret",
    };
    const parts = { headers: { "X-Token": { env: "TOKEN" } }, secret: { env: "TOKEN" } };
    const notify = ["HOOK", "GONE", "WRONG", "UNSET"].map((env) => webhook({ env }, parts));
    await using petit = await startEngine({
      jobs: [job("j", { tasks: failing, notify })],
      dir: dir.path,
      environment,
      log,
    });
    await petit.run("j");
    await log.holds("notify[0]", "was given up");
    await log.holds("notify[1]", "can't be reached");
    await log.holds("notify[2]", "its URL is invalid");
    await log.holds("notify[3]", "the variable UNSET is not set");
    expect(log.text()).not.toContain("s3cret");
    await petit.stop("drain");
    for (const name of ["petit.db", "petit.db-wal"]) {
      const file = dir.file(name);
      if (existsSync(file)) expect(readFileSync(file).includes("s3cret")).toBe(false);
    }
  });

  test("in a URL of the job file are not in the log", async () => {
    const log = recordingLog();
    const notify = [webhook("http://127.0.0.1:1/services/s3cret?key=s3cret")];
    await using petit = await startEngine({ jobs: [job("j", { tasks: failing, notify })], log });
    await petit.run("j");
    await log.holds("http://127.0.0.1:1/…");
    expect(log.text()).not.toContain("s3cret");
  });

  test("that are missing are logged when petit starts", async () => {
    const log = recordingLog();
    const notify = [webhook({ env: "HOOK" }, { secret: { file: "none" }, headers: { A: { env: "A_TOKEN" } } })];
    await using _petit = await startEngine({ jobs: [job("j", { notify })], log });
    expect(log.text()).toContain("notify[0].url of j cannot be used: the variable HOOK is not set");
    expect(log.text()).toContain("notify[0].secret of j cannot be used: the file /none can't be read (ENOENT)");
    expect(log.text()).toContain("notify[0].headers.A of j cannot be used: the variable A_TOKEN is not set");
  });
});

const tempDirAsync = (): AsyncDisposable & { readonly path: string } => {
  const dir = tempDir();
  return { path: dir.path, [Symbol.asyncDispose]: async () => dir[Symbol.dispose]() };
};
