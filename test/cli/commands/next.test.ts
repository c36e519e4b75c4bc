import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, petit } from "../../support/cli.ts";
import { post } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const SCHEDULED = `id: holidays
schedule: {cron: "0 2 * * *", timezone: UTC, except: ["2031-03-02", "2031-03-04"]}
tasks: [{id: only, type: command, command: "true"}]
---
id: delayed
schedule: {cron: "0 3 * * *", timezone: UTC, jitter: 30m}
tasks: [{id: only, type: command, command: "true"}]
`;

const old = (id: string): string =>
  `${id}\nschedule: {cron: "0 4 * * *", timezone: UTC}\ntasks: [{id: only, type: command, command: "true"}]\n`;

let running: Petit;
beforeAll(async () => {
  const jobs = { "jobs.yaml": SCHEDULED, "old.yaml": old("id: report"), "past.yaml": old("id: past") };
  running = await startPetit({ jobs, args: ["--no-watch"] });
  writeFileSync(join(running.jobsDir, "old.yaml"), old("id: daily_report\nformerly: report"));
  rmSync(join(running.jobsDir, "past.yaml"));
  await post(running, "/api/jobs/reload");
});
afterAll(() => running[Symbol.asyncDispose]());

const FROM = ["--from", "2031-03-01", "--timezone", "UTC"];
const next = (...args: readonly string[]): Promise<CommandResult> =>
  petit(["next", ...args, ...FROM, "--url", running.url]);

describe("petit next about the running petit", () => {
  test("marks excepted dates as it does for a folder", async () => {
    const { status, stdout } = await next("holidays", "-n", "5");
    expect(status).toBe(0);
    expect(stdout).toContain("2031-03-02 02:00:00 UTC  holidays  excluded: no run on 2031-03-02");
    expect((await next(running.jobsDir, "holidays", "-n", "5")).stdout).toBe(stdout);
    const json = JSON.parse((await next("holidays", "-n", "5", "--json")).stdout);
    expect(json.occurrences.map(({ excluded }: { readonly excluded: boolean }) => excluded)).toEqual([
      false,
      true,
      false,
      true,
      false,
    ]);
  });

  test("leaves out excepted dates in the list of all jobs, as it does for a folder", async () => {
    const { stdout } = await next();
    expect(stdout).toContain("2031-03-01 02:00:00 UTC  holidays");
    expect((await next(running.jobsDir)).stdout).toBe(stdout);
    expect((await next("--json")).stdout).toBe((await next(running.jobsDir, "--json")).stdout);
  });

  test("says how much jitter delays each run, as it does for a folder", async () => {
    const { stdout } = await next("delayed", "-n", "1");
    expect(stdout).toMatch(/2031-03-01 03:00:00 UTC {2}delayed {2}starts \d+m\d+s later, by jitter/);
    expect((await next(running.jobsDir, "delayed", "-n", "1")).stdout).toBe(stdout);
    const [occurrence] = JSON.parse((await next("delayed", "-n", "1", "--json")).stdout).occurrences;
    expect(occurrence.at).toBe(Date.UTC(2031, 2, 1, 3));
    expect(occurrence.starts_at).toBeGreaterThan(occurrence.at);
    expect(occurrence.starts_at).toBeLessThanOrEqual(occurrence.at + 30 * 60_000);
  });

  test("finds a renamed job by its former id, with a note", async () => {
    const { status, stdout, stderr } = await next("report", "-n", "1");
    expect([status, stderr]).toEqual([0, "job 'report' is called 'daily_report' now\n"]);
    expect(stdout).toContain("2031-03-01 04:00:00 UTC  daily_report");
  });

  test("says that a job without a file has no occurrences", async () => {
    const { status, stdout, stderr } = await next("past");
    expect([status, stdout]).toEqual([0, ""]);
    expect(stderr).toBe("no occurrences: 'past' is gone: no job file defines it any more\n");
  });

  test("suggests a job, also a gone one, for an unknown id", async () => {
    expect(await next("dealyed")).toMatchObject({
      status: 2,
      stderr: "petit: there is no folder 'dealyed', and job 'dealyed' was not found; did you mean 'delayed'?\n",
    });
    expect((await next("pst")).stderr).toContain("did you mean 'past'?");
  });
});
