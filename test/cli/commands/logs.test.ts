import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type CommandResult, petit } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: etl
tasks:
  - {id: extract, type: shell, script: "seq -f 'page %.0f' 3"}
  - {id: check, type: shell, script: "echo too few rows >&2; exit 3", depends_on: [extract]}
  - {id: transform, type: shell, script: "echo start; echo KeyError >&2; exit 1", depends_on: [check], condition: all_done}
  - {id: cleanup, type: shell, script: "seq 300", depends_on: [transform], condition: all_done}
---
id: spread
tasks:
  - id: load
    type: shell
    foreach: [a, b, c]
    environment: {ITEM: "\${{ item }}"}
    script: 'echo "item $ITEM"; [ "$ITEM" = a ] || exit 3'
---
id: lenient
tasks:
  - {id: warn, type: shell, script: "echo careful >&2; exit 3", allow_failure: true}
  - {id: boom, type: shell, script: "echo broken >&2; exit 1", depends_on: [warn]}
---
id: tidy
tasks:
  - {id: work, type: shell, script: "echo started; exec sleep 60"}
  - {id: clean, type: shell, script: "echo cleaned", depends_on: [work], condition: always}
---
id: hostile
tasks:
  - id: t
    type: shell
    script: |
      printf '\\033]0;title\\007a\\bb \\033[31mred Error\\033[0m\\033[2J\\n50%%\\r100%%\\nlast\\n'
---
id: growing
params: {gate: {required: true}}
tasks: [{id: t, type: shell, script: 'echo "match 1"; echo "match 2"; echo no; until [ -e "$PETIT_PARAM_GATE" ]; do sleep 0.05; done; echo "match 3"; printf "match 4"'}]
---
id: fine
tasks: [{id: t, type: shell, script: "echo fine"}]
`;

let running: Petit;
let runId: string;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
  runId = JSON.parse((await ask("trigger", "etl", "--wait", "--json")).stdout).id;
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const ask = (...args: readonly string[]): Promise<CommandResult> =>
  petit(args, { environment: { PETIT_URL: running.url } });

describe("petit logs --failed", () => {
  test("prints the output of the failed tasks alone, the first one first", async () => {
    expect(await ask("logs", runId, "--failed")).toEqual({
      status: 0,
      stdout: "too few rows\nstart\nKeyError\n",
      stderr: "",
    });
    expect((await ask("logs", runId, "--failed", "--prefix")).stdout).toBe(
      "check     │ too few rows\ntransform │ start\ntransform │ KeyError\n",
    );
    expect((await ask("logs", runId, "--failed", "-n", "1")).stdout).toBe("too few rows\nKeyError\n");
    expect((await ask("logs", runId, "--failed", "--stream", "stdout")).stdout).toBe("start\n");
    const records = (await ask("logs", runId, "--failed", "--json", "--timestamps")).stdout.trimEnd().split("\n");
    expect(records.map((line) => JSON.parse(line).task_id)).toEqual(["check", "transform", "transform"]);
  });

  test("prints the output of the failed items of a task", async () => {
    await ask("trigger", "spread", "--wait");
    expect((await ask("logs", "spread", "--failed")).stdout).toBe("item b\nitem c\n");
    expect((await ask("logs", "spread", "--failed", "--prefix")).stdout).toBe("load[b] │ item b\nload[c] │ item c\n");
    const { stdout } = await ask("status", "spread");
    expect(stdout).toContain("\n  load[b] │ item b\n  load[c] │ item c\n\n  petit logs ");
    const waited = await petit(["trigger", running.jobsDir, "spread"]);
    expect(waited.stdout.split("\n").sort()).toEqual(["", "load[a] │ item a", "load[b] │ item b", "load[c] │ item c"]);
  });

  test("prints the output of tasks that may fail last, and a failed run ends without it", async () => {
    await ask("trigger", "lenient", "--wait");
    expect((await ask("logs", "lenient", "--failed")).stdout).toBe("broken\ncareful\n");
    const { stdout } = await ask("status", "lenient");
    expect(stdout).toContain("\n  boom │ broken\n\n  petit logs ");
    expect(stdout).not.toContain("careful");
    const local = await petit(["trigger", running.jobsDir, "lenient"]);
    expect(local.stderr).toMatch(/: task 'boom' failed: exit code 1\n {2}boom │ broken\n$/);
  });

  test("prints nothing if no task failed", async () => {
    await ask("trigger", "fine", "--wait");
    expect(await ask("logs", "fine", "--failed", "--json")).toMatchObject({ status: 0, stdout: "" });
  });
});

describe("petit logs --item", () => {
  test("prints the output of an item, or says which items exist", async () => {
    const { id } = JSON.parse((await ask("trigger", "spread", "--wait", "--json")).stdout);
    const answers = await Promise.all(["1", "c", "3", "d"].map((item) => ask("logs", id, "load", "--item", item)));
    expect(answers).toEqual([
      { status: 0, stdout: "item b\n", stderr: "" },
      { status: 0, stdout: "item c\n", stderr: "" },
      { status: 2, stdout: "", stderr: `petit: task 'load' of run ${id} has no item 3; it has 3 items: 0 to 2\n` },
      { status: 2, stdout: "", stderr: `petit: task 'load' of run ${id} has no item 'd'; its items are a, b, c\n` },
    ]);
  });

  test("is refused for a task without items", async () => {
    const answers = await Promise.all(["0", "a"].map((item) => ask("logs", runId, "check", "--item", item)));
    const stderr = `petit: task 'check' of run ${runId} has no items\n`;
    expect(answers).toEqual(answers.map(() => ({ status: 2, stdout: "", stderr })));
  });
});

test("petit cancel says how a run has already ended", async () => {
  expect(await ask("cancel", runId)).toMatchObject({ status: 0, stdout: "the run has already ended: it failed\n" });
});

describe("petit cancel --wait", () => {
  test("returns when the run has ended, clean-up tasks included", async () => {
    const run = (await ask("trigger", "tidy")).stdout.trim();
    const { status, stdout, stderr } = await ask("cancel", run, "--wait");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toMatch(/cancelled/);
    const { tasks, ...ended } = JSON.parse((await ask("status", run, "--json")).stdout);
    expect(ended).toMatchObject({ status: "cancelled", ended_at: expect.any(Number) });
    expect(tasks.map(({ status: each }: { readonly status: string }) => each)).toEqual(["failed", "completed"]);
  });

  test("returns at once, with status 0, for a run that has ended", async () => {
    const { status, stdout } = await ask("cancel", runId, "--wait", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ id: runId, status: "failed" });
  });
});

test("petit logs names the tasks of the run if there is no such task", async () => {
  const [far, near] = await Promise.all([ask("logs", runId, "load"), ask("logs", runId, "chek")]);
  expect(far).toEqual({
    status: 2,
    stdout: "",
    stderr: `petit: run ${runId} has no task 'load'; its tasks are extract, check, transform, cleanup\n`,
  });
  expect(near.stderr).toBe(`petit: run ${runId} has no task 'chek'; did you mean 'check'?\n`);
});

describe("petit logs --since", () => {
  test("prints the lines since a time or a duration ago", async () => {
    const records = (await ask("logs", runId, "--json")).stdout.trimEnd().split("\n");
    const { at } = JSON.parse(records.at(-1) ?? "");
    const later = records.map((line) => JSON.parse(line)).filter((record) => record.at >= at);
    const time = new Date(at).toISOString();
    expect((await ask("logs", runId, "--since", time)).stdout).toBe(later.map(({ text }) => `${text}\n`).join(""));
    expect((await ask("logs", runId, "--since", time, "--follow")).stdout).toBe(
      later.map(({ text }) => `${text}\n`).join(""),
    );
    expect((await ask("logs", runId, "--since", "1d", "-n", "1")).stdout).toBe("300\n");
    expect(await ask("logs", runId, "--since", "0s")).toEqual({ status: 0, stdout: "", stderr: "" });
  });
});

describe("petit logs --prefix", () => {
  test("names the task of each line, and its time behind it", async () => {
    const lines = (await ask("logs", runId, "--prefix", "--tail", "301")).stdout.split("\n");
    expect(lines.slice(0, 2)).toEqual(["transform │ KeyError", "cleanup   │ 1"]);
    expect((await ask("logs", runId, "check", "--prefix", "-t")).stdout).toMatch(/^check │ \d{4}-\S+Z too few rows\n$/);
  });
});

test.each([
  [["--failed", "check"], "--failed and a task exclude each other"],
  [["--failed", "--follow"], "--failed and --follow exclude each other"],
  [["--raw", "--prefix"], "--raw and --prefix exclude each other"],
  [["--raw", "--timestamps"], "--raw and --timestamps exclude each other"],
  [["--since", "soon"], "--since is 'soon'; expected a duration"],
])("petit logs %j is refused with 2", async (flags, message) => {
  const { status, stdout, stderr } = await ask("logs", runId, ...flags);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain(message);
});

describe("petit status of a failed run", () => {
  test("ends with the last error lines and the next commands", async () => {
    const { stdout } = await ask("status", runId);
    expect(stdout).toEndWith(
      `\n  check     │ too few rows\n  transform │ KeyError\n\n` +
        `  petit logs ${runId} --failed  prints the output of the failed tasks\n` +
        `  petit retry ${runId}          reruns what did not complete\n`,
    );
    const body = JSON.parse((await ask("status", runId, "--json")).stdout);
    expect(Object.keys(body)).toContain("tasks");
  });

  test("names the runs that retried it", async () => {
    const { run_id } = JSON.parse((await ask("retry", runId, "--json")).stdout);
    expect((await ask("status", runId)).stdout).toContain(`\nretries   ${run_id}\n`);
    expect((await ask("status", run_id)).stdout).toContain(`\nretry of  ${runId}\n`);
  });
});

describe("petit logs --grep", () => {
  test("prints the matching lines, with case only if the pattern has upper-case letters", async () => {
    const matching = async (...args: readonly string[]) => (await ask("logs", runId, ...args)).stdout;
    expect(await matching("--grep", "page [13]|error")).toBe("page 1\npage 3\nKeyError\n");
    expect(await matching("--grep", "^keyerror$")).toBe("KeyError\n");
    expect(await matching("--grep", "\\S+Error")).toBe("KeyError\n");
    expect(await matching("--grep", "KEYERROR", "-i")).toBe("KeyError\n");
    expect(await matching("--grep", "KeyERROR")).toBe("");
    expect(await matching("cleanup", "--grep", "9$", "--tail", "2")).toBe("289\n299\n");
    expect(await matching("--grep", "r", "--stream", "stderr", "--prefix")).toBe(
      "check     │ too few rows\ntransform │ KeyError\n",
    );
    expect(await matching("--failed", "--grep", "start")).toBe("start\n");
    const records = (await matching("--grep", "page", "--json", "--tail", "1")).trimEnd().split("\n");
    expect(records.map((line) => JSON.parse(line).text)).toEqual(["page 3"]);
  });

  test("exits with 1 and says so if no line matches, and with 2 for a wrong pattern", async () => {
    const none = await ask("logs", runId, "--grep", "nothing like it");
    expect(none).toEqual({ status: 1, stdout: "", stderr: expect.stringContaining("matches 'nothing like it'") });
    const wrong = await ask("logs", runId, "--grep", "a(");
    expect([wrong.status, wrong.stdout]).toEqual([2, ""]);
    expect(wrong.stderr).toContain("--grep is no regular expression: Invalid regular expression");
    expect((await ask("logs", runId, "--grep", "a", "--tail", "many")).status).toBe(2);
  });

  test("ignores colours and keeps the bytes of a line", async () => {
    await ask("trigger", "hostile", "--wait");
    expect((await ask("logs", "hostile", "--grep", "red error")).stdout).toBe(
      "\u001b]0;title\u0007a\bb \u001b[31mred Error\u001b[0m\u001b[2J\n",
    );
  });

  test("follows a run: the last matching lines so far, and those that come", async () => {
    const gate = `${running.dir}/gate`;
    const id = (await ask("trigger", "growing", "--param", `gate=${gate}`)).stdout.trim();
    const following = ask("logs", id, "--grep", "match", "--tail", "1", "--follow");
    const again = ask("logs", id, "--grep", "match [13]", "--follow", "--json");
    await Bun.write(gate, "");
    const [plain, json] = await Promise.all([following, again]);
    expect(plain.status).toBe(0);
    expect(plain.stdout).toEndWith("match 4");
    expect(
      json.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).text),
    ).toEqual(["match 1", "match 3"]);
  });
});
