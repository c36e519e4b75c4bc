import { defaultZone } from "../../../app/settings/settings.ts";
import type { Client } from "../../../client/client.ts";
import { Reconnect } from "../../../client/reconnect.ts";
import { MAX_ITEMS } from "../../../domain/item.ts";
import { waitsForText } from "../../../domain/words/waits-for.ts";
import { usageError } from "../../argv.ts";
import { openClient } from "../../client/client.ts";
import { listFailedItems } from "../../client/failure-report.ts";
import { findRun, RUN_HELP } from "../../client/find-run.ts";
import { type OutputFilter, OutputReader } from "../../client/output-reader.ts";
import { patienceOf, RECONNECT, reportOutage } from "../../client/reconnect.ts";
import { readRun, type TaskBody, viewOf } from "../../client/run-snapshot.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, Failure } from "../../exit.ts";
import { parseSince } from "../../flag-values.ts";
import { type LineHead, taskHead, timeHead } from "../../logs/decorate.ts";
import { findItem } from "../../logs/find-item.ts";
import { readPattern } from "../../logs/grep.ts";
import { LogText } from "../../logs/log-text.ts";
import { failedTasks } from "../../run-display/error-excerpt.ts";
import { runName } from "../../run-display/short-id.ts";
import { paint, writeWithBackpressure } from "../../terminal/terminal.ts";
import { oneLine } from "../../terminal/text-width.ts";

export const logs = defineCommand({
  name: "logs",
  summary: "Print the output of a run or a task",
  description:
    "Prints the output of a run, in the order in which petit read it. On a terminal, lines begin with the name of their task if " +
    "several tasks ran, and control characters other than colours are made visible; otherwise the bytes are exact. With --json, prints " +
    "one record per line. The exit status does not depend on the outcome of the run; use 'petit status' for that. With --grep, it is 1 " +
    "if no line matches.",
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
    grep: {
      type: "string",
      alias: "g",
      valueHint: "PATTERN",
      description:
        "Only lines that match a regular expression of JavaScript. Ignores case unless the pattern has an upper-case letter. " +
        "With --tail, the last N of them.",
    },
    "ignore-case": { type: "boolean", alias: "i", description: "With --grep, ignore case in any pattern." },
    timestamps: { type: "boolean", alias: "t", description: "Prefix each line with its time." },
    prefix: { type: "boolean", description: "Prefix each line with its task, even if the output is not a terminal." },
    raw: {
      type: "boolean",
      description: "Print the exact bytes, without prefixes and with all control characters, even on a terminal.",
    },
    ...RECONNECT,
  },
  settings: [],
  examples: [
    "petit logs data_pipeline --failed",
    "petit logs 9a7e4f60 extract --tail 20",
    "petit logs latest --follow --since 10m",
    "petit logs data_pipeline --grep 'error|refused' --tail 5",
    "petit logs latest --stream stderr --timestamps",
  ],
  run: async (args, context) => {
    const patienceMs = patienceOf(args.reconnect);
    const task = args.TASK ?? args.task;
    checkCombination(args);
    const since = args.since === undefined ? undefined : parseSince(args.since, timeContext(context));
    const ignoreCase = args["ignore-case"] ?? false;
    const pattern = args.grep === undefined ? null : readPattern({ text: args.grep, ignoreCase });
    const last = pattern === null || args.tail === undefined ? null : readTail(args.tail);
    const client = openClient(context);
    const runId = await findRun(client, args.RUN, context);
    const { stream, attempt, tail, raw = false, prefix = false, timestamps = false } = args;
    const item = await findItem(client, { runId, taskId: task, text: args.item });
    // The last matching lines can be anywhere.
    const filter = { task, stream, item, attempt, since, tail: pattern === null ? tail : undefined };
    const filters = args.failed ? await failedFilters(client, runId, filter) : [filter];
    if (filters.length === 0) note(`no task of run ${runName(runId, context.terminal.err)} has failed`, context);
    if (context.terminal.err.isTerminal && !context.json) await noteMachines(client, { runId, filters }, context);
    const heads = await headsOf(client, { runId, filters, raw, prefix, timestamps }, context);
    let hasMatch = false;
    for (const each of filters) {
      const selection = { runId, filter: each, heads, raw, pattern, last };
      const isEmpty = args.follow
        ? await followOutput(client, { ...selection, patienceMs }, context)
        : await printOutput(client, selection, context);
      hasMatch ||= !isEmpty;
      if (isEmpty && pattern === null)
        note(
          `no output${each.task === undefined ? "" : ` of ${each.task}`}${since === undefined ? "" : " since then"}`,
          context,
        );
    }
    if (pattern !== null && !hasMatch)
      throw new Failure(
        EXIT.FAILED,
        `no line of run ${runName(runId, context.terminal.err)} matches '${oneLine(args.grep ?? "")}'`,
      );
    return EXIT.DONE;
  },
});

/** Returns the number of the last lines. Throws `invalid_request` for what petit refuses, too. */
const readTail = (text: string): number => {
  if (/^\d{1,7}$/.test(text) && Number(text) <= MAX_TAIL) return Number(text);
  throw usageError(`--tail is '${oneLine(text)}'; expected a whole number from 0 to ${MAX_TAIL}`, null, "petit logs");
};

const MAX_TAIL = 1_000_000;

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
  const snapshot = await readRun(client, runId);
  const { tasks } = viewOf(snapshot);
  const allowed = tasks.filter((task) => task.status === "failed" && task.allowed);
  const first = snapshot.run.failure?.task_id ?? null;
  const filters = [...failedTasks(tasks, first), ...allowed].map(
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
  readonly raw: boolean;
  readonly pattern: RegExp | null;
  readonly last: number | null;
};

const logText = ({ heads, raw, pattern, last }: OutputSelection, { terminal: { out }, json }: Context): LogText =>
  new LogText({
    heads,
    isSafe: out.isTerminal && !raw,
    pattern,
    hasColor: out.color && !raw,
    last,
    json,
    write: (text) => out.write(text),
  });

/** Prints the output that exists now. Returns whether there was none. */
const printOutput = async (client: Client, selection: OutputSelection, context: Context): Promise<boolean> => {
  const { runId, filter, heads, raw, pattern } = selection;
  const {
    terminal: { out },
    clock,
    json,
  } = context;
  const isExact = pattern === null && (json || (heads.length === 0 && (raw || !out.isTerminal)));
  if (!isExact) {
    const text = logText(selection, context);
    await new OutputReader({
      client,
      clock,
      runId,
      filter,
      accept: json ? RECORDS : CHUNKS,
      show: text.show,
    }).catchUp();
    text.end();
    return text.isEmpty;
  }
  let isEmpty = true;
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
const RECORDS = "text/event-stream";

/** Prints the output until the run ends. Returns whether there was none. */
const followOutput = async (
  client: Client,
  { patienceMs, ...selection }: OutputSelection & { readonly patienceMs: number },
  context: Context,
): Promise<boolean> => {
  const { runId, filter, last } = selection;
  const {
    terminal: { err },
    clock,
    json,
  } = context;
  const text = logText(selection, context);
  const outage = reportOutage({ base: client.base, write: (message) => err.write(`petit: ${message}\n`) });
  const reconnect = new Reconnect({ clock, patienceMs, ...outage });
  const reader = new OutputReader({ client, clock, runId, filter, accept: json ? RECORDS : CHUNKS, show: text.show });
  // The last matching lines of what exists now are known at its end.
  if (last !== null) await reader.catchUp();
  text.release();
  await reader.follow(reconnect);
  text.end();
  return text.isEmpty;
};
