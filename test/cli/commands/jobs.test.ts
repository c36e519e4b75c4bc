import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, petit } from "../../support/cli.ts";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const TASK = "tasks: [{id: only, type: command, command: 'true'}]\n";
const ONE = `id: a\nschedule: "0 2 1 1 *"\nenvironment: {API_TOKEN: first-secret}\n${TASK}`;
const TWO = `id: a\nschedule: "0 3 1 1 *"\nenvironment: {API_TOKEN: second-secret}\ntimeout: 5m\n${TASK}`;

let running: Petit;
let digests: readonly string[];
beforeAll(async () => {
  running = await startPetit({ jobs: { "a.yaml": ONE, "gone.yaml": `id: gone\n${TASK}` }, args: ["--no-watch"] });
  await runToEnd(running, "a");
  rmSync(join(running.jobsDir, "gone.yaml"));
  for (const text of [TWO, ONE]) {
    writeFileSync(join(running.jobsDir, "a.yaml"), text);
    await post(running, "/api/jobs/reload");
  }
  const { body } = await ask(running, "/api/jobs/a/versions");
  digests = body.versions.map(({ digest }: { digest: string }) => digest).toReversed();
});
afterAll(() => running[Symbol.asyncDispose]());

const jobs = (...args: readonly string[]): Promise<CommandResult> =>
  petit(["jobs", ...args], { environment: { PETIT_URL: running.url } });

describe("petit jobs history", () => {
  test("lists each time that a version was in use, newest first", async () => {
    const { status, stdout, stderr } = await jobs("history", "a");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [one, two] = digests;
    const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`;
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^VERSION +DIGEST +SINCE +UNTIL +RUNS +WHY +SOURCE +MODIFIED$/);
    expect(lines[1]).toMatch(new RegExp(`^1 +${one} +${time} +now +1 +reload by 127.0.0.1 +a.yaml +${time}$`));
    expect(lines[2]).toMatch(new RegExp(`^2 +${two} +${time} +${time} +0 +reload by 127.0.0.1 +a.yaml +${time}$`));
    expect(lines[3]).toMatch(new RegExp(`^1 +${one} +${time} +${time} +1 +start +a.yaml +${time}$`));
    expect(lines).toHaveLength(4);
  });

  test("lists as many times of each version as --limit says, and says how many are left out", async () => {
    await using often = await startPetit({ jobs: { "a.yaml": ONE }, args: ["--no-watch"] });
    for (let change = 0; change < 24; change++) {
      writeFileSync(join(often.jobsDir, "a.yaml"), change % 2 === 0 ? TWO : ONE);
      await post(often, "/api/jobs/reload");
    }
    const list = async (...flags: readonly string[]) => {
      const { stdout, stderr } = await petit(["jobs", "history", "a", ...flags, "--url", often.url]);
      return { rows: stdout.trimEnd().split("\n").length - 1, stderr };
    };
    expect(await list()).toEqual({ rows: 25, stderr: "" });
    expect(await list("-n", "8")).toEqual({
      rows: 16,
      stderr: "9 earlier times that these versions were in use: --limit 1000\n",
    });
    expect((await ask(often, "/api/jobs/a/versions")).body.versions).toMatchObject([
      { version: 2, uses: { length: 10 }, use_count: 12 },
      { version: 1, uses: { length: 10 }, use_count: 13 },
    ]);
    expect((await ask(often, "/api/jobs/a/versions?uses=0")).status).toBe(400);
  });

  test("prints the answer of the API with --json", async () => {
    const { stdout } = await jobs("history", "a", "--json", "--limit", "1");
    expect(JSON.parse(stdout)).toMatchObject({ count: 1, versions: [{ version: 2, digest: digests[1] }] });
  });

  test("says that a job is gone", async () => {
    const { status, stdout, stderr } = await jobs("history", "gone");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^1 /m);
    expect(stderr).toBe("job 'gone' is gone: no job file defines it any more\n");
  });

  test("prints what differs between two versions, and no secret", async () => {
    const [one = "", two = ""] = digests;
    const expected = `version 1 (${one.slice(0, 8)}) → version 2 (${two.slice(0, 8)})
runs 1 h later
~ environment.API_TOKEN: … (differs, but is hidden)
~ schedule.cron: 0 2 1 1 * → 0 3 1 1 *
+ timeout: 5m

text
@@ -1,4 +1,5 @@
 id: a
-schedule: "0 2 1 1 *"
+schedule: "0 3 1 1 *"
 environment: {API_TOKEN: "…"}
+timeout: 5m
 ${TASK.trimEnd()}
`;
    expect(await jobs("history", "a", "--diff", "1", "2")).toEqual({ status: 0, stdout: expected, stderr: "" });
    expect((await jobs("history", "a", "--diff", one.slice(0, 8), two)).stdout).toBe(expected);
  });

  test("compares with the current version if no other is given", async () => {
    const { stdout } = await jobs("history", "a", "--diff", "2");
    expect(stdout).toContain("→ version 1 (");
    expect(stdout).toContain("- timeout: 5m\n");
    expect((await jobs("history", "a", "--diff", "1")).stdout).toEndWith("\nNothing differs.\n");
    const { stdout: json } = await jobs("history", "a", "--diff", "2", "--json");
    expect(JSON.parse(json)).toMatchObject({ version: 1, before: 2, changed: true });
  });

  test.each([
    [["history", "none"], "job 'none' was not found"],
    [["history", "a", "--diff", "77"], "job 'a' has no version '77'"],
    [["history", "a", "2"], "VERSION '2' needs --diff"],
    [["history"], "JOB is missing"],
    [["histroy", "a"], "unknown action 'histroy'; did you mean 'history'?"],
    [["history", "a", "--limit", "0"], "--limit"],
  ])("%p is a usage error", async (args, message) => {
    const { status, stdout, stderr } = await jobs(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});
