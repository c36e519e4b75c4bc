import { defaultZone } from "../../app/settings/settings.ts";
import type { Client } from "../../client/client.ts";
import { Reconnect } from "../../client/reconnect.ts";
import { MAX_ITEMS } from "../../domain/item.ts";
import { waitsForText } from "../../domain/words/waits-for.ts";
import { usageError } from "../argv.ts";
import { openClient } from "../client/client.ts";
import { listFailedItems } from "../client/failure-report.ts";
import { findRun, RUN_HELP } from "../client/find-run.ts";
import { type OutputFilter, OutputReader } from "../client/output-reader.ts";
import { patienceOf, RECONNECT, reportOutage } from "../client/reconnect.ts";
import { readRun, type TaskBody, viewOf } from "../client/run-snapshot.ts";
import { type Context, defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { parseSince } from "../flag-values.ts";
import { type LineHead, lineDecorator, taskHead, timeHead } from "../logs/decorate.ts";
import { findItem } from "../logs/find-item.ts";
import { failedTasks } from "../run-display/error-excerpt.ts";
import { readChunk } from "../run-display/output-chunk.ts";
import { runName } from "../run-display/short-id.ts";
import { paint, writeWithBackpressure } from "../terminal/terminal.ts";

export const logs = defineCommand({
  name: "logs",
  summary: "Print the output of a run or a task",
  description:
    "Prints the output of a run, in the order in which petit read it. On a terminal, lines begin with the name of their task if " +
    "several tasks ran; otherwise the bytes are exact. With --json, prints one record per line. The exit status does not depend " +
    "on the outcome of the run; use 'petit status' for that.",
  args: {
    RUN: { type: "positional", required: true, description: RUN_HELP },
    TASK: { type: "positional", required: false, description: "Only the output of this task." },
    task: { type: "string", valueHint: "TASK", description: "Same as the argument TASK." },
    failed: { type: "boolean", description: "Only the output of the tasks that failed, one task after the other." },
    follow: {
      type: "boolean",
      alias: "f",
      description: "Continue until the run ends, even across a restart of petit.",
    },
    stream: { type: "string", valueHint: "stdout|stderr", description: "Only this stream. [default: both]" },
    item: {
      type: "string",
      valueHint: "N|KEY",
      description: "Only the item at this position, from 0, or with this key; use it with TASK. [default: all]",
    },
    attempt: { type: "string", valueHint: "N", description: "Only this attempt. [default: all]" },
    since: {
      type: "string",
      valueHint: "TIME",
      description: "Only lines since a time: 10m ago, friday, or 2026-03-08T01:30.",
    },
    tail: {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: "Only the last N lines; with --failed, of each task. [default: all]",
    },
    timestamps: { type: "boolean", alias: "t", description: "Prefix each line with its time." },
    prefix: { type: "boolean", description: "Prefix each line with its task, even if the output is not a terminal." },
    raw: { type: "boolean", description: "Print the exact bytes, without prefixes, even on a terminal." },
    ...RECONNECT,
  },
  settings: [],
  examples: [
    "petit logs data_pipeline --failed",
    "petit logs 9a7e4f60 extract --tail 20",
    "petit logs latest --follow --since 10m",
    "petit logs latest --stream stderr --timestamps",
  ],
  run: async (args, context) => {
    const patienceMs = patienceOf(args.reconnect);
    const task = args.TASK ?? args.task;
    checkCombination(args);
    const since = args.since === undefined ? undefined : parseSince(args.since, timeContext(context));
    const client = openClient(context);
    const runId = await findRun(client, args.RUN, context);
    const { stream, attempt, tail, raw = false, prefix = false, timestamps = false } = args;
    const item = await findItem(client, { runId, taskId: task, text: args.item });
    const filter = { task, stream, item, attempt, since, tail };
    const filters = args.failed ? await failedFilters(client, runId, filter) : [filter];
    if (filters.length === 0) note(`no task of run ${runName(runId, context.terminal.err)} has failed`, context);
    if (context.terminal.err.isTerminal && !context.json) await noteMachines(client, { runId, filters }, context);
    const heads = await headsOf(client, { runId, filters, raw, prefix, timestamps }, context);
    for (const each of filters) {
      const isEmpty = args.follow
        ? await followOutput(client, { runId, filter: each, heads, patienceMs }, context)
        : await printOutput(client, { runId, filter: each, heads }, context);
      if (isEmpty)
        note(
          `no output${each.task === undefined ? "" : ` of ${each.task}`}${since === undefined ? "" : " since then"}`,
          context,
        );
    }
    return EXIT.DONE;
  },
});

type GivenFlags = {
  readonly TASK?: string | undefined;
  readonly task?: string | undefined;
  readonly failed?: boolean | undefined;
  readonly follow?: boolean | undefined;
  readonly prefix?: boolean | undefined;
  readonly raw?: boolean | undefined;
  readonly timestamps?: boolean | undefined;
};

const checkCombination = ({ TASK, task, failed, follow, prefix, raw, timestamps }: GivenFlags): void => {
  const problems = [
    [TASK !== undefined && task !== undefined, "the task is given twice"],
    [failed && (TASK ?? task) !== undefined, "--failed and a task exclude each other"],
    [failed && follow, "--failed and --follow exclude each other"],
    [raw && prefix, "--raw and --prefix exclude each other"],
    [raw && timestamps, "--raw and --timestamps exclude each other"],
  ] as const;
  const problem = problems.find(([isProblem]) => isProblem === true);
  if (problem !== undefined) throw usageError(problem[1], null, "petit logs");
};

const timeContext = ({ clock, settings }: Context) => ({ now: clock.now(), zone: defaultZone(settings) });

/** Writes a note to a terminal. A pipe gets the output alone. */
const note = (text: string, { terminal: { err }, json }: Context): void => {
  if (err.isTerminal && !json) err.write(paint(err, "dim", `${text}\n`));
};

type MachineOptions = { readonly runId: string; readonly filters: readonly OutputFilter[] };

/** Says which workers ran the tasks whose output is printed, and which tasks wait for one. */
const noteMachines = async (client: Client, { runId, filters }: MachineOptions, context: Context): Promise<void> => {
  const { tasks } = await readRun(client, runId);
  const isPrinted = ({ task_id }: TaskBody): boolean =>
    filters.some(({ task }) => task === undefined || task === task_id);
  for (const task of tasks.filter(isPrinted)) {
    if (task.workers.length > 0)
      note(`${task.task_id} ${task.ended_at === null ? "runs" : "ran"} on ${task.workers.join(", ")}`, context);
    if (task.waits_for !== null) note(`${task.task_id} waits for ${waitsForText(task.waits_for)}`, context);
  }
};

/** Returns the filter for each task or item that failed, the first task first, and last those that may fail. */
const failedFilters = async (client: Client, runId: string, filter: OutputFilter): Promise<readonly OutputFilter[]> => {
  const { tasks } = viewOf(await readRun(client, runId));
  const allowed = tasks.filter((task) => task.status === "failed" && task.allowed);
  const filters = [...failedTasks(tasks), ...allowed].map(
    async ({ id: taskId, attempts }): Promise<readonly OutputFilter[]> => {
      const items = attempts > 0 ? [] : await listFailedItems(client, { runId, taskId, limit: MAX_ITEMS });
      return items.length === 0
        ? [{ ...filter, task: taskId }]
        : items.map(({ index }) => ({ ...filter, task: taskId, item: String(index) }));
    },
  );
  return (await Promise.all(filters)).flat();
};

type HeadOptions = {
  readonly raw: boolean;
  readonly prefix: boolean;
  readonly timestamps: boolean;
  readonly runId: string;
  /** What is printed. */
  readonly filters: readonly OutputFilter[];
};

/** Returns what precedes each line. On a terminal, this includes the task and the item if several of them are printed. */
const headsOf = async (
  client: Client,
  { runId, filters, raw, prefix, timestamps }: HeadOptions,
  context: Context,
): Promise<readonly LineHead[]> => {
  const { out } = context.terminal;
  const times = timestamps ? [timeHead] : [];
  if (context.json) return [];
  if (raw || (!prefix && !out.isTerminal)) return times;
  const { tasks } = await readRun(client, runId);
  const printed = filters.flatMap(({ task, item }) =>
    tasks
      .filter((each) => canWrite(each) && (task === undefined || task === each.task_id))
      .map(({ task_id, items }) => ({ id: task_id, writers: item === undefined ? (items?.total ?? 1) : 1 })),
  );
  const writers = printed.reduce((sum, each) => sum + each.writers, 0);
  return prefix || writers > 1
    ? [
        taskHead(
          printed.map(({ id }) => id),
          out,
        ),
        ...times,
      ]
    : times;
};

const canWrite = ({ attempts, reused, status, items }: TaskBody): boolean =>
  (!reused && (attempts > 0 || status === "pending")) || (items?.total ?? 0) > 0;

type OutputSelection = {
  readonly runId: string;
  readonly filter: OutputFilter;
  readonly heads: readonly LineHead[];
};

/** Prints the output that exists now. Returns whether there was none. */
const printOutput = async (
  client: Client,
  { runId, filter, heads }: OutputSelection,
  { terminal: { out }, clock, json }: Context,
): Promise<boolean> => {
  let isEmpty = true;
  const write = (bytes: Uint8Array): void => {
    isEmpty = false;
    out.write(bytes);
  };
  if (heads.length > 0) {
    const decorate = decoratorOf(heads);
    const show = (data: string): void => write(decorate(readChunk(data)));
    await new OutputReader({ client, clock, runId, filter, accept: CHUNKS, show }).catchUp();
    return isEmpty;
  }
  const bytes = await client.stream("/api/runs/:run_id/logs", {
    params: { run_id: runId },
    query: filter,
    headers: { accept: json ? "application/x-ndjson" : "text/plain" },
  });
  for await (const chunk of bytes) {
    isEmpty = false;
    await writeWithBackpressure(out, chunk);
  }
  return isEmpty;
};

const CHUNKS = "text/event-stream;chunks=base64";

/** Lines are kept apart if they name their tasks. */
const decoratorOf = (heads: readonly LineHead[]) =>
  lineDecorator({ heads, endsLines: heads.some((head) => head !== timeHead) });

/** Prints the output until the run ends. Returns whether there was none. */
const followOutput = async (
  client: Client,
  { runId, filter, heads, patienceMs }: OutputSelection & { readonly patienceMs: number },
  { terminal: { out, err }, clock, json }: Context,
): Promise<boolean> => {
  let isEmpty = true;
  const decorate = decoratorOf(heads);
  const show = (data: string): void => {
    isEmpty = false;
    out.write(json ? `${data}\n` : decorate(readChunk(data)));
  };
  const accept = json ? "text/event-stream" : CHUNKS;
  const outage = reportOutage({ base: client.base, write: (message) => err.write(`petit: ${message}\n`) });
  const reconnect = new Reconnect({ clock, patienceMs, ...outage });
  await new OutputReader({ client, clock, runId, filter, accept, show }).follow(reconnect);
  return isEmpty;
};
