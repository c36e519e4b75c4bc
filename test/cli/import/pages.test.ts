import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { translateCrontab } from "../../../src/cli/import/crontab/translate.ts";
import { compileSchedule } from "../../../src/domain/schedule/schedule.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { petit, tempFolder } from "../../support/cli.ts";
import { blocksOf } from "../../support/documentation.ts";

const read = (name: string): string => readFileSync(join(import.meta.dirname, "../../../docs", name), "utf8");
const [fromCron, fromTimers] = [read("from-cron.md"), read("from-systemd-timers.md")];

const idsIn = (text: string): string[] => [...text.matchAll(/^id: (.*)/gm)].map(([, id = ""]) => id);

/** What the table about Debian's cron says about petit, with a crontab that shows it. */
const DEBIAN: readonly [subject: string, crontab: string, args: readonly string[], expected: object][] = [
  ["a mistake", "x * * * * a\n* * * * * b\n", [], { status: 1, ids: [] }],
  ["a mistake that is skipped", "x * * * * a\n* * * * * b\n", ["--skip-invalid"], { status: 0, ids: ["b"] }],
  ["an unknown user", "* * * * * no-such-user a\n* * * * * root b\n", ["--system"], { status: 0, ids: ["b"] }],
  ["no line break", "* * * * * b", [], { ids: ["b"], notes: [[expect.stringContaining("end with a line break")]] }],
  ["no value", "A=\n* * * * * b\n", [], { ids: ["b"], environment: expect.objectContaining({ A: "" }) }],
  ["a dash", "-0 5 * * * b\n", [], { ids: ["b"] }],
  [
    "a zone",
    "CRON_TZ=Asia/Tokyo\n0 5 * * * b\n",
    [],
    { schedule: expect.objectContaining({ timezone: "Asia/Tokyo" }) },
  ],
  ["a path", "* * * * * b\n", [], { environment: expect.objectContaining({ PATH: "/usr/bin:/bin:/usr/sbin:/sbin" }) }],
  [
    "a user",
    "USER=x\nLOGNAME=y\n* * * * * root b\n",
    ["--system"],
    { environment: expect.objectContaining({ USER: "root", LOGNAME: "root" }) },
  ],
  ["a home", "HOME=/no/such\n* * * * * b\n", [], { workingDir: "/no/such" }],
];

describe("the table about Debian's cron", () => {
  test.each(DEBIAN)("is right about %s", async (_, crontab, args, expected) => {
    using folder = tempFolder();
    folder.write("mycron", crontab);
    const { status, stdout } = await petit(["import", "crontab", "mycron", "--json", ...args], { cwd: folder.path });
    const { files = [], lines = [] } = JSON.parse(stdout || "{}");
    const [job] = files.map(({ text }: { text: string }) => parse(text));
    expect({
      status,
      ids: files.map(({ text }: { text: string }) => parse(text).id),
      notes: lines.map(({ notes }: { notes: readonly string[] }) => notes),
      schedule: job?.schedule,
      environment: job?.environment,
      workingDir: job?.tasks[0].working_dir,
    }).toMatchObject(expected);
  });
});

describe("the page about cron", () => {
  test("shows what becomes of its crontab", () => {
    const [text = ""] = blocksOf(fromCron, "crontab");
    const { files } = translateCrontab(
      { file: "mycron", text, system: false },
      { as: "alice", homeOf: () => "/home/alice", ids: new Set() },
    );
    expect(files.map((file) => file.text)).toEqual(blocksOf(fromCron, "yaml").slice(0, 1));
  });
});

describe("the pages about cron and systemd timers", () => {
  test.each(blocksOf(fromCron + fromTimers, "yaml").map((text) => [idsIn(text).join(", "), text]))(
    "show valid jobs: %s",
    (_, text) => {
      const { jobs, problems } = readJobFile({ file: "page.yaml", folder: "/", text });
      expect({ ids: jobs.map((job) => String(job.id)), problems }).toEqual({ ids: idsIn(text), problems: [] });
    },
  );
});

/** The rows of the table of calendars. */
const CALENDARS = [...fromTimers.matchAll(/^\| `([^`=]+)` \| `([^`]+)` \|$/gm)]
  .map(([, calendar = "", cron = ""]) => [calendar, cron] as const)
  .filter(([calendar]) => !calendar.startsWith("systemctl") && !calendar.startsWith("journalctl"))
  .filter(([calendar]) => !calendar.startsWith("systemd"));

const START = Date.UTC(2026, 0, 2, 3, 4, 5);
const COUNT = 30;

const hasAnalyze = spawnSync("systemd-analyze", ["calendar", "daily"]).status === 0;

describe("the table of calendars", () => {
  test("has enough rows", () => {
    expect(CALENDARS.length).toBe(19);
  });

  test.if(hasAnalyze).each(CALENDARS)("%j is due when %j is", (calendar, cron) => {
    expect(cronTimes(cron)).toEqual(calendarTimes(calendar));
  });
});

const cronTimes = (cron: string): readonly string[] => {
  const spec = { expressions: [cron], timezone: "UTC", catchup: "latest", catchupWindowMs: 0, jitterMs: 0 } as const;
  const schedule = compileSchedule(spec, "UTC");
  const times: string[] = [];
  for (let at = schedule.next(START); at !== null && times.length < COUNT; at = schedule.next(at))
    times.push(new Date(at).toISOString().slice(0, 19).replace("T", " "));
  return times;
};

/** Returns the times that systemd itself computes. */
const calendarTimes = (calendar: string): readonly string[] => {
  const base = `--base-time=${new Date(START).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const args = ["calendar", `--iterations=${COUNT}`, base, calendar];
  const { stdout } = spawnSync("systemd-analyze", args, {
    encoding: "utf8",
    env: { PATH: process.env.PATH, TZ: "UTC" },
  });
  return [...stdout.matchAll(/(?:Next elapse|Iter\. #\d+): \w+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC/g)].map(
    ([, time = ""]) => time,
  );
};
