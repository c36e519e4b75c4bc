import { runBody } from "../../api/shapes/run.ts";
import { taskRunList } from "../../api/shapes/task.ts";
import { openLog } from "../../app/logger.ts";
import { type OpenEngineOptions, openEngine } from "../../app/open-engine.ts";
import { onSignal } from "../../app/signals.ts";
import type { Run } from "../../domain/run.ts";
import type { Engine, TriggeredRun, TriggerRequest } from "../../engine/engine.ts";
import type { JobFiles } from "../../jobfile/read/job-dir.ts";
import { MEMORY } from "../../store/database/open.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { findJob, readJobs } from "../job-folder.ts";
import { outcomeLine } from "../run-display/outcome.ts";
import { watchRun } from "./watch-local.ts";

export type LocalTrigger = { readonly dir: string; readonly jobId: string; readonly request: TriggerRequest };

/** Runs a job once in this process, live; ends as the run ends. Ctrl-C cancels the run, a second time its clean-ups too. */
export const triggerHere = async (asked: LocalTrigger, context: Context): Promise<ExitStatus> => {
  const files = await readJobs(asked.dir);
  const job = findJob(files, { id: asked.jobId, dir: asked.dir, err: context.terminal.err });
  await using parts = new AsyncDisposableStack();
  const interrupts = parts.use(openInterrupts());
  const options = engineOptions(files, context);
  const engine = openEngine(options, parts);
  // In a database that is kept there may be runs of an earlier petit: they are left to the next one.
  parts.defer(() => engine.stop("leave"));
  await engine.start();
  const run = await engine.trigger(job.id, asked.request);
  interrupts.onEach(() => {
    engine.cancel(run.id).catch((error: unknown) => {
      options.log.error({ err: error, run_id: run.id }, "the run can't be cancelled");
    });
  });
  const ended = await watched(engine, run, context);
  if (context.json) context.terminal.out.write(reportOf(engine, ended));
  context.terminal.err.write(`${outcomeOf(ended, context)}\n`);
  return ended.status === "completed" ? EXIT.DONE : EXIT.FAILED;
};

/** Counts from the first moment on: a signal that came before there was a run to cancel is not lost. */
const openInterrupts = (): Disposable & { readonly onEach: (handle: () => void) => void } => {
  let early = 0;
  let act = (): void => {
    early++;
  };
  const signals = onSignal(() => act());
  const onEach = (handle: () => void): void => {
    act = handle;
    for (; early > 0; early--) handle();
  };
  return { onEach, [Symbol.dispose]: () => signals[Symbol.dispose]() };
};

const engineOptions = (files: JobFiles, context: Context): OpenEngineOptions => ({
  ...withOwnDatabase(context),
  readJobs: async () => files,
  log: openQuietLog(context),
  followSchedules: false,
});

/** Keeps nothing unless a flag, a variable or the configuration file names a database. */
const withOwnDatabase = (context: Context): Context =>
  context.origins.db.kind !== "default" ? context : { ...context, settings: { ...context.settings, db: MEMORY } };

/** What the run itself has to say is shown; the log is for what goes wrong beside it. */
const openQuietLog = ({ settings, origins, terminal: { err } }: Context): ReturnType<typeof openLog> =>
  openLog({
    level: origins.logLevel.kind === "default" ? "warn" : settings.logLevel,
    format: settings.logFormat ?? (err.isTerminal ? "pretty" : "json"),
    color: err.color,
  });

const watched = async (engine: Engine, run: TriggeredRun, context: Context): Promise<Run> => {
  using _ = watchRun(engine, run, context);
  return await engine.waitForRun(run.id);
};

const reportOf = ({ store }: Engine, run: Run): string => {
  const { tasks } = taskRunList({
    definition: store.jobs.getDefinition(run.versionId),
    tasks: store.runs.listTaskRuns(run.id),
    attempts: store.runs.listAttempts(run.id),
  });
  return `${JSON.stringify({ ...runBody(run), tasks }, null, 2)}\n`;
};

const outcomeOf = (run: Run, { terminal: { err } }: Context): string =>
  outcomeLine({ ...run, durationMs: runBody(run).duration_ms }, err);
