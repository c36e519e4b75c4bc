import { runBody } from "../api/run-shape.ts";
import { taskRunList } from "../api/task-shape.ts";
import { openLog } from "../app/logger.ts";
import { openEngine } from "../app/open-engine.ts";
import { onSignal } from "../app/signals.ts";
import type { Run } from "../domain/run.ts";
import type { Engine, TriggerRequest } from "../engine/engine.ts";
import { MEMORY } from "../store/open.ts";
import type { Context } from "./command.ts";
import { EXIT, type ExitStatus } from "./exit.ts";
import { outcomeLine } from "./outcome.ts";
import { findJob, readJobs } from "./read-jobs.ts";
import { watchRun } from "./watch-run.ts";

export type LocalTrigger = { readonly dir: string; readonly jobId: string; readonly request: TriggerRequest };

/** Runs a job once in this process, live; ends as the run ends. Ctrl-C cancels the run, a second time its clean-ups too. */
export const triggerHere = async (asked: LocalTrigger, context: Context): Promise<ExitStatus> => {
  const files = await readJobs(asked.dir);
  const job = findJob(files, { id: asked.jobId, dir: asked.dir });
  await using parts = new AsyncDisposableStack();
  const engine = openEngine(
    { ...withOwnDatabase(context), readJobs: async () => files, log: openQuietLog(context), followSchedules: false },
    parts,
  );
  await engine.start();
  const run = await engine.trigger(job.id, asked.request);
  const ended = await watched(engine, run, context);
  if (context.json) context.terminal.out.write(reportOf(engine, ended));
  context.terminal.err.write(`${outcomeOf(ended, context)}\n`);
  return ended.status === "completed" ? EXIT.DONE : EXIT.FAILED;
};

/** Nothing is kept unless somebody says where. */
const withOwnDatabase = (context: Context): Context =>
  context.origins.db.kind === "flag" ? context : { ...context, settings: { ...context.settings, db: MEMORY } };

/** What the run itself has to say is shown; the log is for what goes wrong beside it. */
const openQuietLog = ({ settings, origins, terminal: { err } }: Context): ReturnType<typeof openLog> =>
  openLog({
    level: origins.logLevel.kind === "default" ? "warn" : settings.logLevel,
    format: settings.logFormat ?? (err.isTerminal ? "pretty" : "json"),
    color: err.color,
  });

const watched = async (engine: Engine, run: Run, context: Context): Promise<Run> => {
  using _watch = watchRun(engine, run, context);
  using _signals = onSignal(() => {
    engine.cancel(run.id);
  });
  return await engine.waitForRun(run.id);
};

const reportOf = ({ store }: Engine, run: Run): string => {
  const { tasks } = taskRunList(store.listTaskRuns(run.id), store.listAttempts(run.id));
  return `${JSON.stringify({ ...runBody(run), tasks }, null, 2)}\n`;
};

const outcomeOf = (run: Run, { terminal: { err } }: Context): string =>
  outcomeLine({ ...run, durationMs: runBody(run).duration_ms }, err);
