import type { Event, EventType } from "../domain/event.ts";
import { orderFailures } from "../domain/first-failure.ts";
import type { RunId } from "../domain/ids.ts";
import type { TaskRun } from "../domain/task-run.ts";
import type { Engine } from "../engine/engine.ts";
import { formatDuration } from "../lib/duration.ts";
import type { Log } from "../lib/log.ts";
import type { JobStore } from "../store/jobs.ts";
import type { RunStore } from "../store/runs/runs.ts";

/** Logs the engine's events: starts and ends of runs, and skipped or missed occurrences; tasks at level `debug`. */
export const logEvents = (engine: LoggedEngine, log: Log): Disposable => {
  const stop = engine.onEvent((event) => {
    const line = LINES[event.type](event, engine.store);
    if (line !== null) log[line.level](line.fields, line.message);
  });
  return { [Symbol.dispose]: stop };
};

type LoggedEngine = Pick<Engine, "onEvent"> & { readonly store: Remembered };

type Remembered = {
  readonly runs: Pick<RunStore, "find" | "listTaskRuns">;
  readonly jobs: Pick<JobStore, "getDefinition">;
};

type Line = {
  readonly level: "debug" | "info" | "warn";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
};

type ToLine = (event: Event, store: Remembered) => Line | null;

const runStarted: ToLine = ({ jobId, runId }) => ({
  level: "info",
  fields: { job_id: jobId, run_id: runId },
  message: `${jobId} started`,
});

const runFinished: ToLine = ({ jobId, runId, status, reason }, store) => {
  const elapsedMs = runId === null ? null : elapsedOf(runId, store);
  const took = elapsedMs === null ? "" : ` in ${formatDuration(elapsedMs)}`;
  const fields = { job_id: jobId, run_id: runId, status, reason, duration_ms: elapsedMs };
  if (status === "completed") return { level: "info", fields, message: `${jobId} ${status}${took}` };
  const failed = runId === null || status !== "failed" ? [] : failedTasks(runId, store);
  const [first] = failed;
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : "";
  return first === undefined
    ? { level: "warn", fields, message: `${jobId} ${status}${took}${reason === status ? "" : why(reason)}` }
    : {
        level: "warn",
        fields: { ...fields, task_id: first.taskId, exit_code: first.exitCode },
        message: `${jobId} ${status}${took}: task '${first.taskId}': ${whyTask(first)}${more}`,
      };
};

const runLate: ToLine = ({ jobId, runId, status }) => ({
  level: "warn",
  fields: { job_id: jobId, run_id: runId, status },
  message: `a run of ${jobId} is late`,
});

const jobStale: ToLine = ({ jobId }) => ({
  level: "warn",
  fields: { job_id: jobId },
  message: `${jobId} is stale: no run has completed in time`,
});

const jobRecovered: ToLine = ({ jobId, runId }) => ({
  level: "info",
  fields: { job_id: jobId, run_id: runId },
  message: `${jobId} is no longer stale: ${runId === null ? "its job file was changed" : "a run has completed"}`,
});

const runWaiting: ToLine = ({ jobId, runId, status }) => ({
  level: "debug",
  fields: { job_id: jobId, run_id: runId, waiting_for: status },
  message: status === null ? `a run of ${jobId} goes on` : `a run of ${jobId} waits`,
});

const elapsedOf = (runId: RunId, store: Remembered): number | null => {
  const run = store.runs.find(runId);
  return run === null || run.startedAt === null || run.endedAt === null
    ? null
    : Math.max(0, run.endedAt - run.startedAt);
};

/** Returns the failed tasks, the one that explains the failure of the run first. */
const failedTasks = (runId: RunId, { runs, jobs }: Remembered): readonly TaskRun[] => {
  const run = runs.find(runId);
  const failed = runs.listTaskRuns(runId).filter(({ status }) => status === "failed");
  return run === null || failed.length < 2 ? failed : orderFailures(failed, jobs.getDefinition(run.versionId));
};

/** Returns the reason only, because an error can quote a task's output. */
const whyTask = ({ reason, exitCode }: TaskRun): string =>
  reason === "exit_code" && exitCode !== null ? `exit code ${exitCode}` : (reason ?? "failed");

const taskMoved: ToLine = ({ jobId, runId, taskId, item, status, reason }) => ({
  level: "debug",
  fields: { job_id: jobId, run_id: runId, task_id: taskId, ...(item !== undefined && { item }), status, reason },
  message: `${jobId}/${taskId}${item === undefined ? "" : ` item ${item}`} ${status}${why(reason)}`,
});

/** Logs occurrences without a run; a fired one is logged as the start of its run. */
const occurrence: ToLine = ({ jobId, status, reason, times = 1 }) =>
  status === "fired"
    ? null
    : {
        // A user decided this, so it is not worth a warning each time.
        level: reason === "disabled" || reason === "paused" || reason === "excluded" ? "debug" : "warn",
        fields: { job_id: jobId, outcome: status, reason },
        message: `${times === 1 ? "an occurrence" : `${times} occurrences`} of ${jobId} ${times === 1 ? "was" : "were"} ${status}${why(reason)}`,
      };

const schedulerMoved: ToLine = ({ type, by }) => ({
  level: "info",
  fields: byField(by),
  message: `the ${type.replace(".", " was ")}${byText(by)}`,
});

const jobMoved: ToLine = ({ type, jobId, by }) => ({
  level: "info",
  fields: { job_id: jobId, ...byField(by) },
  message: `${jobId} was ${type === "job.paused" ? "paused" : "resumed"}${byText(by)}`,
});

const byField = (by: string | undefined): { readonly by?: string } => (by === undefined ? {} : { by });
const byText = (by: string | undefined): string => (by === undefined ? "" : ` by ${by}`);

const workerMoved: ToLine = ({ worker, status, by }) => ({
  level: status === "unreachable" || status === "lost" ? "warn" : "info",
  fields: { worker, status, ...byField(by) },
  message: `worker ${worker} is ${status}${byText(by)}`,
});

const MARK_STATUS_TEXT: Readonly<Record<string, string>> = {
  acknowledged: "acknowledged",
  unacknowledged: "no longer acknowledged",
  snoozed: "snoozed",
  unsnoozed: "no longer snoozed",
  owner: "given another owner",
  note: "given another note",
  worse: "worse, so that it needs attention again",
  expired: "no longer snoozed, because its time is over",
  ended: "over",
};

/** The readers of the job files and of their repository log details. */
const nothing: ToLine = () => null;

const why = (reason: string | null): string => (reason === null ? "" : `: ${reason}`);

const LINES = {
  "run.started": runStarted,
  "run.late": runLate,
  "job.stale": jobStale,
  "job.recovered": jobRecovered,
  "run.waiting": runWaiting,
  "run.finished": runFinished,
  "task.started": taskMoved,
  "task.finished": taskMoved,
  "item.started": taskMoved,
  "item.finished": taskMoved,
  approval: ({ jobId, runId, taskId }) => ({
    level: "info",
    fields: { job_id: jobId, run_id: runId, task_id: taskId },
    message: `${jobId}/${taskId} waits for approval`,
  }),
  occurrence,
  delivery: ({ jobId, runId, status, reason }) => ({
    level: "debug",
    fields: { job_id: jobId, run_id: runId, status, reason },
    message: `a delivery to ${jobId} was ${status}${why(reason)}`,
  }),
  backfill: ({ jobId, status, reason, by }) => ({
    level: status === "failed" || reason !== null ? "warn" : "info",
    fields: { job_id: jobId, status, reason, ...byField(by) },
    message: `a backfill of ${jobId} is ${status}${why(reason)}${byText(by)}`,
  }),
  "jobs.reloaded": nothing,
  "jobs.repository": nothing,
  "clock.set_back": () => ({
    level: "warn",
    fields: {},
    message: "the clock was set back: schedules are planned anew from there",
  }),
  "scheduler.paused": schedulerMoved,
  "scheduler.resumed": schedulerMoved,
  "job.paused": jobMoved,
  "job.resumed": jobMoved,
  "job.renamed": ({ jobId, reason }) => ({
    level: "info",
    fields: { job_id: jobId, former_id: reason },
    message: `${jobId} took over the history of ${reason}`,
  }),
  worker: workerMoved,
  "attention.changed": ({ jobId, entry, status, by }) => ({
    level: "info",
    fields: { job_id: jobId, entry_id: entry, status, ...byField(by) },
    message: `${entry} is ${MARK_STATUS_TEXT[status ?? ""] ?? status}${byText(by)}`,
  }),
} as const satisfies Record<EventType, ToLine>;
