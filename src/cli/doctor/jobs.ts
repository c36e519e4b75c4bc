import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { checkJobsDir } from "../../app/jobs-dir.ts";
import { misspeltVariables } from "../../app/settings/misspelt-variables.ts";
import type { Job } from "../../domain/job.ts";
import { type JobFiles, readJobsDir } from "../../jobfile/read/job-dir.ts";
import type { Context } from "../command.ts";
import { problemLine, summaryOf } from "../job-folder.ts";
import { counted } from "../terminal/counted.ts";
import { type Check, failed, ok, reasonOf, warning } from "./check.ts";

/** Problems that are told; 'petit validate' tells all. */
const TOLD = 3;

/** The job files, and what the jobs need of the machine. `given` is false where nobody named the folder. */
export const jobChecks = async (
  dir: { readonly path: string; readonly given: boolean },
  { environment }: Pick<Context, "environment">,
): Promise<readonly Check[]> => {
  try {
    await checkJobsDir(dir.path);
    const files = await readJobsDir(dir.path);
    return [
      filesCheck(files, dir.path),
      ...pythonCheck(files.jobs, environment.PATH ?? ""),
      variablesCheck(files.jobs, environment),
    ];
  } catch (error) {
    const finding = {
      message: reasonOf(error),
      hint: "JOBS_DIR, or the jobs_dir setting, names another",
    };
    const check = dir.given ? failed("job_files", finding) : warning("job_files", finding);
    return [check, variablesCheck([], environment)];
  }
};

const filesCheck = (files: JobFiles, dir: string): Check => {
  if (files.problems.length > 0) {
    const first = files.problems.slice(0, TOLD).map((problem) => problemLine(problem, dir));
    const more = files.problems.length > TOLD ? ["…"] : [];
    const message = [`${summaryOf(files)} of ${dir}:`, ...first, ...more].join("\n");
    return failed("job_files", { message, hint: `'petit validate ${dir}' tells all; their jobs are left out` });
  }
  if (files.jobs.length > 0) return ok("job_files", `${counted(files.jobs.length, "job")} in ${dir}`);
  return warning("job_files", { message: `there is no job in ${dir}`, hint: `'petit init ${dir}' writes a first one` });
};

/** A misspelt variable is one that petit doesn't look at. */
const variablesCheck = (jobs: readonly Job[], environment: Context["environment"]): Check => {
  const misspelt = misspeltVariables(environment, jobs);
  if (misspelt.length === 0) return ok("variables", "no PETIT_ variable looks misspelt");
  const message = misspelt.map(({ name, near }) => `${name} is no setting of petit; did you mean ${near}?`).join("\n");
  return warning("variables", { message, hint: "petit doesn't look at it: rename it, or take it out" });
};

const pythonCheck = (jobs: readonly Job[], path: string): readonly Check[] => {
  const users = jobs.filter(({ tasks }) => tasks.some(({ program }) => program.type === "python"));
  const [first] = users;
  if (first === undefined) return [];
  const found = path
    .split(delimiter)
    .map((folder) => join(folder, "python3"))
    .find(isExecutable);
  if (found !== undefined) return [ok("python3", `${found}, for ${counted(users.length, "job")}`)];
  const message = `python3 is not in PATH, but ${first.id}${users.length > 1 ? ` and ${users.length - 1} more` : ""} needs it`;
  return [failed("python3", { message, hint: "install it, or give petit a PATH that has it" })];
};

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};
