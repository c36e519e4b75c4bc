import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkJobsDir } from "../../../app/jobs-dir.ts";
import { SETTINGS, withOrigin } from "../../../app/settings/settings.ts";
import { onSignal } from "../../../app/signals.ts";
import { PetitError } from "../../../domain/errors.ts";
import { readJobsDir } from "../../../jobfile/read/job-dir.ts";
import { readTestFiles } from "../../../jobfile/read/test-file.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, Failure } from "../../exit.ts";
import { paint } from "../../terminal/terminal.ts";
import type { TestReport } from "../../test/report.ts";

/** The zone of schedules that name none, so that a test means the same on each machine. */
const TEST_ZONE = "UTC";

export const test = defineCommand({
  name: "test",
  summary: "Run the tests beside the job files, without starting processes",
  description:
    "Runs the tests in *.test.yaml below DIR: each starts a run of a job with petit's own engine, a clock of its own and a database in memory, and " +
    "compares what came of it with what the test expects. Stubs stand for the processes of tasks, except for those with " +
    "`real: true`; notifications are not sent. Schedules without a time zone are in UTC, or in --timezone. The exit status is 1 if a test fails, or if there are none.",
  args: {
    DIR: {
      type: "positional",
      required: false,
      description: `The folder of the job files. [default: the jobs_dir setting, ${SETTINGS.jobsDir.default}]`,
    },
    only: {
      type: "string",
      valueHint: "TEXT",
      description: "Only tests with this text in their name, or in the id of their job. [default: all]",
    },
    junit: {
      type: "string",
      valueHint: "FILE",
      description: "Also write a report in the XML of JUnit. [default: none]",
    },
  },
  settings: ["queues", "maxTasks", "timezone"],
  examples: [
    "petit test examples/jobs",
    "petit test examples/jobs --only conditions",
    "petit test jobs --junit report.xml",
    "petit test jobs --json",
  ],
  run: async ({ DIR, only, junit }, context) => {
    const { terminal, json, settings, origins } = context;
    const dir = DIR ?? settings.jobsDir;
    await checkJobsDir(dir, DIR === undefined ? withOrigin(dir, SETTINGS.jobsDir, origins.jobsDir) : dir);
    const report = await runTests(dir, only ?? null, context);
    // Loaded here, as the engine is, because no other command needs it.
    const { hasPassed, testReportJson, testReportXml, writeTestReport } = await import("../../test/report.ts");
    if (junit !== undefined) await writeReport(junit, testReportXml(report));
    if (json) terminal.out.write(`${JSON.stringify(testReportJson(report), null, 2)}\n`);
    else writeTestReport(report, terminal);
    if (report.results.length === 0 && report.problems.length === 0)
      terminal.err.write(`${paint(terminal.err, "red", noTest(dir, only))}\n`);
    return hasPassed(report) ? EXIT.DONE : EXIT.FAILED;
  },
});

const noTest = (dir: string, only: string | undefined): string =>
  only === undefined
    ? `no test found in ${dir}; expected *.test.yaml files beside the jobs: 'petit help tests'`
    : `no test of ${dir} has '${only}' in its name or its job`;

const runTests = async (dir: string, only: string | null, context: Context): Promise<TestReport> => {
  const startedAt = performance.now();
  const { settings, origins, runtime, environment } = context;
  const files = await readJobsDir(dir);
  const { tests, problems } = await readTestFiles(dir, files.jobs);
  const { runTest } = await import("../../test/run-test.ts");
  const jobs = new Map(files.jobs.map((job) => [job.id, job]));
  const zone = origins.timezone.kind === "default" ? TEST_ZONE : (settings.timezone ?? TEST_ZONE);
  const chosen = tests.filter(
    ({ job, test: { name } }) => only === null || job.id.includes(only) || name.includes(only),
  );
  const interrupted = new AbortController();
  using _ = onSignal((name) =>
    interrupted.abort(new Failure(EXIT.FAILED, `interrupted by ${name}; expected the end of the tests`)),
  );
  const { signal } = interrupted;
  const results = [];
  for (const each of chosen) {
    signal.throwIfAborted();
    results.push(await runTest(each, { jobsDir: dir, jobs, settings, zone, runtime, environment, signal }));
  }
  const all = [...files.problems, ...problems].map((problem) => ({ ...problem, file: join(dir, problem.file) }));
  return { dir, results, problems: all, durationMs: performance.now() - startedAt };
};

const writeReport = async (file: string, xml: string): Promise<void> => {
  try {
    await writeFile(file, xml);
  } catch (error) {
    throw new PetitError("invalid_request", `--junit ${file} can't be written: ${errorMessage(error)}`, {
      cause: error,
    });
  }
};
