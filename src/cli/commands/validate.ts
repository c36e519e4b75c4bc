import { definedIn } from "../../app/open-place.ts";
import { secretConcerns } from "../../engine/secrets/secret-concerns.ts";
import type { JobFiles } from "../../jobfile/read/job-dir.ts";
import { type Context, defineCommand } from "../command.ts";
import { programChecks } from "../doctor/programs.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { noJobIn, problemLine, readJobs, summaryOf } from "../job-folder.ts";
import { pluralize } from "../terminal/pluralize.ts";
import { paint, type Terminal } from "../terminal/terminal.ts";

export const validate = defineCommand({
  name: "validate",
  summary: "Check the job files and report all problems",
  description:
    "Reads every job file in JOBS_DIR and its subfolders, and prints all problems, one per line. Runs nothing. The exit " +
    "status is 1 if a file is invalid or there are no jobs. A program that jobs need and this machine lacks is a warning.",
  args: {
    JOBS_DIR: { type: "positional", required: true, description: "The folder of the job files." },
  },
  settings: ["queues"],
  examples: [
    "petit validate examples/jobs",
    "petit validate jobs --queue database=2",
    "petit validate examples/jobs --json",
  ],
  run: async ({ JOBS_DIR }, { terminal, json, settings, environment }) => {
    const files = await readJobs(JOBS_DIR, { queues: settings.queues, hasWorkers: true });
    const warnings = warningsOf(files, environment);
    const { out, err } = terminal;
    for (const warning of warnings) err.write(`${paint(err, "yellow", "warning")}: ${warning}\n`);
    if (json) out.write(`${JSON.stringify(asJson(files), null, 2)}\n`);
    else writeReport(files, { dir: JOBS_DIR, terminal });
    return statusOf(files);
  },
});

/**
 * Returns what may go wrong on this machine: programs that the jobs need and it does not have, and secrets that are too short to
 * be hidden. Elsewhere they may be there, or have other values.
 */
const warningsOf = ({ jobs }: JobFiles, environment: Context["environment"]): readonly string[] => [
  ...programChecks(jobs, environment).flatMap(({ status, message }) => (status === "failed" ? [message] : [])),
  ...jobs.flatMap((job) =>
    secretConcerns(job, definedIn(environment)).flatMap(({ kind, message }) => (kind === "short" ? [message] : [])),
  ),
];

const asJson = (files: JobFiles): object => ({
  valid: statusOf(files) === EXIT.DONE,
  jobs: files.jobs.length,
  problems: files.problems,
});

const statusOf = (files: JobFiles): ExitStatus =>
  files.problems.length === 0 && files.jobs.length > 0 ? EXIT.DONE : EXIT.FAILED;

const writeReport = (
  files: JobFiles,
  { dir, terminal }: { readonly dir: string; readonly terminal: Terminal },
): void => {
  const { out, err } = terminal;
  for (const problem of files.problems) out.write(`${problemLine(problem, dir)}\n`);
  if (files.problems.length > 0) {
    err.write(`${paint(err, "red", summaryOf(files))}\n`);
  } else if (files.jobs.length === 0) {
    err.write(noJobIn(dir, err));
  } else {
    const tasks = files.jobs.reduce((sum, job) => sum + job.tasks.length, 0);
    out.write(
      `${paint(out, "green", "valid")}: ${pluralize(files.jobs.length, "job")}, ${pluralize(tasks, "task")} in ${dir}\n`,
    );
  }
};
