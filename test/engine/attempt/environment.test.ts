import { describe, expect, test } from "bun:test";
import type { Job } from "../../../src/domain/job.ts";
import { command, job, param, program, retry, schedule } from "../../support/engine/factories.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { startEngine } from "../../support/engine/started-engine.ts";

/** Returns the environment of a task. */
const parse = (output: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    output
      .split("\0")
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );

const showing = command("t", "env", { args: ["-0"] });

const environmentOf = async (
  given: Partial<Job> = {},
  options: { params?: Record<string, string>; own?: Record<string, string> } = {},
) => {
  await using petit = await startEngine({
    jobs: [job("show", { tasks: [showing], ...given })],
    environment: { PATH: process.env.PATH ?? "", HOME: "/home", ...options.own },
  });
  const finished = await petit.run("show", options.params);
  expect(finished.run.status).toBe("completed");
  return { ...finished, dir: petit.dir, environment: parse(finished.output()) };
};

/** Variables that a shell may set. */
const without = (environment: Readonly<Record<string, string>>) => {
  const { PWD, OLDPWD, SHLVL, _, ...rest } = environment;
  return rest;
};

describe("a task's environment", () => {
  test("identifies the job, the run, the task and the attempt", async () => {
    const { run, environment, dir } = await environmentOf({ inheritEnvironment: false });
    expect(without(environment)).toEqual({
      PETIT_JOB_ID: "show",
      PETIT_RUN_ID: run.id,
      PETIT_TASK_ID: "t",
      PETIT_ARTIFACTS: `${dir}/spool/1/artifacts`,
      PETIT_ATTEMPT: "1",
      PETIT_TRIGGER: "manual",
      PETIT_OUTPUT: `${dir}/spool/1.outputs`,
    });
  });

  test("contains every variable of the job; the wrapper's shell uses none", async () => {
    const own = { PETIT_SIGNAL: "1", PETIT_STATUS: "1", PS4: "x" };
    const { environment } = await environmentOf({ environment: own });
    expect(environment).toMatchObject(own);
  });

  test("inherits petit's environment without petit's own settings", async () => {
    const own = {
      KEPT: "kept",
      LANG: "C.UTF-8",
      NOTIFY: "kept",
      PETIT_API_TOKEN: "secret",
      PETIT_DB: "x",
      NOTIFY_SOCKET: "/run/x",
      WATCHDOG_USEC: "1",
      WATCHDOG_PID: "1",
      CREDENTIALS_DIRECTORY: "/run/c",
      BUN_BE_BUN: "1",
      BUN_OPTIONS: "--hot",
    };
    const { environment } = await environmentOf({}, { own });
    expect(environment).toMatchObject({ KEPT: "kept", LANG: "C.UTF-8", NOTIFY: "kept", HOME: "/home" });
    const names = Object.keys(environment).filter((name) => name in own);
    expect(names.sort()).toEqual(["KEPT", "LANG", "NOTIFY"]);
  });

  test("inherits nothing if the job disables it", async () => {
    const { environment } = await environmentOf({ inheritEnvironment: false }, { own: { SECRET: "x" } });
    expect(environment).not.toHaveProperty("SECRET");
    expect(environment).not.toHaveProperty("HOME");
  });

  test("is overridden by the job, then the task, then petit", async () => {
    const { environment } = await environmentOf(
      {
        environment: { A: "job", B: "job", PETIT_RUN_ID: "job", PETIT_PARAM_P: "job" },
        params: { p: param({ default: "param" }) },
        tasks: [{ ...showing, environment: { B: "task", C: "task", PETIT_JOB_ID: "task" } }],
      },
      { own: { A: "own", B: "own", C: "own", D: "own" } },
    );
    expect(environment).toMatchObject({ A: "job", B: "task", C: "task", D: "own", PETIT_JOB_ID: "show" });
    expect(environment).toMatchObject({ PETIT_PARAM_P: "param" });
    expect(environment.PETIT_RUN_ID).not.toBe("job");
  });

  test("may contain variables that are not inherited", async () => {
    const environment = { NOTIFY_SOCKET: "mine", BUN_OPTIONS: "" };
    const { environment: seen } = await environmentOf({ environment }, { own: { NOTIFY_SOCKET: "petit's" } });
    expect(seen).toMatchObject(environment);
  });

  test("contains params and config by upper-case names, with JSON for maps and lists", async () => {
    const { environment } = await environmentOf(
      {
        params: { "my-day.x": param(), level: param({ default: "fast" }), none: param() },
        config: { batch_size: 1000, "on/off": true, nothing: null, list: [1, "a"], map: { a: { b: 1 } }, text: "tëxt" },
      },
      { params: { "my-day.x": "a b\nc" } },
    );
    const own = Object.entries(environment).filter(([name]) => /^PETIT_(PARAM|CONFIG)_/.test(name));
    expect(Object.fromEntries(own)).toEqual({
      PETIT_PARAM_MY_DAY_X: "a b\nc",
      PETIT_PARAM_LEVEL: "fast",
      PETIT_CONFIG_BATCH_SIZE: "1000",
      PETIT_CONFIG_ON_OFF: "true",
      PETIT_CONFIG_NOTHING: "",
      PETIT_CONFIG_LIST: '[1,"a"]',
      PETIT_CONFIG_MAP: '{"a":{"b":1}}',
      PETIT_CONFIG_TEXT: "tëxt",
    });
  });

  test("contains the number of the attempt", async () => {
    const tasks = [command("t", "sh", { args: ["-c", "echo $PETIT_ATTEMPT; exit 1"], retry: retry(2) })];
    await using petit = await startEngine({ jobs: [job("show", { tasks })] });
    expect((await petit.run("show")).output()).toBe("1\n2\n3\n");
  });

  test("contains the occurrence of a scheduled run, in UTC", async () => {
    const clock = new FakeClock();
    const every = schedule("0 7 * * *", { timezone: "America/New_York" });
    await using petit = await startEngine({ clock, jobs: [job("show", { schedule: every, tasks: [showing] })] });
    await clock.pass(60_000);
    await clock.pass(86_400_000);
    const { runId } = await petit.event("run.finished");
    expect(parse(petit.read(runId ?? expect.unreachable()).output())).toMatchObject({
      PETIT_TRIGGER: "schedule",
      PETIT_SCHEDULED_FOR: "2026-01-16T12:00:00.000Z",
      PETIT_INTERVAL_START: "2026-01-15T12:00:00.000Z",
      PETIT_INTERVAL_END: "2026-01-16T12:00:00.000Z",
    });
  });

  test("does not make programs that a typescript task starts run as Bun", async () => {
    const text =
      'const { BUN_BE_BUN = "", ...rest } = process.env;\nconsole.log(Object.keys(rest).filter((name) => name.startsWith("BUN_")).length);';
    await using petit = await startEngine({ jobs: [job("show", { tasks: [program("t", "typescript", { text })] })] });
    expect((await petit.run("show")).output()).toBe("0\n");
  });
});
