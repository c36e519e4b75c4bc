import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { petit, type TempFolder, tempFolder } from "../support/cli.ts";

const TWO_JOBS = `id: nightly
name: Nightly
description: At night.
schedule: {cron: "30 2 * * *", timezone: America/New_York}
tasks: [{id: a, type: shell, script: "true"}, {id: b, type: shell, script: "true", depends_on: [a]}]
---
id: by_hand
tasks: [{id: a, type: shell, script: "true"}]
`;

const withJobs = (files: Readonly<Record<string, string>>): TempFolder => {
  const folder = tempFolder();
  for (const [name, text] of Object.entries(files)) folder.write(join("jobs", name), text);
  return folder;
};

const run = (folder: TempFolder, ...args: readonly string[]) => petit(args, { cwd: folder.path });

describe("petit validate", () => {
  test("prints a summary if all jobs are valid", async () => {
    using folder = withJobs({ "a.yaml": TWO_JOBS });
    expect(await run(folder, "validate", "jobs")).toEqual({
      status: 0,
      stdout: "valid: 2 jobs, 3 tasks in jobs\n",
      stderr: "",
    });
  });

  test("prints all problems of all files on stdout, with file, line and column, and exits with 1", async () => {
    using folder = withJobs({
      "a.yaml": "id: a\nshedule: '@daily'\ntasks: []\n",
      "deep/b.yml": "id: b b\ntasks: [{id: t, type: shel, script: x}]\n",
      "good.yaml": TWO_JOBS,
    });
    const { status, stdout, stderr } = await run(folder, "validate", "jobs");
    expect(status).toBe(1);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line).toMatch(/^jobs\/(a\.yaml|deep\/b\.yml):\d+:\d+: /);
    expect(lines[0]).toStartWith("jobs/a.yaml:2:1: shedule: ");
    expect(lines[0]).toContain("did you mean 'schedule'?");
    expect(stderr).toBe("4 problems in 2 files\n");
  });

  test("reports a folder without jobs, and exits with 1", async () => {
    using folder = withJobs({ "notes.txt": "nothing" });
    const { status, stdout, stderr } = await run(folder, "validate", "jobs");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("no job found in jobs");
  });

  test("exits with 2 for a missing folder, and suggests another", async () => {
    using folder = withJobs({ "a.yaml": TWO_JOBS });
    const { status, stdout, stderr } = await run(folder, "validate", "jbos");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toBe("petit: there is no folder jbos; did you mean 'jobs'?\n");
    expect(await run(folder, "validate", "jobs/b.yaml")).toMatchObject({
      status: 2,
      stderr: "petit: there is no file jobs/b.yaml; expected a job file, a folder of job files, or -\n",
    });
  });

  const GATED = `id: gated\ndepends_on: [elsewhere]\ntasks: [{id: t, type: shell, script: "true"}]\n`;

  test("checks only the given files, whose jobs may name jobs of others", async () => {
    using folder = withJobs({ "a.yaml": TWO_JOBS, "gated.yaml": GATED, "bad.yaml": "id: bad\n" });
    expect(await run(folder, "validate", "jobs/a.yaml", join(folder.path, "jobs/gated.yaml"))).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^valid: 3 jobs, 4 tasks in jobs\/a\.yaml, /),
    });
    const { status, stdout } = await run(folder, "validate", "jobs/bad.yaml", "jobs/a.yaml");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^jobs\/bad\.yaml:1:1: tasks: /);
    expect((await run(folder, "validate", "jobs")).stdout).toContain("there is no job 'elsewhere'");
  });

  test("reports an id that two given files have", async () => {
    using folder = withJobs({ "a.yaml": GATED, "b.yaml": GATED });
    const { status, stdout } = await run(folder, "validate", "jobs/a.yaml", "jobs/b.yaml");
    expect(status).toBe(1);
    expect(stdout).toContain("jobs/b.yaml:1:5: id: 'gated' is the id of the job at jobs/a.yaml:1 as well");
  });

  test("checks standard input", async () => {
    using folder = withJobs({});
    expect(await petit(["validate", "-"], { cwd: folder.path, stdin: GATED })).toMatchObject({
      status: 0,
      stdout: "valid: 1 job, 1 task in stdin\n",
    });
    const bad = await petit(["validate", "-", "--json"], { cwd: folder.path, stdin: "id: bad\n" });
    expect(bad.status).toBe(1);
    expect(JSON.parse(bad.stdout).problems).toMatchObject([{ file: "stdin", line: 1, path: "tasks" }]);
  });

  test("writes only JSON in the documented shape to stdout with --json", async () => {
    using folder = withJobs({
      "a.yaml": TWO_JOBS,
      "bad.yaml": "id: c\nname: ''\ntasks: [{id: t, type: shell, script: x}]\n",
    });
    const { status, stdout, stderr } = await run(folder, "validate", "--json", "jobs");
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    const report = JSON.parse(stdout);
    expect(Object.keys(report)).toEqual(["valid", "jobs", "problems"]);
    expect(report).toMatchObject({
      valid: false,
      jobs: 2,
      problems: [{ file: "jobs/bad.yaml", line: 2, path: "name" }],
    });
    expect(Object.keys(report.problems[0]).sort()).toEqual(["column", "file", "line", "message", "path"]);
  });

  test("writes JSON for valid jobs, and for an empty folder", async () => {
    using folder = withJobs({ "a.yaml": TWO_JOBS });
    folder.write("empty/x.txt", "");
    expect(JSON.parse((await run(folder, "validate", "jobs", "--json")).stdout)).toEqual({
      valid: true,
      jobs: 2,
      problems: [],
    });
    const empty = await run(folder, "validate", "empty", "--json");
    expect([empty.status, JSON.parse(empty.stdout)]).toEqual([1, { valid: false, jobs: 0, problems: [] }]);
  });
});

describe("petit list", () => {
  test("shows jobs by id with schedule, next occurrence and tasks", async () => {
    using folder = withJobs({ "a.yaml": TWO_JOBS });
    const { status, stdout, stderr } = await run(folder, "list", "jobs");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [head, first, second] = stdout.split("\n");
    expect(head).toMatch(/^JOB +SCHEDULE +NEXT +TASKS$/);
    expect(first).toMatch(/^by_hand +- +- +1$/);
    expect(second).toMatch(/^nightly +30 2 \* \* \* +\d{4}-\d\d-\d\d 0[23]:\d\d:00 E[SD]T +2$/);
  });

  test("marks disabled jobs, and shows their schedule", async () => {
    const tasks = "tasks: [{id: t, type: shell, script: 'true'}]";
    using folder = withJobs({
      "a.yaml": `id: off\nenabled: false\nschedule: "30 2 * * *"\n${tasks}\n---\nid: off_by_hand\nenabled: false\n${tasks}`,
    });
    const [, first, second] = (await run(folder, "list", "jobs")).stdout.split("\n");
    expect(first).toMatch(/^off +30 2 \* \* \* \(disabled\) +- +1$/);
    expect(second).toMatch(/^off_by_hand +disabled +- +1$/);
  });

  test("shows tags, and only the jobs with a tag", async () => {
    const tasks = "tasks: [{id: t, type: shell, script: 'true'}]";
    using folder = withJobs({
      "a.yaml": `id: a\ntags: [nightly, finance]\n${tasks}\n---\nid: b\ntags: [nightly]\n${tasks}\n---\nid: c\n${tasks}`,
    });
    const rows = async (...args: string[]) => {
      const { stdout } = await run(folder, "list", "jobs", ...args);
      return stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.split(/ {2,}/));
    };
    expect(await rows()).toEqual([
      ["JOB", "SCHEDULE", "NEXT", "TASKS", "TAGS"],
      ["a", "-", "-", "1", "nightly, finance"],
      ["b", "-", "-", "1", "nightly"],
      ["c", "-", "-", "1"],
    ]);
    expect((await rows("--tag", "nightly")).map(([id]) => id)).toEqual(["JOB", "a", "b"]);
    expect((await rows("--tag=nightly,finance")).map(([id]) => id)).toEqual(["JOB", "a"]);
    const json = JSON.parse((await run(folder, "list", "jobs", "--tag", "finance", "--json")).stdout);
    expect([json.count, json.jobs[0].tags]).toEqual([1, ["nightly", "finance"]]);
    const wrong = await run(folder, "list", "jobs", "--tag", "finanse");
    expect([wrong.status, wrong.stdout]).toEqual([2, ""]);
    expect(wrong.stderr).toContain("no job has the tag 'finanse'; did you mean 'finance'?");
    expect((await run(folder, "list", "jobs", "--tag", "x")).stderr).toContain("expected one of finance, nightly");
  });

  test("writes the JSON of GET /api/jobs", async () => {
    using folder = withJobs({ "a.yaml": TWO_JOBS });
    const list = JSON.parse((await run(folder, "list", "jobs", "--json")).stdout);
    expect(list.count).toBe(2);
    expect(list.jobs[1]).toMatchObject({
      id: "nightly",
      name: "Nightly",
      description: "At night.",
      enabled: true,
      scheduled: true,
      schedule: ["30 2 * * *"],
      timezone: "America/New_York",
      last_run: null,
      running: 0,
      task_count: 2,
    });
    expect(list.jobs[1].next_run_at).toBeGreaterThan(Date.now());
    expect(list.jobs[0]).toMatchObject({ id: "by_hand", scheduled: false, schedule: null, next_run_at: null });
  });

  test("reports a folder without jobs", async () => {
    using folder = withJobs({ "later.yaml": "# nothing yet\n" });
    expect(await run(folder, "list", "jobs")).toEqual({
      status: 0,
      stdout: "",
      stderr: "no job found in jobs; expected *.yaml or *.yml files with a job each\n",
    });
  });

  test("lists the valid jobs, reports a broken file on stderr, and exits with 1", async () => {
    using folder = withJobs({ "a.yaml": TWO_JOBS, "bad.yaml": "id: c\n" });
    const { status, stdout, stderr } = await run(folder, "list", "jobs");
    expect(status).toBe(1);
    expect(stdout).toContain("nightly");
    expect(stderr).toContain("jobs/bad.yaml:1:1: ");
  });
});

describe("petit next", () => {
  const next = (folder: TempFolder, ...args: readonly string[]) => run(folder, "next", "jobs", ...args);

  test("marks excepted dates", async () => {
    using folder = withJobs({
      "a.yaml": `id: a\nschedule: {cron: "0 */12 * * *", timezone: UTC, except: ["2030-01-02", days.txt]}\ntasks: [{id: t, type: shell, script: "true"}]`,
      "days.txt": "2030-01-03 # a holiday\n",
    });
    const from = ["--from", "2030-01-01T12:00:00Z"];
    const rows = (text: string) =>
      text
        .trimEnd()
        .split("\n")
        .slice(1)
        .map((line) => line.trim().split(/ {2,}/));
    expect(rows((await next(folder, "a", "-n", "4", ...from)).stdout)).toEqual([
      ["2030-01-01 12:00:00 UTC", "a"],
      ["2030-01-02 00:00:00 UTC", "a", "excluded: no run on 2030-01-02"],
      ["2030-01-03 00:00:00 UTC", "a", "excluded: no run on 2030-01-03"],
      ["2030-01-04 00:00:00 UTC", "a"],
    ]);
    expect(rows((await next(folder, "-n", "2", ...from)).stdout)).toEqual([
      ["2030-01-01 12:00:00 UTC", "a", "2030-01-04 00:00:00 UTC", "excluded: no run on 2030-01-02"],
    ]);
    const { occurrences } = JSON.parse((await next(folder, "--json", "-n", "2", ...from)).stdout);
    expect(occurrences.map(({ excluded }: { readonly excluded: boolean }) => excluded)).toEqual([false, true]);
  });

  test("shows ten occurrences of a job, and of all jobs with --json, by default", async () => {
    using folder = withJobs({ "a.yaml": TWO_JOBS });
    const { status, stdout, stderr } = await next(folder, "nightly");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.trimEnd().split("\n")).toHaveLength(11);
    expect(JSON.parse((await next(folder, "--json")).stdout).count).toBe(10);
  });

  const MANY = `id: beat
schedule: "*/5 * * * * *"
tasks: [{id: t, type: shell, script: x}]
---
id: hourly
schedule: "0 * * * *"
tasks: [{id: t, type: shell, script: x}]
---
id: ping
schedule: "@every 5m"
tasks: [{id: t, type: shell, script: x}]
---
id: twice
schedule: ["0 9 * * *", "2 9 * * *"]
tasks: [{id: t, type: shell, script: x}]
`;

  test("shows one row per job, and folds jobs that are due every few minutes", async () => {
    using folder = withJobs({ "a.yaml": MANY });
    const { status, stdout, stderr } = await next(folder, "--from", "2026-03-06T08:30");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.split("\n").map((line) => line.trimEnd().replace(/ {2,}/g, "  "))).toEqual([
      "WHEN  JOB  THEN",
      "2026-03-06 09:00:00 UTC  hourly  2026-03-06 10:00:00 UTC, 2026-03-06 11:00:00 UTC",
      "2026-03-06 09:00:00 UTC  twice  2026-03-06 09:02:00 UTC, 2026-03-07 09:00:00 UTC",
      "and 2 frequent jobs: beat every 5s, ping every 5m",
      "",
    ]);
    const once = await next(folder, "--from", "2026-03-06T08:30", "-n", "1");
    expect(once.stdout).toMatch(/^WHEN +JOB\n.* hourly\n.* twice\nand 2 frequent jobs: /);
    expect((await next(folder, "beat", "-n", "3")).stdout.trimEnd().split("\n")).toHaveLength(4);
  });

  test("ends with --until, which includes a whole date, and lists all until then", async () => {
    using folder = withJobs({ "a.yaml": MANY });
    const lines = async (...args: string[]) =>
      (await next(folder, "hourly", "--from", "2026-03-06T08:30", ...args)).stdout.trimEnd().split("\n").slice(1);
    expect(await lines("--until", "2026-03-06T10:00")).toHaveLength(2);
    const toNextDay = await lines("--until", "2026-03-07");
    expect(toNextDay).toHaveLength(39);
    expect(toNextDay.at(-1)).toStartWith("2026-03-07 23:00:00 UTC");
    expect(await lines("--until", "2026-03-07", "-n", "5")).toHaveLength(5);
    const none = await next(folder, "twice", "--from", "2026-03-06T10:00", "--until", "2026-03-06T11:00");
    expect(none).toMatchObject({ status: 0, stderr: "no occurrences: none is due until then\n" });
    const early = await next(folder, "--from", "2026-03-06", "--until", "2026-03-05");
    expect(early).toMatchObject({ status: 2, stdout: "" });
    expect(early.stderr).toContain("--until is '2026-03-05'; expected a time after the start of the list");
  });

  test("shows only a line if all jobs are frequent", async () => {
    using folder = withJobs({ "a.yaml": MANY.split("---")[0] ?? "" });
    expect((await next(folder)).stdout).toBe("1 frequent job: beat every 5s\n");
  });

  test("marks a later occurrence of a job that daylight saving shifts", async () => {
    using folder = withJobs({ "a.yaml": TWO_JOBS });
    const { stdout } = await next(folder, "--from", "2026-03-07T00:00:00-05:00");
    expect(stdout.split("\n")[1]).toMatch(
      /^2026-03-07 02:30:00 EST +nightly +2026-03-08 03:00:00 EDT, \S+ 02:30:00 EDT +2026-03-08 03:00:00 EDT: clock went forward: due at 02:30/,
    );
  });

  test("marks an occurrence that daylight saving shifts", async () => {
    using folder = withJobs({ "a.yaml": TWO_JOBS });
    const { stdout } = await next(folder, "nightly", "-n", "2", "--from", "2026-03-08T00:00:00-05:00");
    const [, first, second] = stdout.split("\n");
    expect(first).toMatch(/^2026-03-08 03:00:00 EDT +nightly +clock went forward: due at 02:30/);
    expect(second).toMatch(/^2026-03-09 02:30:00 EDT +nightly$/);
  });

  test("writes JSON in the documented shape", async () => {
    using folder = withJobs({ "a.yaml": TWO_JOBS });
    const { stdout } = await next(folder, "nightly", "-n2", "--from=2026-11-01T00:00-04:00", "--json");
    expect(JSON.parse(stdout)).toEqual({
      occurrences: [
        {
          job_id: "nightly",
          at: Date.parse("2026-11-01T07:30:00Z"),
          starts_at: Date.parse("2026-11-01T07:30:00Z"),
          local: "2026-11-01T02:30:00-05:00",
          excluded: false,
          note: null,
        },
        {
          job_id: "nightly",
          at: Date.parse("2026-11-02T07:30:00Z"),
          starts_at: Date.parse("2026-11-02T07:30:00Z"),
          local: "2026-11-02T02:30:00-05:00",
          excluded: false,
          note: null,
        },
      ],
      count: 2,
    });
  });

  test("merges the jobs by time, and includes occurrences at --from", async () => {
    using folder = withJobs({
      "a.yaml": "id: a\nschedule: '@every 2h'\ntasks: [{id: t, type: shell, script: x}]\n",
      "b.yaml": "id: b\nschedule: '0 */3 * * *'\ntasks: [{id: t, type: shell, script: x}]\n",
      "c.yaml": "id: c\nenabled: false\nschedule: '* * * * *'\ntasks: [{id: t, type: shell, script: x}]\n",
    });
    const { stdout } = await next(folder, "-n", "6", "--from", "2026-01-01", "--json");
    const seen = JSON.parse(stdout).occurrences.map((each: { job_id: string; local: string }) => [
      each.job_id,
      each.local.slice(11, 16),
    ]);
    expect(seen).toEqual([
      ["a", "00:00"],
      ["b", "00:00"],
      ["a", "02:00"],
      ["b", "03:00"],
      ["a", "04:00"],
      ["a", "06:00"],
    ]);
  });

  test("reads --from without an offset as local time in --timezone", async () => {
    using folder = withJobs({ "a.yaml": "id: a\nschedule: '0 * * * *'\ntasks: [{id: t, type: shell, script: x}]\n" });
    const { stdout } = await next(folder, "-n1", "--from", "2026-07-01T12:00", "--timezone", "Europe/Paris", "--json");
    expect(JSON.parse(stdout).occurrences[0]).toMatchObject({ local: "2026-07-01T12:00:00+02:00" });
  });

  test.each([
    ["2026-03-08T06:00+01", "05:00:00"],
    ["2026-03-08T06:00:00.000001Z", "06:00:00"],
    ["2026-03-08T05:59:59.123456789Z", "06:00:00"],
    ["2026-03-08 05:00:00,5+00:00", "06:00:00"],
  ])("reads --from as %s", async (from, time) => {
    using folder = withJobs({ "a.yaml": "id: a\nschedule: '@every 1h'\ntasks: [{id: t, type: shell, script: x}]\n" });
    const { stdout } = await next(folder, "-n1", "--from", from, "--timezone", "UTC", "--json");
    expect(JSON.parse(stdout).occurrences[0].local).toBe(`2026-03-08T${time}+00:00`);
  });

  test("says why a job has no occurrences", async () => {
    const off = "id: off\nenabled: false\nschedule: '@daily'\ntasks: [{id: t, type: shell, script: x}]\n";
    using folder = withJobs({ "a.yaml": TWO_JOBS, "off.yaml": off });
    const why = async (...args: string[]): Promise<string> => {
      const { status, stdout, stderr } = await next(folder, ...args);
      expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
      return stderr;
    };
    expect(await why("by_hand")).toBe("no occurrences: 'by_hand' has no schedule\n");
    expect(await why("off")).toBe("no occurrences: 'off' is disabled\n");
    expect(await why("nightly", "--from", "9999-12-31T23:59")).toBe("no occurrences: the schedules have ended\n");
    expect(JSON.parse((await next(folder, "by_hand", "--json")).stdout)).toEqual({ occurrences: [], count: 0 });
  });

  const wrong: readonly (readonly [readonly string[], string])[] = [
    [["nihgtly"], "no job 'nihgtly' in jobs; did you mean 'nightly'?"],
    [["-n", "0"], "-n is '0'; expected a whole number from 1"],
    [["-n", "-5"], "-n is '-5'"],
    [["-n", "many"], "-n is 'many'"],
    [["--from", "tomorrow"], "--from is 'tomorrow'; expected an ISO 8601 time"],
    [["--from", "2026-02-30"], "--from is '2026-02-30'"],
    [["--from", "0000-01-01"], "--from is '0000-01-01'"],
    [["--timezone", "Mars/Base"], "--timezone is 'Mars/Base'"],
  ];
  test.each(wrong)("refuses %j", async (args, message) => {
    using folder = withJobs({ "a.yaml": TWO_JOBS });
    const { status, stdout, stderr } = await next(folder, ...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});

describe("petit init", () => {
  test("writes an example job that is valid and runs, and prints the next steps", async () => {
    using folder = tempFolder();
    const made = await run(folder, "init");
    expect(made).toMatchObject({ status: 0, stdout: "wrote jobs/hello.yaml\n" });
    expect(made.stderr).toContain("petit validate jobs");
    expect(await run(folder, "validate", "jobs")).toMatchObject({ status: 0 });
    const ran = await run(folder, "trigger", "jobs", "hello", "--param", "name=you");
    expect(ran.status).toBe(0);
    expect(ran.stdout).toContain("What was said: Hello, you!");
  });

  test("overwrites nothing", async () => {
    using folder = tempFolder();
    const file = folder.write("my/jobs/hello.yaml", "mine");
    const { status, stdout, stderr } = await run(folder, "init", "my/jobs");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("my/jobs/hello.yaml already exists");
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  test.each([
    ["file", "the folder file can't be created: "],
    ["file/jobs", "the folder file/jobs can't be created: "],
    ["/proc/here", "the folder /proc/here can't be created: "],
    ["/proc", "/proc/hello.yaml can't be written: "],
  ])("reports why it can't write to %s", async (dir, why) => {
    using folder = tempFolder();
    folder.write("file", "");
    const { status, stdout, stderr } = await run(folder, "init", dir);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toStartWith(`petit: ${why}`);
    expect(stderr).toEndWith("; choose another folder\n");
  });

  test("creates the given folder", async () => {
    using folder = tempFolder();
    const { stdout } = await run(folder, "init", "a/b", "--json");
    expect(JSON.parse(stdout)).toEqual({ written: ["a/b/hello.yaml"] });
    expect(existsSync(join(folder.path, "a/b/hello.yaml"))).toBe(true);
  });
});

describe("petit schema", () => {
  test("prints a JSON Schema, and lists all fields in its help", async () => {
    const { status, stdout } = await petit(["schema"]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema" });
    const help = (await petit(["schema", "--help"])).stdout;
    for (const field of ["max_concurrency", "tasks[].retry.max_attempts", "tasks[].depends_on"]) {
      expect(help).toContain(`\n  ${field}`);
    }
  });
});
