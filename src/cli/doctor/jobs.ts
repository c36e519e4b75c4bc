import { accessSync, constants } from "node:fs";
import { checkJobsDir } from "../../app/jobs-dir.ts";
import { definedIn } from "../../app/open-database.ts";
import { privilegesOf } from "../../app/privileges.ts";
import { misspeltVariables } from "../../app/settings/misspelt-variables.ts";
import { hasWorkers } from "../../app/settings/settings.ts";
import { ownFoldersOf } from "../../app/spool-dir.ts";
import { type Job, secretsOfJob, withDefaultNotify } from "../../domain/job.ts";
import { senderOf } from "../../domain/review/digest.ts";
import { secretConcerns } from "../../engine/secrets/secret-concerns.ts";
import { type JobFiles, readJobsDir } from "../../jobfile/read/job-dir.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { pluralize } from "../../lib/text.ts";
import { openClient } from "../client/client.ts";
import type { Context } from "../command.ts";
import { problemLine, summaryOf } from "../job-folder.ts";
import { serviceUserOf } from "../service/place.ts";
import { type Check, failed, firstLines, ok, warning } from "./check.ts";
import { containerChecks } from "./containers.ts";
import { limitsChecks } from "./limits.ts";
import { programChecks } from "./programs.ts";
import { receiverChecks } from "./receivers.ts";

/** Maximum number of problems to list; 'petit validate' lists all. */
const MAX_PROBLEMS = 3;

/** Checks the job files, and whether the machine has what the jobs need. `given` is false if the folder is the default one. */
export const jobChecks = async (
  dir: { readonly path: string; readonly given: boolean },
  context: Context,
): Promise<readonly Check[]> => {
  const { environment, settings, defaultNotify } = context;
  try {
    await checkJobsDir(dir.path);
    const files = await readJobsDir(dir.path, {
      queues: settings.queues,
      hasWorkers: hasWorkers(settings) || (await runsWithWorkers(context)),
      ownFolders: ownFoldersOf({ db: settings.db, spoolDir: null, jobsDir: dir.path }),
      privileges: privilegesOf(settings),
    });
    return [
      filesCheck(files, dir.path),
      ...editCheck(dir.path, context),
      ...programChecks(files.jobs, environment),
      ...containerChecks(files.jobs, context),
      variablesCheck(files.jobs, environment),
      ...secretsCheck(files.jobs, environment),
      ...(await limitsChecks(files.jobs, context)),
      ...(await receiverChecks(
        [...files.jobs.map((job) => withDefaultNotify(job, defaultNotify)), ...digestSender(context)],
        context,
      )),
    ];
  } catch (error) {
    const problem = {
      message: errorMessage(error),
      hint: "choose another folder with JOBS_DIR or the jobs_dir setting",
    };
    const check = dir.given ? failed("job_files", problem) : warning("job_files", problem);
    return [check, variablesCheck([], environment), ...(await receiverChecks(digestSender(context), context))];
  }
};

/** Returns the definition that has the receivers of the digest. Empty if there is none. */
const digestSender = ({ digest: given = null }: Context): readonly Job[] =>
  given === null ? [] : [senderOf(given.digest, given)];

/** Returns whether the running petit, whose settings can differ from those of this command, has workers. */
const runsWithWorkers = async (context: Context): Promise<boolean> => {
  try {
    return (await openClient(context).get("/api/workers")).nats !== null;
  } catch {
    return false;
  }
};

const filesCheck = (files: JobFiles, dir: string): Check => {
  if (files.problems.length > 0) {
    const first = files.problems.slice(0, MAX_PROBLEMS).map((problem) => problemLine(problem, dir));
    const more = files.problems.length > MAX_PROBLEMS ? ["…"] : [];
    const message = [`${summaryOf(files)} of ${dir}; their jobs are ignored:`, ...first, ...more].join("\n");
    return failed("job_files", { message, hint: `list all problems with 'petit validate ${dir}'` });
  }
  if (files.jobs.length > 0) return ok("job_files", `${pluralize(files.jobs.length, "job")} in ${dir}`);
  return warning("job_files", { message: `there are no jobs in ${dir}`, hint: `create one with 'petit init ${dir}'` });
};

/** Checks whether petit can save job files, where people edit them through it. */
const editCheck = (dir: string, context: Context): readonly Check[] => {
  // Root may write everywhere, which says nothing about the user of the service.
  if (!context.settings.edit || serviceUserOf(context) !== null) return [];
  try {
    accessSync(dir, constants.W_OK | constants.X_OK);
    return [ok("edit", `job files in ${dir} can be edited`)];
  } catch (error) {
    const message = `--edit can't save job files: ${dir} can't be written (${errorMessage(error)})`;
    return [warning("edit", { message, hint: `let petit's user write to ${dir}, or run petit without --edit` })];
  }
};

/** Checks for environment variables that petit ignores because their names are misspelt. */
const variablesCheck = (jobs: readonly Job[], environment: Context["environment"]): Check => {
  const misspelt = misspeltVariables(environment, jobs);
  if (misspelt.length === 0) return ok("variables", "no PETIT_ variable is misspelt");
  const message = misspelt.map(({ name, near }) => `${name} is not a setting; did you mean ${near}?`).join("\n");
  return warning("variables", { message, hint: "petit ignores it: rename it, or remove it" });
};

/** Checks whether the secrets of tasks can be read here and will be hidden. */
const secretsCheck = (jobs: readonly Job[], environment: Context["environment"]): readonly Check[] => {
  const count = jobs.reduce((sum, job) => sum + secretsOfJob(job).length, 0);
  if (count === 0) return [];
  const concerns = jobs.flatMap((job) => secretConcerns(job, definedIn(environment)));
  if (concerns.length === 0) return [ok("secrets", `${pluralize(count, "secret")} of tasks can be read`)];
  const hint =
    "petit reads a secret when a task starts: check with the environment, the user and the service that run petit";
  return [warning("secrets", { message: firstLines(concerns.map(({ message }) => message)), hint })];
};
