import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { command, job, param, retry, schedule, shell } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const tell = (line: string) => `echo '${line}' >> "$PETIT_OUTPUT"`;

describe("outputs of a task", () => {
  test("reach args, environment, stdin and working directory of downstream tasks", async () => {
    using dir = tempDir();
    mkdirSync(dir.file("sub"));
    const tasks = [
      shell("first", `${tell("name=Ada")}\n${tell("dir=sub")}\n${tell('odd="$(x)')}`),
      command("args", "echo", {
        after: ["first"],
        args: ["hello ${{ tasks.first.outputs.name }}, ${{tasks.first.outputs.odd}}"],
      }),
      shell("rest", 'cat; echo "$WHO in ${PWD##*/}"', {
        after: ["args"],
        stdin: "stdin ${{ tasks.first.outputs.name }}\n",
        environment: { WHO: "${{ tasks.first.outputs.name }}" },
        workingDir: "${{ tasks.first.outputs.dir }}",
      }),
    ];
    const source = { file: "a.yaml", line: 1, folder: dir.path };
    await using petit = await startEngine({ jobs: [job("pipe", { tasks, source })] });
    const { run, tasks: ended, output } = await petit.run("pipe");
    expect(run.status).toBe("completed");
    expect(ended.first?.outputs).toEqual({ name: "Ada", dir: "sub", odd: '"$(x)' });
    expect(output({ task: "args" })).toBe('hello Ada, "$(x)\n');
    expect(output({ task: "rest" })).toBe("stdin Ada\nAda in sub\n");
  });

  test("that are missing expand to empty strings", async () => {
    const tasks = [
      command("a", "true"),
      command("b", "echo", { after: ["a"], args: ["<${{ tasks.a.outputs.none }}>"] }),
    ];
    await using petit = await startEngine({ jobs: [job("pipe", { tasks })] });
    expect((await petit.run("pipe")).output()).toBe("<>\n");
  });

  test("of a failed attempt are stored and reach on_failure tasks", async () => {
    const tasks = [
      shell("a", `${tell("why=full")}; exit 1`),
      command("b", "echo", { after: ["a"], condition: "on_failure", args: ["${{ tasks.a.outputs.why }}"] }),
    ];
    await using petit = await startEngine({ jobs: [job("pipe", { tasks })] });
    const { tasks: ended, output } = await petit.run("pipe");
    expect(ended.a?.outputs).toEqual({ why: "full" });
    expect(output()).toBe("full\n");
  });

  test("are those of the last attempt only", async () => {
    const script = `${tell("attempt=$PETIT_ATTEMPT").replaceAll("'", '"')}; [ "$PETIT_ATTEMPT" = 2 ]`;
    await using petit = await startEngine({
      jobs: [job("again", { tasks: [shell("a", script, { retry: retry(2) })] })],
    });
    const { tasks } = await petit.run("again");
    expect(tasks.a).toMatchObject({ status: "completed", attempts: 2, outputs: { attempt: "2" } });
  });

  test.each([
    ["malformed", "echo nonsense > $PETIT_OUTPUT", 'line 1 of $PETIT_OUTPUT is "nonsense"'],
    ["too long", "head -c 1048577 /dev/zero > $PETIT_OUTPUT", "the task wrote 1048577 bytes to $PETIT_OUTPUT"],
    ["a folder", "mkdir $PETIT_OUTPUT", "$PETIT_OUTPUT is not a regular file"],
    ["a pipe", "mkfifo $PETIT_OUTPUT", "$PETIT_OUTPUT is not a regular file"],
  ])("that are %s fail a task that otherwise succeeded", async (_, script, problem) => {
    await using petit = await startEngine({ jobs: [job("bad", { tasks: [shell("a", script)] })] });
    const { run, tasks } = await petit.run("bad");
    expect(run.status).toBe("failed");
    expect(tasks.a).toMatchObject({ status: "failed", reason: "exit_code", exitCode: 0, outputs: {} });
    expect(tasks.a?.error).toContain(problem);
  });
});

describe("templates", () => {
  test("expand params, config, the job and the run, once", async () => {
    const args = [
      "${{ params.day }}|${{ params.raw }}|${{ params.none }}|${{ config.size }}|${{ config.map }}|${{ config.map.a }}",
      "${{ job.id }} ${{ run.id }} ${{ run.scheduled_for }}.",
    ];
    const jobs = [
      job("all", {
        params: { day: param({ default: "monday" }), raw: param(), none: param() },
        config: { size: 3, map: { a: [1, true, null] } },
        tasks: [command("t", "printf", { args: ["%s\\n", ...args] })],
      }),
    ];
    await using petit = await startEngine({ jobs });
    const { run, output } = await petit.run("all", { raw: "${{ params.day }}" });
    expect(output()).toBe(`monday|\${{ params.day }}||3|{"a":[1,true,null]}|[1,true,null]\nall ${run.id} .\n`);
  });

  test("expand the time of the occurrence", async () => {
    const tasks = [command("t", "echo", { args: ["${{ run.scheduled_for }}"] })];
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [job("timed", { schedule: schedule("* * * * *"), tasks })] });
    await clock.pass(60_000);
    const { runId } = await petit.event("run.finished");
    const { output, run } = petit.read(runId ?? expect.unreachable());
    expect(run.scheduledFor).toBe(NOON + 60_000);
    expect(output()).toBe("2026-01-15T12:01:00.000Z\n");
  });
});
