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

export type Watching = {
  readonly runId: string;
  /** Whether what it writes is shown. */
  readonly output: boolean;
  /** Ms that petit may be away meanwhile. */
  readonly patienceMs: number;
};

type Seen = { readonly run: typeof RunBody.static; readonly tasks: (typeof TaskRunList.static)["tasks"] };

/**
 * Shows a run of the running petit until it ends, and ends as it does; with --json, it is what stdout then gets. Ctrl-C
 * ends the watching alone: the run goes on.
 */
export const watchThere = async (client: Client, watching: Watching, context: Context): Promise<ExitStatus> => {
  const left = new AbortController();
  using _ = onSignal(() => abortQuietly(left));
  const seen = await watchToEnd(client, { ...watching, left: left.signal }, context);
  return seen === null ? tellLeft(watching.runId, context) : tellEnd(seen, context);
};

const tellLeft = (runId: string, { terminal: { err } }: Context): ExitStatus => {
  err.write(`run ${runId} goes on\n  petit status ${runId} --follow  shows it again\n`);
  err.write(`  petit cancel ${runId}           ends it\n`);
  return EXIT.FAILED;
};

const tellEnd = ({ run, tasks }: Seen, { terminal: { out, err }, json }: Context): ExitStatus => {
  if (json) out.write(`${JSON.stringify({ ...run, tasks }, null, 2)}\n`);
  err.write(`${outcomeLine({ ...run, durationMs: run.duration_ms }, err)}\n`);
  return run.status === "completed" ? EXIT.DONE : EXIT.FAILED;
};

/** The run when it has ended; null where it was left before. */
const watchToEnd = async (
  client: Client,
  { runId, output, patienceMs, left }: Watching & { readonly left: AbortSignal },
  context: Context,
): Promise<Seen | null> => {
  let seen = await look(client, runId);
  const { clock } = context;
  using display = new RunDisplay({ ...context, quietStdout: context.json || !output, view: () => viewOf(seen) });
  const show = (data: string): void => display.write(readChunk(data));
  const reader = new OutputReader({ client, clock, runId, accept: "text/event-stream;chunks=base64", show });
  const told = new Set<string>();
  const refresh = async (): Promise<boolean> => {
    const next = await look(client, runId);
    // What a task wrote is told before its end is.
    if (output) await reader.catchUp();
    seen = next;
    for (const task of viewOf(seen).tasks.filter((each) => hasEnded(each) && !told.has(each.id))) {
      told.add(task.id);
      display.taskEnded(task);
    }
    return seen.run.ended_at !== null;
  };
  const outage = reportOutage({ base: client.base, write: (message) => display.note(message) });
  const reconnect = new Reconnect({ clock, patienceMs, ...outage });
  const ended = untilEnded(client, { runId, clock, reconnect, refresh });
  const followed = output ? reader.follow(new Reconnect({ clock, patienceMs })) : null;
  await Promise.race([Promise.all([ended, followed]), anyAborted([left])]);
  return left.aborted ? null : seen;
};

type Until = {
  readonly clock: Clock;
  readonly reconnect: Reconnect;
  readonly runId: string;
  /** Whether the run has ended. */
  readonly refresh: () => Promise<boolean>;
};

/** Looks at the run whenever something happens to it, and with each sign of life: the first comes when events are heard. */
const untilEnded = async (client: Client, { runId, refresh, ...options }: Until): Promise<void> => {
  const open = (lastId: string | null, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> =>
    client.stream("/api/events", { headers: lastId === null ? {} : { "last-event-id": lastId }, signal });
  for await (const item of eventStream({ ...options, open })) {
    const concerns = item.kind !== "event" || JSON.parse(item.data).run_id === runId;
    if (concerns && (await refresh().catch(notThere))) return;
  }
};

/** The events break off as well, and go on when petit is back. */
const notThere = (error: unknown): false => {
  if (isUnreachable(error)) return false;
  throw error;
};

const look = async (client: Client, runId: string): Promise<Seen> => {
  const params = { run_id: runId };
  const run = await client.get("/api/runs/:run_id", { params });
  return { run, tasks: (await client.get("/api/runs/:run_id/tasks", { params })).tasks };
};

const viewOf = ({ run, tasks }: Seen): RunView => ({
  id: run.id,
  jobId: run.job_id,
  status: run.status,
  startedAt: run.started_at,
  tasks: tasks.map(taskView),
});

const taskView = (task: Seen["tasks"][number]): TaskView => ({
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
