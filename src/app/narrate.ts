import type { Event, EventType } from "../domain/event.ts";
import type { RunId } from "../domain/ids.ts";
import type { Engine } from "../engine/engine.ts";
import { formatDuration } from "../lib/duration.ts";
import type { Log } from "../lib/log.ts";

/** Has the log tell what the engine does: runs as they start and end, occurrences that came to nothing; tasks at `debug`. */
export const narrate = (engine: Pick<Engine, "onEvent">, log: Log): Disposable => {
  const startedAt = new Map<RunId, number>();
  const stop = engine.onEvent((event) => {
    const { runId } = event;
    if (runId !== null && event.type === "run.started") startedAt.set(runId, event.at);
    const since = runId === null ? undefined : startedAt.get(runId);
    const line = LINES[event.type](event, since === undefined ? null : Math.max(0, event.at - since));
    if (line !== null) log[line.level](line.fields, line.message);
    if (runId !== null && event.type === "run.finished") startedAt.delete(runId);
  });
  return { [Symbol.dispose]: stop };
};

type Line = {
  readonly level: "debug" | "info" | "warn";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
};

/** `elapsedMs` since the run's start; null where that was not seen. */
type ToLine = (event: Event, elapsedMs: number | null) => Line | null;

const runStarted: ToLine = ({ jobId, runId }) => ({
  level: "info",
  fields: { job_id: jobId, run_id: runId },
  message: `${jobId} started`,
});

const runFinished: ToLine = ({ jobId, runId, status, reason }, elapsedMs) => ({
  level: status === "completed" ? "info" : "warn",
  fields: { job_id: jobId, run_id: runId, status, reason, duration_ms: elapsedMs },
  message: `${jobId} ${status}${elapsedMs === null ? "" : ` in ${formatDuration(elapsedMs)}`}${why(reason)}`,
});

const taskMoved: ToLine = ({ jobId, runId, taskId, status, reason }) => ({
  level: "debug",
  fields: { job_id: jobId, run_id: runId, task_id: taskId, status, reason },
  message: `${jobId}/${taskId} ${status}${why(reason)}`,
});

/** The run says of itself that it was started. */
const occurrence: ToLine = ({ jobId, status, reason, times = 1 }) =>
  status === "fired"
    ? null
    : {
        // What somebody has decided is no news each time.
        level: reason === "disabled" || reason === "paused" ? "debug" : "warn",
        fields: { job_id: jobId, outcome: status, reason },
        message: `${times === 1 ? "an occurrence" : `${times} occurrences`} of ${jobId} ${times === 1 ? "was" : "were"} ${status}${why(reason)}`,
      };

const schedulerMoved: ToLine = ({ type }) => ({
  level: "info",
  fields: {},
  message: `the ${type.replace(".", " was ")}`,
});

/** Who reads the files tells more. */
const nothing: ToLine = () => null;

const why = (reason: string | null): string => (reason === null ? "" : `: ${reason}`);

const LINES = {
  "run.started": runStarted,
  "run.finished": runFinished,
  "task.started": taskMoved,
  "task.finished": taskMoved,
  occurrence,
  "jobs.reloaded": nothing,
  "scheduler.paused": schedulerMoved,
  "scheduler.resumed": schedulerMoved,
} as const satisfies Record<EventType, ToLine>;
