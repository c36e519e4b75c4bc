import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type CommandResult, petit } from "../../support/cli.ts";
import { runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = {
  "jobs.yaml": `id: load
tasks: [{id: extract, type: shell, script: "echo connecting; echo 'Connection refused' >&2; echo connected"}]
---
id: many
tasks: [{id: count, type: shell, script: "seq -f 'number %g' 600"}]
`,
};

describe("petit search", () => {
  let running: Petit;
  let runId: string;
  beforeAll(async () => {
    running = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
    runId = (await runToEnd(running, "load")).id;
  });
  afterAll(() => running[Symbol.asyncDispose]());

  const search = (...args: readonly string[]): Promise<CommandResult> =>
    petit(["search", ...args], { environment: { PETIT_URL: running.url, PETIT_TIMEZONE: "UTC" } });

  test("prints the lines under their task and run", async () => {
    const { stdout, stderr, status } = await search("connect", "--stream", "stdout", "-C", "1");
    const [heading, ...lines] = stdout.trimEnd().split("\n");
    expect(heading).toMatch(/^load extract {2}run [0-9a-f-]{36} {2}/);
    expect(heading).toContain(runId);
    expect((await search("connect", "--stream", "stdout", "-C", "1", "--status", "completed")).stdout).toBe(stdout);
    expect((await search("connect", "--status", "failed")).status).toBe(1);
    expect(lines).toHaveLength(5);
    expect(lines.filter((line) => /^ +\d+ {2}connect(ing|ed)$/.test(line))).toHaveLength(4);
    expect([status, stderr]).toEqual([0, ""]);
  });

  test("prints everything as JSON, over as many pages as it takes", async () => {
    await runToEnd(running, "many");
    const { stdout } = await search("number", "--limit", "550", "--json");
    const found = JSON.parse(stdout);
    expect(found.count).toBe(550);
    expect(found.lines.map(({ text }: { readonly text: string }) => text).slice(0, 2)).toEqual([
      "number 600",
      "number 599",
    ]);
    expect(found.next).toBeString();
    const rest = JSON.parse((await search("number", "--limit", "100", "--json", "--before", found.next)).stdout);
    expect([rest.count, rest.next]).toEqual([50, null]);
  });

  test("exits with 1 if no line is found", async () => {
    const { stdout, stderr, status } = await search("no such line");
    expect([stdout, stderr, status]).toEqual(["", "petit: no line contains 'no such line'\n", 1]);
  });

  test.each([
    [["ab"], "3 characters or more"],
    [["--regex", "\\d+"], "3 or more characters"],
    [["abc", "--job", "loads"], "did you mean 'load'?"],
    [["abc", "--since", "sometime"], "--since is 'sometime'"],
    [["abc", "--status", "running"], "--status"],
    [["abc", "--limit", "0"], "--limit is '0'"],
    [["abc", "--context", "6"], "--context is '6'"],
  ])("exits with 2 for %p", async (args, message) => {
    const { stderr, status } = await search(...args);
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
