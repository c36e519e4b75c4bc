import { describe, expect, test } from "bun:test";
import type { JobSummary } from "../../../src/web/data/shapes.ts";
import { countRuns, listJobs, readFilter, sortedBy } from "../../../src/web/jobs/job-list.ts";

const job = (id: string, more: Partial<JobSummary> = {}): JobSummary => ({
  id,
  name: id,
  description: null,
  enabled: true,
  scheduled: true,
  schedule: ["@hourly"],
  timezone: null,
  next_run_at: null,
  next_start_at: null,
  jitter_ms: null,
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
  ...more,
});

const lastRun = (status: "completed" | "failed", started_at: number) => ({
  last_run: { id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60", status, started_at, ended_at: started_at, duration_ms: 0 },
});

const JOBS = [
  job("a", { next_start_at: 30, ...lastRun("failed", 5), success_rate: 0.5, running: 1 }),
  job("B", { next_start_at: 20, ...lastRun("completed", 9), success_rate: 1 }),
  job("c", { enabled: false, name: "Zebra" }),
  job("d", { scheduled: false, schedule: null, ...lastRun("completed", 7), usual_duration_ms: 40 }),
];

const ids = (query: string): string =>
  listJobs(JOBS, readFilter(new URLSearchParams(query)))
    .map(({ id }) => id)
    .join("");

describe("the list of jobs", () => {
  test.each([
    ["", "aBdc"],
    ["sort=-name", "cdBa"],
    ["sort=next", "Bacd"],
    ["sort=-next", "aBcd"],
    ["sort=last", "Bdac"],
    ["sort=success", "aBcd"],
    ["sort=usual", "daBc"],
    ["sort=nonsense&status=nonsense", "aBdc"],
    ["q=zeb", "c"],
    ["q=%20b%20", "Bc"],
    ["status=completed", "Bd"],
    ["status=running", "a"],
    ["status=never", "c"],
    ["schedule=on", "aB"],
    ["schedule=off", "c"],
    ["schedule=none", "d"],
    ["schedule=on&status=failed", "a"],
  ])("for the query '%s' is %s", (query, expected) => {
    expect(ids(query)).toBe(expected);
  });

  test("reverses the order after a second click on a heading", () => {
    const filter = readFilter(new URLSearchParams("sort=next"));
    expect(sortedBy(filter, "next")).toBe("-next");
    expect(sortedBy({ ...filter, isDescending: true }, "next")).toBe("next");
    expect(sortedBy(filter, "usual")).toBe("usual");
  });

  test("counts runs by status, ended ones first", () => {
    const runs = (["running", "completed", "failed", "completed"] as const).map((status) => ({ status }));
    expect(countRuns(runs)).toBe("4 runs: 2 completed, 1 failed, 1 running");
  });
});
