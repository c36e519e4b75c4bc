import { describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, PETIT, petit, type TempFolder, tempFolder, textOf } from "../../support/cli.ts";
import { startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: good
params: {name: {default: world}, level: {enum: [low, high]}}
tasks: [{id: only, type: shell, script: 'echo "hello $PETIT_PARAM_NAME $PETIT_PARAM_LEVEL"; echo noise >&2'}]
---
id: bad
tasks: [{id: only, type: shell, script: "printf 'no newline'; exit 3"}]
---
id: graph
tasks:
  - {id: one, type: shell, script: "echo first"}
  - {id: second, type: shell, script: "echo second; exit 1", depends_on: [one]}
  - {id: third, type: shell, script: "echo never", depends_on: [second]}
---
id: long
schedule: "* * * * * *"
tasks:
  - {id: sleep, type: command, command: sleep, args: ["60"]}
  - {id: cleanup, type: shell, script: "echo cleaned", depends_on: [sleep], condition: all_done}
---
id: gated
depends_on: [good]
tasks: [{id: t, type: shell, script: "true"}]
`;

const withJobs = (): TempFolder => {
  const folder = tempFolder();
  folder.write("jobs/all.yaml", JOBS);
  return folder;
};

const trigger = (folder: TempFolder, ...args: readonly string[]) =>
  petit(["trigger", "jobs", ...args], { cwd: folder.path });

describe("petit trigger JOBS_DIR JOB", () => {
  test("passes on the output of a single task unchanged, and exits with 0", async () => {
    using folder = withJobs();
    const { status, stdout, stderr } = await trigger(folder, "good", "--param", "name=a=b", "-p", "level=high");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "hello a=b high\n" });
    expect(stderr).toMatch(/^noise\n✓ run [0-9a-f-]{36} completed in \S+\n$/);
  });

  test("adds no newline to the output, and exits with 1 if the run failed", async () => {
    using folder = withJobs();
    const { status, stdout, stderr } = await trigger(folder, "bad");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "no newline" });
    expect(stderr).toMatch(/^✗ run \S+ failed in \S+: .*exit code 3\n$/);
  });

  test("prefixes lines with task names if there are several tasks, and reports each end", async () => {
    using folder = withJobs();
    const { status, stdout, stderr } = await trigger(folder, "graph");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "one    │ first\nsecond │ second\n" });
    expect(stderr).toMatch(
      /^✓ one completed in \S+\n✗ second failed in \S+: exit code 1\n– third skipped.*: .*\n✗ run /,
    );
  });

  test("writes only the run as JSON to stdout with --json", async () => {
    using folder = withJobs();
    const { status, stdout, stderr } = await trigger(folder, "good", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      job_id: "good",
      status: "completed",
      trigger: "manual",
      params: { name: "world" },
      tasks: [{ task_id: "only", status: "completed", exit_code: 0 }],
    });
    expect(stderr).toContain("hello world");
  });

  test("stores nothing unless --db, PETIT_DB or db: names a database", async () => {
    using folder = withJobs();
    await trigger(folder, "good");
    expect(readdirSync(folder.path)).toEqual(["jobs"]);
    await trigger(folder, "good", "--db", "flag.db");
    const environment = { PETIT_DB: "variable.db" };
    expect((await petit(["trigger", "jobs", "good"], { cwd: folder.path, environment })).status).toBe(0);
    folder.write("config.yaml", "db: file.db\n");
    await trigger(folder, "good", "--config", "config.yaml");
    for (const db of ["flag.db", "variable.db", "file.db"]) expect(existsSync(join(folder.path, db))).toBe(true);
  });

  test("prints the problems of broken files if no other file has the job", async () => {
    using folder = withJobs();
    folder.write("jobs/broken.yaml", "id: broken\ntasks: [{id: t, type: shel, script: 'true'}]\n");
    const { stdout: problems } = await petit(["validate", "jobs"], { cwd: folder.path });
    expect(problems).toStartWith("jobs/broken.yaml:2:");
    const message = "petit: no valid job 'broken' in jobs: 1 problem in 1 file\n";
    expect(await trigger(folder, "broken")).toEqual({ status: 1, stdout: "", stderr: `${problems}${message}` });
    const next = await petit(["next", "jobs", "broken"], { cwd: folder.path });
    expect(next).toEqual({ status: 1, stdout: "", stderr: `${problems}${message}` });
  });

  const refused: readonly (readonly [readonly string[], number, string])[] = [
    [["godo"], 2, "no job 'godo' in jobs; did you mean 'good'?"],
    [["good", "--param", "nme=x"], 2, "unknown param 'nme'; did you mean 'name'?"],
    [["good", "--param", "level=lwo"], 2, "param 'level' can't be 'lwo'; did you mean 'low'?"],
    [["good", "--param", "name"], 2, "--param is 'name'; expected NAME=VALUE"],
    [["good", "extra"], 2, "unexpected argument 'extra'"],
    [["gated"], 1, "'good' has never run"],
  ];
  test.each(refused)("refuses %j", async (args, status, message) => {
    using folder = withJobs();
    const ended = await trigger(folder, ...args);
    expect({ status: ended.status, stdout: ended.stdout }).toEqual({ status, stdout: "" });
    expect(ended.stderr).toContain(message);
  });

  test("exits with 4 if a scheduler uses the database", async () => {
    await using running = await startPetit({ jobs: { "all.yaml": JOBS } });
    const ended = await petit(["trigger", running.jobsDir, "good", "--db", running.dbPath]);
    expect(ended).toMatchObject({ status: 4, stdout: "" });
    expect(ended.stderr).toContain(`is in use by process ${running.pid}`);
  });

  test("ignores schedules, and leaves running runs to the next scheduler", async () => {
    await using running = await startPetit({
      jobs: { "all.yaml": JOBS.replace("* * * * * *", "0 0 1 1 *") },
      args: ["--on-shutdown", "leave"],
    });
    const { run_id } = await (await running.fetch("/api/jobs/long/trigger", { method: "POST" })).json();
    await running.stop();
    writeFileSync(join(running.jobsDir, "all.yaml"), JOBS);
    expect(await petit(["trigger", running.jobsDir, "good", "--db", running.dbPath])).toMatchObject({ status: 0 });
    writeFileSync(join(running.jobsDir, "all.yaml"), JOBS.replace("* * * * * *", "0 0 1 1 *"));
    await using again = await startPetit({ dir: running.dir });
    const { runs } = await (await again.fetch("/api/jobs/long/runs")).json();
    expect(runs).toMatchObject([{ id: run_id, status: "running" }]);
    await again.fetch(`/api/runs/${run_id}/cancel`, { method: "POST" });
    await again.fetch(`/api/runs/${run_id}/logs?follow=true`).then((response) => response.text());
  });

  test("exits with 2 for a missing folder", async () => {
    expect(await petit(["trigger", "nowhere", "job"])).toMatchObject({ status: 2, stdout: "" });
  });

  test("runs a valid job despite a broken file, and exits with 1 if the job may be in that file", async () => {
    using folder = withJobs();
    folder.write("jobs/broken.yaml", "id: broken\n");
    expect(await trigger(folder, "good")).toMatchObject({ status: 0 });
    const broken = await trigger(folder, "broken");
    expect(broken).toMatchObject({ status: 1, stdout: "" });
    expect(broken.stderr).toContain("no valid job 'broken' in jobs: 1 problem in 1 file");
  });

  test("passes on a large output completely, even if it is read late", async () => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", 'id: big\ntasks: [{id: t, type: shell, script: "seq 1 100000"}]\n');
    const script = `${PETIT.join(" ")} trigger jobs big 2>/dev/null | (sleep 1; cksum)`;
    const options = { cwd: folder.path, env: cleanEnvironment(folder.path), encoding: "utf8" } as const;
    const expected = spawnSync("sh", ["-c", "seq 1 100000 | cksum"], options).stdout;
    expect(spawnSync("sh", ["-c", script], options).stdout).toBe(expected);
  });

  test("shows a progress line only on a terminal", async () => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", 'id: slow\ntasks: [{id: nap, type: shell, script: "sleep 0.5; echo done"}]\n');
    const options = { cwd: folder.path, env: cleanEnvironment(folder.path), encoding: "utf8" } as const;
    const command = `${PETIT.join(" ")} trigger jobs slow --no-color`;
    const seen = spawnSync("script", ["-qec", command, "/dev/null"], options).stdout;
    expect(seen).toMatch(/nap · 0 of 1 task done · \ds\r +\rdone\r\n/);
    expect(seen).not.toContain("\u001b");
    const piped = spawnSync("sh", ["-c", `${command} 2>&1`], options).stdout;
    expect(piped).toMatch(/^done\n✓ run \S+ completed in \S+\n$/);
  });

  test("cancels the run on Ctrl-C, and runs its clean-up tasks", async () => {
    using folder = withJobs();
    const [program = "", ...before] = PETIT;
    const child = spawn(program, [...before, "trigger", "jobs", "long", "--json", "--db", "x.db"], {
      cwd: folder.path,
      env: cleanEnvironment(folder.path),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const status = new Promise((resolve) => child.on("close", resolve));
    const output = textOf(child.stdout);
    await untilRunning(folder, "x.db");
    child.kill("SIGINT");
    expect(await status).toBe(1);
    const run = JSON.parse(await output);
    expect(run).toMatchObject({ status: "cancelled", reason: "cancelled" });
    expect(run.tasks).toMatchObject([{ status: "failed", reason: "cancelled" }, { status: "completed" }]);
  });
});

/** Waits for the spool folder of an attempt, which appears right before its process. */
const untilRunning = async (folder: TempFolder, db: string): Promise<void> => {
  const spool = join(folder.path, `${db}-spool`);
  const deadline = Date.now() + 20_000;
  while (!(existsSync(spool) && readdirSync(spool).length > 0)) {
    if (Date.now() > deadline) throw new Error("the task was not started");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
