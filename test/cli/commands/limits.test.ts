import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { petit as runPetit, tempFolder } from "../../support/cli.ts";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";

const TASK = "tasks: [{id: t, type: shell, script: 'true'}]";
const ETL = `id: etl\nlimits: {memory: 512MiB, pids: 20}\n${TASK}\n`;
const PLAIN = `id: plain\nlimits: {nice: 5}\n${TASK}\n`;
const ACCEPTS = `id: accepts\nlimits: {memory: 512MiB, enforce: best_effort}\n${TASK}\n`;

/** Wherever the tests run, this is no cgroup that petit may use. */
const env = { PETIT_CGROUP: "/nonexistent" };

const MESSAGE = /memory and pids of job 'etl' are not enforced, because .+; .+/;

type Item = { readonly kind: string };

describe("limits that this machine does not enforce", () => {
  test("are named by attention, the log, the API, status, doctor, and each attempt, until no job has any", async () => {
    await using petit = await startPetit({
      jobs: { "etl.yaml": ETL, "plain.yaml": PLAIN, "accepts.yaml": ACCEPTS },
      args: ["--no-watch"],
      env,
    });
    const found = async (): Promise<readonly Item[]> =>
      (await ask(petit, "/api/attention")).body.items.filter(({ kind }: Item) => kind === "limits_not_enforced");
    expect(await found()).toEqual([
      expect.objectContaining({
        job_id: null,
        severity: "warning",
        count: 1,
        job_ids: ["etl"],
        limits: ["memory", "pids"],
        reason: expect.stringMatching(/./),
        advice: expect.stringMatching(/./),
        message: expect.stringMatching(MESSAGE),
      }),
    ]);
    expect(petit.stderr()).toMatch(MESSAGE);
    expect((await ask(petit, "/api/system")).body.limit_support).toMatchObject({
      enforced: [],
      reason: expect.stringMatching(/./),
    });
    const cli = async (...args: readonly string[]) => await runPetit(args, { environment: { PETIT_URL: petit.url } });
    expect((await cli("status")).stdout).toMatch(/memory and pids of job 'etl' are not enforced, because/);
    // Of the running petit, whatever could be enforced here.
    const doctor = JSON.parse((await cli("doctor", petit.jobsDir, "--json", "--db", petit.dbPath)).stdout);
    expect(doctor.checks.find(({ name }: { readonly name: string }) => name === "limits")).toMatchObject({
      status: "warning",
      message: expect.stringMatching(/memory and pids of job 'etl' are not enforced, because/),
      hint: expect.stringMatching(/./),
    });
    const run = await runToEnd(petit, "etl");
    const { tasks } = (await ask(petit, `/api/runs/${run.id}/tasks`)).body;
    expect(tasks[0].attempt_list[0]).toMatchObject({ limits_enforced: false });
    writeFileSync(join(petit.jobsDir, "etl.yaml"), `id: etl\n${TASK}\n`);
    await post(petit, "/api/jobs/reload");
    expect(await found()).toEqual([]);
  });

  test("are a warning of petit validate, which is no problem", async () => {
    using folder = tempFolder();
    folder.write("jobs/etl.yaml", ETL);
    const result = await runPetit(["validate", "jobs", "--url", "http://127.0.0.1:9"], {
      cwd: folder.path,
      environment: env,
    });
    expect(result.status).toBe(0);
    expect(result.stderr).toMatch(/^warning: memory and pids of job 'etl' are not enforced, because .+; .+\n$/);
    folder.write("jobs/etl.yaml", `${PLAIN}---\n${ACCEPTS}`);
    const quiet = await runPetit(["validate", "jobs"], { cwd: folder.path, environment: env });
    expect(quiet).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("petit validate", () => {
  test("reports users that tasks may not run as", async () => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", `id: a\nrun_as: no-such-user\n${TASK}\n`);
    folder.write("jobs/b.yaml", `id: b\nrun_as: daemon\n${TASK}\n`);
    folder.write("jobs/c.yaml", `id: c\nrun_as: no name\n${TASK}\n`);
    const validate = (...args: readonly string[]) => runPetit(["validate", "jobs", ...args], { cwd: folder.path });
    const { status, stdout } = await validate();
    expect(status).toBe(1);
    // One problem, not also that there is no such user.
    expect(stdout.match(/^jobs\/c.yaml.*$/gm)).toEqual([
      "jobs/c.yaml:2:9: run_as: 'no name' is not a user: a name or a numeric id",
    ]);
    if (process.geteuid?.() !== 0) {
      expect(stdout).toContain("jobs/b.yaml:2:9: run_as: run_as needs petit to run as root");
      return;
    }
    expect(stdout).toContain("jobs/a.yaml:2:9: run_as: there is no user 'no-such-user' on this machine\n");
    expect(stdout).toContain(
      "jobs/b.yaml:2:9: run_as: tasks may not run as 'daemon'; expected a user of the setting run_as_allowed, which lists none\n",
    );
    const allowed = (await validate("--run-as-allowed", "daemon")).stdout;
    expect(allowed).toContain("a.yaml");
    expect(allowed).not.toContain("b.yaml");
  });
});
