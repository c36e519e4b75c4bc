import type { App } from "../../app/app.ts";
import { misspeltVariables } from "../../app/settings/misspelt-variables.ts";
import { SETTINGS, withOrigin } from "../../app/settings/settings.ts";
import { isJournal } from "../../app/systemd/journal.ts";
import { PetitError } from "../../domain/errors.ts";
import type { JobFiles } from "../../jobfile/read/job-dir.ts";
import { type Context, defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { problemLine, readJobs, summaryOf } from "../job-folder.ts";
import { banner } from "../terminal/banner.ts";

export const run = defineCommand({
  name: "run",
  summary: "Schedule and run the jobs, with the HTTP API, in the foreground",
  description:
    "Runs the jobs of JOBS_DIR on their schedules and serves the HTTP API until SIGTERM or SIGINT ends it. SIGHUP has it " +
    "read the job files again. Each flag is also a variable (PETIT_API_PORT) and a key of the configuration file (api_port).",
  args: {
    JOBS_DIR: {
      type: "positional",
      required: false,
      description: `The folder of the job files. [default: the jobs_dir setting, ${SETTINGS.jobsDir.default}]`,
    },
  },
  settings: [
    "api",
    "apiPort",
    "apiHost",
    "allowedHosts",
    "corsOrigins",
    "maxConnections",
    "maxJobs",
    "maxTasks",
    "onShutdown",
    "shutdownTimeoutMs",
    "onInterrupt",
    "killGraceMs",
    "logLimitBytes",
    "retentionRuns",
    "retentionDays",
    "timezone",
    "watch",
    "strict",
  ],
  examples: ["petit run examples/jobs", "petit --db petit.db run examples/jobs --api-port 9000 -j 4"],
  run: async ({ JOBS_DIR }, context) => {
    const { settings, origins, terminal } = context;
    const jobsDir = JOBS_DIR ?? settings.jobsDir;
    const jobFiles = await readJobs(
      jobsDir,
      JOBS_DIR === undefined ? withOrigin(jobsDir, SETTINGS.jobsDir, origins.jobsDir) : jobsDir,
    );
    if (settings.strict) refuseProblems(jobFiles, jobsDir);
    // Elysia and pino are not for the commands that need neither.
    const [{ runApp }, { openLog }] = await Promise.all([
      import("../../app/run-app.ts"),
      import("../../app/logger.ts"),
    ]);
    const journal = isJournal(context.environment);
    const isForPeople = (terminal.err.isTerminal || journal) && !context.json;
    const format = settings.logFormat ?? (isForPeople ? "pretty" : "json");
    const log = openLog({ level: settings.logLevel, format, color: terminal.err.color, journal });
    for (const { name, near } of misspeltVariables(context.environment, jobFiles.jobs))
      log.warn({ variable: name }, `${name} is no setting of petit; did you mean ${near}?`);
    await runApp({ ...context, log, jobsDir, jobFiles }, (app) => {
      if (format === "pretty" && !journal) terminal.err.write(banner({ app, jobsDir, jobFiles, context }));
      else log.info(readyFields({ app, jobsDir, jobFiles, context }), "petit is ready");
    });
    return EXIT.DONE;
  },
});

const refuseProblems = (files: JobFiles, dir: string): void => {
  if (files.problems.length === 0) return;
  const lines = files.problems.map((problem) => problemLine(problem, dir)).join("\n");
  throw new PetitError("invalid_request", `${summaryOf(files)}, and --strict is on:\n${lines}`);
};

export type Ready = {
  readonly app: App;
  readonly jobsDir: string;
  readonly jobFiles: JobFiles;
  readonly context: Context;
};

const readyFields = ({ app, jobsDir, jobFiles, context }: Ready): Record<string, unknown> => ({
  version: context.version,
  url: app.url,
  db: context.settings.db,
  jobs_dir: jobsDir,
  jobs: app.engine.listJobs().length,
  problems: jobFiles.problems.length,
});
