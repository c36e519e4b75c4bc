import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { petit as runPetit, type TempFolder, tempFolder } from "../support/cli.ts";
import { type Agent, connectHttp, connectStdio } from "../support/mcp.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { eventually } from "../support/torture/run.ts";

const JOBS = {
  "jobs.yaml": `id: greet
schedule: "@daily"
params: {name: {required: true, pattern: "^[a-z]+$"}}
tasks: [{id: only, type: shell, script: 'echo "hello $PETIT_PARAM_NAME"'}]
---
id: slow
tasks: [{id: only, type: shell, script: "exec sleep 120"}]
---
id: broken
tasks: [{id: first, type: command, command: "true"}, {id: second, type: command, command: "false", depends_on: [first]}]
---
id: single
max_concurrency: 1
tasks: [{id: only, type: shell, script: "exec sleep 120"}]
---
id: gated
depends_on: [slow]
tasks: [{id: only, type: command, command: "true"}]
`,
};

const CHANGES = ["trigger", "retry", "cancel", "pause_job", "resume_job"];

let folder: TempFolder;
let petit: Petit;
const tokens = new Map<string, string>();

const createToken = async (role: string): Promise<void> => {
  const { stdout } = await runPetit(["tokens", "create", role, "--role", role, "--db", `${folder.path}/petit.db`]);
  tokens.set(role, stdout.trim());
  folder.write(`${role}.token`, stdout);
};

const overHttp = (role: string): Promise<Agent> => connectHttp({ url: petit.url, token: tokens.get(role) ?? "" });

const overStdio = (role: string, args: readonly string[]): Promise<Agent> =>
  connectStdio({ url: petit.url, args: ["--token-file", `${folder.path}/${role}.token`, ...args] });

const ask = async (path: string): Promise<Record<string, unknown>> =>
  (await petit.fetch(path, { headers: { authorization: `Bearer ${tokens.get("admin")}` } })).json();

beforeAll(async () => {
  folder = tempFolder();
  for (const role of ["viewer", "operator", "admin"]) await createToken(role);
  petit = await startPetit({ dir: folder.path, jobs: JOBS, args: ["--mcp-write"] });
});

afterAll(async () => {
  await petit?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
});

const changesOf = async (agent: Agent): Promise<readonly string[]> =>
  (await agent.toolNames()).filter((name) => CHANGES.includes(name));

describe("the tools that change something", () => {
  test("are there for an operator, if --mcp-write allows it", async () => {
    await using operator = await overHttp("operator");
    await using viewer = await overHttp("viewer");
    await using writing = await overStdio("operator", ["--mcp-write"]);
    await using reading = await overStdio("operator", []);
    await using viewing = await overStdio("viewer", ["--mcp-write"]);
    expect(await changesOf(operator)).toEqual(CHANGES);
    expect(await changesOf(writing)).toEqual(CHANGES);
    for (const agent of [viewer, reading, viewing]) expect(await changesOf(agent)).toEqual([]);
    // Also without the list.
    for (const agent of [viewer, viewing]) {
      const { isError, text } = await agent.call("trigger", { job: "greet", params: { name: "ada" }, dry_run: true });
      expect([isError, text]).toEqual([
        true,
        expect.stringContaining("needs the role operator, but this token has the role viewer"),
      ]);
    }
    const tried = await viewer.call("trigger", { job: "greet", params: { name: "ada" } });
    expect([tried.isError, tried.text]).toEqual([
      true,
      expect.stringContaining("needs the role operator, but the token 'viewer' has the role viewer; an admin can"),
    ]);
    const { entries } = await ask("/api/audit?who=viewer");
    expect(entries).toMatchObject([{ action: "job.trigger", on: "greet", role: "viewer", allowed: false }]);
    const off = await reading.call("trigger", { job: "greet" });
    expect([off.isError, off.text]).toEqual([true, expect.stringContaining("start 'petit mcp' with --mcp-write")]);
    expect((await ask("/api/runs")).count).toBe(0);
  });

  test("take less than 2,000 tokens together with all others, at four characters each", async () => {
    await using agent = await overHttp("admin");
    const { tools } = await agent.client.listTools();
    expect(tools).toHaveLength(15);
    expect(JSON.stringify(tools).length / 4).toBeLessThan(2_000);
  });

  test("say truly what they do, and none approves", async () => {
    await using agent = await overHttp("admin");
    const { tools } = await agent.client.listTools();
    expect(tools.filter(({ name }) => /approv|reject|decide/.test(name))).toEqual([]);
    const hints = tools
      .filter(({ name }) => CHANGES.includes(name))
      .map(({ name, annotations }) => [name, annotations]);
    const open = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true };
    expect(Object.fromEntries(hints)).toEqual({
      trigger: open,
      retry: open,
      cancel: open,
      pause_job: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
      resume_job: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    });
  });

  test("trigger a job, cancel and retry a run, as their person", async () => {
    await using agent = await overHttp("operator");
    const planned = await agent.call("trigger", { job: "greet", params: { name: "ada" }, dry_run: true });
    expect(planned.data).toEqual({ dry_run: true, would: "trigger job 'greet'", params: { name: "ada" } });
    const { data: started } = await agent.call("trigger", { job: "greet", params: { name: "ada" } });
    await eventually("the run has completed", async () =>
      (await ask(`/api/runs/${started.run}`)).status === "completed" ? true : null,
    );
    const nothing = await agent.call("retry", { run: started.run });
    expect([nothing.isError, nothing.text]).toEqual([true, expect.stringContaining("(from_start reruns all of it)")]);
    expect(await ask(`/api/runs/${started.run}`)).toMatchObject({ triggered_by: "operator", params: { name: "ada" } });
    const { data: slow } = await agent.call("trigger", { job: "slow" });
    expect((await agent.call("cancel", { run: slow.run, dry_run: true })).data.would).toBe(
      `cancel run ${slow.run} of job 'slow'`,
    );
    const early = await agent.call("retry", { run: slow.run, dry_run: true });
    expect([early.isError, early.text]).toEqual([true, expect.stringContaining("has not ended")]);
    expect((await agent.call("cancel", { run: slow.run })).isError).toBe(false);
    expect((await ask(`/api/runs/${slow.run}`)).cancelled_by).toBe("operator");
    const { data: broken } = await agent.call("trigger", { job: "broken" });
    const hasFailed = async () => ((await ask(`/api/runs/${broken.run}`)).status === "failed" ? true : null);
    await eventually("the run has failed", hasFailed);
    const plan = await agent.call("retry", { run: broken.run, dry_run: true });
    expect(plan.data).toMatchObject({ dry_run: true, runs_tasks: ["second"] });
    const whole = await agent.call("retry", { run: broken.run, dry_run: true, from_start: true });
    expect(whole.data.runs_tasks).toEqual(["first", "second"]);
    expect((await ask(`/api/runs/${broken.run}`)).retried_by).toEqual([]);
    const { data: again } = await agent.call("retry", { run: broken.run });
    expect(await ask(`/api/runs/${again.run}`)).toMatchObject({ retry_of: broken.run, triggered_by: "operator" });
    const { entries } = (await ask("/api/audit?limit=100")) as { entries: { action: string; who: string }[] };
    const own = entries.filter(({ who }) => who === "operator").map(({ action }) => action);
    for (const action of ["job.trigger", "run.cancel", "run.retry"]) expect(own).toContain(action);
  });

  test("pause and resume a job, and say if there is nothing to do", async () => {
    await using agent = await overStdio("operator", ["--mcp-write"]);
    const isPaused = async () => (await ask("/api/jobs/greet")).paused;
    expect((await agent.call("pause_job", { job: "greet", dry_run: true })).data.would).toBe("pause job 'greet'");
    expect(await isPaused()).toBe(false);
    expect((await agent.call("pause_job", { job: "greet" })).data.message).toBe("job 'greet' is paused");
    expect(await isPaused()).toBe(true);
    const blocked = (await agent.call("why", { job: "greet" })).data.blocked_by;
    expect(blocked).toEqual([expect.stringMatching(/^the job is paused since .*; resume_job continues$/)]);
    expect((await agent.call("pause_job", { job: "greet", dry_run: true })).data.would).toBe(
      "nothing: job 'greet' is already paused",
    );
    expect((await agent.call("resume_job", { job: "greet", dry_run: true })).data.would).toBe("resume job 'greet'");
    expect((await agent.call("resume_job", { job: "greet" })).isError).toBe(false);
    expect(await isPaused()).toBe(false);
    expect((await agent.call("resume_job", { job: "greet", dry_run: true })).data.would).toBe(
      "nothing: job 'greet' is not paused",
    );
  });

  test.each([
    ["trigger", { job: "greet" }, "param 'name' is required"],
    ["trigger", { job: "greet", params: { name: "Ada" } }, "param 'name'"],
    ["trigger", { job: "greet", params: { name: "ada", nam: 1 } }, "unknown param 'nam'; did you mean 'name'?"],
    ["trigger", { job: "greeet", params: {} }, "job 'greeet' was not found; did you mean 'greet'? list_jobs"],
    ["pause_job", { job: "greeet" }, "did you mean 'greet'?"],
    ["retry", { run: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60" }, "was not found; list_jobs and list_runs have the ids"],
    ["cancel", { run: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60" }, "was not found; list_jobs and list_runs have the ids"],
  ] as const)("%s with %j says what is wrong, also as a dry run", async (name, args, message) => {
    await using agent = await overHttp("operator");
    for (const given of [args, { ...args, dry_run: true }]) {
      const { isError, text } = await agent.call(name, given);
      expect([isError, text]).toEqual([true, expect.stringContaining(message)]);
    }
  });

  test("a dry run says that a full job would not run", async () => {
    await using agent = await overHttp("operator");
    const { data: first } = await agent.call("trigger", { job: "single" });
    const planned = await agent.call("trigger", { job: "single", dry_run: true });
    const real = await agent.call("trigger", { job: "single" });
    expect([real.isError, planned.data.held_back_by]).toEqual([true, undefined]);
    expect(planned.data.would).toStartWith("nothing: max_concurrency is reached: 1 of 1");
    await agent.call("cancel", { run: first.run });
  });

  test("a dry run says why a run would be refused", async () => {
    await using agent = await overHttp("operator");
    const { data } = await agent.call("trigger", { job: "gated", dry_run: true });
    expect(data.would).toMatch(/^nothing: a gate is shut: .*slow/);
    expect((await agent.call("trigger", { job: "gated" })).isError).toBe(true);
  });
});
