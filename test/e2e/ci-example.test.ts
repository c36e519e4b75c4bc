import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, cleanEnvironment, tempFolder, textOf } from "../support/cli.ts";
import { ask } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";

const SCRIPT = join(import.meta.dirname, "../../examples/ci/trigger-and-wait.sh");
const TOKEN = "a-token-for-the-pipeline";
const authorization = `Bearer ${TOKEN}`;

const JOBS = {
  "jobs.yaml": `
id: good
params: {day: {default: today}}
tasks: [{id: only, type: shell, script: 'echo "built $PETIT_PARAM_DAY"'}]
---
id: bad
tasks: [{id: only, type: shell, script: 'echo "broken"; exit 3'}]
---
id: long
tasks: [{id: only, type: shell, script: 'sleep 1.5; echo "at last"'}]
---
id: args
tasks: [{id: only, type: shell, script: 'cat /proc/[0-9]*/cmdline | tr "\\\\0" " "'}]
`,
};

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS, args: ["--no-watch"], env: { PETIT_API_TOKEN: TOKEN } });
});
afterAll(() => petit[Symbol.asyncDispose]());

const run = async (args: readonly string[], options: { readonly script?: string; readonly token?: string } = {}) => {
  using folder = tempFolder();
  const child = spawn("sh", [options.script ?? SCRIPT, ...args], {
    env: { ...cleanEnvironment(folder.path), PETIT_URL: petit.url, PETIT_API_TOKEN: options.token ?? TOKEN },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const status = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  return { status: await status, stdout, stderr } satisfies CommandResult;
};

const runsOf = async (job: string): Promise<number> =>
  (await ask(petit, `/api/jobs/${job}/runs`, { headers: { authorization } })).body.count;

describe("the example for CI pipelines", () => {
  const lines = readFileSync(SCRIPT, "utf8").trimEnd().split("\n");

  test("has ten lines of sh", () => {
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(lines[0]).toBe("#!/bin/sh");
  });

  test("prints the log and exits with 0 when the run completes", async () => {
    expect(await run(["good", "build-1", "-d", '{"params": {"day": "monday"}}'])).toEqual({
      status: 0,
      stdout: "built monday\n",
      stderr: "",
    });
  });

  test("prints the log and exits with 1 when the run fails", async () => {
    expect(await run(["bad", "build-1-bad"])).toEqual({ status: 1, stdout: "broken\n", stderr: "" });
  });

  test("takes an empty key for none, as a variable of the pipeline that is not set gives one", async () => {
    const before = await runsOf("good");
    const args = ["good", "", "-d", '{"params": {"day": "tuesday"}}'];
    for (let i = 0; i < 2; i++) expect(await run(args)).toEqual({ status: 0, stdout: "built tuesday\n", stderr: "" });
    expect(await runsOf("good")).toBe(before + 2);
  });

  test("does not run twice with the same key, and exits with the same status", async () => {
    const before = await runsOf("bad");
    const both = await Promise.all([run(["bad", "build-2"]), run(["bad", "build-2"])]);
    expect(both.map(({ status, stdout }) => [status, stdout])).toEqual([
      [1, "broken\n"],
      [1, "broken\n"],
    ]);
    expect(await runsOf("bad")).toBe(before + 1);
  });

  test("starts a new run each time without a key, also with a body, and needs a job", async () => {
    const before = await runsOf("good");
    expect(await run(["good"])).toMatchObject({ status: 0, stdout: "built today\n" });
    expect(await run(["good", "-d", '{"params": {"day": "sunday"}}'])).toMatchObject({
      status: 0,
      stdout: "built sunday\n",
    });
    expect(await runsOf("good")).toBe(before + 2);
    const none = await run([]);
    expect(none.status).not.toBe(0);
    expect(none.stderr).toContain("usage: trigger-and-wait.sh JOB [KEY] [-d BODY]");
  });

  test("repeats the request until the run ends", async () => {
    using folder = tempFolder();
    const script = folder.write("impatient.sh", lines.join("\n").replace("wait=300", "wait=1"));
    expect(await run(["long", "build-3"], { script })).toEqual({ status: 0, stdout: "at last\n", stderr: "" });
    expect(await runsOf("long")).toBe(1);
  });

  test("fails for an unknown job, a wrong token or a key of another request", async () => {
    for (const failed of [
      await run(["none", "build-4"]),
      await run(["good", "build-5"], { token: "wrong" }),
      await run(["good", "build-1", "-d", '{"params": {"day": "tuesday"}}']),
    ]) {
      expect(failed.status).not.toBe(0);
      expect([failed.stdout, failed.stderr]).toEqual(["", expect.stringMatching(/40[149]/)]);
    }
  });

  test("passes the token in no argument of a process", async () => {
    const { status, stdout } = await run(["args", "build-6"]);
    expect(status).toBe(0);
    expect(stdout).toContain("trigger?wait=300");
    expect(stdout).not.toContain(TOKEN);
  });
});
