import { join } from "node:path";
import { checkJobsDir } from "../app/jobs-dir.ts";
import { PetitError } from "../domain/errors.ts";
import type { Job } from "../domain/job.ts";
import type { Setup } from "../jobfile/check/jobs.ts";
import { formatProblem, type Problem } from "../jobfile/problem.ts";
import { type JobFiles, readJobsDir } from "../jobfile/read/job-dir.ts";
import { suggest } from "../lib/suggest.ts";
import { pluralize } from "../lib/text.ts";
import { EXIT, type ExitStatus, Failure } from "./exit.ts";
import { paint, type Screen } from "./terminal/terminal.ts";

/** Reads the job files of a folder. Without `setup`, jobs may name any queue, run on workers, and mount any folder. Throws `not_found` if it does not exist. */
export const readJobs = async (dir: string, setup?: Setup): Promise<JobFiles> => {
  await checkJobsDir(dir);
  return readJobsDir(dir, setup);
};

/** Formats a problem as a compiler does, with a path relative to the current folder. */
export const problemLine = (problem: Problem, dir: string): string =>
  formatProblem({ ...problem, file: join(dir, problem.file) });

/** Returns the message for a folder that contains neither jobs nor problems. */
export const noJobIn = (dir: string, err: Screen): string =>
  `${paint(err, "red", `no job found in ${dir}`)}; expected *.yaml or *.yml files with a job each\n`;

/** Writes the problems to stderr, and returns the exit status of the command. */
export const warnOfProblems = (
  files: JobFiles,
  { dir, err }: { readonly dir: string; readonly err: Screen },
): ExitStatus => {
  for (const problem of files.problems) err.write(`${problemLine(problem, dir)}\n`);
  if (files.problems.length === 0) return EXIT.DONE;
  err.write(`${paint(err, "red", summaryOf(files))}: their jobs are ignored\n`);
  return EXIT.FAILED;
};

/** Returns a summary such as `3 problems in 2 files`. */
export const summaryOf = (files: Pick<JobFiles, "problems" | "broken">): string =>
  `${pluralize(files.problems.length, "problem")} in ${pluralize(files.broken.length, "file")}`;

/**
 * Returns the job with an id, or that had it before. Throws `not_found` with a suggestion. If files are broken, the job may be in one of them: then it
 * writes the problems to `err` and throws a `Failure`.
 */
export const findJob = (
  files: JobFiles,
  { id, dir, err }: { readonly id: string; readonly dir: string; readonly err: Screen },
): Job => {
  const hadId = ({ formerly }: Job): boolean => formerly?.some((former) => former === id) ?? false;
  const job = files.jobs.find((each) => each.id === id) ?? files.jobs.find(hadId);
  if (job !== undefined) return job;
  if (files.problems.length > 0) {
    for (const problem of files.problems) err.write(`${problemLine(problem, dir)}\n`);
    throw new Failure(EXIT.FAILED, `no valid job '${id}' in ${dir}: ${summaryOf(files)}`);
  }
  const near = suggest(
    id,
    files.jobs.map((each) => each.id),
  );
  const hint = near === null ? "" : `; did you mean '${near}'?`;
  throw new PetitError("not_found", `no job '${id}' in ${dir}${hint}`);
};
