import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { petit, tempFolder } from "../../support/cli.ts";
import { startPetit } from "../../support/petit/petit.ts";

const HELLO = "id: hello\ntasks: [{id: t, type: shell, script: 'echo hi'}]\n";
const SLEEPER = "id: sleeper\ntasks: [{id: s, type: command, command: sleep, args: ['60']}]\n";

const logOf = (stderr: string): readonly Record<string, unknown>[] =>
  stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("petit run", () => {
  test("serves the API, logs JSON lines to stderr, and stops with 0 on SIGTERM", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO } });
    expect((await running.fetch("/api/health")).status).toBe(200);
    expect(await running.stop()).toBe(0);
    const [ready, ...more] = logOf(running.stderr());
    expect(ready).toMatchObject({ level: "info", url: running.url, jobs: 1, problems: 0, msg: "petit is ready" });
    expect(more.at(-1)).toMatchObject({ msg: "stopped" });
  });

  test("warns about a misspelt variable", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO }, env: { PETIT_MAX_JOSB: "3" } });
    const [first] = logOf(running.stderr());
    const msg = "PETIT_MAX_JOSB is not a setting; did you mean PETIT_MAX_JOBS?";
    expect(first).toMatchObject({ level: "warn", variable: "PETIT_MAX_JOSB", msg });
  });

  test("keeps its runs across a restart", async () => {
    await using first = await startPetit({ jobs: { "a.yaml": HELLO } });
    const { run_id } = await (await first.fetch("/api/jobs/hello/trigger?wait=10", { method: "POST" })).json();
    await first.stop();
    await using second = await startPetit({ dir: first.dir });
    expect(await (await second.fetch(`/api/runs/${run_id}`)).json()).toMatchObject({ id: run_id, status: "completed" });
  });

  test("creates a database that only its owner can read", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO } });
    expect(statSync(running.dbPath).mode & 0o777).toBe(0o600);
    expect(statSync(`${running.dbPath}-spool`).mode & 0o777).toBe(0o700);
  });

  test("does not listen with --no-api", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO }, args: ["--no-api"] });
    expect(running.url).toBe("");
    expect(logOf(running.stderr())[0]).toMatchObject({ url: null });
  });

  test("exits with 4 if another petit uses the database, and names it", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO } });
    const second = await petit(["run", running.jobsDir, "--db", running.dbPath, "--api-port", "0"]);
    expect(second).toMatchObject({ status: 4, stdout: "" });
    expect(second.stderr).toContain(`is in use by process ${running.pid} (${running.url})`);
  });

  test("exits with 4 if the port is in use, before any run starts", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO } });
    using folder = tempFolder();
    const port = new URL(running.url).port;
    const second = await petit(["run", running.jobsDir, "--db", join(folder.path, "x.db"), "--api-port", port]);
    expect(second).toMatchObject({ status: 4, stdout: "" });
    expect(second.stderr).toMatch(
      new RegExp(`127.0.0.1:${port} is in use by .+, process \\d+; stop it, or set another`),
    );
  });

  test("refuses a public address without a token, and creates no database", async () => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", HELLO);
    const ended = await petit(["run", "jobs", "--api-host", "0.0.0.0", "--api-port", "0"], { cwd: folder.path });
    expect(ended).toMatchObject({ status: 2, stdout: "" });
    expect(ended.stderr).toContain("--token-file");
    expect(ended.stderr).toContain("PETIT_API_TOKEN");
    expect(existsSync(join(folder.path, "petit.db"))).toBe(false);
  });

  test("requires its token, and never logs it", async () => {
    await using running = await startPetit({
      jobs: { "a.yaml": HELLO },
      args: ["--log-level", "debug"],
      env: { PETIT_API_TOKEN: "s3cret-token" },
    });
    expect((await running.fetch("/api/jobs")).status).toBe(401);
    const headers = { authorization: "Bearer s3cret-token" };
    expect((await running.fetch("/api/jobs", { headers })).status).toBe(200);
    await running.stop();
    expect(running.stderr()).not.toContain("s3cret-token");
  });

  test("starts despite a broken file, and reports it in log and health", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO, "b.yaml": "id: b\ntask: 1\n" } });
    const health = await (await running.fetch("/api/health")).json();
    expect(health.status).toBe("degraded");
    expect(logOf(running.stderr())[0]).toMatchObject({ level: "warn", file: "b.yaml", line: 2 });
  });

  test("refuses a broken file with --strict", async () => {
    using folder = tempFolder();
    folder.write("jobs/b.yaml", "id: b\ntask: 1\n");
    const { status, stdout, stderr } = await petit(["run", "jobs", "--strict"], { cwd: folder.path });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("which --strict does not allow:\njobs/b.yaml:");
    expect(existsSync(join(folder.path, "petit.db"))).toBe(false);
  });

  test("warns about a folder without jobs", async () => {
    await using running = await startPetit({ jobs: {} });
    expect(logOf(running.stderr())[0]).toMatchObject({ level: "warn", msg: "JOBS_DIR has no job file" });
  });

  test("exits with 2 for a missing folder", async () => {
    expect(await petit(["run", "nowhere"])).toMatchObject({ status: 2, stdout: "" });
    expect((await petit(["run"])).stderr).toContain("there is no folder jobs");
    const inVariable = await petit(["run"], { environment: { PETIT_JOBS_DIR: "nowhere" } });
    expect(inVariable.stderr).toStartWith("petit: there is no folder nowhere (PETIT_JOBS_DIR);");
  });

  test("names the setting if a database can't be used", async () => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", "id: a\ntasks: [{id: t, type: shell, script: 'true'}]\n");
    folder.write("x.db", "no database");
    folder.write("config.yaml", "db: x.db\n");
    const options = { cwd: folder.path, environment: { PETIT_DB: "x.db" } };
    const run = ["run", "jobs", "--api-port=0"];
    const inVariable = await petit(run, options);
    expect(inVariable).toMatchObject({ status: 2, stderr: expect.stringContaining("(set by PETIT_DB)\n") });
    const inFile = await petit([...run, "--config=config.yaml"], { cwd: folder.path });
    expect(inFile.stderr).toContain("(set by db in config.yaml)\n");
  });

  test("exits with 2 for a file that is not a petit database, and does not change it", async () => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", HELLO);
    const file = folder.write("notes.db", "these are notes, and no database at all; ".repeat(50));
    const { status, stderr } = await petit(["run", "jobs", "--db", "notes.db"], { cwd: folder.path });
    expect(status).toBe(2);
    expect(stderr).toContain("notes.db");
    expect(statSync(file).size).toBe(41 * 50);
    for (const db of ["no/such/x.db", "jobs"]) {
      const refused = await petit(["run", "jobs", "--db", db], { cwd: folder.path });
      expect(refused).toMatchObject({ status: 2, stdout: "" });
      expect(refused.stderr).toContain("folder");
    }
  });

  test("reloads its job files on SIGHUP", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO }, args: ["--no-watch"] });
    writeFileSync(join(running.jobsDir, "b.yaml"), SLEEPER);
    process.kill(running.pid, "SIGHUP");
    expect(await until(async () => (await (await running.fetch("/api/jobs")).json()).count === 2)).toBe(true);
  });

  test("reloads its job files when they change", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO } });
    mkdirSync(join(running.jobsDir, "deep"));
    writeFileSync(join(running.jobsDir, "deep", "b.yaml"), SLEEPER);
    expect(await until(async () => (await (await running.fetch("/api/jobs")).json()).count === 2)).toBe(true);
  });

  test("ends running tasks immediately on a second signal, and exits with 0", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": SLEEPER } });
    const { run_id } = await (await running.fetch("/api/jobs/sleeper/trigger", { method: "POST" })).json();
    process.kill(running.pid, "SIGTERM");
    expect(
      await until(async () => (await running.fetch("/api/jobs/sleeper/trigger", { method: "POST" })).status === 503),
    ).toBe(true);
    process.kill(running.pid, "SIGINT");
    expect(await running.exited).toBe(0);
    await using again = await startPetit({ dir: running.dir });
    const run = await (await again.fetch(`/api/runs/${run_id}`)).json();
    expect(run).toMatchObject({ status: "interrupted", reason: "shutdown" });
  });

  test("leaves running tasks to the next start with --on-shutdown leave", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": SLEEPER }, args: ["--on-shutdown", "leave"] });
    const { run_id } = await (await running.fetch("/api/jobs/sleeper/trigger", { method: "POST" })).json();
    expect(await running.stop()).toBe(0);
    await using again = await startPetit({ dir: running.dir });
    expect(await (await again.fetch(`/api/runs/${run_id}`)).json()).toMatchObject({ status: "running" });
    await again.fetch(`/api/runs/${run_id}/cancel`, { method: "POST" });
    expect(
      await until(async () => (await (await again.fetch(`/api/runs/${run_id}`)).json()).status === "cancelled"),
    ).toBe(true);
  });
});

/** Waits up to ten seconds for a condition, and returns whether it became true. */
const until = async (check: () => Promise<boolean>): Promise<boolean> => {
  const deadline = Date.now() + 10_000;
  while (!(await check())) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return true;
};
