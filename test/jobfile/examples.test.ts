import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileSchedule } from "../../src/domain/schedule/schedule.ts";
import { formatProblem } from "../../src/jobfile/problem.ts";
import { readJobsDir } from "../../src/jobfile/read/job-dir.ts";

const EXAMPLES = join(import.meta.dirname, "../../examples/jobs");
const files = await readJobsDir(EXAMPLES);

describe("the examples", () => {
  test("are valid", () => {
    expect(files.problems.map(formatProblem)).toEqual([]);
  });

  test("are those that the documentation names, one job per file of the same name", () => {
    expect(files.jobs.map((job) => job.source.file)).toEqual(files.jobs.map((job) => `${job.id}.yaml`));
    expect(files.jobs.map((job) => String(job.id))).toEqual([
      "approval",
      "artifacts",
      "backup_alert",
      "child_jobs",
      "conditions",
      "data_pipeline",
      "deploy_on_push",
      "failing_job",
      "failure_alert",
      "greet",
      "hello_world",
      "holidays",
      "hourly_check",
      "http_request",
      "import_rows",
      "in_container",
      "inbox",
      "items",
      "late_warning",
      "limited",
      "load_day",
      "load_region",
      "minute_tick",
      "notify",
      "other_machine",
      "paris_morning",
      "pipeline_report",
      "report_after_load",
      "slow_task",
      "system_monitor",
      "tagged",
      "task_outputs",
      "typescript_task",
    ]);
  });

  test.each(files.jobs.map((job) => [job.id, job] as const))(
    "%s begins with a comment, and says what it is for",
    (_id, job) => {
      expect(readFileSync(join(EXAMPLES, job.source.file), "utf8")).toStartWith("# ");
      expect(job.description).not.toBeNull();
    },
  );

  test("with a schedule fire at some time", () => {
    const scheduled = files.jobs.flatMap((job) => job.schedule ?? []);
    expect(scheduled.length).toBeGreaterThan(5);
    for (const spec of scheduled) expect(compileSchedule(spec, "UTC").next(0)).not.toBeNull();
  });
});
