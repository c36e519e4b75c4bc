import type { RunBody } from "../../api/shapes/run.ts";
import type { TaskRunList } from "../../api/shapes/task.ts";
import { onSignal } from "../../app/signals.ts";
import type { Client } from "../../client/client.ts";
import { isUnreachable } from "../../client/error.ts";
import { eventStream } from "../../client/event-stream.ts";
import { Reconnect } from "../../client/reconnect.ts";
import { abortQuietly, anyAborted } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";
import { OutputReader } from "../client/output-reader.ts";
import { reportOutage } from "../client/reconnect.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { RunDisplay } from "../run-display/display.ts";
import { outcomeLine } from "../run-display/outcome.ts";
import { readChunk } from "../run-display/output-chunk.ts";
import { hasEnded, type RunView, type TaskView } from "../run-display/view.ts";

type RemoteWatchOptions = {
  readonly runId: string;
  /** Whether to show the output of the run. */
  readonly output: boolean;
  /** How long to wait for a petit that goes away, in ms. */
  readonly patienceMs: number;
};

type RunSnapshot = { readonly run: typeof RunBody.static; readonly tasks: (typeof TaskRunList.static)["tasks"] };

/**
 * Shows a run of the running petit until it ends, and returns the exit status of its outcome. With --json, then writes the run to
 * stdout. Ctrl-C stops only the watching: the run continues.
 */
export const watchRemoteRun = async (
  client: Client,
  options: RemoteWatchOptions,
  context: Context,
): Promise<ExitStatus> => {
  const stop = new AbortController();
  using _ = onSignal(() => abortQuietly(stop));
  const snapshot = await watchToEnd(client, { ...options, stopped: stop.signal }, context);
  return snapshot === null ? reportStopped(options.runId, context) : reportEnd(snapshot, context);
};

const reportStopped = (runId: string, { terminal: { err } }: Context): ExitStatus => {
  err.write(`run ${runId} continues\n  petit status ${runId} --follow  watches it again\n`);
  err.write(`  petit cancel ${runId}           cancels it\n`);
  return EXIT.FAILED;
};

const reportEnd = ({ run, tasks }: RunSnapshot, { terminal: { out, err }, json }: Context): ExitStatus => {
  if (json) out.write(`${JSON.stringify({ ...run, tasks }, null, 2)}\n`);
  err.write(`${outcomeLine({ ...run, durationMs: run.duration_ms }, err)}\n`);
  return run.status === "completed" ? EXIT.DONE : EXIT.FAILED;
};

/** Returns the run when it has ended, or null if the watching was stopped first. */
const watchToEnd = async (
  client: Client,
  { runId, output, patienceMs, stopped }: RemoteWatchOptions & { readonly stopped: AbortSignal },
  context: Context,
): Promise<RunSnapshot | null> => {
  let snapshot = await readRun(client, runId);
  const { clock } = context;
  using display = new RunDisplay({ ...context, quietStdout: context.json || !output, view: () => viewOf(snapshot) });
  const show = (data: string): void => display.write(readChunk(data));
  const reader = new OutputReader({ client, clock, runId, accept: "text/event-stream;chunks=base64", show });
  const reported = new Set<string>();
  const refresh = async (): Promise<boolean> => {
    const next = await readRun(client, runId);
    // Show the output of a task before its end.
    if (output) await reader.catchUp();
    snapshot = next;
    for (const task of viewOf(snapshot).tasks.filter((each) => hasEnded(each) && !reported.has(each.id))) {
      reported.add(task.id);
      display.taskEnded(task);
    }
    return snapshot.run.ended_at !== null;
  };
  const outage = reportOutage({ base: client.base, write: (message) => display.note(message) });
  const reconnect = new Reconnect({ clock, patienceMs, ...outage });
  const ended = untilEnded(client, { runId, clock, reconnect, refresh });
  const followed = output ? reader.follow(new Reconnect({ clock, patienceMs })) : null;
  await Promise.race([Promise.all([ended, followed]), anyAborted([stopped])]);
  return stopped.aborted ? null : snapshot;
};

type UntilEndedOptions = {
  readonly clock: Clock;
  readonly reconnect: Reconnect;
  readonly runId: string;
  /** Reads and shows the run, and returns whether it has ended. */
  readonly refresh: () => Promise<boolean>;
};

/** Refreshes on each event of the run and on each heartbeat. The first heartbeat comes when the stream is open. */
const untilEnded = async (client: Client, { runId, refresh, ...options }: UntilEndedOptions): Promise<void> => {
  const open = (lastId: string | null, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> =>
    client.stream("/api/events", { headers: lastId === null ? {} : { "last-event-id": lastId }, signal });
  for await (const item of eventStream({ ...options, open })) {
    const isRelevant = item.kind !== "event" || JSON.parse(item.data).run_id === runId;
    if (isRelevant && (await refresh().catch(ignoreOutage))) return;
  }
};

/** Ignores an outage, because the event stream notices and handles it too. */
const ignoreOutage = (error: unknown): false => {
  if (isUnreachable(error)) return false;
  throw error;
};

const readRun = async (client: Client, runId: string): Promise<RunSnapshot> => {
  const params = { run_id: runId };
  const run = await client.get("/api/runs/:run_id", { params });
  return { run, tasks: (await client.get("/api/runs/:run_id/tasks", { params })).tasks };
};

const viewOf = ({ run, tasks }: RunSnapshot): RunView => ({
  id: run.id,
  jobId: run.job_id,
  status: run.status,
  startedAt: run.started_at,
  tasks: tasks.map(taskView),
});

const taskView = (task: RunSnapshot["tasks"][number]): TaskView => ({
  id: task.task_id,
  status: task.status,
  reason: task.reason,
  error: task.error,
  attempts: task.attempts,
  startedAt: task.started_at,
  endedAt: task.ended_at,
  retryAt: task.retry_at,
  reused: task.reused,
});
