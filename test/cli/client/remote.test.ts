import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { type CommandResult, petit } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: hello
params: {name: {default: world}}
tasks: [{id: greet, type: shell, script: 'echo "hello $PETIT_PARAM_NAME"; echo noise >&2'}]
---
id: bad
tasks: [{id: t, type: shell, script: exit 3}]
---
id: sleeper
tasks: [{id: s, type: command, command: sleep, args: ["60"]}]
`;

const TOKEN = "a-token-for-tests";

let running: Petit;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"], env: { PETIT_API_TOKEN: TOKEN } });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const ask = (...args: readonly string[]): Promise<CommandResult> =>
  petit(args, { environment: { PETIT_URL: running.url, PETIT_API_TOKEN: TOKEN } });

const json = async (...args: readonly string[]) => {
  const { stdout } = await ask(...args, "--json");
  return JSON.parse(stdout);
};

describe("petit trigger JOB", () => {
  test("prints the new run's id alone on stdout", async () => {
    const { status, stdout, stderr } = await ask("trigger", "hello");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^[0-9a-f-]{36}\n$/);
    expect(stderr).toContain(`see 'petit status ${stdout.trim()}'`);
  });

  test("waits for the run with --wait, and ends as it ends", async () => {
    expect(await ask("trigger", "hello", "--wait")).toMatchObject({ status: 0, stdout: "" });
    const bad = await ask("trigger", "bad", "--wait");
    expect(bad).toMatchObject({ status: 1, stdout: "" });
    expect(bad.stderr).toContain("exit code 3");
  });

  test("shows the output with --follow", async () => {
    const { status, stdout, stderr } = await ask("trigger", "hello", "--param", "name=you", "--follow");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "hello you\n" });
    expect(stderr).toMatch(/^noise\n✓ run [0-9a-f-]{36} completed in \S+\n$/);
  });

  test("tells how to name a job of a folder, where there is no such job but such a folder", async () => {
    const { status, stderr } = await petit(["trigger", "jobs"], {
      cwd: running.dir,
      environment: { PETIT_URL: running.url, PETIT_API_TOKEN: TOKEN },
    });
    expect(status).toBe(2);
    expect(stderr).toBe("petit: job 'jobs' was not found; to run a job of the folder jobs: 'petit trigger jobs JOB'\n");
  });

  test("gives the same run for the same idempotency key", async () => {
    const first = await json("trigger", "hello", "--idempotency-key", "k1");
    expect(await json("trigger", "hello", "--idempotency-key", "k1")).toMatchObject({ run_id: first.run_id });
    const other = await ask("trigger", "bad", "--idempotency-key", "k1");
    expect(other.status).toBe(1);
  });

  const refused: readonly (readonly [readonly string[], string])[] = [
    [["trigger", "helo"], "did you mean 'hello'?"],
    [["trigger", "hello", "--param", "nme=x"], "unknown param 'nme'"],
    [["trigger", "../../etc"], "is not the id of a job"],
    [["status", "nope"], "petit: "],
    [["logs", "00000000-0000-7000-8000-000000000000"], "not found"],
    [["runs", "helo"], "job 'helo' was not found; did you mean 'hello'?"],
    [["runs", "--limit", "0"], "petit: --limit is '0'; expected a whole number from 1 to 1000"],
    [["runs", "bad", "--exclude", "hello"], "--exclude needs no JOB"],
    [["runs", "--until", "soon"], "--until is 'soon'; expected a duration"],
    [["runs", "--status", "done"], "petit: --status: 'done' is not one of"],
    [["logs", "latest", "-f", "--reconnect", "soon"], "--reconnect is 'soon'; expected a duration"],
    [["logs", "latest", "a", "--task", "b"], "the task is given twice"],
  ];
  test.each(refused)("%j is refused with 2", async (args, message) => {
    const { status, stdout, stderr } = await ask(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});

describe("what became of runs", () => {
  test("petit runs lists them, newest first", async () => {
    const { run_id } = await json("trigger", "bad");
    const { stdout } = await ask("runs", "bad", "-n", "1");
    expect(stdout).toContain(run_id);
    expect(await json("runs", "bad", "--limit", "1")).toMatchObject({ count: 1, runs: [{ id: run_id }] });
    expect((await json("runs", "--status", "failed")).runs.length).toBeGreaterThan(0);
  });

  test("petit runs selects them by time, text, param, trigger and job", async () => {
    const bad = await json("trigger", "bad", "--wait");
    const hello = await json("trigger", "hello", "--param", "name=moon", "--wait");
    const idsOf = async (...args: readonly string[]): Promise<readonly string[]> =>
      (await json("runs", "-n", "1000", ...args)).runs.map(({ id }: { readonly id: string }) => id);
    expect(await idsOf("--param", "name=moon")).toEqual([hello.id]);
    expect(await idsOf("--text", "MOON", "--trigger", "manual")).toEqual([hello.id]);
    expect(await idsOf("--exclude", "bad,hello")).toEqual([]);
    expect(await idsOf("--exclude", "hello", "--since", "1h")).toContain(bad.id);
    expect(await idsOf("--until", "2020-01-01")).toEqual([]);
    expect((await ask("runs", "bad", "-n", "1", "--json")).stdout).toContain('"task_id": "t"');
  });

  test("petit status shows a run with its tasks", async () => {
    const run = await json("trigger", "bad", "--wait");
    const { stdout } = await ask("status", run.id);
    expect(stdout).toMatch(/^run {7}[0-9a-f-]{36}\njob {7}bad\nstatus {4}failed\nreason {4}exit_code\n/);
    expect(stdout).toMatch(/\nt +failed +1 /);
    expect(await json("status", run.id)).toMatchObject({ id: run.id, tasks: [{ task_id: "t", exit_code: 3 }] });
  });

  test("petit logs prints output as it was, of a task or a stream where asked", async () => {
    const run = await json("trigger", "hello", "--wait");
    expect((await ask("logs", run.id, "greet", "--stream", "stdout")).stdout).toBe("hello world\n");
    expect((await ask("logs", run.id, "--stream", "stderr", "-f")).stdout).toBe("noise\n");
    const { stdout } = await ask("logs", run.id, "--json", "--stream", "stdout");
    expect(JSON.parse(stdout)).toMatchObject({ task_id: "greet", stream: "stdout", text: "hello world" });
  });

  test("petit cancel and petit retry do what they say", async () => {
    const { run_id } = await json("trigger", "sleeper");
    expect((await ask("retry", run_id)).status).toBe(1);
    expect((await ask("cancel", run_id)).status).toBe(0);
    const failed = await json("trigger", "bad", "--wait");
    const again = await json("retry", failed.id);
    expect(again.run_id).not.toBe(failed.id);
    expect(await json("retry", failed.id, "--from-start")).toMatchObject({ job_id: "bad" });
    expect(await json("retry", failed.id, "t")).toMatchObject({ job_id: "bad" });
    expect(await json("retry", failed.id, "--from", "t")).toMatchObject({ job_id: "bad" });
    expect(await ask("retry", failed.id, "tt")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("did you mean 't'?"),
    });
    expect(await ask("retry", failed.id, "t", "--from", "t")).toMatchObject({ status: 2 });
  });
});

describe("the running scheduler", () => {
  test("is paused and resumed", async () => {
    const state = async () =>
      (await (await running.fetch("/api/scheduler/state", { headers: { authorization: `Bearer ${TOKEN}` } })).json())
        .state;
    expect((await ask("pause")).status).toBe(0);
    expect(await state()).toBe("paused");
    expect((await ask("resume")).status).toBe(0);
    expect(await state()).toBe("running");
  });

  test("pauses and resumes one job", async () => {
    const isPaused = async () => (await json("why", "hello")).job.paused;
    expect(await ask("pause", "hello")).toMatchObject({ status: 0, stdout: "job 'hello' is paused\n" });
    expect(await isPaused()).toBe(true);
    expect((await ask("why", "hello")).stdout).toMatch(
      /blocked by {2}the job is paused since .* \(by .*'petit resume hello'/s,
    );
    expect(await ask("resume", "hello")).toMatchObject({ status: 0 });
    expect(await isPaused()).toBe(false);
    expect(await ask("pause", "helo")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("did you mean 'hello'"),
    });
  });

  test("reads its job files again, and tells what is wrong with them", async () => {
    expect(await ask("reload")).toMatchObject({ status: 0, stderr: "" });
    writeFileSync(join(running.jobsDir, "broken.yaml"), "id: broken\n");
    const { status, stderr } = await ask("reload");
    expect(status).toBe(1);
    expect(stderr).toContain("broken.yaml:1:1");
  });
});

describe("a petit that can't be asked", () => {
  test("is status 3 where none listens", async () => {
    const { status, stdout, stderr } = await petit(["runs", "--url", "http://127.0.0.1:9"]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toContain("no petit answers at http://127.0.0.1:9");
    const environment = { PETIT_URL: "http://127.0.0.1:9" };
    expect((await petit(["runs"], { environment })).stderr).toContain("at http://127.0.0.1:9 (PETIT_URL);");
  });

  test("is asked past any proxy where it is on this machine", async () => {
    const environment = { PETIT_API_TOKEN: TOKEN, HTTP_PROXY: "http://127.0.0.1:9", http_proxy: "http://127.0.0.1:9" };
    expect(await petit(["runs", "--url", running.url], { environment })).toMatchObject({ status: 0 });
  });

  test("is status 1 where something else answers", async () => {
    await using other = await startOther();
    const { status, stdout, stderr } = await petit(["runs", "--url", other.url]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("is not from petit (200, no content type); name petit's address with --url");
  });

  test.each([
    ["{}", ["runs"]],
    ["[]", ["trigger", "hello"]],
    ["null", ["pause"]],
    ['{"ok": true}', ["status", "latest"]],
    ['"hello"', ["why", "hello"]],
    ["", ["reload"]],
  ])("is status 1 where something else answers %j in JSON", async (body, args) => {
    await using other = await startOther(200, { "content-type": "application/json" }, body);
    const { status, stdout, stderr } = await petit([...args, "--url", other.url]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("is not from petit (200, application/json); name petit's address with --url");
  });

  test("is status 1 where it sends one elsewhere: the token goes nowhere else", async () => {
    await using other = await startOther(307, { location: `${running.url}/api/runs` });
    const { status, stdout, stderr } = await petit(["runs", "--url", other.url], {
      environment: { PETIT_API_TOKEN: TOKEN },
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("is not from petit (307");
  });

  test("is status 3 where a proxy says that it is gone", async () => {
    await using proxy = await startOther(502);
    const { status, stderr } = await petit(["runs", "--url", proxy.url]);
    expect(status).toBe(3);
    expect(stderr).toContain("is not from petit (502");
  });

  test("is status 3 where it goes away in the middle of a stream", async () => {
    await using going = await startPetit({ jobs: { "all.yaml": JOBS } });
    const { run_id: other } = await (await going.fetch("/api/jobs/sleeper/trigger", { method: "POST" })).json();
    const following = petit(["logs", other, "-f", "--url", going.url, "--reconnect", "0s"]);
    await going.fetch(`/api/runs/${other}/tasks`);
    await going.kill();
    expect((await following).status).toBe(3);
  });

  test("is status 2 where the token is missing or wrong", async () => {
    const none = await petit(["runs", "--url", running.url]);
    expect(none).toMatchObject({ status: 2, stdout: "" });
    expect(none.stderr).toMatch(/requires a token; give it with --token-file FILE or in .* PETIT_API_TOKEN\n$/);
    const wrong = await petit(["runs", "--url", running.url], { environment: { PETIT_API_TOKEN: "another" } });
    expect(wrong).toMatchObject({ status: 2, stdout: "" });
    expect(wrong.stderr).toMatch(/the token is wrong; give another one with --token-file FILE/);
  });
});

/** A server that is no petit. */
const startOther = async (
  status = 200,
  headers: Record<string, string> = {},
  body = "<html>",
): Promise<AsyncDisposable & { readonly url: string }> => {
  const server = createServer((_, response) => response.writeHead(status, headers).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
};
