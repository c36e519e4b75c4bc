import { describe, expect, test } from "bun:test";
import { cpSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { openRuntime } from "#runtime";
import { runCli } from "../../../src/cli/cli.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { tempFolder } from "../../support/cli.ts";

const EXAMPLES = join(import.meta.dirname, "../../../examples");

/** By example: changes that its tests have to notice. */
const MUTATIONS: Readonly<Record<string, readonly (readonly [from: string, to: string])[]>> = {
  approval: [
    ["on_timeout: reject", "on_timeout: approve"],
    ["outputs.by }}", "outputs.decision }}"],
  ],
  artifacts: [["depends_on: [measure]", "condition: all_done"]],
  backup_alert: [['"0 2 * * *"', '"0 2 * * mon-fri"']],
  child_jobs: [
    ["max_attempts: 1", "max_attempts: 0"],
    ["region: ${{ item }}", "region: south"],
  ],
  conditions: [
    ["exit_codes: [3]", "exit_codes: [4]"],
    ["params.level == 'full'", "params.level != 'full'"],
    ["skip_exit_codes: [99]", "skip_exit_codes: [98]"],
  ],
  data_pipeline: [
    ["condition: on_failure", "condition: all_done"],
    ["outputs.total }}", "outputs.rows }}"],
    ["0 0 2 * * *", "0 0 2 * * mon"],
  ],
  deploy_on_push: [
    ["refs/heads/main", "refs/heads/next"],
    ["[push]", "[push, issues]"],
    ['"^(HEAD|[0-9a-f]{40})$"', '"."'],
  ],
  failing_job: [["condition: all_done", "condition: all_success"]],
  failure_alert: [["condition: on_failure", "condition: all_done"]],
  greet: [
    ["formal) echo", "stiff) echo"],
    ["{1,40}$", "{1,40}"],
  ],
  hello_world: [["Hello from petit!", "Hello!"]],
  holidays: [
    ["- holidays.txt", "- 2026-12-26"],
    ["mon-fri", "mon-sat"],
  ],
  hourly_check: [
    ["max_attempts: 3", "max_attempts: 1"],
    ["condition: transient_only", "condition: always"],
    ["timeout: 30s", "timeout: 3m"],
    ["@hourly", "@daily"],
  ],
  http_request: [
    ["timeout: 10s", "timeout: 10m"],
    ["max_attempts: 2", "max_attempts: 0"],
  ],
  import_rows: [["outputs.rows }}", "outputs.row_count }}"]],
  in_container: [
    ["timeout: 5m", "timeout: 1m"],
    ["timeout: 5m", "timeout: 1h"],
  ],
  inbox: [["event.path }}", "event.files[0].size }}"]],
  items: [
    ["item_key: ${{ item.name }}", "item_key: ${{ item.rows }}"],
    ["exclude: [{ os: trixie, node: 20 }]", "exclude: []"],
    ["max_attempts: 1", "max_attempts: 0"],
  ],
  late_warning: [["warn_after: 1s", "timeout: 1s"]],
  limited: [["sort -rn", "sort -n"]],
  load_day: [["0 6 * * *", "0 6 * * mon"]],
  load_region: [
    ["outputs.rows }}", "outputs.row }}"],
    ["[north, south, east, west]", "[north, south, middle, east]"],
  ],
  minute_tick: [
    ["* * * * *", "*/2 * * * *"],
    ["due ${PETIT_SCHEDULED_FOR:-now}", "due now"],
  ],
  notify: [['"$PETIT_PARAM_FAIL" = no', '"$PETIT_PARAM_FAIL" != no']],
  other_machine: [
    ["transient_only", "always"],
    ["max_attempts: 3", "max_attempts: 0"],
  ],
  paris_morning: [
    ["  timezone: Europe/Paris", "  timezone: Europe/London"],
    ['"30 2 * * *"', '"30 * * * *"'],
  ],
  pipeline_report: [
    ["MON-FRI", "MON-SAT"],
    ["  - job: data_pipeline", "  - job: hello_world"],
  ],
  report_after_load: [
    ["!= '0'", "== '0'"],
    ["on: [completed]", "on: [completed, failed]"],
    ["event.run.params.region", "event.run.job_id"],
  ],
  slow_task: [
    ["timeout: 2m", "timeout: 4m"],
    ["*/5", "*/10"],
  ],
  system_monitor: [["MiB available", "MB available"]],
  tagged: [['"tagged work"', '"work"']],
  task_outputs: [
    ["stdin: ${{ tasks.measure.outputs.poem }}", "stdin: poem"],
    ["one two three", "one two"],
  ],
  typescript_task: [
    ["limit: 50", "limit: 51"],
    ["sum + prime", "sum - prime"],
  ],
};

const folders = globSync("jobs/*.yaml", { cwd: EXAMPLES }).map((file) => basename(file));
const jobs = folders.filter((file) => !file.endsWith(".test.yaml")).map((file) => file.replace(/\.yaml$/, ""));

/** Runs `petit test` in this process. */
const runTests = async (dir: string, ...args: readonly string[]) => {
  let text = "";
  const stream = {
    write: (data: string | Uint8Array): boolean => {
      text += data;
      return true;
    },
  };
  const status = await runCli(["test", join(dir, "jobs"), ...args], {
    runtime: openRuntime(),
    clock: systemClock,
    environment: { PATH: process.env.PATH, TMPDIR: dir },
    stdout: stream,
    stderr: stream,
    version: "0.0.0",
  });
  return { status, text };
};

describe("the examples", () => {
  test("have tests, each in a file of the same name, that begin with a comment", () => {
    const tested = folders.filter((file) => file.endsWith(".test.yaml")).map((file) => file.replace(".test.yaml", ""));
    expect(tested.sort()).toEqual(jobs.toSorted());
    expect(Object.keys(MUTATIONS).sort()).toEqual(jobs.toSorted());
    for (const job of jobs)
      expect(readFileSync(join(EXAMPLES, `jobs/${job}.test.yaml`), "utf8")).toStartWith(`# Tests of ${job}.yaml`);
  });

  test("pass their tests", async () => {
    const { status, text } = await runTests(EXAMPLES);
    expect(text.split("\n").filter((line) => !line.startsWith("ok  "))).toEqual([
      expect.stringMatching(/^\d+ tests in /),
      "",
    ]);
    expect(status).toBe(0);
  }, 120_000);

  test.each(Object.entries(MUTATIONS).flatMap(([job, all]) => all.map(([from, to]) => [job, from, to] as const)))(
    "notice in the tests of %s that %p became %p",
    async (job, from, to) => {
      using folder = tempFolder();
      cpSync(EXAMPLES, folder.path, { recursive: true });
      const file = join(folder.path, `jobs/${job}.yaml`);
      const original = readFileSync(file, "utf8");
      const mutated = original.replace(from, to);
      expect(mutated).not.toBe(original);
      writeFileSync(file, mutated);
      const { status, text } = await runTests(folder.path, "--only", job);
      // The job is valid, and a test of it fails, or does not fit it any more.
      expect(text).toMatch(
        new RegExp(`^(FAIL ${job}: .*\\n {5})?.*jobs/${job}\\.test\\.yaml:\\d+:\\d+: .*expected `, "m"),
      );
      expect(status).toBe(1);
    },
    60_000,
  );
});
