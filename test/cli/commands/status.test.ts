import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { type CommandResult, cleanEnvironment, PETIT, petit } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: bad
tasks: [{id: t, type: shell, script: "echo KeyError >&2; exit 3"}]
---
id: mended
tasks: [{id: t, type: shell, working_dir: ".", script: "[ -e mended ] || { touch mended; exit 3; }"}]
---
id: sleeper
tasks: [{id: s, type: command, command: sleep, args: ["60"]}]
---
id: fine
schedule: "0 0 1 1 *"
tasks: [{id: t, type: shell, script: "true"}]
`;

let running: Petit;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const ask = (...args: readonly string[]): Promise<CommandResult> =>
  petit(args, { environment: { PETIT_URL: running.url } });

/** A running `petit status` and its output. `command` runs it, for example in a terminal. */
const begin = (command: readonly string[]) => {
  const [program = "", ...args] = command;
  const env = { ...cleanEnvironment(running.dir), PETIT_URL: running.url, TERM: "xterm-256color" };
  const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  let text = "";
  let look = (): void => {};
  child.stdout.on("data", (data: Buffer) => {
    text += data.toString();
    look();
  });
  return {
    child,
    text: () => text,
    ended: new Promise<number | null>((resolve) => child.on("close", resolve)),
    until: (isEnough: (text: string) => boolean) =>
      new Promise<void>((resolve) => {
        look = () => {
          if (isEnough(text)) resolve();
        };
        look();
      }),
  };
};

describe("petit status without a run", () => {
  test("shows what needs attention first, then what runs and what comes next", async () => {
    const bad = JSON.parse((await ask("trigger", "bad", "--wait", "--json")).stdout).id;
    const sleeper = (await ask("trigger", "sleeper")).stdout.trim();
    const { status, stdout, stderr } = await ask("status");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [head, attention, active, next] = stdout.split("\n\n").map((part) => part.split("\n"));
    expect(head).toEqual([expect.stringMatching(/^petit \S+ at http:\S+: running, 4 jobs$/)]);
    expect(attention?.[1]).toMatch(new RegExp(`^✗ bad +\\S+.* ${bad} +(failed|\\d in a row)$`));
    expect(attention?.[2]).toBe("    t: exit code 3 │ KeyError");
    expect(active?.[1]).toMatch(new RegExp(`^● sleeper +\\d+s +${sleeper} +manual$`));
    expect(next?.[1]).toMatch(/^fine +\d+\S* +\d{4}-01-01 00:00:00 UTC$/);
    await ask("cancel", sleeper);
  });

  test("writes the same as JSON", async () => {
    await ask("trigger", "bad", "--wait");
    const body = JSON.parse((await ask("status", "--json")).stdout);
    expect(Object.keys(body)).toEqual([
      "version",
      "scheduler",
      "scheduler_paused_by",
      "paused_jobs",
      "health",
      "attention",
      "running",
      "pending",
      "next",
      "jobs",
      "job_repository",
    ]);
    expect(body).toMatchObject({
      scheduler: "running",
      health: { status: "ok", reasons: [] },
      attention: { count: 1, items: [{ kind: "job_failing", job_id: "bad" }], counts: { job_failing: 1 } },
      pending: [],
      next: [{ job_id: "fine", at: expect.any(Number) }],
      jobs: 4,
    });
  });

  test("exits with 3 if no petit answers, also with --watch", async () => {
    for (const args of [["status"], ["status", "--watch"]]) {
      const { status, stdout, stderr } = await petit([...args, "--url", "http://127.0.0.1:9"]);
      expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
      expect(stderr).toContain("no petit answers at http://127.0.0.1:9");
    }
  });

  test("refuses flags that belong to the other form", async () => {
    const follow = await ask("status", "--follow");
    expect(follow).toMatchObject({ status: 2, stdout: "" });
    expect(follow.stderr).toContain("--follow needs a RUN; did you mean 'petit status --watch'?");
    const watch = await ask("status", "bad", "--watch");
    expect(watch).toMatchObject({ status: 2, stdout: "" });
    expect(watch.stderr).toContain("--watch shows no RUN; did you mean 'petit status bad --follow'?");
  });
});

describe("without a folder", () => {
  test("petit list lists the jobs of the running petit, with their newest runs", async () => {
    await ask("trigger", "bad", "--wait");
    await ask("pause", "fine");
    const { status, stdout, stderr } = await ask("list");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [head, bad, fine] = stdout.split("\n");
    expect(head).toMatch(/^JOB +LAST RUN +CHANGE +SCHEDULE +NEXT +TASKS$/);
    expect(bad).toMatch(/^bad +failed \d{4}-\S+ \S+ UTC +- +- +- +1$/);
    expect(fine).toMatch(/^fine +- +- +0 0 1 1 \* \(paused\) +- +1$/);
    expect((await ask("next")).stderr).toBe("no occurrences: no enabled job has a schedule\n");
    await ask("resume", "fine");
    expect(JSON.parse((await ask("list", "--json")).stdout)).toMatchObject({
      count: 4,
      jobs: [{ id: "bad" }, {}, {}, {}],
    });
  });

  test("petit next lists the occurrences of the running petit", async () => {
    const { status, stdout, stderr } = await ask("next", "-n", "2", "--from", "2030-06-01");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^WHEN .*\n2031-01-01 00:00:00 UTC +fine +2032-01-01 00:00:00 UTC\n$/);
    expect(JSON.parse((await ask("next", "-n", "1", "--json")).stdout)).toMatchObject({
      count: 1,
      occurrences: [{ job_id: "fine", note: null }],
    });
  });

  test("petit next lists the occurrences of one job of the running petit", async () => {
    const { status, stdout, stderr } = await ask("next", "fine", "-n", "2", "--from", "2030-06-01");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^WHEN .*\n2031-01-01 .*\n2032-01-01 .*\n$/);
    expect((await ask("next", "bad")).stderr).toBe("no occurrences: 'bad' has no schedule\n");
    expect(await ask("next", "fien")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("there is no folder 'fien', and job 'fien' was not found; did you mean 'fine'?"),
    });
    const away = await petit(["next", "fine", "--url", "http://127.0.0.1:9"]);
    expect([away.status, away.stderr]).toEqual([2, expect.stringContaining("there is no folder fine")]);
  });

  test.each(["list", "next"])("petit %s says how to read a folder if no petit answers", async (command) => {
    const { status, stdout, stderr } = await petit([command, "--url", "http://127.0.0.1:9"]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toEndWith(`or list the jobs of a folder with 'petit ${command} JOBS_DIR'\n`);
  });
});

describe("petit status --watch", () => {
  test("writes the overview again after a change, with --json in a line, until a signal comes", async () => {
    const watching = begin([...PETIT, "status", "--watch", "--json"]);
    await watching.until((text) => text.includes("\n"));
    const run = (await ask("trigger", "sleeper")).stdout.trim();
    const isRunning = (text: string): boolean =>
      text
        .split("\n")
        .slice(0, -1)
        .some((line) => runs(line).includes(run));
    await watching.until(isRunning);
    await ask("cancel", run);
    await watching.until((text) => !runs(text.split("\n").at(-2) ?? "{}").includes(run));
    watching.child.kill("SIGINT");
    expect(await watching.ended).toBe(0);
  }, 20_000);

  const hasScript = spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;

  test.skipIf(!hasScript).each([["SIGINT", "\u0003"]])(
    "restores the terminal on %s, and leaves the last overview on it",
    async (_signal, key) => {
      const command = `trap : INT; stty cols 80 rows 24; ${PETIT.join(" ")} status --watch; echo "status $?"`;
      const watching = begin(["script", "-qec", command, "/dev/null"]);
      await watching.until((text) => text.includes("Ctrl-C ends"));
      expect(watching.text()).toStartWith("\u001b[?1049h\u001b[?25l\u001b[?7l");
      watching.child.stdin.write(key);
      await watching.ended;
      const [, after = ""] = watching.text().split("\u001b[?7h\u001b[?25h\u001b[?1049l");
      expect(after).toContain("NEXT");
      expect(after).toContain("status 0");
    },
    20_000,
  );
});

/** Returns the ids of the running runs of an overview as JSON. */
const runs = (line: string): readonly string[] =>
  (JSON.parse(line).running ?? []).map(({ id }: { readonly id: string }) => id);

test("petit status of a failed run says what made it good, and suggests no retry", async () => {
  const runOnce = async () => JSON.parse((await ask("trigger", "mended", "--wait", "--json")).stdout).id;
  const failed = await runOnce();
  const before = (await ask("status", failed)).stdout;
  expect(before).not.toContain("recovered");
  expect(before).toMatch(/^version {3}1 \([0-9a-f]{8}\)$/m);
  expect(before).toContain("petit retry");
  const good = await runOnce();
  const { stdout } = await ask("status", failed);
  expect(stdout).toMatch(new RegExp(`^recovered by ${good} at \\d{4}-`, "m"));
  expect(stdout).not.toContain("petit retry");
  expect(stdout).toContain("petit logs");
});
