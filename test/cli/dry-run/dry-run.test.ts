import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, PETIT, petit, type TempFolder, tempFolder, textOf } from "../../support/cli.ts";

const task = "tasks: [{id: t, type: shell, script: touch started}]\n";

const JOBS = {
  "night.yaml": `id: night\nschedule: {cron: "30 2 * * *", timezone: Europe/Berlin}\n${task}`,
  "hourly.yaml": `id: hourly\nschedule: {cron: "0 * * * *", timezone: Europe/Berlin}\n${task}`,
  "utc.yaml": `id: utc\nschedule: "30 1 * * *"\n${task}`,
};

const folderWith = (jobs: Readonly<Record<string, string>>): TempFolder => {
  const folder = tempFolder();
  for (const [name, text] of Object.entries(jobs)) folder.write(`jobs/${name}`, text);
  return folder;
};

const dryRun = (folder: TempFolder, ...args: readonly string[]) =>
  petit(["run", "jobs", "--dry-run", ...args], { cwd: folder.path });

describe("petit run --dry-run", () => {
  test("prints what would start while the clocks go forward, and starts nothing", async () => {
    using folder = folderWith(JOBS);
    const { status, stdout, stderr } = await dryRun(folder, "--at", "2027-03-28T00:55Z", "--for", "2h");
    expect({ status, lines: stdout.split("\n") }).toEqual({
      status: 0,
      lines: [
        "2027-03-28T03:00:00+02:00  Europe/Berlin          the clock goes forward by 1h",
        "2027-03-28T03:00:00+02:00  Europe/Berlin  hourly",
        "2027-03-28T03:00:00+02:00  Europe/Berlin  night   clock went forward: due at 02:30, which did not exist",
        "2027-03-28T01:30:00+00:00  UTC  utc",
        "2027-03-28T04:00:00+02:00  Europe/Berlin  hourly",
        "",
      ],
    });
    expect(stderr).toBe(
      "dry run from 2027-03-28T00:55:00+00:00 to 2027-03-28T02:55:00+00:00, UTC: no task is started\n" +
        "in 2h, 4 runs of 3 jobs would have started\n",
    );
    expect(["started", "petit.db"].filter((name) => existsSync(join(folder.path, name)))).toEqual([]);
  });

  test("prints what would start while the clocks go back, once or twice, with what is due at the beginning", async () => {
    using folder = folderWith(JOBS);
    const { stdout } = await dryRun(folder, "--at", "2027-10-31T00:00Z", "--for", "2h", "--timezone", "Europe/Berlin");
    expect(stdout.split("\n")).toEqual([
      "2027-10-31T02:00:00+02:00  Europe/Berlin  hourly  clock went back: 02:00 occurs twice, this is the first time",
      "2027-10-31T02:30:00+02:00  Europe/Berlin  night   clock went back: 02:30 occurs twice, this is the first time",
      "2027-10-31T02:00:00+01:00  Europe/Berlin          the clock goes back by 1h",
      "2027-10-31T02:00:00+01:00  Europe/Berlin  hourly  clock went back: 02:00 occurs twice, this is the second time",
      "",
    ]);
  });

  test("says which occurrences start no run, and why, and what follows other jobs", async () => {
    using folder = folderWith({
      "a.yaml": `id: a\nschedule: "0 3 * * *"\n${task}`,
      "b.yaml": `id: b\nschedule: "0 2,4 * * *"\ndepends_on: [a]\n${task}`,
      "c.yaml": `id: c\ntriggers: [{type: run, job: a}]\n${task}`,
      "d.yaml": `id: d\nschedule: {cron: "0 5 * * *", except: ["2027-05-01"]}\n${task}`,
    });
    const { stdout } = await dryRun(folder, "--at", "2027-05-01", "--json");
    const records: readonly Record<string, unknown>[] = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records.map(({ type, job_id, local, reason = null }) => [type, job_id, local, reason])).toEqual([
      ["skipped", "b", "2027-05-01T02:00:00+00:00", "dependency"],
      ["run", "a", "2027-05-01T03:00:00+00:00", null],
      ["run", "c", "2027-05-01T03:00:00+00:00", null],
      ["run", "b", "2027-05-01T04:00:00+00:00", null],
      ["skipped", "d", "2027-05-01T05:00:00+00:00", "excluded"],
      ["summary", undefined, undefined, null],
    ]);
    expect(records.at(-1)).toEqual({
      type: "summary",
      passed_ms: 86_400_000,
      runs: 3,
      jobs: { a: 1, b: 1, c: 1 },
      unfired: 2,
    });
  });

  test("can be ended by Ctrl-C, with a summary, while time passes at some speed", async () => {
    using folder = folderWith({ "a.yaml": `id: a\nschedule: "*/10 * * * * *"\n${task}` });
    const [program = "", ...before] = PETIT;
    const args = ["run", "jobs", "--dry-run", "--at", "2027-05-01", "--speed", "60"];
    const child = spawn(program, [...before, ...args], {
      cwd: folder.path,
      env: cleanEnvironment(folder.path),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    const errors = textOf(child.stderr);
    let runs = 0;
    for await (const chunk of child.stdout) {
      runs += String(chunk).split("\n").length - 1;
      // Six runs are due in a second.
      if (runs >= 3) child.kill("SIGINT");
    }
    expect(await ended).toBe(0);
    expect(runs).toBeLessThan(1_000);
    expect(await errors).toMatch(/\nin \w+, \d+ runs of 1 job would have started\n$/);
  });

  test("reports problems in job files, and the jobs without", async () => {
    using folder = folderWith({ "a.yaml": `id: a\nschedule: "@daily"\n${task}`, "b.yaml": "id: b\n" });
    const { status, stdout, stderr } = await dryRun(folder, "--at", "2027-05-01");
    expect(status).toBe(1);
    expect(stdout).toBe("2027-05-01T00:00:00+00:00  UTC  a\n");
    expect(stderr).toContain("jobs/b.yaml:1:1: tasks: missing");
  });

  test.each([
    [["--at", "soon"], "--at is 'soon'; expected an ISO 8601 time"],
    [["--at", "1969-12-31"], "--at is '1969-12-31'; expected a time after 1970-01-01T00:00:00Z"],
    [["--at", "1970-01-01"], "--at is '1970-01-01'; expected a time after 1970-01-01T00:00:00Z"],
    [["--for", "40d"], "--for is '40d'; expected more than 0, and at most 31d"],
    [["--for", "2"], "--for is '2'; expected"],
    [["--speed", "0"], "--speed is '0'; expected a number from 0.001"],
  ])("refuses %p", async (args, message) => {
    using folder = folderWith({});
    folder.write("jobs/.keep", "");
    const { status, stderr } = await dryRun(folder, ...args);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(message) });
  });

  test("makes no backup", async () => {
    using folder = folderWith(JOBS);
    const backups = join(folder.path, "backups");
    const { status, stderr } = await dryRun(folder, "--backup-dir", backups, "--at", "2027-05-01", "--for", "2d");
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining("would have started") });
    expect(existsSync(backups)).toBe(false);
  });

  test("is needed by its flags", async () => {
    expect(await petit(["run", "jobs", "--at", "2027-03-28"])).toMatchObject({
      status: 2,
      stderr: "petit: --at needs --dry-run. See 'petit run --help'.\n",
    });
  });
});
