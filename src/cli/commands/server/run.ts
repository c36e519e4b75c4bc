import type { App } from "../../../app/app.ts";
import { checkJobsDir } from "../../../app/jobs-dir.ts";
import { privilegesOf } from "../../../app/privileges.ts";
import { misspeltVariables } from "../../../app/settings/misspelt-variables.ts";
import { defaultZone, hasWorkers, SETTINGS, withOrigin } from "../../../app/settings/settings.ts";
import { ownFoldersOf } from "../../../app/spool-dir.ts";
import { isJournal } from "../../../app/systemd/journal.ts";
import { PetitError } from "../../../domain/errors.ts";
import { type JobFiles, readFolder } from "../../../jobfile/read/job-dir.ts";
import { NO_ACCESS } from "../../../jobfile/read/job-source.ts";
import { pluralize } from "../../../lib/text.ts";
import { MEMORY } from "../../../store/database/open.ts";
import { type Context, defineCommand } from "../../command.ts";
import { DRY_RUN_ARGS, readDryRun, refuseWithoutDryRun } from "../../dry-run/flags.ts";
import { EXIT } from "../../exit.ts";
import { problemLine, summaryOf } from "../../job-folder.ts";
import { readableLocal } from "../../terminal/local-time.ts";
import { paint } from "../../terminal/terminal.ts";

export const run = defineCommand({
  name: "run",
  summary: "Run the scheduler and the HTTP API in the foreground",
  description:
    "Runs the jobs of JOBS_DIR on their schedules and serves the HTTP API until SIGTERM or SIGINT. SIGHUP reloads the job " +
    "files. Each flag is also a variable (PETIT_API_PORT) and a key of the configuration file (api_port). With --dry-run, " +
    "it runs no task and serves nothing: it lives through a time on a clock of its own, and prints the runs that would have started, with what " +
    "daylight saving does to them. Each run counts as completed at once; nothing is stored. Ctrl-C ends it with a summary.",
  args: {
    JOBS_DIR: {
      type: "positional",
      required: false,
      description: `The folder of the job files. [default: the jobs_dir setting, ${SETTINGS.jobsDir.default}]`,
    },
    ...DRY_RUN_ARGS,
  },
  settings: [
    "api",
    "apiPort",
    "apiHost",
    "allowedHosts",
    "corsOrigins",
    "publicUrl",
    "maxConnections",
    "maxJobs",
    "queues",
    "maxTasks",
    "onShutdown",
    "shutdownTimeoutMs",
    "onInterrupt",
    "killGraceMs",
    "logLimitBytes",
    "artifactLimitBytes",
    "usage",
    "runAsAllowed",
    "retentionRuns",
    "retentionDays",
    "searchLimitBytes",
    "auditDays",
    "auditLog",
    "otlpEndpoint",
    "otlpHeadersFile",
    "epochFile",
    "backupDir",
    "backupAt",
    "backupKeepDays",
    "backupKeepWeeks",
    "backupArtifacts",
    "timezone",
    "watch",
    "edit",
    "mcpWrite",
    "strict",
    "jobsGit",
    "jobsGitRef",
    "jobsGitPath",
    "jobsGitPollMs",
    "nats",
    "natsCreds",
    "natsCa",
    "natsCert",
    "natsKey",
    "natsSigningKey",
    "natsReplicas",
    "lostAfterMs",
  ],
  examples: [
    "petit run examples/jobs",
    "petit --db petit.db run examples/jobs --api-port 9000 -j 4",
    "petit run examples/jobs --dry-run --at 2027-03-28T01:55 --for 2h",
    "petit run examples/jobs --dry-run --at 2027-03-28T01:55 --speed 60",
  ],
  run: async ({ JOBS_DIR, ...given }, context) => {
    const { settings, origins, terminal } = context;
    const { jobsGit } = settings;
    const isDry = given["dry-run"] === true;
    if (!isDry) refuseWithoutDryRun(context.flags);
    else if (jobsGit !== null && JOBS_DIR === undefined)
      throw new PetitError("invalid_request", "a dry run reads the job files of a folder; expected JOBS_DIR");
    if (isDry) {
      const plan = readDryRun(given, context);
      // Loaded here because no other command needs it.
      const { dryRun } = await import("../../dry-run/dry-run.ts");
      return await dryRun(JOBS_DIR ?? settings.jobsDir, plan, context);
    }
    if (jobsGit !== null) refuseFolder(JOBS_DIR, context);
    const jobsDir = JOBS_DIR ?? settings.jobsDir;
    if (jobsGit === null)
      await checkJobsDir(
        jobsDir,
        JOBS_DIR === undefined ? withOrigin(jobsDir, SETTINGS.jobsDir, origins.jobsDir) : jobsDir,
      );
    const firstReading =
      settings.strict && jobsGit === null
        ? await readFolder({
            dir: jobsDir,
            queues: settings.queues,
            hasWorkers: hasWorkers(settings),
            ownFolders: ownFoldersOf({ db: settings.db, spoolDir: null, jobsDir }),
            privileges: privilegesOf(settings),
          })
        : null;
    if (firstReading !== null) refuseProblems(firstReading.files, jobsDir);
    // Loaded here because no other command needs Elysia.
    const [{ runApp }, { openLog }] = await Promise.all([
      import("../../../app/run-app.ts"),
      import("../../../app/logger.ts"),
    ]);
    const journal = isJournal(context.environment);
    const isForPeople = (terminal.err.isTerminal || journal) && !context.json;
    const format = settings.logFormat ?? (isForPeople ? "pretty" : "json");
    const log = openLog({ level: settings.logLevel, format, color: terminal.err.color, journal });
    const {
      runtime,
      clock,
      environment,
      defaultNotify,
      digest = null,
      heartbeat = null,
      signIn = null,
      taskLimits = {},
      version,
    } = context;
    const gitAccess = context.gitAccess ?? NO_ACCESS;
    const options = {
      settings,
      origins,
      runtime,
      clock,
      log,
      environment,
      jobsDir,
      firstReading,
      defaultNotify,
      digest,
      heartbeat,
      gitAccess,
      signIn,
      taskLimits,
      version,
    };
    await runApp(options, (app) => {
      const jobs = app.engine.listJobs().map(({ job }) => job);
      for (const { name, near } of misspeltVariables(context.environment, jobs))
        log.warn({ variable: name }, `${name} is not a setting; did you mean ${near}?`);
      if (format === "pretty" && !journal)
        terminal.err.write(banner({ app, jobsDir: jobsGit?.url ?? jobsDir, context }));
      else log.info(startedFields({ app, jobsDir: jobsGit?.url ?? jobsDir, context }), "petit is ready");
    });
    return EXIT.DONE;
  },
});

/** Job files are either in a folder or in a repository, and a repository needs a place that stays. */
const refuseFolder = (dir: string | undefined, { settings, origins }: Context): void => {
  if (dir !== undefined)
    throw new PetitError(
      "invalid_request",
      `both JOBS_DIR and a repository are given (${withOrigin(settings.jobsGit?.url ?? "", SETTINGS.jobsGit, origins.jobsGit)}); expected one of them`,
    );
  if (settings.edit)
    throw new PetitError(
      "invalid_request",
      `${withOrigin("editing", SETTINGS.edit, origins.edit)} is for job files in a folder; those of a repository are edited there, and petit takes the commit`,
    );
  if (settings.db === MEMORY)
    throw new PetitError(
      "invalid_request",
      "job files in git need a database file, beside which petit keeps the commits; expected --db FILE",
    );
};

const refuseProblems = (files: Pick<JobFiles, "problems" | "broken">, dir: string): void => {
  if (files.problems.length === 0) return;
  const lines = files.problems.map((problem) => problemLine(problem, dir)).join("\n");
  throw new PetitError("invalid_request", `${summaryOf(files)}, which --strict does not allow:\n${lines}`);
};

/** A petit that has started. */
type StartedPetit = {
  readonly app: App;
  readonly jobsDir: string;
  readonly context: Context;
};

const startedFields = ({ app, jobsDir, context }: StartedPetit): Record<string, unknown> => ({
  version: context.version,
  url: app.url,
  db: context.settings.db,
  jobs_dir: jobsDir,
  jobs: app.engine.listJobs().length,
  problems: app.firstProblems.problems.length,
});

/** Returns the message that petit shows on a terminal after it has started. */
const banner = (started: StartedPetit): string => {
  const { context, app } = started;
  const { err } = context.terminal;
  const rows: readonly (readonly [string, string])[] = [
    ["jobs", jobsText(started)],
    ["next", nextText(started)],
    ["dashboard", app.url === null ? "off" : `${app.url}/`],
    ["database", context.settings.db],
    ["stop", "Ctrl-C"],
  ];
  const title = `${paint(err, "bold", `petit ${context.version}`)}\n`;
  return `${title}${rows.map(([name, text]) => `  ${paint(err, "dim", name.padEnd(10))}${text}\n`).join("")}`;
};

const jobsText = ({ app, jobsDir, context: { terminal } }: StartedPetit): string => {
  const text = `${pluralize(app.engine.listJobs().length, "job")} from ${jobsDir}`;
  const { firstProblems } = app;
  return firstProblems.problems.length === 0
    ? text
    : `${text}, ${paint(terminal.err, "red", summaryOf(firstProblems))}`;
};

const nextText = ({ app, context }: StartedPetit): string => {
  const scheduled = app.engine
    .listJobs()
    .flatMap(({ job, nextStartAt }) => (nextStartAt === null ? [] : [{ job, nextStartAt }]));
  const [first] = scheduled.sort((a, b) => a.nextStartAt - b.nextStartAt);
  if (first === undefined) return "no job has a schedule";
  const paused = app.engine.state === "paused" ? " (paused; run 'petit resume' to continue)" : "";
  return `${first.job.id} at ${readableLocal(first.nextStartAt, first.job.schedule?.timezone ?? defaultZone(context.settings))}${paused}`;
};
