import { describe, expect, test } from "bun:test";
import { stripVTControlCharacters } from "node:util";
import type { AttentionBody, ListedJob, Overview, RunBody } from "../../../src/cli/status/overview-data.ts";
import { overviewText } from "../../../src/cli/status/overview-text.ts";
import type { Screen } from "../../../src/cli/terminal/terminal.ts";
import { textWidth } from "../../../src/cli/terminal/text-width.ts";

const NOW = Date.parse("2026-03-06T12:00:00Z");
const MINUTE = 60_000;
const idOf = (at: number): string => `019b76da-a800-7c3e-8f2b-5d1c9a7e4f${String(at).padStart(2, "0")}`;

const screenOf = ({ columns = 80, rows = 60, isTerminal = true }): Screen => {
  const abilities = { isTerminal, color: isTerminal, movesCursor: isTerminal };
  return { ...abilities, write: () => {}, columns: () => columns, rows: () => rows };
};

const jobOf = (id: string, change: Partial<ListedJob> = {}): ListedJob => ({
  id,
  name: id,
  description: null,
  enabled: true,
  scheduled: true,
  schedule: ["0 * * * *"],
  timezone: null,
  next_run_at: NOW + 60 * MINUTE,
  next_start_at: NOW + 60 * MINUTE,
  jitter_ms: 0,
  has_except: false,
  not_run_as_expected: null,
  formerly: [],
  last_run: null,
  tags: [],
  paused: false,
  paused_at: null,
  paused_by: null,
  gone: false,
  gone_at: null,
  running: 0,
  waiting: {},
  task_count: 1,
  ...change,
});

const runOf = (at: number, change: Partial<RunBody> = {}): RunBody =>
  ({
    id: idOf(at),
    job_id: "load",
    status: "running",
    waits_for: null,
    waiting_for: null,
    trigger: "manual",
    created_at: NOW - 5 * MINUTE,
    late_at: null,
    started_at: NOW - 5 * MINUTE,
    ...change,
  }) as RunBody;

const failure = {
  task_id: "probe",
  attempt: 1,
  reason: "exit_code",
  exit_code: 28,
  signal: null,
  error: "exit code 28",
  cause: null,
  last_line: { seq: 2, stream: "stderr", text: "curl: (28) Connection\ttimed out" },
} as const;

const common = { severity: "error", since: NOW - 90 * MINUTE, message: "a sentence" } as const;
const failing = (job: string, at: number, change: object = {}): AttentionBody =>
  ({
    ...common,
    kind: "job_failing",
    job_id: job,
    run_id: idOf(at),
    count: 3,
    recent_runs: 10,
    recent_failures: 6,
    flapping: false,
    failure,
    ...change,
  }) as AttentionBody;

const EMPTY: Overview = {
  version: "1.2.3",
  state: "running",
  pausedBy: null,
  health: { status: "ok", reasons: [] },
  attention: { items: [], count: 0, counts: {} as Overview["attention"]["counts"], handled: 0 },
  running: [],
  pending: [],
  jobs: [],
  repository: null,
};

const withItems = (...items: readonly AttentionBody[]): Overview => ({
  ...EMPTY,
  attention: { ...EMPTY.attention, items: [...items], count: items.length },
});

type Display = {
  readonly columns?: number;
  readonly rows?: number;
  readonly all?: boolean;
  readonly isTerminal?: boolean;
};

const linesOf = (overview: Overview, { all = false, ...display }: Display = {}): readonly string[] => {
  const options = { screen: screenOf(display), now: NOW, zone: "UTC", base: "http://petit", all };
  return stripVTControlCharacters(overviewText(overview, options)).split("\n");
};

describe("the overview", () => {
  test("of a petit with nothing to do says so in one line per part", () => {
    expect(linesOf(EMPTY)).toEqual([
      "petit 1.2.3 at http://petit: running, 0 jobs",
      "",
      "✓ nothing needs attention",
      "",
      "nothing is running",
      "",
    ]);
  });

  test("begins with what needs attention: since when, in which run, and why", () => {
    expect(linesOf(withItems(failing("api_check", 1), failing("etl", 2, { flapping: true }))).slice(2, 8)).toEqual([
      "NEEDS ATTENTION  SINCE   RUN       STATE",
      "✗ api_check      1h ago  9a7e4f01  3 in a row",
      "    probe: exit code 28 │ curl: (28) Connection timed out",
      "✗ etl            1h ago  9a7e4f02  flapping, 6 of 10",
      "    probe: exit code 28 │ curl: (28) Connection timed out",
      "  petit status 9a7e4f01  shows why api_check failed",
    ]);
  });

  const items: readonly (readonly [object, readonly [string, string]])[] = [
    [
      {
        kind: "job_flapping",
        severity: "warning",
        job_id: "j",
        run_id: idOf(1),
        recent_runs: 10,
        recent_failures: 4,
        failure,
      },
      ["! j 1h ago 9a7e4f01 flapping, 4 of 10", "probe: exit code 28 │ curl: (28) Connection timed out"],
    ],
    [
      {
        kind: "run_stuck",
        severity: "warning",
        job_id: "j",
        run_id: idOf(1),
        task_id: "t",
        elapsed_ms: 720_000,
        usual_ms: 20_000,
      },
      ["! j 1h ago 9a7e4f01 stuck", "runs for 12m, usually 20s; now in task t"],
    ],
    [
      {
        kind: "run_late",
        severity: "warning",
        job_id: "j",
        run_id: idOf(1),
        count: 3,
        waited_ms: 720_000,
        waits_for: { code: "queue", queue: "db", limit: 1, running: 1, ahead: 0 },
      },
      ["! j 1h ago 9a7e4f01 late", "has waited 12m for a place in queue 'db' (1 of 1 is taken), and 2 more runs"],
    ],
    [
      {
        kind: "notifications_undelivered",
        job_id: "j",
        run_id: null,
        type: "webhook",
        target: "https://h/***",
        count: 2,
        error: "503",
      },
      ["✗ j 1h ago 2 undelivered", "https://h/***: 503"],
    ],
    [
      {
        kind: "job_file_broken",
        job_id: null,
        run_id: null,
        file: "a.yaml",
        line: 2,
        column: 1,
        path: "taks",
        problem: "unknown",
        problems: 3,
      },
      ["✗ a.yaml:2 1h ago broken file", "taks: unknown (and 2 more)"],
    ],
    [{ kind: "worker_lost", job_id: "j", run_id: null }, ["✗ j 1h ago", "a sentence"]],
  ];
  test.each(items)("has a row for %j", (item, expected) => {
    const lines = linesOf(withItems({ ...common, ...item } as AttentionBody));
    expect(lines.slice(3, 5).map((line) => line.trim().replace(/ +/g, " "))).toEqual([...expected]);
  });

  test("begins with what is wrong with petit itself", () => {
    const message = "the database can't be written: the disk is full";
    const reasons = [
      { code: "disk_full", message },
      { code: "job_file_broken", message: "listed below" },
    ] as unknown as Overview["health"]["reasons"];
    const lines = linesOf({ ...withItems(failing("a", 1)), health: { status: "unavailable", reasons } });
    expect(lines[0]).toBe("petit 1.2.3 at http://petit: running, unavailable, 0 jobs");
    expect(lines.slice(3, 5)).toEqual([expect.stringMatching(/^✗ petit +not healthy$/), `    ${message}`]);
    expect(lines.join()).not.toContain("listed below");
  });

  test("says that schedules or jobs are paused, and leaves paused jobs out of what comes next", () => {
    const jobs = [jobOf("a", { paused: true, paused_by: "ada" }), jobOf("b", { paused: true }), jobOf("c")];
    const lines = linesOf({ ...EMPTY, state: "paused", pausedBy: "ben", jobs });
    expect(lines.slice(1, 3)).toEqual([
      "all schedules are paused by ben; 'petit resume' continues them",
      "2 paused jobs: a (by ada), b",
    ]);
    expect(lines.slice(-3)).toEqual(["NEXT  IN  WHEN", "c     1h  13:00", ""]);
  });

  test("lists what runs and what waits, with the time", () => {
    const pending = [runOf(2, { status: "pending", started_at: null, created_at: NOW - 30_000 })];
    expect(linesOf({ ...EMPTY, running: [runOf(1)], pending }).slice(4, 7)).toEqual([
      "RUNNING         FOR  RUN       TRIGGER",
      "● load          5m   9a7e4f01  manual",
      "○ load (waits)  30s  9a7e4f02  manual",
    ]);
  });

  test("lists the next occurrences in the reader's zone, and folds jobs that are due every few minutes", () => {
    const jobs = [
      jobOf("beat", { schedule: ["*/5 * * * * *"], next_start_at: NOW + 5_000 }),
      jobOf("paris", { schedule: ["30 7 * * *"], timezone: "Europe/Paris", next_start_at: NOW + 18.5 * 60 * MINUTE }),
      jobOf("manual", { schedule: null, next_start_at: null }),
      ...["h1", "h2", "h3", "h4", "h5"].map((id) => jobOf(id)),
    ];
    const seven = linesOf({ ...EMPTY, jobs }).slice(6);
    expect(seven.map((line) => line.split(" ")[0])).toEqual(["NEXT", "h1", "h2", "h3", "h4", "h5", "and", "…", ""]);
    expect(seven.slice(-3)).toEqual(["and 1 frequent job: beat every 5s", "… 1 more; petit next lists them", ""]);
    expect(linesOf({ ...EMPTY, jobs }, { all: true })).toContain("paris  18h30m  Sat 06:30");
  });

  test("lists ten rows of each part on a terminal, and everything with --all or without a terminal", () => {
    const many = Array.from({ length: 12 }, (_, at) => at);
    const overview = {
      ...withItems(...many.map((at) => failing(`j${at}`, at))),
      running: many.map((at) => runOf(at)),
    };
    expect(linesOf(overview).filter((line) => line === "… 2 more; --all lists them")).toHaveLength(2);
    expect(linesOf(overview, { all: true }).join()).not.toContain("more");
    const piped = linesOf(overview, { isTerminal: false });
    expect(piped.filter((line) => line.includes(idOf(11)))).toHaveLength(2);
  });

  const many = (count: number, name: string) =>
    Array.from({ length: count }, (_, at) => `${name}_${String(at).padStart(2, "0")}`);
  const LONG = `cp: cannot stat '/srv/${"very/long/path/".repeat(9)}orders.csv': No such file or directory`;
  const withLine = (text: string) => ({
    failure: { ...failure, last_line: { seq: 2, stream: "stderr", text } },
  });

  test.each([
    [1, 1, 1],
    [20, 0, 30],
    [2, 20, 1],
    [20, 20, 30],
    [0, 0, 300],
  ])("fits a terminal of 80×24 with %d entries, %d runs and %d coming jobs", (entries, active, coming) => {
    const overview = {
      ...withItems(...many(entries, "entry").map((id, at) => failing(id, at, withLine(LONG)))),
      running: many(active, "run").map((id, at) => runOf(at, { job_id: id })),
      jobs: many(coming, "next").map((id, at) =>
        jobOf(id, at % 2 === 0 ? {} : { schedule: ["* * * * *"], next_start_at: NOW + 1 }),
      ),
    };
    const lines = linesOf(overview, { rows: 24 });
    expect(lines.length).toBeLessThanOrEqual(24);
    if (entries > 0) expect(lines.join("\n")).toContain("entry_00");
    if (active > 0) expect(lines.join("\n")).toContain("● run_00");
    for (const [count, name] of [
      [entries, "entry"],
      [active, "run"],
    ] as const) {
      const shown = lines.filter((line) => line.includes(` ${name}_`) && !line.startsWith("  petit")).length;
      if (shown < count) expect(lines).toContain(`… ${count - shown} more; --all lists them`);
    }
    expect(linesOf(overview, { rows: 24, all: true }).join("\n")).not.toContain("more");
  });

  test("never cuts the end of the line that explains a failure", () => {
    const lines = linesOf(withItems(failing("load", 1, withLine(LONG))), { rows: 24 });
    expect(lines.slice(4, 7).join("").replaceAll("    ", "")).toEndWith("orders.csv': No such file or directory");
    expect(lines.filter((line) => textWidth(line) > 80)).toEqual([]);
  });

  test.each([[24], [40], [80], [120]])("is never wider than a terminal of %d columns", (columns) => {
    const overview = {
      ...withItems(failing("a_job_with_a_name_that_is_longer_than_a_narrow_terminal_is_wide", 1), failing("b", 2)),
      running: [runOf(3, { job_id: "another_job_with_a_name_that_is_longer_than_a_narrow_terminal_is_wide" })],
      jobs: [jobOf("a_third_job_with_a_name_that_is_longer_than_a_narrow_terminal_is_wide")],
    };
    const tooLong = linesOf(overview, { columns }).filter(
      (line) => textWidth(line) > columns && !line.startsWith("  petit ") && columns >= 40,
    );
    expect(tooLong).toEqual([]);
  });
});
