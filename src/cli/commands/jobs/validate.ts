import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { definedIn } from "../../../app/open-database.ts";
import { privilegesOf } from "../../../app/privileges.ts";
import { ownFoldersOf } from "../../../app/spool-dir.ts";
import { PetitError } from "../../../domain/errors.ts";
import { findUnenforced } from "../../../domain/limits/unenforced.ts";
import { secretConcerns } from "../../../engine/secrets/secret-concerns.ts";
import type { Setup } from "../../../jobfile/check/jobs.ts";
import { formatProblem } from "../../../jobfile/problem.ts";
import { type JobFiles, MAX_BYTES, type NamedFile, readJobFiles } from "../../../jobfile/read/job-dir.ts";
import { isTestFileName } from "../../../jobfile/read/list-files.ts";
import { pluralize } from "../../../lib/text.ts";
import { usageError } from "../../argv.ts";
import { type Context, defineCommand } from "../../command.ts";
import { findLimitSupport, unenforcedMessage } from "../../doctor/limits.ts";
import { programChecks } from "../../doctor/programs.ts";
import { EXIT, type ExitStatus } from "../../exit.ts";
import { noJobIn, readJobs, summaryOf } from "../../job-folder.ts";
import { paint, readStdin, type Terminal } from "../../terminal/terminal.ts";
import { REPORTS, type ReportFormat } from "../../validate/formats.ts";

const FORMATS = ["text", "json", "github", "sarif"] as const satisfies readonly ("text" | ReportFormat)[];

export const validate = defineCommand({
  name: "validate",
  summary: "Check job files and report all problems",
  description:
    "Reads every job file in JOBS_DIR and its subfolders, or the given files, and prints all problems, one per line. Runs nothing. " +
    "The exit status is 1 if a file is invalid or there are no jobs. A program that jobs need and this machine lacks is a warning; a user or a priority that " +
    "petit can't give a task if it runs here as you is a problem. " +
    "Files are checked together; the jobs that they depend on or run may be in other files. '-' reads standard input. Test files (*.test.yaml) are left out.",
  usage: ["petit validate JOBS_DIR", "petit validate FILE…", "petit validate -"],
  args: {
    JOBS_DIR: { type: "positional", required: true, description: "The folder of the job files, some job files, or -." },
    format: {
      type: "string",
      valueHint: FORMATS.join("|"),
      description:
        "github annotates the lines of a pull request in a workflow of GitHub; sarif is read by editors and code scanning. [default: text]",
    },
  },
  repeatsLast: true,
  settings: ["queues", "runAsAllowed"],
  examples: [
    "petit validate examples/jobs",
    "petit validate jobs --queue database=2",
    "petit validate examples/jobs --json",
    "petit validate examples/jobs --format sarif > petit.sarif",
    "petit validate jobs/backup.yaml jobs/report.yaml",
    "petit validate - < backup.yaml",
  ],
  run: async ({ _: given, format: wanted }, context) => {
    const format = formatOf(wanted, context);
    const { terminal, settings, environment, version } = context;
    const paths = given.filter((path) => !isTestFileName(path));
    if (paths.length === 0)
      throw new PetitError(
        "invalid_request",
        `${given[0]} is a test file; expected job files. 'petit test' runs tests`,
      );
    const files = await readPaths(paths, (jobsDir = settings.jobsDir) => ({
      queues: settings.queues,
      hasWorkers: true,
      ownFolders: knowsDatabase(context) ? ownFoldersOf({ db: settings.db, spoolDir: null, jobsDir }) : null,
      privileges: privilegesOf(settings),
    }));
    const warnings = [...warningsOf(files, environment), ...(await limitWarnings(files, context))];
    const status = statusOf(files);
    const { out, err } = terminal;
    for (const warning of warnings) err.write(`${paint(err, "yellow", "warning")}: ${warning}\n`);
    if (format === "text") {
      writeReport(files, { place: paths.map((path) => (path === "-" ? STDIN : path)).join(", "), terminal });
    } else {
      const findings = { ...files, warnings, isValid: status === EXIT.DONE };
      // A workflow of GitHub has the repository there.
      const root = resolve(environment.GITHUB_WORKSPACE || ".");
      out.write(REPORTS[format](findings, { root, version }));
    }
    return status;
  },
});

/** Throws a usage error for an unknown format. */
const formatOf = (given: string | undefined, { json }: Context): ReportFormat | "text" => {
  const format = FORMATS.find((each) => each === (given ?? (json ? "json" : "text")));
  if (format === undefined)
    throw usageError(`--format is '${given}'; expected ${FORMATS.join(", ")}`, null, "petit validate");
  if (json && format !== "json")
    throw usageError(`--json and --format ${format} exclude each other`, null, "petit validate");
  return format;
};

/** Reads folders, each for itself, and files, all together. Paths of problems and jobs are relative to the current folder. */
const readPaths = async (paths: readonly string[], setupIn: (jobsDir?: string) => Setup): Promise<JobFiles> => {
  const kinds = await Promise.all(paths.map(async (path) => ({ path, isFile: await isFile(path) })));
  const folders = kinds.filter((each) => !each.isFile).map(({ path }) => path);
  const named = new Set(kinds.filter((each) => each.isFile).map(({ path }) => path));
  const readings: JobFiles[] = [];
  for (const folder of folders) readings.push(inFolder(await readJobs(folder, setupIn(folder)), folder));
  if (named.size > 0) readings.push(await readJobFiles(await Promise.all([...named].map(nameFile)), setupIn()));
  return {
    jobs: readings.flatMap(({ jobs }) => jobs),
    problems: readings.flatMap(({ problems }) => problems),
    broken: readings.flatMap(({ broken }) => broken),
  };
};

/** Throws `not_found` if there is neither a file nor a folder. A folder is checked, with a suggestion, when it is read. */
const isFile = async (path: string): Promise<boolean> => {
  if (path === "-") return true;
  const stats = await stat(path).catch(() => null);
  if (stats === null && JOB_FILE.test(path))
    throw new PetitError("not_found", `there is no file ${path}; expected a job file, a folder of job files, or -`);
  return stats !== null && !stats.isDirectory();
};

/** The name of standard input in messages. */
const STDIN = "stdin";

const JOB_FILE = /\.ya?ml$/;

const nameFile = async (path: string): Promise<NamedFile> =>
  path === "-" ? { file: STDIN, bytes: await readStdin(MAX_BYTES) } : { file: path };

const inFolder = (files: JobFiles, folder: string): JobFiles => ({
  ...files,
  problems: files.problems.map((problem) => ({ ...problem, file: join(folder, problem.file) })),
  broken: files.broken.map((file) => join(folder, file)),
});

/** Returns whether the database is named or here. Otherwise the files may be meant for a petit that has its database elsewhere. */
const knowsDatabase = ({ settings, origins }: Context): boolean =>
  origins.db.kind !== "default" || existsSync(settings.db);

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

/** Returns what this machine does not enforce. */
const limitWarnings = async ({ jobs }: JobFiles, context: Context): Promise<readonly string[]> => {
  const { taskLimits: defaults = {} } = context;
  const nothing = { enforced: [], gap: { reason: "", advice: "" } };
  // Only then petit is asked.
  if (findUnenforced(jobs, { defaults, support: nothing }) === null) return [];
  const found = findUnenforced(jobs, { defaults, support: await findLimitSupport(context) });
  return found === null ? [] : [`${unenforcedMessage(found)}; ${found.advice}`];
};

const statusOf = (files: JobFiles): ExitStatus =>
  files.problems.length === 0 && files.jobs.length > 0 ? EXIT.DONE : EXIT.FAILED;

const writeReport = (
  files: JobFiles,
  { place, terminal }: { readonly place: string; readonly terminal: Terminal },
): void => {
  const { out, err } = terminal;
  for (const problem of files.problems) out.write(`${formatProblem(problem)}\n`);
  if (files.problems.length > 0) {
    err.write(`${paint(err, "red", summaryOf(files))}\n`);
  } else if (files.jobs.length === 0) {
    err.write(noJobIn(place, err));
  } else {
    const tasks = files.jobs.reduce((sum, job) => sum + job.tasks.length, 0);
    out.write(
      `${paint(out, "green", "valid")}: ${pluralize(files.jobs.length, "job")}, ${pluralize(tasks, "task")} in ${place}\n`,
    );
  }
};
