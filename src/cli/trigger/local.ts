import { runBody } from "../../api/shapes/run.ts";
import { NO_REMOTE, taskRunList } from "../../api/shapes/task.ts";
import { openLog } from "../../app/logger.ts";
import { type OpenEngineOptions, openEngine } from "../../app/open-engine.ts";
import { privilegesOf } from "../../app/privileges.ts";
import type { Settings } from "../../app/settings/settings.ts";
import { onSignal } from "../../app/signals.ts";
import { ownFoldersOf } from "../../app/spool-dir.ts";
import { PetitError } from "../../domain/errors.ts";
import type { RunId } from "../../domain/ids.ts";
import { type Job, withDefaultNotify } from "../../domain/job.ts";
import { groupFailures } from "../../domain/output/failure-groups.ts";
import { isFinal, type Run } from "../../domain/run.ts";
import { readEvent } from "../../engine/deliveries/read-event.ts";
import type { Engine, TriggeredRun, TriggerRequest } from "../../engine/engine.ts";
import type { JobFiles } from "../../jobfile/read/job-dir.ts";
import { MEMORY } from "../../store/database/open.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { findJob, readJobs } from "../job-folder.ts";
import { asCommand } from "../people/as-command.ts";
import { excerptText, failedTasks, readExcerpts } from "../run-display/error-excerpt.ts";
import { outcomeLine } from "../run-display/outcome.ts";
import { localRunReader, localSource } from "./local-run.ts";
import { watchLocalRun } from "./watch-local.ts";

type LocalTrigger = { readonly dir: string; readonly jobId: string; readonly request: TriggerRequest };

/**
 * Runs a job once in this process, shows it live, and returns the exit status of its outcome. Ctrl-C cancels the run; a second
 * Ctrl-C ends its clean-up tasks too.
 */
export const triggerLocally = async ({ dir, jobId, request }: LocalTrigger, context: Context): Promise<ExitStatus> => {
  const settings = settingsOf(context);
  const ownFolders = ownFoldersOf({ db: settings.db, spoolDir: null, jobsDir: dir });
  const privileges = privilegesOf(settings);
  const files = await readJobs(dir, { queues: settings.queues, hasWorkers: false, ownFolders, privileges });
  const job = findJob(files, { id: jobId, dir, err: context.terminal.err });
  for (const each of withChildJobs(job, files.jobs)) {
    const approval = each.tasks.find(({ program }) => program.type === "approval");
    if (approval === undefined) continue;
    throw new PetitError(
      "invalid_request",
      `task '${approval.id}' of job '${each.id}' waits for approval, which only a running petit can receive; use 'petit trigger ${job.id}'`,
    );
  }
  await using parts = new AsyncDisposableStack();
  const interrupts = parts.use(openInterrupts());
  const options = engineOptions({ files, dir }, context);
  const engine = openEngine(options, parts);
  // The database may contain running runs of another petit. They stay for its next start.
  parts.defer(() => engine.stop("leave"));
  await engine.start();
  const run = await asCommand(context, { action: "job.trigger", target: job.id }, () =>
    engine.trigger(job.id, request),
  );
  interrupts.onEach(() => {
    for (const runId of unfinishedRuns(engine, run.id)) {
      engine.cancel(runId).catch((error: unknown) => {
        options.log.error({ err: error, run_id: runId }, "the run can't be cancelled");
      });
    }
  });
  const ended = await watchToEnd(engine, run, context);
  if (context.json) context.terminal.out.write(reportOf(engine, ended));
  context.terminal.err.write(`${outcomeOf(ended, context)}\n${await excerptOf(engine, ended, context)}`);
  return ended.status === "completed" ? EXIT.DONE : EXIT.FAILED;
};

/** Handles signals from the start, so that a signal before there is a run to cancel is not lost. */
const openInterrupts = (): Disposable & { readonly onEach: (handle: () => void) => void } => {
  let early = 0;
  let react = (): void => {
    early++;
  };
  const signals = onSignal(() => react());
  const onEach = (handle: () => void): void => {
    react = handle;
    for (; early > 0; early--) handle();
  };
  return { onEach, [Symbol.dispose]: () => signals[Symbol.dispose]() };
};

type LocalJobs = { readonly files: JobFiles; readonly dir: string };

const engineOptions = ({ files, dir }: LocalJobs, context: Context): OpenEngineOptions => ({
  settings: settingsOf(context),
  runtime: context.runtime,
  clock: context.clock,
  environment: context.environment,
  jobsDir: dir,
  taskLimits: context.taskLimits ?? {},
  readJobs: async () => ({
    ...files,
    jobs: files.jobs.map((each) => withDefaultNotify(each, context.defaultNotify)),
  }),
  log: openQuietLog(context),
  followSchedules: false,
});

/** Uses a database in memory unless a flag, a variable or the configuration file names one. */
const settingsOf = ({ settings, origins }: Context): Settings =>
  origins.db.kind === "default" ? { ...settings, db: MEMORY } : settings;

/** Opens a log for warnings only by default, because the display already shows the run. */
const openQuietLog = ({ settings, origins, terminal: { err } }: Context): ReturnType<typeof openLog> =>
  openLog({
    level: origins.logLevel.kind === "default" ? "warn" : settings.logLevel,
    format: settings.logFormat ?? (err.isTerminal ? "pretty" : "json"),
    color: err.color,
  });

/** Returns a job and the jobs that its runs start, directly or through others. */
const withChildJobs = (job: Job, jobs: readonly Job[]): ReadonlySet<Job> => {
  const byId = new Map(jobs.map((each) => [each.id, each]));
  const found = new Set([job]);
  // A set visits what is added meanwhile.
  for (const { tasks } of found)
    for (const { program } of tasks) {
      const child = program.type === "job" ? byId.get(program.jobId) : undefined;
      if (child !== undefined) found.add(child);
    }
  return found;
};

/** Returns those of a run and the runs below it that have not ended. */
const unfinishedRuns = ({ store }: Pick<Engine, "store">, runId: RunId): readonly RunId[] => {
  const status = store.runs.find(runId)?.status;
  const below = store.runs
    .list({ parent: runId, limit: MAX_CHILDREN })
    .flatMap(({ id }) => unfinishedRuns({ store }, id));
  return status === undefined || isFinal(status) ? below : [runId, ...below];
};

/** More than a run can have: 1,000 items in each of some tasks. */
const MAX_CHILDREN = 100_000;

/** Returns the run when it has ended. Runs that it does not wait for end before this process, too. */
const watchToEnd = async (engine: Engine, run: TriggeredRun, context: Context): Promise<Run> => {
  using _ = watchLocalRun(engine, run, context);
  const ended = await engine.waitForRun(run.id);
  for (let open = unfinishedRuns(engine, run.id); open.length > 0; open = unfinishedRuns(engine, run.id))
    await Promise.all(open.map((runId) => engine.waitForRun(runId)));
  return ended;
};

const reportOf = ({ store }: Engine, run: Run): string => {
  const { tasks } = taskRunList({
    run,
    definition: store.jobs.getDefinition(run.versionId),
    tasks: store.runs.listTaskRuns(run.id),
    attempts: store.runs.listAttempts(run.id),
    items: store.runs.countItems(run.id),
    failures: (taskId) => groupFailures(store.runs.listFailedItems(run.id, taskId)),
    waiting: new Map(),
    event: () => readEvent(run, store),
    ...NO_REMOTE,
  });
  return `${JSON.stringify({ ...runBody(run), tasks }, null, 2)}\n`;
};

/** Returns the last error lines of a run with several tasks. The output of a single task is still on the screen. */
const excerptOf = async ({ store }: Engine, run: Run, { terminal: { err } }: Context): Promise<string> => {
  const { tasks } = localRunReader(store, run)();
  if (run.status !== "failed" || tasks.length < 2) return "";
  const first = store.runs.describeFailure(run.id).taskId;
  const excerpts = await readExcerpts(tasks, localSource(store, run.id), first);
  return excerptText(excerpts, failedTasks(tasks, first).length, err);
};

const outcomeOf = (run: Run, { terminal: { err } }: Context): string =>
  outcomeLine({ ...run, durationMs: runBody(run).duration_ms }, err);
