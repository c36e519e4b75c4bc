import { onSignal } from "../../app/signals.ts";
import type { Client } from "../../client/client.ts";
import type { LiveEvent } from "../../client/live-event.ts";
import { Reconnect } from "../../client/reconnect.ts";
import { abortQuietly, anyAborted } from "../../lib/abort.ts";
import { failureReport } from "../client/failure-report.ts";
import { followEvents } from "../client/follow-events.ts";
import { OutputReader } from "../client/output-reader.ts";
import { reportOutage } from "../client/reconnect.ts";
import { type RunSnapshot, readRun, viewOf } from "../client/run-snapshot.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { RunDisplay } from "../run-display/display.ts";
import { outcomeLine } from "../run-display/outcome.ts";
import { readChunk } from "../run-display/output-chunk.ts";
import { runName } from "../run-display/short-id.ts";
import { hasEnded } from "../run-display/view.ts";
import { commandLines } from "../terminal/columns.ts";
import type { Screen } from "../terminal/terminal.ts";

type RemoteWatchOptions = {
  readonly runId: string;
  /** Whether to show the output of the run. */
  readonly output: boolean;
  /** How long to wait for a petit that goes away, in ms. */
  readonly patienceMs: number;
  /** Which end of the run is a success: its completion, or any end. */
  readonly wanted: "completion" | "end";
};

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
  const snapshot = await watchToEnd(client, { watch: options, stopped: stop.signal }, context);
  if (snapshot === null) return reportStopped(options.runId, context);
  const { out, err } = context.terminal;
  if (context.json) out.write(`${JSON.stringify({ ...snapshot.run, tasks: snapshot.tasks }, null, 2)}\n`);
  err.write(await endText(client, { snapshot, showedOutput: options.output, screen: err }));
  return options.wanted === "end" || snapshot.run.status === "completed" ? EXIT.DONE : EXIT.FAILED;
};

const reportStopped = (runId: string, { terminal: { err } }: Context): ExitStatus => {
  const name = runName(runId, err);
  const commands = [
    [`petit status ${name} --follow`, "watches it again"],
    [`petit cancel ${name}`, "cancels it"],
  ] as const;
  err.write(`run ${name} continues\n${commandLines(commands, err)}`);
  return EXIT.FAILED;
};

type EndOptions = { readonly snapshot: RunSnapshot; readonly showedOutput: boolean; readonly screen: Screen };

/** Returns the outcome, and why the run failed. The output of a single task is still on the screen. */
const endText = async (client: Client, { snapshot, showedOutput, screen }: EndOptions): Promise<string> => {
  const { run, tasks } = snapshot;
  const outcome = outcomeLine({ ...run, durationMs: run.duration_ms }, screen);
  const isShown = showedOutput && tasks.length === 1;
  return `${outcome}\n${await failureReport(client, { snapshot, withLines: !isShown, screen })}`;
};

/** Returns the run when it has ended, or null if the watching was stopped first. */
const watchToEnd = async (
  client: Client,
  { watch, stopped }: { readonly watch: RemoteWatchOptions; readonly stopped: AbortSignal },
  context: Context,
): Promise<RunSnapshot | null> => {
  const { runId, output, patienceMs } = watch;
  const { terminal, clock, json } = context;
  let snapshot = await readRun(client, runId);
  using display = new RunDisplay({ terminal, clock, quietStdout: json || !output, view: () => viewOf(snapshot) });
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
  const isRelevant = (event: LiveEvent): boolean => event.run_id === runId;
  const ended = followEvents(client, { clock, reconnect, isRelevant, refresh });
  const followed = output ? reader.follow(new Reconnect({ clock, patienceMs })) : null;
  await Promise.race([Promise.all([ended, followed]), anyAborted([stopped])]);
  return stopped.aborted ? null : snapshot;
};
